"""What somebody asks for, and the job that it becomes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cron.codec import Given, decode_job, encode_job
from cron.job import AgentPrompt, Job, JobStatus, Say, SystemEvent
from cron.making.draft import Draft, Maker, changed_job, new_job, often, unique_name
from cron.policy import AfterRun, Misfire, Notify, Overlap, Retry
from cron.schedule import At, Cron, Every
from gateway.errors import ScheduleError, UserError
from gateway.messages import ChatAddress, Json
from tests.fakes import NOON

HERE = ChatAddress(channel="telegram", chat="1", thread="7")
ANNA = Maker(
    now=NOON,
    zone="Europe/Berlin",
    owner=HERE.owner,
    created_by="anna",
    created_in=HERE.session,
    address=HERE,
    stamp="t1.1.0",
)
HOURLY = Draft(say="tea", every="1h")


def test_a_job_holds_who_asked_where_and_when() -> None:
    job = new_job(HOURLY, ANNA, ())  # AB-58, CARD-08

    assert (job.owner, job.created_by, job.created_in, job.address) == ("telegram:1", "anna", "telegram:1:7", HERE)
    assert (job.created_at, job.stamp, job.tz) == (NOON, "t1.1.0", "Europe/Berlin")
    assert job.id == job.uid[:8]
    assert job.revision == 0


@pytest.mark.parametrize(
    ("draft", "schedule"),
    [
        (Draft(say="x", every="300"), Every(timedelta(minutes=5), NOON)),
        (Draft(say="x", every="90s"), Every(timedelta(seconds=90), NOON)),
        (Draft(say="x", cron="0 9 * * 1-5"), Cron("0 9 * * 1-5", "Europe/Berlin")),
        (Draft(say="x", cron="0 9 * * *", tz="Asia/Shanghai"), Cron("0 9 * * *", "Asia/Shanghai")),
        (Draft(say="x", at="2026-03-03T09:00"), At(NOON + timedelta(hours=20))),
        (Draft(say="x", at="2026-03-03T09:00Z"), At(NOON + timedelta(hours=21))),
        (Draft(say="x", when="in 30 minutes"), At(NOON + timedelta(minutes=30))),  # AB-03
        (Draft(say="x", when="every weekday at 9"), Cron("0 9 * * 1-5", "Europe/Berlin")),
        (Draft(say="x", schedule="@daily"), Cron("@daily", "Europe/Berlin")),
        (Draft(say="x", schedule="every 2h"), Every(timedelta(hours=2), NOON)),
    ],
)
def test_each_way_to_say_when_becomes_its_schedule(draft: Draft, schedule: At | Every | Cron) -> None:
    assert new_job(draft, ANNA, ()).schedule == schedule


@pytest.mark.parametrize(
    ("draft", "payload"),
    [
        (replace(HOURLY, say=" tea "), Say(text="tea")),
        (replace(HOURLY, say=None, prompt="look"), AgentPrompt(prompt="look")),
        (replace(HOURLY, say=None, event="boom"), SystemEvent(text="boom")),
    ],
)
def test_each_thing_to_do_becomes_its_payload(draft: Draft, payload: object) -> None:
    assert new_job(draft, ANNA, ()).payload == payload


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (Draft(every="1h"), "what should happen is missing"),  # AB-33
        (Draft(say="  ", every="1h"), "what should happen is missing"),
        (Draft(say="x"), "when it should happen is missing"),
        (Draft(say="x", every="1h", cron="0 9 * * *"), "every and cron are both given"),
        (Draft(say="x", when="at 9", at="2026-03-03T09:00"), "when and at are both given"),
        (Draft(say="x", prompt="y", every="1h"), "prompt and say are both given"),
        (Draft(say="x", every="30s"), "too often"),
        (Draft(say="x", every="soon"), "is not a duration"),
        (Draft(say="x", cron="0 0 30 2 *"), "never"),
        (Draft(say="x", at="2026-03-02T12:00Z", tz="UTC"), None),  # a moment ago is still meant
        (Draft(say="x", at="2026-03-01T12:00Z"), "in the past"),
        (Draft(say="x", every="1h", tz="Mars/Crater"), "Mars/Crater"),
        (Draft(say="x" * 20_001, every="1h"), "at most 20000"),
        (
            Draft(say="x", every="1h", session="elsewhere"),
            "session: 'elsewhere' is not one of isolated, main, session:",
        ),
        (Draft(say="x", every="1h", notify="loudly"), "notify: 'loudly' is not one of auto, always, never"),
        (Draft(say="x", every="1h", timeout="long"), "is not a duration"),
    ],
)
def test_what_cannot_be_is_refused_in_words_that_help(draft: Draft, words: str | None) -> None:
    if words is None:
        assert new_job(draft, ANNA, ()).schedule == At(NOON)
        return
    with pytest.raises(UserError, match=words):
        new_job(draft, ANNA, ())


def test_limits_are_the_makers() -> None:
    quick = replace(ANNA, min_interval=timedelta(seconds=1))
    patient = replace(ANNA, at_min_lead=timedelta(minutes=5))

    assert new_job(Draft(say="x", every="1"), quick, ()).schedule == Every(timedelta(seconds=1), NOON)
    with pytest.raises(ScheduleError, match="at least 5m ahead"):
        new_job(Draft(say="x", when="in 2 minutes"), patient, ())


def test_words_of_options_are_taken_in_any_form() -> None:
    draft = replace(HOURLY, notify="ALWAYS", misfire="Fire-All", after_run=" keep ", session="MAIN", timeout="5m")

    job = new_job(draft, ANNA, ())

    assert (job.notify, job.misfire, job.after_run) == (Notify.ALWAYS, Misfire.FIRE_ALL, AfterRun.KEEP)
    assert (job.session, job.timeout) == ("main", timedelta(minutes=5))


@pytest.mark.parametrize(
    ("draft", "name"),
    [
        (replace(HOURLY, name="  my   tea\n"), "my tea"),
        (HOURLY, "tea"),
        (replace(HOURLY, say="drink a glass of water and stand up for a while"), "drink a glass of water and…"),
        (replace(HOURLY, say="\x00\x1b[31m"), "[31m"),
        (replace(HOURLY, name="n" * 100), "n" * 59 + "…"),
    ],
)
def test_a_name_is_one_short_line(draft: Draft, name: str) -> None:
    assert new_job(draft, ANNA, ()).name == name  # P-71


@given(st.text(max_size=100), st.sets(st.text(max_size=5), max_size=5))
def test_every_name_is_printable_short_and_not_taken(text: str, taken: set[str]) -> None:
    name = new_job(replace(HOURLY, say=f"x{text}"), ANNA, taken).name

    assert name.isprintable()
    assert name.strip()
    assert name.casefold() not in {other.casefold() for other in taken}


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unique_name("Tea", {"tea", "tea 2"}) == "Tea 3"


# -- changes -----------------------------------------------------------------------------------------------------

TEA = replace(new_job(replace(HOURLY, name="tea"), ANNA, ()), revision=3, state={"n": 1})


def test_a_change_changes_what_was_said_and_nothing_else() -> None:
    changed = changed_job(TEA, Draft(say="coffee"), ANNA, ())

    assert changed == replace(TEA, payload=Say(text="coffee"))


def test_a_new_time_keeps_the_rest() -> None:
    changed = changed_job(TEA, Draft(when="every weekday at 8"), ANNA, ())

    assert changed == replace(TEA, schedule=Cron("0 8 * * 1-5", "Europe/Berlin"), changed_at=ANNA.now)


def test_a_new_zone_moves_what_follows_the_wall_clock_only() -> None:
    daily = replace(TEA, schedule=Cron("0 9 * * *", "Europe/Berlin"))

    assert changed_job(daily, Draft(tz="Asia/Tokyo"), ANNA, ()).schedule == Cron("0 9 * * *", "Asia/Tokyo")
    assert changed_job(TEA, Draft(tz="Asia/Tokyo"), ANNA, ()).schedule == TEA.schedule


def test_a_zone_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="Mars"):
        changed_job(TEA, Draft(tz="Mars/Crater"), ANNA, ())


def test_a_time_in_words_is_read_in_the_zone_of_the_job() -> None:
    job = replace(TEA, tz="Asia/Tokyo")

    assert changed_job(job, Draft(when="every day at 9"), ANNA, ()).schedule == Cron("0 9 * * *", "Asia/Tokyo")


def test_a_broken_job_works_again_with_a_new_schedule() -> None:
    broken = replace(TEA, schedule=None, status=JobStatus.BROKEN, status_reason="odd", broken={"a": 1})

    changed = changed_job(broken, Draft(every="2h"), ANNA, ())

    assert (changed.status, changed.status_reason, changed.broken) == (JobStatus.ENABLED, "", None)


def half_read(**more: Json) -> Job:
    """A job as it is read from a file in which somebody has made mistakes."""
    stored = encode_job(replace(TEA, schedule=Every(timedelta(hours=1), NOON)))
    assert isinstance(stored, dict)
    job = decode_job(stored | more, Given(uid=TEA.uid, created_at=NOON))
    assert job.status is JobStatus.BROKEN
    return job


def test_a_broken_job_keeps_what_could_be_read_and_what_is_not_known_when_it_gets_a_schedule() -> None:
    broken = half_read(schedule="often", description="for two", colour="blue")

    changed = changed_job(broken, Draft(every="2h"), ANNA, ())

    assert (changed.description, changed.payload) == ("for two", TEA.payload)
    assert changed.extra == {"colour": "blue"}


def test_a_schedule_alone_is_refused_where_a_broken_job_would_lose_other_settings() -> None:
    broken = half_read(schedule="often", retry=7, overlap="sometimes")

    with pytest.raises(UserError, match=r"would be lost: (?=.*retry: )(?=.*overlap: )(?!.*schedule: )"):
        changed_job(broken, Draft(every="2h"), ANNA, ())

    changed = changed_job(broken, Draft(every="2h", retry="default", overlap="skip"), ANNA, ())
    assert (changed.status, changed.retry, changed.overlap) == (JobStatus.ENABLED, Retry(), Overlap.SKIP)


def test_a_job_of_which_nothing_can_be_read_is_not_made_over() -> None:
    broken = decode_job("tea every hour", Given(uid="u1", created_at=NOON))

    with pytest.raises(UserError, match="remove the job and make it anew"):
        changed_job(broken, Draft(say="tea", every="1h"), ANNA, ())


def test_a_change_of_nothing_is_refused_with_what_can_be_changed() -> None:
    with pytest.raises(UserError, match="nothing to change: give at least one of name, prompt, say"):
        changed_job(TEA, Draft(), ANNA, ())


def test_a_job_that_asks_a_model_very_often_says_how_often() -> None:
    look = new_job(Draft(prompt="look", every="60"), ANNA, ())

    assert often(look).startswith("That is 1440 turns of the model a day")
    assert often(replace(look, payload=Say(text="x"))) == ""
    assert often(new_job(Draft(prompt="look", every="5m"), ANNA, ())) == ""

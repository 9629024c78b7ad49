"""The settings that somebody gives a job: what becomes of them, and what is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cron.book import JobBook, Viewer
from cron.job import AgentPrompt, Job, JobStatus, Say, Shell
from cron.making.draft import Draft, Maker, changed_job, new_job, often
from cron.making.rules import Bounds, warnings
from cron.policy import (
    Backoff,
    Delivery,
    DeliveryMode,
    Exclude,
    FailureAlert,
    Hook,
    JobType,
    Lifecycle,
    OutputFormat,
    Overlap,
    Retry,
    SpendCap,
    Then,
    ThenOn,
)
from cron.schedule import Cron
from cron.stores.memory import MemoryStore
from gateway.errors import ScheduleError, UserError
from gateway.messages import ChatAddress
from gateway.outgoing.addresses import Allowed
from tests.fakes import NOON

HERE = ChatAddress(channel="telegram", chat="1")
BOUNDS = Bounds(channels=("telegram",), kinds=lambda: ("slack", "telegram"))
OPERATOR = Maker(now=NOON, zone="Europe/Berlin", admin=True, bounds=BOUNDS)
ANNA = replace(OPERATOR, owner=HERE.owner, address=HERE, admin=False)
LOOK = Draft(prompt="look", every="1h")
SCHEMA = {"type": "object", "required": ["total"]}


def made(draft: Draft = LOOK, maker: Maker = OPERATOR, **settings: Any) -> Job:
    return new_job(replace(draft, **settings), maker, ())


# -- what becomes of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "field", "meant"),
    [
        ({"start_at": "2026-04-01T09:00"}, "start_at", datetime(2026, 4, 1, 7, tzinfo=UTC)),
        ({"start_at": "tomorrow at 9am"}, "start_at", datetime(2026, 3, 3, 8, tzinfo=UTC)),
        ({"expires_at": "2026-04-01T09:00Z"}, "expires_at", datetime(2026, 4, 1, 9, tzinfo=UTC)),
        ({"max_runs": "3"}, "max_runs", 3),
        ({"jitter": "5m"}, "jitter", timedelta(minutes=5)),
        ({"exclude": '{"weekdays": "sat,sun"}'}, "exclude", Exclude(weekdays=(5, 6))),
        ({"exclude": "2026-12-24"}, "exclude", Exclude(dates=(date(2026, 12, 24),))),
        ({"exclude": {"holidays": "de-by"}}, "exclude", Exclude(holidays="DE-BY")),
        ({"retry": "fast"}, "retry", Retry(backoff=Backoff.FAST)),
        ({"retry": {"retries": "4", "unsafe": "yes"}}, "retry", Retry(attempts=5, unsafe=True)),  # HP-29
        ({"type": "medium"}, "type", JobType.MEDIUM),
        ({"context_messages": 50}, "context_messages", 50),
        ({"delivery": "LOG"}, "delivery", Delivery(mode=DeliveryMode.LOG)),  # NOX-15, NOX-16
        ({"delivery": "channel"}, "delivery", Delivery(mode=DeliveryMode.CHANNEL)),
        (
            {"delivery": '{"mode": "webhook", "to": "https://example.org/x"}'},
            "delivery",
            Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url="https://example.org/x")),
        ),
        ({"on_complete": "https://example.org/x"}, "on_complete", Hook(url="https://example.org/x")),
        ({"notify_on": "completed,canceled"}, "notify_on", (Lifecycle.COMPLETED, Lifecycle.CANCELLED)),
        ({"notify_on": "none"}, "notify_on", ()),
        (
            {"failure_alert": {"after": "2", "cooldown": "10m"}},
            "failure_alert",
            FailureAlert(after=2, cooldown=timedelta(minutes=10)),
        ),
        ({"then": "event:done"}, "then", (Then(event="done"),)),
        ({"output_format": "json"}, "output_format", OutputFormat.JSON),  # HP-33
        ({"output_schema": SCHEMA}, "output_format", OutputFormat.STRUCTURED),  # what else would it be for
        ({"output_schema": '{"type": "object"}'}, "output_schema", {"type": "object"}),  # HP-35
        (
            {"spend": {"tokens_per_day": 9, "money_per_day": "0.5"}},
            "spend",
            SpendCap(tokens_per_day=9, money_per_day=0.5),
        ),
        ({"overlap": "queue"}, "overlap", Overlap.BUFFER_ONE),
        ({"overlap": "CANCEL-OTHER"}, "overlap", Overlap.CANCEL_OTHER),
        ({"model": " small "}, "model", "small"),
        ({"tools": "web_fetch"}, "tools", ("web_fetch",)),
        ({"tools": "none"}, "tools", ()),
        ({"tools": "default"}, "tools", None),
        ({"work_dir": "reports"}, "work_dir", "reports"),
        ({"may_schedule": "yes"}, "may_schedule", True),
        ({"check": "test -e x"}, "check", "test -e x"),
        ({"misfire_window": "10m"}, "misfire_window", timedelta(minutes=10)),
        ({"timeout": 90}, "timeout", timedelta(seconds=90)),
    ],
)
def test_a_setting_is_taken_as_it_is_written_or_as_json(said: dict[str, Any], field: str, meant: object) -> None:
    assert getattr(made(**said), field) == meant


@pytest.mark.parametrize("mode", ["session", "channel", "webhook", "log"])
def test_a_delivery_is_spelled_in_any_letter_case(mode: str) -> None:
    """NOX-16."""
    there = {"to": "https://example.org/x"} if mode == "webhook" else {}

    found = [made(delivery={"mode": word, **there}).delivery for word in (mode, mode.upper(), mode.title())]

    assert [one.mode for one in found] == [DeliveryMode(mode)] * 3
    assert found == [found[0]] * 3


def test_an_object_changes_the_parts_that_it_names_and_no_others() -> None:
    job = made(
        retry={"attempts": 5, "backoff": "fast"},
        failure_alert={"after": 2, "channel": "telegram", "to": "9"},
        exclude={"weekdays": "sat", "dates": "2026-12-24"},
        spend={"tokens_per_run": 5},
    )
    change = Draft(
        retry={"retries": 1},
        failure_alert={"after": 4},
        exclude={"weekdays": ["sun"]},
        spend={"tokens_per_day": 7},
    )

    changed = changed_job(job, change, OPERATOR, ())

    assert changed.retry == Retry(attempts=2, backoff=Backoff.FAST)
    assert changed.failure_alert == FailureAlert(after=4, address=ChatAddress(channel="telegram", chat="9"))
    assert changed.exclude == Exclude(dates=(date(2026, 12, 24),), weekdays=(6,))
    assert changed.spend == SpendCap(tokens_per_run=5, tokens_per_day=7)


def test_the_word_default_sets_a_setting_back() -> None:
    job = made(retry="fast", max_runs=3, expires_at="2027-01-01T00:00", delivery="log", nag=None)

    back = Draft(retry="default", max_runs="none", expires_at="default", delivery="Default")

    assert changed_job(job, back, OPERATOR, ()) == replace(made(), uid=job.uid, id=job.id, changed_at=NOON)


def test_every_second_monday_is_counted_from_now() -> None:
    job = made(Draft(prompt="x", cron="0 9 * * 1", every_nth="2"))

    assert job.schedule == Cron("0 9 * * 1", "Europe/Berlin", 2, NOON)


def test_a_new_zone_keeps_what_is_counted() -> None:
    job = made(Draft(prompt="x", cron="0 9 * * 1", every_nth=2))

    assert changed_job(job, Draft(tz="UTC"), OPERATOR, ()).schedule == Cron("0 9 * * 1", "UTC", 2, NOON)


def test_a_setting_that_moves_the_next_run_counts_as_a_new_schedule() -> None:
    later = replace(OPERATOR, now=NOON + timedelta(hours=1))

    assert changed_job(made(), Draft(exclude="sat"), later, ()).changed_at == later.now
    assert changed_job(made(), Draft(retry="fast"), later, ()).changed_at is None


# -- contradictions ---------------------------------------------------------------------------------------

SAY = Draft(say="tea", every="1h")
ONCE = Draft(prompt="x", at="2026-03-03T09:00")


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (replace(LOOK, start_at="2026-05-01T00:00", expires_at="2026-04-01T00:00"), "start_at: .* is not before"),
        (replace(LOOK, start_at="2026-05-01T00:00", expires_at="2026-05-01T00:00"), "start_at: .* is not before"),
        (replace(LOOK, expires_at="2026-01-01T00:00"), "expires_at: .* has passed already"),
        (replace(LOOK, expires_at="2026-03-02T12:30Z"), "it would never run"),
        (replace(ONCE, start_at="2026-05-01T00:00"), "it would never run"),
        (replace(LOOK, start_at="every day at 9"), "start_at: .* is not one time"),
        (replace(LOOK, start_at="2026-05-01"), "start_at: .* at what time"),
        (replace(LOOK, expires_at="some day"), "expires_at: "),
        (replace(ONCE, max_runs=2), "max_runs: does not go with a job that runs once"),
        (replace(LOOK, exclude="mon,tue,wed,thu,fri,sat,sun"), "exclude: leaves no day"),
        (Draft(prompt="x", cron="0 9 * * 1", exclude="mon"), "it would never run"),
        (replace(LOOK, exclude={"holidays": "ZZ"}), "holidays: 'ZZ' is not a country"),
        (replace(LOOK, jitter="1h"), "jitter: must be shorter than 1h"),
        (Draft(prompt="x", cron="*/10 * * * *", jitter="10m"), "jitter: must be shorter than 10m"),
        (replace(ONCE, jitter="2d"), "jitter: must be shorter than 1d"),
        (replace(LOOK, nag="10m"), r"nag: goes with exact words \(say\) only"),
        (replace(SAY, nag="30s"), "nag: must be at least a minute"),
        (replace(SAY, context_messages=5), "context_messages: goes with a prompt, not with exact words"),
        (replace(SAY, output_format="json"), "output_format: goes with a prompt"),
        (replace(SAY, model="small"), "model: goes with a prompt"),
        (replace(LOOK, output_format="structured"), "output_schema: is missing"),
        (
            replace(LOOK, output_format="json", output_schema=SCHEMA),
            "output_schema: goes with output_format structured",
        ),
        (replace(LOOK, output_schema={"type": "sentence"}), "output_schema: is not a valid JSON Schema"),
        (replace(LOOK, notify="never", delivery="channel"), "delivery: .* notify never forbids it"),
        (replace(LOOK, failure_alert={"after": 0}), "failure_alert: after must be at least 1"),
        (replace(LOOK, spend={"tokens_per_day": 0}), "spend: tokens_per_day 0 is not a whole number from 1 on"),
        (replace(LOOK, every_nth=2), "every_nth goes with cron"),
        (replace(LOOK, description="x" * 2_001), "description: has 2001 characters"),
        (replace(LOOK, check="x" * 20_001), "check: has 20001 characters"),
        (replace(LOOK, tools=[f"t{n}" for n in range(101)]), "tools: has 101 entries"),
        (replace(LOOK, output_schema={"description": "x" * 70_000}), "output_schema: is more than 65536 bytes"),
        (replace(LOOK, retry="{"), "retry: is not JSON"),
        (replace(LOOK, session="session:" + "x" * 81), "session: a name has at most 80"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(draft: Draft, words: str) -> None:
    with pytest.raises(UserError, match=words):
        new_job(draft, OPERATOR, ())


def test_a_change_may_not_contradict_what_is_there() -> None:
    with pytest.raises(UserError, match="output_schema: goes with output_format structured only"):
        changed_job(made(output_schema=SCHEMA), Draft(output_format="text"), OPERATOR, ())


# -- what is allowed here ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "http"),  # OC-05
        ("http://169.254.169.254/latest", "metadata"),
        ("http://127.0.0.1:8000/x", "allow_private"),
        ("http://0x7f.1/", "allow_private"),
        ("ftp://example.org/", "http"),
    ],
)
def test_a_webhook_goes_to_the_world_and_to_what_is_listed(url: str, words: str) -> None:
    for setting in ({"delivery": {"mode": "webhook", "to": url}}, {"on_complete": url}, {"on_fail": {"url": url}}):
        with pytest.raises(UserError, match=words):
            made(**setting)


def test_an_inner_address_that_is_listed_may_be_called() -> None:
    listed = replace(OPERATOR, bounds=Bounds(private=Allowed.parse(["127.0.0.1:8000"])))

    job = made(maker=listed, on_fail="http://127.0.0.1:8000/x")

    assert job.on_fail == Hook(url="http://127.0.0.1:8000/x")


def test_an_alert_goes_to_a_channel_that_there_is_or_could_be() -> None:
    """OC-08."""
    ready = made(failure_alert={"channel": "telegram", "to": "1"})
    coming = made(failure_alert={"channel": "slack", "to": "C1"})

    assert warnings(ready, BOUNDS) == []
    assert "the channel slack is not configured yet" in warnings(coming, BOUNDS)[0]
    with pytest.raises(UserError, match=r"there is no channel 'telegrm'; did you mean telegram\?"):
        made(failure_alert={"channel": "telegrm", "to": "1"})


def test_a_chat_speaks_to_itself_and_to_listed_chats_only() -> None:
    elsewhere = {"mode": "channel", "to": "telegram:2"}
    listed = replace(ANNA, bounds=replace(BOUNDS, allowed_targets=("telegram:2",)))

    assert made(maker=ANNA, delivery={"mode": "channel", "to": "telegram:1"}).delivery.address == HERE
    assert made(maker=listed, delivery=elsewhere).delivery.address == ChatAddress(channel="telegram", chat="2")
    with pytest.raises(
        UserError, match=r"telegram:2 is another chat; the operator lists it in cron\.allowed_targets"
    ):
        made(maker=ANNA, delivery=elsewhere)


@pytest.mark.parametrize(
    ("shell", "admin", "words"),
    [
        ("off", True, "switched off"),
        ("admin", False, "on the command line or in an owner's chat only"),
        ("admin", True, ""),
        ("on", False, ""),
    ],
)
def test_commands_of_the_shell_are_the_operators_to_allow(shell: str, admin: bool, words: str) -> None:
    """C-18."""
    maker = replace(ANNA, admin=admin, bounds=replace(BOUNDS, shell=shell))
    drafts = (Draft(command="ls", every="1h"), replace(LOOK, check="ls"))

    for draft in drafts:
        if words:
            with pytest.raises(UserError, match=words):
                new_job(draft, maker, ())
        else:
            assert new_job(draft, maker, ()).name


def test_a_command_may_run_more_often_than_a_turn() -> None:
    """C-03."""
    job = made(Draft(command="ls", every="5s"))

    assert job.payload == Shell(command="ls")
    with pytest.raises(ScheduleError, match=r"cron\.min_interval_shell"):
        made(Draft(command="ls", every="0.5s"))
    with pytest.raises(ScheduleError, match="every 5 s is too often"):
        made(Draft(prompt="ls", every="5s"))


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("*/5 * * * *", False),
        ("*/4 * * * *", True),
        ("0,3 9 * * *", True),
        ("58 * * * *", False),
        ("0,58 8-9 * * *", True),
    ],
)
def test_a_longer_minimum_holds_for_expressions_too(expression: str, refused: bool) -> None:
    """NOX-09, C-03."""
    patient = replace(OPERATOR, min_interval=timedelta(minutes=5))

    if not refused:
        assert made(Draft(prompt="x", cron=expression), patient).schedule is not None
        return
    with pytest.raises(ScheduleError, match="too often"):
        made(Draft(prompt="x", cron=expression), patient)


def test_an_expression_that_asks_a_model_very_often_says_how_often() -> None:
    assert often(made(Draft(prompt="x", cron="*/2 * * * *"))).startswith("That is 720 turns")
    assert often(made(Draft(prompt="x", cron="*/5 * * * *"))) == ""


# -- chains -----------------------------------------------------------------------------------------------


def test_a_following_job_is_meant_by_name_and_kept_by_uid() -> None:
    report = made(name="report")
    knowing = replace(OPERATOR, jobs=(report,))

    job = made(maker=knowing, then=[{"on": "failure", "job": "Report"}, "event:x"])

    assert job.then == (Then(on=ThenOn.FAILURE, job=report.uid), Then(event="x"))


def test_an_unknown_or_foreign_following_job_is_refused() -> None:
    with pytest.raises(UserError, match="then: there is no job 'report' here"):
        made(then="report")


def test_a_chain_that_comes_back_to_itself_is_refused_and_shown() -> None:
    first, second, third = made(name="A"), made(name="B"), made(name="C")
    second = replace(second, then=(Then(job=third.uid),))
    third = replace(third, then=(Then(job=first.uid),))
    knowing = replace(OPERATOR, jobs=(first, second, third))

    with pytest.raises(UserError, match="for ever: A → B → C → A"):
        changed_job(first, Draft(then="B"), knowing, ())
    with pytest.raises(UserError, match="for ever: A → A"):
        changed_job(first, Draft(then="A"), knowing, ())


def test_a_job_is_added_in_python_as_in_the_sample() -> None:
    """HP-13, HP-20, HP-21, HP-36."""
    book = JobBook(MemoryStore())

    job = book.add(Draft(cron="*/30 * * * *", prompt="Check the build", work_dir="repo"), OPERATOR)

    assert job.schedule == Cron("*/30 * * * *", "Europe/Berlin")
    assert (job.payload, job.work_dir, job.status) == (
        AgentPrompt(prompt="Check the build"),
        "repo",
        JobStatus.ENABLED,
    )
    assert book.list(Viewer()) == [job]


def test_a_job_that_is_refused_leaves_nothing_behind() -> None:
    """HP-60."""
    store = MemoryStore()

    with pytest.raises(UserError, match="can never fire"):
        JobBook(store).add(Draft(cron="0 0 30 2 *", prompt="x"), OPERATOR)

    assert store.load() == {}


def test_the_jobs_of_a_chat_may_follow_each_other_and_no_others() -> None:
    store = MemoryStore()
    book = JobBook(store)
    foreign = book.add(Draft(prompt="x", every="1h", name="theirs"), OPERATOR)
    own = book.add(Draft(prompt="x", every="1h", name="mine"), ANNA)

    job = book.add(Draft(prompt="y", every="1h", then="mine"), ANNA)

    assert job.then == (Then(job=own.uid),)
    with pytest.raises(UserError, match="then: there is no job"):
        book.add(Draft(prompt="y", every="1h", then=foreign.uid), ANNA)


def test_a_reminder_may_nag() -> None:
    job = made(SAY, nag="5m")

    assert (job.payload, job.nag) == (Say(text="tea"), timedelta(minutes=5))


@pytest.mark.parametrize("place", ["http://127.0.0.1:9/schema", "file:///etc/passwd", "other.json"])
def test_a_schema_that_points_elsewhere_is_refused(place: str) -> None:
    """P-84"""
    schema = {"type": "object", "properties": {"total": {"$ref": place}}}

    with pytest.raises(UserError, match="output_schema: is not whole: it points to"):
        made(output_schema=schema)


def test_an_expired_job_may_still_get_another_name_or_prompt() -> None:
    job = made(expires_at="2026-03-04T00:00Z")
    later = replace(OPERATOR, now=NOON + timedelta(days=30))

    changed = changed_job(job, Draft(name="old news", prompt="look again"), later, ())

    assert changed == replace(job, name="old news", payload=AgentPrompt(prompt="look again"))
    with pytest.raises(ScheduleError, match="it would never run"):
        changed_job(job, Draft(exclude="sat"), later, ())


@pytest.mark.parametrize("name", ["retry", "notify", "overlap", "misfire", "after_run", "type", "failure_alert"])
def test_none_is_no_other_word_for_a_default_that_does_something(name: str) -> None:
    with pytest.raises(UserError, match=f"^{name}: "):
        made(**{name: "none"})


def test_a_part_of_a_setting_is_set_back_alone() -> None:
    job = made(
        spend={"tokens_per_run": 5, "tokens_per_day": 7},
        retry={"attempts": 2, "backoff": "fast"},
        failure_alert={"after": 4, "channel": "telegram", "to": "9"},
    )

    back = Draft(
        spend={"tokens_per_day": "default"},
        retry={"retries": "Default"},
        failure_alert={"channel": "default", "to": "default"},
    )
    changed = changed_job(job, back, OPERATOR, ())

    assert changed.spend == SpendCap(tokens_per_run=5)
    assert changed.retry == Retry(backoff=Backoff.FAST)
    assert changed.failure_alert == FailureAlert(after=4)


def test_a_broken_job_without_words_needs_them_too() -> None:
    job = replace(made(), schedule=None, status=JobStatus.BROKEN, payload=AgentPrompt(prompt=""), broken={})

    with pytest.raises(UserError, match="what should happen is missing"):
        changed_job(job, Draft(every="1h"), OPERATOR, ())

    assert changed_job(job, Draft(every="1h", say="tea"), OPERATOR, ()).payload == Say(text="tea")


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ({"timeout": "1d"}, "its timeout is between a second and 2m"),
        ({"timeout": 0}, "its timeout is between a second and 2m"),
        ({"retries": 1_000_000}, "is tried again at most 20 times"),
    ],
)
def test_a_machine_that_does_not_answer_is_not_waited_for_without_end(hook: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"on_fail: .*{words}"):
        made(on_fail={"url": "https://example.org/x", **hook})


def test_a_run_that_speaks_to_another_chat_is_not_shown_what_is_said_there() -> None:
    """P-72"""
    listed = replace(ANNA, bounds=replace(BOUNDS, allowed_targets=("telegram:2",)))
    there = {"mode": "channel", "channel": "telegram", "to": "2"}
    here = {"mode": "channel", "channel": "telegram", "to": "1", "thread": "7"}

    with pytest.raises(UserError, match="context_messages: "):
        made(maker=listed, delivery=there, context_messages=5)

    assert made(maker=listed, delivery=there).context_messages == 0
    assert made(maker=listed, delivery=here, context_messages=5).context_messages == 5
    assert made(delivery=there, context_messages=5).context_messages == 5


@pytest.mark.parametrize("schema", [{"pattern": "(a+)+$"}, {"anyOf": [{"patternProperties": {"(a+)+$": {}}}]}])
def test_a_pattern_that_could_hold_the_gateway_for_hours_is_the_operators_to_give(schema: Any) -> None:
    """P-24"""
    with pytest.raises(UserError, match="output_schema: patterns are given on the command line"):
        made(maker=ANNA, output_schema=schema)

    assert made(output_schema=schema).output_schema == schema
    named_so = {"properties": {"pattern": {"type": "string"}}}
    assert made(maker=ANNA, output_schema=named_so).output_schema == named_so

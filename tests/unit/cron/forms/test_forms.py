"""Files of other programs, as small as they are realistic: what each of their jobs becomes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.codec import encode_job
from cron.forms.form import UnsayableError
from cron.forms.reading import FORMS, Circumstances, Document, Found, read
from cron.job import AgentPrompt, Job, JobStatus, Say, Shell, SystemEvent
from cron.policy import AfterRun, Delivery, DeliveryMode, Exclude, Hook, JobType, Lifecycle, Notify, OutputFormat
from cron.schedule import At, Cron, Every
from gateway.errors import UserError
from gateway.messages import ChatAddress
from tests.jobs import NOON, new_job

FILES = Path(__file__).parent / "files"
GIVEN = Circumstances(tz="Europe/Berlin", now=NOON)
OTHERS = ["openclaw", "nanobot", "hermes", "hotplex", "autobot"]
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def opened(name: str) -> Document:
    return read((FILES / f"{name}.json").read_bytes(), GIVEN)


def jobs_of(name: str) -> list[Job]:
    return [job_of(found) for found in opened(name).found]


def job_of(found: Found) -> Job:
    assert found.job is not None, found.fault
    return found.job


def one(form: str, **job: Any) -> Found:
    """The only job of a file."""
    return read(json.dumps({"jobs": [job]}).encode(), GIVEN, form=form).found[0]


@pytest.mark.parametrize("name", OTHERS)
def test_each_form_is_recognised_by_its_shape(name: str) -> None:
    document = opened(name)

    assert document.form.name == name
    assert [found.fault for found in document.found] == [""] * len(document.found)


# -- OpenClaw -------------------------------------------------------------------------------------------------


def test_an_openclaw_job_keeps_its_schedule_words_place_and_alert() -> None:
    job = jobs_of("openclaw")[0]

    assert job.schedule == Cron("0 7 * * 1-5", "Asia/Kuala_Lumpur")  # C-13: its library has the seconds first
    assert (job.name, job.tz, job.created_at) == ("Morning brief", "Asia/Kuala_Lumpur", NEW_YEAR)
    assert job.payload == AgentPrompt(prompt="Summarise the night.")
    assert (job.model, job.timeout, job.jitter) == ("opus", timedelta(minutes=2), timedelta(seconds=30))
    assert (job.address, job.notify) == (ChatAddress(channel="telegram", chat="347207938"), Notify.ALWAYS)
    assert (job.failure_alert.after, job.failure_alert.cooldown) == (1, timedelta(hours=1))
    assert job.failure_alert.address == ChatAddress(channel="telegram", chat="347207938")


def test_what_an_openclaw_job_says_that_is_unknown_here_is_told() -> None:
    first, second = opened("openclaw").found[:2]

    assert any("0 0 7 * * 1-5 → 0 7 * * 1-5" in note for note in first.taken)
    assert any("wake_mode" in note for note in first.left)
    assert any("thinking" in note for note in first.left)
    assert {note.partition(":")[0] for note in second.left} == {"agent_id", "colour"}


def test_a_plus_before_a_weekday_is_the_first_of_that_weekday() -> None:
    job = jobs_of("openclaw")[1]

    assert job.schedule == Cron("0 9 * * MON#1", "Europe/Berlin")
    assert (job.status, job.session) == (JobStatus.DISABLED, "main")
    assert job.payload == SystemEvent(text="Look at C:\\Important\\.")


def test_an_openclaw_webhook_and_a_named_session_are_kept() -> None:
    job = jobs_of("openclaw")[2]

    assert job.schedule == Every(timedelta(days=1), NEW_YEAR)
    assert job.session == "session:ops"
    assert job.delivery == Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url="https://example.org/hook"))


def test_older_openclaw_files_say_in_the_payload_where_the_answer_goes() -> None:
    job = jobs_of("openclaw")[3]

    assert job.schedule == At(datetime(2026, 4, 25, 1, tzinfo=UTC))
    assert (job.address, job.notify) == (ChatAddress(channel="telegram", chat="9"), Notify.ALWAYS)
    assert job.after_run is AfterRun.DELETE


def test_the_list_that_openclaw_prints_means_the_same_jobs() -> None:
    stored = json.loads((FILES / "openclaw.json").read_text())["jobs"]
    printed = {"jobs": stored, "total": 4, "offset": 0, "limit": 50, "hasMore": False}

    document = read(json.dumps(printed).encode(), GIVEN)

    assert document == opened("openclaw")
    assert read(json.dumps(stored).encode(), GIVEN) == document


# -- nanobot and autobot --------------------------------------------------------------------------------------


def test_nanobots_jobs_keep_their_schedule_and_belong_to_the_chat_that_they_speak_to() -> None:
    water, weekly, once = jobs_of("nanobot")

    assert water.schedule == Every(timedelta(hours=2), NEW_YEAR)
    assert (water.owner, water.notify) == ("telegram:123", Notify.ALWAYS)
    assert weekly.schedule == Cron("30 9 * * 1", "Europe/Berlin")  # C-13: its library has the seconds last
    assert (weekly.owner, weekly.address, weekly.notify) == (None, None, Notify.AUTO)
    assert once.schedule == At(datetime(2027, 1, 1, tzinfo=UTC))
    assert once.state is None


def test_autobots_jobs_keep_their_owner_and_what_they_remember() -> None:
    steps, drink = jobs_of("autobot")

    assert (steps.owner, steps.state) == ("telegram:634643933", {"step_count": 4976})
    assert steps.address == ChatAddress(channel="telegram", chat="634643933")
    assert (drink.owner, drink.address) == (steps.owner, steps.address)
    assert (drink.after_run, drink.state) == (AfterRun.DELETE, None)


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ({"every_seconds": 300}, Every(timedelta(minutes=5), NOON)),
        ({"cron_expr": "0 9 * * *"}, Cron("0 9 * * *", "Europe/Berlin")),
        ({"at": "2026-04-20T15:00:00Z"}, At(datetime(2026, 4, 20, 15, tzinfo=UTC))),
    ],
    ids=str,
)
def test_the_flat_arguments_of_autobots_tool_are_a_job(when: dict[str, Any], schedule: Any) -> None:
    found = one("autobot", message="Stretch.", **when)

    assert job_of(found).schedule == schedule


# -- Hermes ---------------------------------------------------------------------------------------------------


def test_hermes_jobs_return_to_the_chat_and_thread_that_they_were_made_in() -> None:
    news, _, call = jobs_of("hermes")

    assert news.schedule == Cron("0 9 * * *", "Europe/Berlin")
    assert news.address == ChatAddress(channel="telegram", chat="-100123", thread="7")
    assert (news.owner, news.notify) == ("telegram:-100123", Notify.ALWAYS)
    assert call.schedule == At(datetime(2026, 5, 1, 8, tzinfo=UTC))
    assert call.address == ChatAddress(channel="telegram", chat="555", thread="8")


def test_a_hermes_job_that_repeats_some_times_has_the_rest_of_them_before_it() -> None:
    pulse = jobs_of("hermes")[1]

    assert pulse.schedule == Every(timedelta(minutes=30), datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert (pulse.max_runs, pulse.status, pulse.notify) == (7, JobStatus.DISABLED, Notify.AUTO)


def test_what_hermes_has_and_we_do_not_is_told_once_for_each() -> None:
    news = opened("hermes").found[0]

    assert [note.partition(":")[0] for note in news.left] == ["skills", "skill"]


# -- HotPlex --------------------------------------------------------------------------------------------------


def test_every_field_of_a_hotplex_job_finds_its_place() -> None:
    job = jobs_of("hotplex")[0]

    assert job.schedule == Cron("*/30 * * * *", "Europe/Berlin")  # HP-20, C-13
    assert job.payload == AgentPrompt(prompt="Check the queue.")  # HP-21
    assert (job.session, job.work_dir) == ("session:queue", "reports")  # HP-22, HP-23
    assert (job.type, job.timeout) == (JobType.RESOURCE_INTENSIVE, timedelta(minutes=10))  # HP-24, HP-28
    assert (job.retry.attempts, job.retry.backoff) == (3, (timedelta(seconds=1),))  # HP-29, HP-30
    assert (job.output_format, job.output_schema) == (OutputFormat.STRUCTURED, {"type": "object"})
    assert (job.notify, job.notify_on) == (Notify.NEVER, (Lifecycle.FAILED, Lifecycle.CANCELLED))
    assert (job.on_complete, job.on_fail) == (
        Hook(url="https://example.org/done"),
        Hook(url="https://example.org/failed"),
    )
    assert (job.created_by, job.created_at) == ("U1", datetime(2026, 1, 1, 8, tzinfo=UTC))


def test_a_hotplex_interval_is_one_here_and_a_folder_outside_the_workspace_is_not_taken() -> None:
    found = opened("hotplex").found[1]

    assert job_of(found).schedule == Every(timedelta(minutes=90), NOON)
    assert job_of(found).work_dir == ""
    assert any("outside the workspace" in note for note in found.left)


def test_jobs_by_their_ids_are_a_list_of_jobs_too() -> None:
    listed = json.loads((FILES / "hotplex.json").read_text())
    by_id = {job.pop("id"): job for job in listed}

    document = read(json.dumps(by_id).encode(), GIVEN)

    assert document == opened("hotplex")


def test_the_newer_jobs_of_hotplex_have_a_schedule_and_a_payload() -> None:
    stored = {
        "id": "cron_1",
        "name": "queue",
        "enabled": True,
        "schedule": {"kind": "cron", "expr": "*/30 * * * *", "tz": "Asia/Tokyo"},
        "payload": {"kind": "isolated_session", "message": "Check the queue.", "allowed_tools": ["bash"]},
        "platform": "feishu",
        "platform_key": {"chat_id": "oc_1"},
        "timeout_sec": 300,
        "silent": True,
        "max_retries": 2,
        "max_runs": 10,
        "expires_at": "2027-01-01T00:00:00Z",
        "state": {"next_run_at_ms": 1, "run_count": 3},
        "created_at_ms": 1767225600000,
        "updated_at_ms": 1767225600000,
    }

    document = read(json.dumps([stored]).encode(), GIVEN)

    job = job_of(document.found[0])
    assert document.form.name == "hotplex"
    assert job.schedule == Cron("*/30 * * * *", "Asia/Tokyo")
    assert job.payload == AgentPrompt(prompt="Check the queue.")
    assert job.address == ChatAddress(channel="feishu", chat="oc_1")
    assert (job.timeout, job.retry.attempts, job.max_runs) == (timedelta(minutes=5), 3, 7)
    assert (job.notify, job.created_at) == (Notify.NEVER, NEW_YEAR)
    assert job.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert [note.partition(":")[0] for note in document.found[0].left] == ["payload.allowed_tools"]


@pytest.mark.parametrize(
    ("more", "form"),
    [
        ({"created_at_ms": 1, "work_dir": "a", "silent": True}, "hotplex"),
        ({"created_at_ms": 1, "owner": "telegram:1"}, "autobot"),
        ({"createdAtMs": 1}, "nanobot"),
        ({"createdAtMs": 1, "sessionTarget": "main", "wakeMode": "now"}, "openclaw"),
    ],
    ids=str,
)
def test_whose_a_nested_schedule_is_shows_in_the_fields_beside_it(more: dict[str, Any], form: str) -> None:
    schedule = {"kind": "cron", "expr": "0 9 * * *"}
    job = {"id": "a", "schedule": schedule, "payload": {"kind": "agent_turn", "message": "x"}} | more

    assert read(json.dumps([job]).encode(), GIVEN).form.name == form


def test_jobs_that_could_be_of_several_programs_are_asked_about() -> None:
    schedule = {"kind": "cron", "expr": "0 0 9 * * *"}
    payload = {"kind": "agent_turn", "message": "x", "deliver": True}
    job = {"id": "a", "name": "news", "schedule": schedule, "payload": payload}

    with pytest.raises(
        UserError, match="of autobot or nanobot; say whose they are with --from autobot or --from nan"
    ):
        read(json.dumps([job]).encode(), GIVEN)


# -- what cannot be taken -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "job", "why"),
    [
        ("openclaw", {"schedule": {"kind": "moon"}, "payload": {"message": "x"}}, "moon"),
        ("openclaw", {"schedule": {"kind": "cron", "expr": "0 9 * * *"}, "payload": {}}, "says nothing"),
        ("openclaw", {"payload": {"message": "x"}}, "kind"),
        ("openclaw", {"schedule": {"expr": "x y"}, "payload": {"message": "x"}}, "2 fields"),
        ("openclaw", {"schedule": "0 9 * * *", "payload": {"message": "x"}}, "not an object"),
        ("openclaw", {"schedule": {"expr": "0 0 30 2 *"}, "payload": {"message": "x"}}, "never"),
        ("openclaw", {"schedule": {"everyMs": 0}, "payload": {"message": "x"}}, "no interval"),
        ("openclaw", {"schedule": {"everyMs": "soon"}, "payload": {"message": "x"}}, "not a number"),
        ("openclaw", {"schedule": {"atMs": 1e16}, "payload": {"message": "x"}}, "instant"),
        ("openclaw", {"schedule": {"everyMs": 1e3}, "payload": {"kind": "shell", "message": "x"}}, "shell"),
        ("hermes", {"schedule": {"kind": "interval"}, "prompt": "x"}, "minutes"),
        ("hermes", {"schedule": {"kind": "cron", "expr": "0 9 * * *"}}, "says nothing"),
        ("hotplex", {"cron_expr": "@reboot", "prompt": "x"}, "@reboot"),
        ("hotplex", {"cron_expr": "0 9 * * *", "prompt": "x", "output_schema": "{"}, "not JSON"),
        ("hotplex", {"cron_expr": "0 9 * * *", "prompt": "x", "type": "huge"}, "huge"),
        ("hotplex", {"cron_expr": "0 9 * * *", "prompt": "x", "notify_on": 7}, "not a list"),
        ("autobot", {"every_seconds": 300, "at": "2026-04-20T15:00:00Z", "message": "x"}, "one of"),
        ("autobot", {"cron_expr": "0 0 9 * * *", "message": "x"}, "--seconds"),
        ("tocsin", {"schedule": {"every": "5m"}, "prompt": "x", "tz": "Mars/Olympus"}, "Mars/Olympus"),
        ("tocsin", {"schedule": {"every": "5m"}, "prompt": "x", "state": "y" * 70_000}, "at most 65536"),
    ],
    ids=lambda part: str(part)[:60],
)
def test_a_job_that_cannot_be_understood_says_why_and_takes_no_other_with_it(
    form: str, job: dict[str, Any], why: str
) -> None:
    uid, schedule = "0d9c8a7e-1111-4222-8333-444455556666", Cron("0 9 * * *", "UTC")
    good = FORMS[form].write(new_job(uid=uid, id=uid[:8], schedule=schedule))

    found = read(json.dumps([job, good]).encode(), GIVEN, form=form).found

    assert found[0].job is None
    assert why in found[0].fault
    assert found[1].job is not None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"\x00\xff", "no JSON"),
        (b'{"jobs": [', "no JSON"),
        (b'"jobs"', "no file of jobs"),
        (b"[[1], [2]]", "--from"),
        (b'{"name": "x"}', "no file of jobs"),
        (b'{"jobs": [{"colour": "red"}]}', "--from"),
        (b'{"version": 99, "jobs": []}', "version 99"),
        (b"[" * 100_000, "no JSON"),
    ],
    ids=["empty", "no text", "cut", "text", "lists", "something else", "unknown jobs", "newer", "deep"],
)
def test_a_file_that_is_none_of_ours_is_answered_by_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(UserError, match=why):
        read(data, GIVEN)


def test_the_same_id_twice_is_refused_the_second_time() -> None:
    job = {"id": "a", "schedule": {"everyMs": 3600000}, "payload": {"kind": "agentTurn", "message": "x"}}

    first, second = read(json.dumps([job, job]).encode(), GIVEN).found

    assert (first.fault, second.fault) == ("", "is there twice; keep one")


# -- our own, and back ----------------------------------------------------------------------------------------


def test_our_own_form_means_the_same_job_again() -> None:
    job = new_job(
        uid="0d9c8a7e-1111-4222-8333-444455556666", id="0d9c8a7e", state={"n": 1}, stamp="t.1", revision=1
    )

    found = read(json.dumps([encode_job(job)]).encode(), GIVEN).found[0]

    assert found.job == new_job(uid=job.uid, id=job.id, state={"n": 1}, stamp="t.1")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "schedule",
    [Cron("0 9 * * 1-5", "UTC"), Every(timedelta(hours=2), NEW_YEAR), At(datetime(2027, 1, 1, tzinfo=UTC))],
)
def test_a_job_that_is_written_in_the_form_of_another_program_is_read_back_from_it(
    name: str, schedule: Any
) -> None:
    job = new_job(schedule=schedule, tz="UTC", notify=Notify.ALWAYS, created_at=NEW_YEAR, owner="telegram:123")
    if name == "hotplex" and isinstance(schedule, At):
        with pytest.raises(UnsayableError, match="runs once"):
            FORMS[name].write(job)
        return

    document = FORMS[name].wrap([FORMS[name].write(job)])
    read_back = job_of(read(json.dumps(document).encode(), Circumstances(tz="UTC", now=NOON), form=name).found[0])

    assert (read_back.name, read_back.schedule, read_back.payload) == (job.name, job.schedule, job.payload)
    if name != "hotplex":  # which knows no chats
        assert (read_back.address, read_back.notify) == (job.address, job.notify)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "job",
    [
        new_job(exclude=Exclude(weekdays=(5, 6))),
        new_job(start_at=NOON),
        new_job(schedule=Cron("0 9 * * *", "UTC", 2, NOON)),
        new_job(schedule=Every(timedelta(hours=1), NOON), jitter=timedelta(minutes=1)),
        new_job(expires_at=NOON + timedelta(days=9)),
        new_job(payload=Shell(command="ls")),
    ],
    ids=["exclude", "start_at", "every_nth", "jitter", "expires_at", "shell"],
)
def test_a_job_that_would_be_another_one_there_is_not_written(name: str, job: Job) -> None:
    with pytest.raises(UnsayableError):
        FORMS[name].write(job)


@pytest.mark.parametrize("name", OTHERS)
def test_exact_words_become_a_prompt_that_asks_for_them(name: str) -> None:
    job = new_job(payload=Say(text="Stand up!"), schedule=Cron("0 9 * * *", "UTC"))

    written = json.dumps(FORMS[name].write(job))

    assert "Stand up!" in written
    assert "exactly" in written

"""Jobs as the programs that came before write them, read as ours."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cron.codec import Given, decode_job, encode_job
from cron.job import AgentPrompt, Job, JobStatus, Shell, SystemEvent
from cron.policy import (
    AfterRun,
    Backoff,
    Delivery,
    DeliveryMode,
    Exclude,
    FailureAlert,
    Hook,
    JobType,
    Lifecycle,
    Notify,
    OutputFormat,
    Overlap,
    Retry,
    SpendCap,
    Then,
    ThenOn,
)
from cron.schedule import At, Cron, Every
from gateway.messages import ChatAddress
from tests.jobs import NOON, new_job

GIVEN = Given(uid="0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11", created_at=NOON, tz="Asia/Shanghai")
PLAIN = {"name": "x", "every": "5m", "prompt": "y"}


def read(**written: Any) -> Job:
    job = decode_job({**PLAIN, **written}, GIVEN)
    assert job.status_reason == ""
    return job


def fault(**written: Any) -> str:
    job = decode_job({**PLAIN, **written}, GIVEN)
    assert job.status is JobStatus.BROKEN
    return job.status_reason


# -- whole jobs -------------------------------------------------------------------------------------------

DAILY_SALES = {
    "name": "Daily Sales Report",
    "schedule": {"kind": "cron", "expr": "0 18 * * *", "tz": "Asia/Kuala_Lumpur"},
    "sessionTarget": "isolated",
    "contextMessages": 5,
    "payload": {"kind": "agentTurn", "message": "Sum up C:\\Important\\ of today"},
    "delivery": {"mode": "webhook", "to": "https://example.org/sales"},
    "failureAlert": {"channel": "telegram", "to": 347207938, "after": 3},
}


def test_a_job_in_the_camel_case_of_json_is_read_whole() -> None:
    """OC-01, OC-04, OC-07, OC-10, OC-15, OC-17, OC-18, OC-19, OC-20, OC-22, OC-28, OC-35, C-06."""
    job = decode_job(DAILY_SALES, GIVEN)

    assert job.status_reason == ""
    assert job.name == "Daily Sales Report"
    assert job.schedule == Cron("0 18 * * *", "Asia/Kuala_Lumpur")
    assert job.payload == AgentPrompt(prompt="Sum up C:\\Important\\ of today")
    assert (job.session, job.context_messages) == ("isolated", 5)
    assert job.delivery == Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url="https://example.org/sales"))
    assert job.failure_alert == FailureAlert(after=3, address=ChatAddress(channel="telegram", chat="347207938"))


def test_a_critical_task_by_milliseconds_with_an_alert_at_once() -> None:
    """OC-11, OC-21, OC-23, OC-24."""
    job = decode_job(
        {
            "name": "Daily Backup",
            "schedule": {"kind": "every", "everyMs": 86400000},
            "sessionTarget": "isolated",
            "payload": {"kind": "systemEvent", "text": "Back up now"},
            "failureAlert": {"channel": "telegram", "to": "347207938", "after": 1},
        },
        GIVEN,
    )

    assert job.status_reason == ""
    assert job.schedule == Every(timedelta(days=1), NOON)
    assert job.payload == SystemEvent(text="Back up now")
    assert job.failure_alert.after == 1


def test_a_job_of_a_go_program_is_read_whole() -> None:
    """HP-20, HP-21, and how HP-19 to HP-43, HP-48 and HP-49 are written."""
    job = decode_job(
        {
            "id": "0d9c4a51",
            "cron_expr": "*/30 * * * *",
            "prompt": "Check the build",
            "session_key": "build",
            "work_dir": "repo",
            "type": "resource_intensive",
            "timeout_mins": 5,
            "retries": 2,
            "retry_delay": 1_000_000_000,
            "output_format": "structured",
            "output_schema": '{"type": "object", "required": ["ok"]}',
            "enabled": True,
            "silent": True,
            "notify_on": ["completed", "failed", "canceled"],
            "created_by": "anna",
            "created_at": "2026-02-01T08:00:00Z",
            "on_complete": "https://example.org/done",
            "on_fail": "https://example.org/failed",
        },
        GIVEN,
    )

    assert job.status_reason == ""
    assert (job.id, job.session, job.work_dir) == ("0d9c4a51", "session:build", "repo")
    assert job.payload == AgentPrompt(prompt="Check the build")
    assert job.schedule == Cron("*/30 * * * *", "Asia/Shanghai")
    assert (job.type, job.timeout) == (JobType.RESOURCE_INTENSIVE, timedelta(minutes=5))
    assert job.retry == Retry(attempts=3, backoff=(timedelta(seconds=1),))
    assert (job.output_format, job.output_schema) == (
        OutputFormat.STRUCTURED,
        {"type": "object", "required": ["ok"]},
    )
    assert (job.status, job.notify) == (JobStatus.ENABLED, Notify.NEVER)
    assert job.notify_on == (Lifecycle.COMPLETED, Lifecycle.FAILED, Lifecycle.CANCELLED)
    assert (job.created_by, job.created_at) == ("anna", datetime(2026, 2, 1, 8, tzinfo=UTC))
    assert (job.on_complete, job.on_fail) == (
        Hook(url="https://example.org/done"),
        Hook(url="https://example.org/failed"),
    )


def test_a_task_of_toml_is_read_with_its_command() -> None:
    """PRX-21, PRX-27."""
    job = decode_job(
        {"name": "b", "schedule": "0 2 * * *", "action": "shell", "command": "ls", "description": "nightly"}, GIVEN
    )

    assert (job.status_reason, job.payload, job.description) == ("", Shell(command="ls"), "nightly")


# -- single names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("at", "2026-04-25T09:00:00", At(datetime(2026, 4, 25, 1, tzinfo=UTC))),  # NOX-03, NOX-05
        ("cron", "0 10 * * 1", Cron("0 10 * * 1", "Asia/Shanghai")),  # NOX-07
        ("every", "30m", Every(timedelta(minutes=30), NOON)),  # NOX-08
        ("every", "2h", Every(timedelta(hours=2), NOON)),
        ("EVERY", "1d", Every(timedelta(days=1), NOON)),
    ],
)
def test_a_schedule_may_be_a_type_and_a_value(kind: str, value: str, meant: At | Every | Cron) -> None:
    job = decode_job({"name": "x", "prompt": "y", "scheduleType": kind, "schedule_value": value}, GIVEN)  # NOX-31

    assert (job.status_reason, job.schedule) == ("", meant)


@pytest.mark.parametrize(
    ("schedule", "meant"),
    [
        ({"kind": "at", "atMs": 1_772_366_400_000}, At(NOON)),
        ({"kind": "every", "everyMs": 60_000, "anchorMs": 1_772_366_400_000}, Every(timedelta(minutes=1), NOON)),
        ({"kind": "interval", "minutes": 30}, Every(timedelta(minutes=30), NOON)),
        ({"kind": "once", "run_at": "2026-03-01T20:00"}, At(NOON)),
        ({"kind": "cron", "expr": "0 9 * * *", "everyNth": 2}, Cron("0 9 * * *", "Asia/Shanghai", 2, NOON)),
        ("every 30m", Every(timedelta(minutes=30), NOON)),
        ("30m", Every(timedelta(minutes=30), NOON)),
        ("@daily", Cron("@daily", "Asia/Shanghai")),
    ],
)
def test_schedules_of_other_programs_are_understood(schedule: Any, meant: At | Every | Cron) -> None:
    job = decode_job({"name": "x", "prompt": "y", "schedule": schedule}, GIVEN)

    assert (job.status_reason, job.schedule) == ("", meant)


@pytest.mark.parametrize(
    ("written", "field", "meant"),
    [
        ({"executionMode": "main"}, "session", "main"),  # NOX-11, NOX-33
        ({"sessionTarget": "session:research"}, "session", "session:research"),  # OC-14, OC-16
        ({"session_key": "isolated"}, "session", "isolated"),
        ({"silent": False}, "notify", Notify.AUTO),
        ({"delete_after_run": True}, "after_run", AfterRun.DELETE),
        ({"deleteAfterRun": False}, "after_run", AfterRun.KEEP),
        ({"timeout_minutes": 2}, "timeout", timedelta(minutes=2)),
        ({"timeoutMs": 1500}, "timeout", timedelta(seconds=1.5)),
        ({"conflict_policy": "QUEUE"}, "overlap", Overlap.BUFFER_ONE),
        ({"overlap": "FALLBACK_ISOLATED"}, "overlap", Overlap.FALLBACK_ISOLATED),
        ({"retries": 0}, "retry", Retry(attempts=1)),
        ({"retry_delay": "1s"}, "retry", Retry(backoff=(timedelta(seconds=1),))),  # HP-30
        ({"retry_delay": "1m30s"}, "retry", Retry(backoff=(timedelta(seconds=90),))),
        ({"retry": {"retryDelay": "250ms"}}, "retry", Retry(backoff=(timedelta(milliseconds=250),))),
        ({"retry": {"maxAttempts": 5, "backoff": "FAST"}}, "retry", Retry(attempts=5, backoff=Backoff.FAST)),
        (
            {"retry": {"backoff": [10, "1m"]}},
            "retry",
            Retry(backoff=(timedelta(seconds=10), timedelta(minutes=1))),
        ),
        ({"retry": "fast"}, "retry", Retry(backoff=Backoff.FAST)),
        ({"delivery": {"mode": "SESSION"}}, "delivery", Delivery()),  # NOX-12, NOX-16
        ({"delivery": "log"}, "delivery", Delivery(mode=DeliveryMode.LOG)),
        ({"delivery": {"mode": "CHANNEL"}}, "delivery", Delivery(mode=DeliveryMode.CHANNEL)),
        (
            {"delivery": {"mode": "channel", "to": "telegram:5"}},
            "delivery",
            Delivery(mode=DeliveryMode.CHANNEL, address=ChatAddress(channel="telegram", chat="5")),
        ),
        (
            {"delivery": {"mode": "announce", "channel": "telegram", "to": 5}},
            "delivery",
            Delivery(mode=DeliveryMode.CHANNEL, address=ChatAddress(channel="telegram", chat="5")),
        ),
        ({"channel": "telegram", "to": 123}, "address", ChatAddress(channel="telegram", chat="123")),  # OC-09
        ({"failureAlert": {"cooldownMs": 60_000}}, "failure_alert", FailureAlert(cooldown=timedelta(minutes=1))),
        ({"notifyOn": "canceled, error"}, "notify_on", (Lifecycle.FAILED, Lifecycle.CANCELLED)),  # HP-38..41
        ({"type": "Resource-Intensive"}, "type", JobType.RESOURCE_INTENSIVE),  # HP-27
        ({"type": "MEDIUM"}, "type", JobType.MEDIUM),  # HP-26
        ({"tokensPerDay": "5000"}, "spend", SpendCap(tokens_per_day=5000)),
        ({"tools": "web_fetch, message"}, "tools", ("web_fetch", "message")),
        ({"then": "report"}, "then", (Then(job="report"),)),
        (
            {"then": ["failure=cleanup", "done=event:x"]},
            "then",
            (Then(on=ThenOn.FAILURE, job="cleanup"), Then(on=ThenOn.DONE, event="x")),
        ),
        ({"then": {"on": "OK", "event": "x"}}, "then", (Then(event="x"),)),
        (
            {"exclude": ["2026-12-24", "Sat", "sunday"]},
            "exclude",
            Exclude(dates=(date(2026, 12, 24),), weekdays=(5, 6)),
        ),
        ({"exclude": {"holidays": "de-BY"}}, "exclude", Exclude(holidays="DE-BY")),
        ({"startAt": "2026-04-01T08:00"}, "start_at", datetime(2026, 4, 1, tzinfo=UTC)),  # by the job's clocks
        ({"workdir": "./a//b/"}, "work_dir", "a/b"),
    ],
)
def test_a_setting_is_understood_under_its_other_names(written: dict[str, Any], field: str, meant: object) -> None:
    assert getattr(read(**written), field) == meant


@pytest.mark.parametrize("delay", [1_000_000_000, "1s"])
def test_the_delay_of_a_go_program_is_in_nanoseconds_or_in_words(delay: int | str) -> None:
    """HP-30"""
    assert read(retry_delay=delay).retry.backoff == (timedelta(seconds=1),)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"retries": 1, "retry": {"attempts": 2}}, "retry: is given twice, also by retries"),
        ({"retry": {"attempts": 2, "retries": 1}}, "retry: says two things: attempts and retries"),
        ({"retry": {"attempts": 0}}, "retry: attempts 0 is not a whole number from 1 on"),
        ({"retry": {"attempts": 1000}}, "retry: attempts is more than 100"),
        ({"retry": {"backoff": []}}, "retry: backoff needs delays"),
        ({"retry": {"backoff": "soon"}}, "retry: backoff 'soon' is not one of standard, fast"),
        ({"delivery": {"mode": "webhook"}}, "delivery: of the mode webhook needs `to`"),
        ({"delivery": {"mode": "log", "to": "x"}}, "delivery: of the mode log has no to"),
        ({"delivery": {"mode": "pigeon"}}, "delivery: 'pigeon' is not one of session, webhook, log, channel"),
        ({"delivery": {"to": "x"}}, "delivery: needs a mode"),
        ({"failure_alert": {"channel": "telegram"}}, "failure_alert: needs a channel and a chat"),
        ({"on_fail": {"url": ""}}, "on_fail: needs a url"),
        ({"on_fail": {"url": "https://x", "has_token": True}}, "on_fail: had a token, which is never shown"),
        ({"then": {"on": "success"}}, "then: needs a job or an event"),
        ({"then": {"job": "a", "event": "b"}}, "then: needs a job or an event"),
        ({"then": 7}, "then: is not an object"),
        ({"exclude": {"weekdays": [0]}}, "exclude: 0 is not the name of a weekday"),
        ({"exclude": {"dates": ["24.12."]}}, "exclude: '24.12.' is not a date"),
        ({"exclude": {"holidays": "Bavaria!"}}, "exclude: 'Bavaria!' is not a country"),
        ({"context_messages": 51}, "context_messages: is more than the 50"),
        ({"context_messages": -1}, "context_messages: -1 is not a whole number"),
        ({"max_runs": 0}, "max_runs: 0 is not a whole number from 1 on"),
        ({"spend": {"money_per_day": 0}}, "spend: money_per_day 0 is not a number above zero"),
        ({"spend": {"money_per_day": float("nan")}}, "spend: money_per_day nan is not a number above zero"),
        ({"output_schema": "{"}, "output_schema: is not JSON"),
        ({"output_schema": [1]}, "output_schema: is not a JSON Schema"),
        ({"work_dir": "../etc"}, "work_dir: '../etc' is not a folder inside the workspace"),
        ({"work_dir": "/etc"}, "work_dir: '/etc' is not a folder inside the workspace"),
        ({"nag": 0}, "nag: needs a duration longer than zero"),
        ({"tools": [1]}, "tools: is not a list of texts"),
        ({"silent": "perhaps"}, "silent: 'perhaps' is not true or false"),
        ({"session": "main", "execution_mode": "main"}, "session: given twice"),
        ({"timeout": 5, "timeout_mins": 5}, "timeout_mins: given twice"),
    ],
)
def test_a_setting_that_means_nothing_or_two_things_is_named(written: dict[str, Any], why: str) -> None:
    assert fault(**written).startswith(why)


def test_the_type_of_a_schedule_has_to_fit_its_value() -> None:
    wrong = {"name": "x", "prompt": "y", "schedule_type": "every", "schedule_value": "0 9 * * *"}

    job = decode_job(wrong, GIVEN)

    assert "is not a duration; write a number of seconds, or 30s, 5m, 2h, 1d" in job.status_reason  # NOX-31


def test_settings_are_written_without_what_is_at_its_default() -> None:
    job = new_job(
        retry=Retry(attempts=5),
        delivery=Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url="https://example.org/x", token="s")),
        exclude=Exclude(weekdays=(5, 6)),
        then=(Then(on=ThenOn.DONE, job="0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11"),),
        spend=SpendCap(tokens_per_day=9),
        notify_on=(),
        tools=(),
        schedule=Cron("0 9 * * 1", "Europe/Berlin", 2, NOON),
    )

    stored = encode_job(job)

    assert {
        name: stored[name] for name in ("retry", "delivery", "exclude", "then", "spend", "notify_on", "tools")
    } == {
        "retry": {"attempts": 5},
        "delivery": {"mode": "webhook", "hook": {"url": "https://example.org/x", "token": "s"}},
        "exclude": {"weekdays": ["saturday", "sunday"]},
        "then": [{"on": "done", "job": "0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11"}],
        "spend": {"tokens_per_day": 9},
        "notify_on": [],
        "tools": [],
    }
    assert stored["schedule"] == {
        "kind": "cron",
        "expr": "0 9 * * 1",
        "every_nth": 2,
        "anchor": "2026-03-01T12:00:00Z",
    }


def test_a_changed_copy_leaves_the_job_as_it_was() -> None:
    job = new_job(then=(Then(job="a"),), tools=("web_fetch",))  # HP-50

    copy = replace(job, then=(*job.then, Then(job="b")), tools=("web_fetch", "message"))

    assert (job.then, job.tools) == ((Then(job="a"),), ("web_fetch",))
    assert (len(copy.then), copy.tools) == (2, ("web_fetch", "message"))
    with pytest.raises(FrozenInstanceError):
        setattr(job, "name", "other")  # noqa: B010 - what a type checker would not let pass


def test_the_zone_of_a_schedule_is_the_jobs_when_it_names_no_other() -> None:
    """OC-20"""
    schedule = {"kind": "cron", "expr": "0 18 * * *", "tz": "Asia/Kuala_Lumpur"}
    plain = {"schedule": schedule, "prompt": "x", "start_at": "2026-03-05T08:00"}

    own, other = decode_job(plain, GIVEN), decode_job({**plain, "tz": "Europe/Berlin"}, GIVEN)

    assert (own.tz, own.start_at) == ("Asia/Kuala_Lumpur", datetime(2026, 3, 5, 0, tzinfo=UTC))
    assert (other.tz, other.schedule) == ("Europe/Berlin", own.schedule)
    assert decode_job({**plain, "schedule": {**schedule, "tz": "Moon"}}, GIVEN).status is JobStatus.BROKEN

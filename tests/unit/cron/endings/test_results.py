"""Where results go: callbacks queued with the end of a run, and a line of the log."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from cron.endings.ending import Ended
from cron.endings.record import callbacks_of
from cron.endings.results import Results, log_result
from cron.job import Job
from cron.policy import Delivery, DeliveryMode, Hook
from cron.run import Run, RunStatus, Trigger
from gateway.agent.due import Ending, EndStatus
from gateway.callbacks import ledger
from gateway.callbacks.policy import CallbackKind, CallbackState, Verdict
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass
from tests.jobs import NOON, new_job
from tests.parts import prepared

JOB = new_job(uid="11111111-1111-4111-8111-111111111111", id="11111111", name="daily sales")
RUN = Run(
    id="5f2a",
    job_uid=JOB.uid,
    job_id=JOB.id,
    job_name=JOB.name,
    occurrence="2026-03-01T12:00:00.000000Z",
    status=RunStatus.SUCCEEDED,
    trigger=Trigger.SCHEDULE,
    scheduled_at=NOON,
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=2),
    trace_id="0af7651916cd43dd8448eb211c80319c",
    output="42 sold",
)
FAILED_RUN = replace(
    RUN, status=RunStatus.FAILED, output="", error="the model is away", error_class=ErrorClass.SERVER_ERROR
)
URL = "https://user.example/hook"


def webhook(**hook: Any) -> Delivery:
    return Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url=URL, **hook))


def bodies(job: Job, run: Run) -> dict[CallbackKind, dict[str, Any]]:
    return {callback.kind: orjson.loads(callback.body) for callback in callbacks_of(job, run)}


def test_the_body_of_a_result_holds_job_run_status_result_and_times() -> None:  # OC-06, NOX-14
    (body,) = bodies(replace(JOB, delivery=webhook()), RUN).values()

    assert body["type"] == "run.result"
    assert (body["job_id"], body["name"], body["run_id"]) == (JOB.id, "daily sales", "5f2a")
    assert (body["status"], body["result"]) == ("succeeded", "42 sold")
    assert body["scheduled_at"] == body["started_at"] == "2026-03-01T12:00:00.000000Z"
    assert (body["finished_at"], body["duration_ms"]) == ("2026-03-01T12:00:02.000000Z", 2_000)
    assert body["trace_id"] == RUN.trace_id


def test_the_result_of_a_failed_run_is_its_status_and_error() -> None:
    (body,) = bodies(replace(JOB, delivery=webhook()), FAILED_RUN).values()

    assert (body["status"], body["result"], body["error"]) == ("failed", None, "the model is away")


def test_on_complete_is_called_after_a_success_and_on_fail_after_a_failure() -> None:  # HP-11, HP-12, HP-48, HP-49
    job = replace(JOB, on_complete=Hook(url="https://a.example/"), on_fail=Hook(url="https://b.example/"))

    complete, fail = bodies(job, RUN), bodies(job, FAILED_RUN)

    assert list(complete) == [CallbackKind.COMPLETE]
    assert complete[CallbackKind.COMPLETE]["id"] == "5f2a"
    assert complete[CallbackKind.COMPLETE]["output"] == "42 sold"
    assert list(fail) == [CallbackKind.FAIL]
    assert fail[CallbackKind.FAIL]["error"] == "the model is away"
    assert fail[CallbackKind.FAIL]["error_class"] == "server_error"


@pytest.mark.parametrize("status", [RunStatus.TIMED_OUT, RunStatus.ABANDONED, RunStatus.INTERRUPTED])
def test_a_run_that_could_not_end_well_is_a_failure(status: RunStatus) -> None:
    job = replace(JOB, on_fail=Hook(url=URL))

    assert [one.kind for one in callbacks_of(job, replace(FAILED_RUN, status=status))] == [CallbackKind.FAIL]


def test_a_run_that_a_person_cancelled_is_neither() -> None:
    job = replace(JOB, on_complete=Hook(url=URL), on_fail=Hook(url=URL))

    assert callbacks_of(job, replace(RUN, status=RunStatus.CANCELLED)) == []


def test_a_job_without_hooks_owes_nobody_anything() -> None:  # OC-02, NOX-15
    assert callbacks_of(JOB, RUN) == []
    assert callbacks_of(replace(JOB, delivery=Delivery(mode=DeliveryMode.LOG)), RUN) == []


def test_token_timeout_and_retries_of_a_hook_are_kept_and_have_defaults() -> None:  # HP-81, HP-82, HP-83, HP-84
    own = webhook(token="t", timeout=timedelta(seconds=3), retries=1)

    (given,), (plain,) = (callbacks_of(replace(JOB, delivery=d), RUN) for d in (own, webhook()))

    assert (given.target.url, given.target.token, given.target.within, given.target.retries) == (
        URL,
        "t",
        timedelta(seconds=3),
        1,
    )
    assert (plain.target.within, plain.target.retries) == (timedelta(seconds=15), 4)


def test_the_result_is_a_line_of_the_log_where_that_is_wanted() -> None:  # NOX-15
    with capture_logs() as logs:
        log_result(replace(JOB, delivery=Delivery(mode=DeliveryMode.LOG)), RUN)
        log_result(JOB, RUN)

    (line,) = logs
    assert (line["event"], line["job"], line["run"], line["output"]) == ("Cron: result", JOB.id, "5f2a", "42 sold")
    assert line["trace_id"] == RUN.trace_id


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    opened = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield opened
    opened.close()


def write(driver: SqliteDriver, job: Job, run: Run) -> None:
    ended = Ended(job=job, run=run, ending=Ending(status=EndStatus.SUCCEEDED), now=NOON)
    transact(driver, lambda t: Results().write(t, ended))


def states(driver: SqliteDriver, run: str) -> list[tuple[CallbackKind, CallbackState]]:
    return [(one.kind, one.state) for one in transact(driver, lambda t: ledger.of_run(t, run))]


def test_every_callback_of_a_run_is_queued_once(driver: SqliteDriver) -> None:
    job = replace(JOB, delivery=webhook(), on_complete=Hook(url="https://other.example/"))

    write(driver, job, RUN)
    write(driver, job, RUN)

    due = transact(driver, lambda t: ledger.due(t, now=NOON))
    assert states(driver, RUN.id) == [
        (CallbackKind.RESULT, CallbackState.OPEN),
        (CallbackKind.COMPLETE, CallbackState.OPEN),
    ]
    assert [(one.callback.id, one.callback.target.url) for one in due] == [
        ("5f2a", URL),
        ("5f2a-complete", "https://other.example/"),
    ]


def test_a_hook_that_is_gone_is_not_called_but_by_hand_and_the_record_says_so(
    driver: SqliteDriver,
) -> None:  # P-83
    job = replace(JOB, delivery=webhook())
    write(driver, job, RUN)
    (first,) = transact(driver, lambda t: ledger.due(t, now=NOON))
    gone = Verdict(state=CallbackState.FAILED, error="answered 410", gone=True)
    transact(driver, lambda t: ledger.settle(t, first, gone, now=NOON))

    write(driver, job, replace(RUN, id="second"))
    write(driver, job, replace(RUN, id="third", trigger=Trigger.MANUAL))
    write(
        driver,
        replace(job, delivery=Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url=f"{URL}/2"))),
        replace(RUN, id="4"),
    )

    (second,) = transact(driver, lambda t: ledger.of_run(t, "second"))
    assert second.state is CallbackState.FAILED
    assert "disabled since it answered 410 Gone on 2026-03-01 12:00 UTC" in second.error
    assert states(driver, "third") == [(CallbackKind.RESULT, CallbackState.OPEN)]
    assert states(driver, "4") == [(CallbackKind.RESULT, CallbackState.OPEN)]


def test_output_of_any_kind_travels_whole(driver: SqliteDriver) -> None:
    odd = 'two\nlines "quoted" 😀 \x00 </page>'
    job = replace(JOB, delivery=webhook())

    write(driver, job, replace(RUN, output=odd))

    (due,) = transact(driver, lambda t: ledger.due(t, now=NOON))
    assert orjson.loads(due.callback.body)["result"] == odd

"""Which ends of runs are published."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cron.endings.lifecycle import Published, facts, lifecycle_of
from cron.policy import Lifecycle
from cron.run import RunStatus
from gateway import events
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass
from tests.endings import ended
from tests.jobs import new_job
from tests.parts import prepared

JOB = new_job(uid="u1", id="a1b2c3d4", name="news")
EVERYTHING = tuple(Lifecycle)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def published(driver: SqliteDriver, notify_on: tuple[Lifecycle, ...], status: RunStatus) -> list[str]:
    """The kinds of the events that follow from a run with this end."""
    one = ended(replace(JOB, notify_on=notify_on), status)
    transact(driver, lambda transaction: Published().write(transaction, one))
    return [event.kind for event in transact(driver, lambda transaction: events.since(transaction, 0))]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (RunStatus.SUCCEEDED, "run.completed"),  # HP-39
        (RunStatus.FAILED, "run.failed"),  # HP-40
        (RunStatus.TIMED_OUT, "run.failed"),
        (RunStatus.ABANDONED, "run.failed"),
        (RunStatus.CANCELLED, "run.cancelled"),  # HP-41
    ],
)
def test_each_end_is_published_where_the_job_asks_for_it(
    driver: SqliteDriver, status: RunStatus, kind: str
) -> None:
    assert published(driver, EVERYTHING, status) == [kind]


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.FAILED])
def test_a_job_that_names_one_end_is_silent_about_all_others(driver: SqliteDriver, status: RunStatus) -> None:
    cancelled = published(driver, (Lifecycle.CANCELLED,), RunStatus.FAILED)  # HP-38
    others = published(driver, (Lifecycle.FAILED,), status)

    expected = ["run.failed"] if lifecycle_of(status) is Lifecycle.FAILED else []
    assert (cancelled, others) == ([], expected)


def test_failures_are_published_when_a_job_says_nothing(driver: SqliteDriver) -> None:
    assert JOB.notify_on == (Lifecycle.FAILED,)  # C-23


def test_an_event_names_the_run_and_why_it_failed(driver: SqliteDriver) -> None:
    one = ended(JOB, RunStatus.FAILED, error="no key", error_class=ErrorClass.PERMISSION)

    transact(driver, lambda transaction: Published().write(transaction, one))

    (event,) = transact(driver, lambda transaction: events.since(transaction, 0))
    assert event.subject == "r1"
    assert event.body == facts(one)
    assert (event.body["job"], event.body["error"], event.body["error_class"]) == ("u1", "no key", "permission")

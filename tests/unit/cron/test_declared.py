"""Declared jobs: the configuration wins, except for enabled or not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cron.declared import GONE, Task, declare
from cron.draft import Draft, Maker
from cron.job import AgentPrompt, JobStatus
from cron.stores.memory import MemoryStore
from gateway.errors import ScheduleError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAKER = Maker(now=NOW, zone="UTC")
REPORT = Task(draft=Draft(name="daily-report", schedule="0 9 * * *", prompt="report"))
EVERY = Task(draft=Draft(name="pulse", schedule="30m", prompt="look"))


def test_prx06_a_declared_task_is_there_once_after_every_start() -> None:
    store = MemoryStore()

    declare(store, [REPORT, EVERY], MAKER)
    before = dict(store.load())
    declare(store, [REPORT, EVERY], replace(MAKER, now=NOW + timedelta(days=3)))

    assert dict(store.load()) == before
    assert sorted(job.name for job in before.values()) == ["daily-report", "pulse"]


def test_a_changed_prompt_changes_the_stored_job_and_nothing_else() -> None:
    store = MemoryStore()
    declare(store, [REPORT], MAKER)
    (uid,) = store.load()
    store.put(replace(store.load()[uid], status=JobStatus.DISABLED))

    declare(store, [Task(draft=replace(REPORT.draft, prompt="a better report"))], MAKER)

    job = store.load()[uid]
    assert job.payload == AgentPrompt(prompt="a better report")
    assert job.status is JobStatus.DISABLED


def test_prx07_a_task_that_was_removed_is_disabled_and_comes_back_with_its_id() -> None:
    store = MemoryStore()
    declare(store, [REPORT], MAKER)
    (uid,) = store.load()

    declare(store, [], MAKER)
    gone = store.load()[uid]
    declare(store, [REPORT], MAKER)

    assert (gone.status, gone.status_reason) == (JobStatus.DISABLED, GONE)
    assert store.load()[uid].status is JobStatus.ENABLED


def test_a_task_with_an_impossible_schedule_is_refused() -> None:
    task = Task(draft=Draft(name="never", schedule="0 0 30 2 *", prompt="x"))

    with pytest.raises(ScheduleError):
        declare(MemoryStore(), [task], MAKER)

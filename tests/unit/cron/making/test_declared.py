"""Declared jobs: the configuration wins, except for enabled or not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cron.job import AgentPrompt, Job, JobStatus, Shell
from cron.making.declared import GONE, Task, declare
from cron.making.draft import Draft, Maker
from cron.making.rules import Bounds
from cron.policy import AfterRun, Delivery, DeliveryMode, Exclude, JobType, Retry, Then
from cron.schedule import Cron
from cron.stores.memory import MemoryStore
from gateway.errors import ScheduleError, UserError
from gateway.messages import ChatAddress

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


# -- every setting ------------------------------------------------------------------------------------------------

LATER = replace(MAKER, now=NOW + timedelta(days=3))


def only(store: MemoryStore) -> Job:
    (job,) = store.load().values()
    return job


def test_a_task_may_have_every_setting_and_a_target() -> None:
    draft = replace(
        REPORT.draft, retry={"retries": 1}, exclude={"weekdays": ["sat"]}, delivery="log", type="medium"
    )
    chat = ChatAddress(channel="telegram", chat="5")
    store = MemoryStore()

    declare(store, [Task(draft=draft, address=chat)], MAKER)

    job = only(store)
    assert (job.retry, job.exclude, job.type) == (Retry(attempts=2), Exclude(weekdays=(5,)), JobType.MEDIUM)
    assert (job.delivery, job.address, job.declared) == (Delivery(mode=DeliveryMode.LOG), chat, True)


def test_a_setting_that_is_not_declared_any_more_is_back_at_its_default() -> None:
    store = MemoryStore()
    declare(store, [Task(draft=replace(REPORT.draft, retry="fast", max_runs=3))], MAKER)
    before = only(store)

    declare(store, [REPORT], LATER)

    assert replace(only(store), retry=before.retry, max_runs=3, revision=before.revision) == before


def test_what_moves_the_next_run_of_a_task_counts_as_a_new_schedule() -> None:
    store = MemoryStore()
    declare(store, [REPORT], MAKER)

    declare(store, [Task(draft=replace(REPORT.draft, exclude="sat"))], LATER)

    assert only(store).changed_at == LATER.now


def test_a_task_that_has_expired_since_it_was_declared_stays_as_it_is() -> None:
    task = Task(draft=replace(REPORT.draft, expires_at="2026-03-04T00:00Z"))
    store = MemoryStore()
    declare(store, [task], MAKER)
    before = only(store)

    declare(store, [task], LATER)

    assert only(store) == before


def test_the_state_of_a_task_outlives_a_change_of_it() -> None:
    store = MemoryStore()
    declare(store, [REPORT], MAKER)
    store.set_state(only(store).uid, {"n": 1}, expected=0, stamp="t1")

    declare(store, [Task(draft=replace(REPORT.draft, prompt="other"))], LATER)

    assert (only(store).state, only(store).payload) == ({"n": 1}, AgentPrompt(prompt="other"))


def test_tasks_may_follow_each_other_in_any_order_but_not_in_a_circle() -> None:
    first = Task(draft=replace(REPORT.draft, then="pulse"))
    store = MemoryStore()

    declare(store, [first, EVERY], MAKER)

    jobs = {job.name: job for job in store.load().values()}
    assert jobs["daily-report"].then == (Then(job=jobs["pulse"].uid),)
    with pytest.raises(UserError, match=r'cron\.tasks "pulse": then: .* pulse → daily-report → pulse'):
        declare(MemoryStore(), [first, Task(draft=replace(EVERY.draft, then="daily-report"))], MAKER)


def test_a_wrong_task_is_named_and_nothing_is_written() -> None:
    store = MemoryStore()

    with pytest.raises(UserError, match=r'cron\.tasks "pulse": retry: '):
        declare(store, [REPORT, Task(draft=replace(EVERY.draft, retry="soon"))], MAKER)

    assert store.load() == {}


def test_a_shell_task_is_stored_when_shell_is_not_off() -> None:
    """PRX-09 (so far its runs fail as permission), PRX-12."""
    check = Task(draft=Draft(name="repo-check", schedule="*/30 * * * *", command="echo hi"))
    store = MemoryStore()

    declare(store, [check], replace(MAKER, admin=True))

    assert (only(store).payload, only(store).schedule) == (Shell(command="echo hi"), Cron("*/30 * * * *", "UTC"))
    with pytest.raises(UserError, match=r"switched off here \(cron\.shell\)"):
        declare(MemoryStore(), [check], replace(MAKER, bounds=Bounds(shell="off")))


def test_a_task_that_runs_once_is_kept_when_it_has_run_and_a_later_start_is_no_error() -> None:
    once = Task(draft=Draft(name="once", at="2026-03-02T13:00", prompt="x", after_run="delete"))
    store = MemoryStore()
    declare(store, [once], MAKER)
    assert only(store).after_run is AfterRun.DISABLE
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason="it has run"))
    before = only(store)

    declare(store, [once], LATER)

    assert only(store) == before


def test_a_task_that_is_over_fires_again_when_it_gets_another_time() -> None:
    once = Task(draft=Draft(name="once", at="2026-03-02T13:00", prompt="x"))
    store = MemoryStore()
    declare(store, [once], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason="it has run"))

    declare(store, [Task(draft=replace(once.draft, at="2026-03-09T13:00"))], LATER)

    assert (only(store).status, only(store).changed_at) == (JobStatus.ENABLED, LATER.now)


def test_a_task_that_somebody_has_disabled_stays_so_with_another_time() -> None:
    store = MemoryStore()
    declare(store, [REPORT], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED))

    declare(store, [Task(draft=replace(REPORT.draft, schedule="0 10 * * *"))], LATER)

    assert only(store).status is JobStatus.DISABLED


def test_a_task_that_has_expired_may_have_another_that_follows_it() -> None:
    first = Task(draft=replace(REPORT.draft, expires_at="2026-03-04T00:00Z", then="pulse"))
    store = MemoryStore()
    declare(store, [first, EVERY], MAKER)
    before = dict(store.load())

    declare(store, [first, EVERY], LATER)

    assert dict(store.load()) == before


class Contended(MemoryStore):
    """Somebody disables the job in the very moment in which it is to be changed."""

    met = False

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        if job.revision and not self.met:
            self.met = True
            super().put(replace(self.load()[job.uid], status=JobStatus.DISABLED))
        return super().put(job, check=check)


def test_a_task_that_somebody_changes_at_the_same_time_is_changed_after_them() -> None:
    store = Contended()
    declare(store, [REPORT], MAKER)

    declare(store, [Task(draft=replace(REPORT.draft, prompt="other"))], LATER)

    assert (only(store).payload, only(store).status) == (AgentPrompt(prompt="other"), JobStatus.DISABLED)


COUNTED = Task(draft=replace(EVERY.draft, max_runs=3, after_run="disable"))


@pytest.mark.parametrize("more", [5, None])
def test_a_task_that_has_had_its_runs_fires_again_when_it_may_have_more(more: int | None) -> None:
    store = MemoryStore()
    declare(store, [COUNTED], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason="it has run"))

    declare(store, [Task(draft=replace(COUNTED.draft, max_runs=more))], LATER)

    assert (only(store).status, only(store).status_reason) == (JobStatus.ENABLED, "")
    assert only(store).changed_at == LATER.now


def test_a_task_that_is_over_fires_again_when_it_expires_later() -> None:
    store, ending = MemoryStore(), replace(EVERY.draft, expires_at="2026-03-03T12:00:00Z")
    declare(store, [Task(draft=ending)], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason="it has run"))

    declare(store, [Task(draft=replace(ending, expires_at="2026-04-03T12:00:00Z"))], LATER)

    assert only(store).status is JobStatus.ENABLED


@pytest.mark.parametrize(
    ("reason", "draft"),
    [
        ("", replace(COUNTED.draft, max_runs=5)),  # a person has disabled it
        ("it has run", replace(COUNTED.draft, max_runs=3, prompt="look again")),
        ("it has run", replace(COUNTED.draft, max_runs=2)),
    ],
)
def test_a_task_that_a_person_disabled_or_that_may_not_have_more_stays_over(reason: str, draft: Draft) -> None:
    store = MemoryStore()
    declare(store, [COUNTED], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason=reason))

    declare(store, [Task(draft=draft)], LATER)

    assert only(store).status is JobStatus.DISABLED


def test_more_runs_for_a_task_that_has_expired_leave_it_over() -> None:
    store, ended = MemoryStore(), replace(COUNTED.draft, expires_at="2026-03-03T12:00:00Z")
    declare(store, [Task(draft=ended)], MAKER)
    store.put(replace(only(store), status=JobStatus.DISABLED, status_reason="it has run"))

    declare(store, [Task(draft=replace(ended, max_runs=5))], LATER)

    assert only(store).status is JobStatus.DISABLED

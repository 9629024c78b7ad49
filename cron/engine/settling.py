"""Settler: what the end of a run means for its job: it is over, or it is paused."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from cron import planner, runs
from cron.endings import alerts
from cron.endings.alerts import Failing, Pause
from cron.job import Job, JobStatus
from cron.planner import Cursor
from cron.policy import AfterRun
from cron.run import Run, RunStatus, Trigger
from cron.schedule import At
from cron.store import JobStore
from cron.times.timetable import times_of
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import JobChangedError, NotFoundError

logger = structlog.get_logger()

ATTEMPTS = 5  # to change a job that others change at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the tables say of a job."""

    spent: int = 0  # runs that its schedule has made
    open: bool = False  # one of its runs is not over
    expired: bool = False  # there is no occurrence any more before its `expires_at`
    failing: Failing | None = None


class Settler:
    """Changes jobs after their runs. Doing it twice does the same: it is done again for what a crash left."""

    def __init__(self, store: JobStore, database: Database) -> None:
        self._store = store
        self._database = database

    async def settle(self, run: Run) -> None:
        """Write what follows from a run that has ended; StoreError if that fails: call it again then."""
        await self._change(run.job_uid, run)

    async def settle_all(self) -> None:
        """Pause the jobs that should be and are not."""
        for uid in await self._database.read(alerts.to_be_paused):
            await self._change(uid, None)

    async def _change(self, uid: str, run: Run | None) -> None:
        for _ in range(ATTEMPTS):
            jobs = await asyncio.to_thread(self._store.load)
            job = jobs.get(uid)
            if job is None:
                return
            following = await self._following(job, run)
            try:
                await asyncio.to_thread(self._apply, job, following)
            except JobChangedError:
                continue
            except NotFoundError:
                return
            return
        logger.error("a job is changed too often to be settled; the next start does it", job=uid[:8])

    async def _following(self, job: Job, run: Run | None) -> Job | None:
        known = _Known()
        if run is None or matters(job, run):
            known = await self._database.read(lambda transaction: _known(transaction, job))
        pause = alerts.verdict(job, known.failing)
        if run is None:
            return job if pause is None else _paused(job, pause.reason)
        all_made = known.expired or (job.max_runs is not None and known.spent >= job.max_runs)
        return after(job, run, last=all_made and not known.open, pause=pause)

    def _apply(self, job: Job, following: Job | None) -> None:
        if following is None:
            self._store.remove(job.uid, revision=job.revision)
        elif following != job:
            self._store.put(following)


def matters(job: Job, run: Run) -> bool:
    """Whether the end of the run may change its job."""
    bounded = isinstance(job.schedule, At) or job.max_runs is not None or job.expires_at is not None
    return bounded or run.status is not RunStatus.SUCCEEDED


def _known(transaction: Transaction, job: Job) -> _Known:
    cursor = runs.cursor_of(transaction, job.uid)
    return _Known(
        spent=cursor.runs if cursor else 0,
        open=runs.is_busy(transaction, job.uid),
        expired=cursor is not None and _has_expired(job, cursor),
        failing=alerts.failing(transaction, job.uid),
    )


def _has_expired(job: Job, cursor: Cursor) -> bool:
    """By a cursor that is of this very schedule: one of a job that was resumed a moment ago says nothing."""
    return job.expires_at is not None and cursor.next_at is None and cursor.fingerprint == planner.fingerprint(job)


def after(job: Job, run: Run, *, last: bool = False, pause: Pause | None = None) -> Job | None:
    """The job after a run of it has ended; None: it is removed.

    `last`: it has had all its runs (max_runs, expires_at). `pause`: it has failed too often.
    """
    if run.status is RunStatus.ABANDONED:
        return _paused(job, run.error)
    if not run.status.open and ((last and planner.fires(job)) or _was_its_moment(job, run)):
        return _over(job, run)
    return job if pause is None else _paused(job, pause.reason)


def _was_its_moment(job: Job, run: Run) -> bool:
    """Whether it was the one occurrence of a one-shot, which may have another time by now."""
    times = times_of(job)
    if (
        run.trigger not in {Trigger.SCHEDULE, Trigger.CATCH_UP}
        or not isinstance(job.schedule, At)
        or times is None
    ):
        return False
    return times.next_after(run.scheduled_at - planner.TICK) == run.scheduled_at


def _over(job: Job, run: Run) -> Job | None:
    if run.status is not RunStatus.SUCCEEDED:
        return replace(job, status=JobStatus.DISABLED, status_reason=run.error or run.status.value)
    match job.after_run:
        case AfterRun.DELETE:
            return None
        case AfterRun.DISABLE:
            return replace(job, status=JobStatus.DISABLED, status_reason="it has run")
        case AfterRun.KEEP:
            return job


def _paused(job: Job, reason: str) -> Job:
    return replace(job, status=JobStatus.PAUSED, status_reason=reason)

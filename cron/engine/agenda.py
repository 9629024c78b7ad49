"""Agenda: the jobs, how far the schedule of each is handled, and the heap of what comes next."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from cron import planner, runs
from cron.job import Job
from cron.planner import Cursor
from cron.schedule import At
from cron.store import JobStore, Snapshot, differing
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database

logger = structlog.get_logger()

SLICE = 50  # jobs that are computed or claimed before other tasks have their turn
CURSOR_KEPT = timedelta(days=1)  # of a job that is gone: its file may be put back
STOPPED = ":off"  # how the fingerprint of a job ends that does not fire


class Agenda:
    """What is due next. Reading the jobs and claiming take turns: `changing` is held for either."""

    def __init__(
        self, *, store: JobStore, database: Database, clock: Clock, sooner: Callable[[], None] = lambda: None
    ) -> None:
        """`sooner` is called when something may be due earlier than was known."""
        self._store = store
        self._database = database
        self._clock = clock
        self._sooner = sooner
        self._known = False  # the cursors were read
        self._heap: list[tuple[datetime, str]] = []
        self._gone: dict[str, datetime] = {}  # cursors without a job, and since when
        self.jobs: Mapping[str, Job] = {}  # by uid, as they were last read
        self.cursors: dict[str, Cursor] = {}
        self.changing = asyncio.Lock()
        self.stale = False  # the jobs were read, and not all that follows from them is done
        self.degraded = ""  # what had to be done to read the jobs

    @property
    def next_fire(self) -> datetime | None:
        """The earliest next instant of all jobs."""
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def changed(self) -> bool:
        """Whether the jobs have to be read again."""
        return self.stale or self._store.changed(self.jobs)

    async def reload(self) -> None:
        """Read the jobs again; only those whose schedule or status has changed get a new cursor."""
        async with self.changing:
            self.stale = True
            await self._take(await self._read())
            self.stale = False

    def pop_due(self, now: datetime, most: int = SLICE) -> list[str]:
        """Jobs whose time has come, the earliest first, at most so many of them."""
        due: dict[str, None] = {}  # a job that was away has an old entry in the heap too
        while self._heap and self._heap[0][0] <= now and len(due) < most:
            at, uid = heapq.heappop(self._heap)
            if self._is_current(at, uid):
                due[uid] = None
        return list(due)

    def put(self, uid: str) -> None:
        """Look at the job again when its next instant comes."""
        cursor = self.cursors.get(uid)
        if cursor is not None and cursor.next_at is not None and uid in self.jobs:
            heapq.heappush(self._heap, (cursor.next_at, uid))
            self._sooner()

    def over(self, among: Iterable[str] | None = None) -> list[str]:
        """The jobs that could fire and have had all their runs; of these, or of all that there are."""
        known = self.cursors if among is None else [uid for uid in among if uid in self.cursors]
        ended = [uid for uid in known if self.cursors[uid].next_at is None and uid in self.jobs]
        return [uid for uid in ended if _is_over(self.jobs[uid], self.cursors[uid])]

    # -- inside -------------------------------------------------------------------------------------------

    async def _read(self) -> Mapping[str, Job]:
        recovery = await asyncio.to_thread(self._store.recover)
        for note in recovery.notes:
            logger.warning("the store of jobs", note=note)
        if recovery.degraded:
            self.degraded = "; ".join(recovery.notes)
        return recovery.jobs

    async def _take(self, jobs: Mapping[str, Job]) -> None:
        if not self._known:  # also without `start`: in a process that works one turn, a turn may make a job
            self.cursors = await self._database.read(runs.cursors)
            self._known = True
        now = self._clock.now()
        changed = differing(self.jobs, jobs).changed
        moved: dict[str, Cursor] = {}
        for n, uid in enumerate(changed):
            if (cursor := self._moved(jobs, uid, now)) is not None:
                moved[uid] = cursor
            if n % SLICE == 0:
                await self._clock.sleep(timedelta())
        await self._keep(moved, self._long_gone(jobs, now))
        before, self.jobs = self.jobs, jobs
        for uid in changed:
            if uid in moved or uid not in before:
                self.put(uid)

    def _moved(self, jobs: Mapping[str, Job], uid: str, now: datetime) -> Cursor | None:
        """The new cursor of a job; None if it stays where it was."""
        known = self.cursors.get(uid)
        if known is None:
            return planner.begin(jobs[uid], now, known=None)
        if known.fingerprint != _fingerprint(jobs, uid):
            job = jobs[uid]
            stopped = known.fingerprint.endswith(STOPPED) and planner.fires(job)
            made = 0 if stopped and planner.exhausted(job, known) else known.runs  # enabled again: counted anew
            return _limited(job, replace(planner.begin(job, now, known=known), runs=made))
        if known.next_at is None and known.runs:
            return self._resumed(jobs[uid], known, now)
        return None

    def _resumed(self, job: Job, known: Cursor, now: datetime) -> Cursor | None:
        """A job that had had all its runs, and may have more: from now on."""
        if not planner.fires(job) or isinstance(job.schedule, At) or planner.exhausted(job, known):
            return None
        return replace(planner.begin(job, now, known=known), runs=known.runs)

    def _long_gone(self, jobs: Mapping[str, Job], now: datetime) -> list[str]:
        """The cursors to drop. Without its cursor, the whole past of a job that comes back would be missed."""
        absent = self.cursors.keys() - jobs.keys()
        self._gone = {uid: self._gone.get(uid, now) for uid in absent}
        if self.degraded:
            return []  # the jobs may be in the file that could not be read
        return [uid for uid, since in self._gone.items() if now - since > CURSOR_KEPT]

    async def _keep(self, moved: Mapping[str, Cursor], gone: Iterable[str]) -> None:
        if not moved and not gone:
            return
        gone = tuple(gone)

        def write(transaction: Transaction) -> None:
            for uid, cursor in moved.items():
                runs.move_cursor(transaction, uid, cursor)
            for uid in gone:
                runs.drop_cursor(transaction, uid)

        await self._database.write(write)
        self.cursors.update(moved)
        for uid in gone:
            del self.cursors[uid]

    def _is_current(self, at: datetime, uid: str) -> bool:
        cursor = self.cursors.get(uid)
        return uid in self.jobs and cursor is not None and cursor.next_at == at


def _is_over(job: Job, cursor: Cursor) -> bool:
    """Whether one that has no next instant is over: by its schedule, its `max_runs` or its `expires_at`."""
    bounded = isinstance(job.schedule, At) or job.expires_at is not None or planner.exhausted(job, cursor)
    return bounded and planner.fires(job)


def _fingerprint(jobs: Mapping[str, Job], uid: str) -> str:
    """Without decoding the job, where the store knows it."""
    return jobs.outline(uid).fingerprint if isinstance(jobs, Snapshot) else planner.fingerprint(jobs[uid])


def _limited(job: Job, cursor: Cursor) -> Cursor:
    return replace(cursor, next_at=None) if planner.exhausted(job, cursor) else cursor

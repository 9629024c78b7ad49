"""CronService: claims what is due, on time, and publishes it; it awaits nothing that a job does."""

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from cron import planner, runs
from cron.job import Job, Overlap, Run, Trigger
from cron.notices import missed_notices
from cron.planner import Cursor, Missed, Plan
from cron.schedule import At
from cron.store import JobStore
from gateway.bus import Bus
from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError, UserError
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, InboundMessage
from gateway.tools import message as messages

logger = structlog.get_logger()

LONGEST_SLEEP = timedelta(seconds=30)  # a wall clock that jumps, a machine that slept: noticed within this
LOOK_EVERY = timedelta(milliseconds=250)
SLICE = 50  # jobs that are computed or claimed before other tasks have their turn
STORE_PAUSE = timedelta(seconds=2)
CLAIM_PAUSE = timedelta(seconds=30)  # before a job whose claim failed is tried again
CURSOR_KEPT = timedelta(days=1)  # of a job that is gone: its file may be put back


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A job whose time has come: what is claimed for it in one transaction."""

    job: Job
    plan: Plan
    claims: tuple[tuple[runs.Occurrence, InboundMessage], ...]


@dataclass(slots=True)
class _Round:
    """What one look at the heap has claimed so far, also when it ends early."""

    claimed: list[tuple[Accepted, InboundMessage]] = field(default_factory=list)
    lost: bool = False  # an occurrence was missed or skipped


class CronService:
    """The scheduler: a heap of next instants and one task."""

    def __init__(
        self,
        *,
        store: JobStore,
        database: Database,
        bus: Bus,
        clock: Clock,
        default_target: ChatAddress | None,
        left_words: Callable[[], None],
        settle: Callable[[Run], Awaitable[None]],
    ) -> None:
        """`left_words` is called after a transaction of ours has put something into the outbox, `settle` with
        runs of one-shots that are over: what follows for their job may not have been done yet.
        """
        self._store = store
        self._database = database
        self._bus = bus
        self._clock = clock
        self._default_target = default_target
        self._left_words = left_words
        self._settle = settle
        self._jobs: Mapping[str, Job] = {}
        self._cursors: dict[str, Cursor] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._gone: dict[str, datetime] = {}  # cursors without a job, and since when
        self._failed: dict[str, datetime] = {}  # jobs whose claim failed, and when
        self._forgone: list[tuple[Job, Missed]] = []  # missed, and not told yet
        self._unsettled = False  # a one-shot has run, and its job does not know it yet
        self._stale = False  # the jobs were read, and not all that follows from them is done
        self._wake = asyncio.Event()
        self._changing = asyncio.Lock()  # of jobs, cursors and heap: reloading and claiming take turns
        self.heartbeat: datetime | None = None
        self.trouble = ""  # why nothing can be claimed at the moment
        self.degraded = ""  # what had to be done to read the jobs

    @property
    def next_fire(self) -> datetime | None:
        """The earliest next instant of all jobs."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    @property
    def jobs(self) -> Mapping[str, Job]:
        """All jobs by uid, as they were last read."""
        return self._jobs

    async def start(self) -> None:
        """Read the jobs and go on where the cursors stand."""
        await self.reload()
        await self._settle_one_shots()

    async def run(self) -> None:
        """Claim what is due, for ever."""
        while True:
            await self._tick()
            due_in = (self.next_fire or datetime.max.replace(tzinfo=self._clock.now().tzinfo)) - self._clock.now()
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(min(max(due_in, timedelta()), LONGEST_SLEEP)):
                    await self._wake.wait()
            self._wake.clear()

    async def watch(self) -> None:
        """Look often whether somebody has changed the jobs: it is one look at a file."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            if self._store.changed(self._jobs):
                self._wake.set()

    async def _tick(self) -> None:
        try:
            if self._stale or self._store.changed(self._jobs):
                await self.reload()
            await self.run_due(self._clock.now())
            if self._unsettled:
                await self._settle_one_shots()
                self._unsettled = False
        except StoreError as error:
            if str(error) != self.trouble:  # once, however often it is tried
                logger.error("cron: what is due cannot be claimed; it is tried again", error=str(error))
            self.trouble = str(error)
            await self._clock.sleep(STORE_PAUSE)
        else:
            self.trouble = ""
            self.heartbeat = self._clock.now()

    def settle_soon(self) -> None:
        """What a run means for its job could not be written: try again."""
        self._unsettled = True
        self._wake.set()

    # -- the jobs change ----------------------------------------------------------------------------------

    def changed(self) -> None:
        """Somebody may have changed the jobs: look soon."""
        self._wake.set()

    async def reload(self) -> None:
        """Read the jobs again; only those whose schedule or status has changed get a new cursor."""
        async with self._changing:
            self._stale = True
            await self._take(await self._read())
            self._stale = False

    async def _read(self) -> Mapping[str, Job]:
        recovery = await asyncio.to_thread(self._store.recover)
        for note in recovery.notes:
            logger.warning("the store of jobs", note=note)
        if recovery.degraded:
            self.degraded = "; ".join(recovery.notes)
        return recovery.jobs

    async def _take(self, jobs: Mapping[str, Job]) -> None:
        if not self._jobs:  # also without `start`: in a process that works one turn, a turn may make a job
            self._cursors = await self._database.read(runs.cursors)
        now = self._clock.now()
        moved: dict[str, Cursor] = {}
        for n, (uid, job) in enumerate(jobs.items()):
            if self._jobs.get(uid) is job:
                continue
            known = self._cursors.get(uid)
            if known is None or known.fingerprint != planner.fingerprint(job):
                moved[uid] = planner.begin(job, now, known=known)
            if n % SLICE == 0:
                await self._clock.sleep(timedelta())
        await self._keep(moved, self._long_gone(jobs, now))
        before, self._jobs = self._jobs, jobs
        for uid in jobs:
            if uid in moved or uid not in before:
                self._schedule(uid)

    def _long_gone(self, jobs: Mapping[str, Job], now: datetime) -> list[str]:
        """The cursors to drop. Without its cursor, the whole past of a job that comes back would be missed."""
        absent = self._cursors.keys() - jobs.keys()
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
        self._cursors.update(moved)
        for uid in gone:
            del self._cursors[uid]

    # -- what is due --------------------------------------------------------------------------------------

    async def run_due(self, now: datetime) -> int:
        """Claim and publish everything that is due at `now`; returns how many runs that made."""
        done = _Round()
        self._try_failed_again(now)
        try:
            while uids := self._pop_due(now):
                await self._claim(uids, now, done)
                await self._clock.sleep(timedelta())
        except StoreError:
            self._unsettled = self._unsettled or done.lost
            raise
        finally:
            # Not before: the turns that begin here would take their time from the claims of the others.
            for row, said in done.claimed:
                self._bus.announce(row, said)
        if done.lost:  # a one-shot may be over
            await self._settle_one_shots()
        await self._tell_forgone(now)
        return len(done.claimed)

    async def _tell_forgone(self, now: datetime) -> None:
        """One summary for each chat, when all that was due is recorded; a crash before loses it, and no record."""
        forgone, self._forgone = self._forgone, []
        if not forgone:
            return

        def write(transaction: Transaction) -> None:
            for notice in missed_notices(forgone):
                messages.leave(transaction, notice, at=to_text(now))

        try:
            await self._database.write(write)
        except StoreError:
            self._forgone = forgone
            raise
        except Exception:
            logger.exception("cron: a summary of what was missed cannot be made; the records are there")
        else:
            self._left_words()

    def _pop_due(self, now: datetime) -> list[str]:
        due: list[str] = []
        while self._heap and self._heap[0][0] <= now and len(due) < SLICE:
            at, uid = heapq.heappop(self._heap)
            if self._is_current(at, uid) and uid not in due:  # twice: a job that was away has an old entry too
                due.append(uid)
        return due

    async def _claim(self, uids: list[str], now: datetime, done: _Round) -> None:
        async with self._changing:
            due = await self._prepare_all(uids, now)
            try:
                await self._claim_together(due, now, done)
            except StoreError:
                raise
            except Exception:
                logger.exception("cron: these jobs cannot be claimed together; claiming them one by one")
                await self._claim_singly(due, now, done)

    async def _prepare_all(self, uids: list[str], now: datetime) -> list[_Due]:
        due: list[_Due] = []
        for uid in uids:
            try:
                if (found := self._prepare(uid, now)) is not None:
                    due.append(found)
            except Exception:
                logger.exception("cron: a job cannot be made due; trying again later", job=uid)
                self._failed[uid] = now
            await self._clock.sleep(timedelta())  # after a long outage one plan takes tens of milliseconds
        return due

    async def _claim_together(self, due: list[_Due], now: datetime, done: _Round) -> None:
        """All in one transaction: all of them are claimed, or none is."""
        try:
            accepted = await self._database.write(lambda transaction: _claim_all(transaction, due, now))
        except StoreError:
            for found in due:
                self._schedule(found.job.uid)  # nothing was claimed: it is still due
            raise
        done.claimed += accepted
        done.lost = done.lost or len(accepted) < sum(len(found.claims) or 1 for found in due)
        for found in due:
            if found.plan.missed is not None and not found.plan.runs:
                self._forgone.append((found.job, found.plan.missed))
            self._cursors[found.job.uid] = found.plan.cursor
            self._schedule(found.job.uid)

    async def _claim_singly(self, due: list[_Due], now: datetime, done: _Round) -> None:
        """One of them cannot be claimed: find out which, so that it takes no other with it."""
        for n, found in enumerate(due):
            try:
                await self._claim_together([found], now, done)
            except StoreError:
                for other in due[n + 1 :]:
                    self._schedule(other.job.uid)
                raise
            except Exception:
                logger.exception("cron: a job cannot be claimed; trying again later", job=found.job.id)
                self._failed[found.job.uid] = now

    def _try_failed_again(self, now: datetime) -> None:
        """Not at once: a job that cannot be claimed is always due."""
        for uid in [uid for uid, at in self._failed.items() if abs(now - at) >= CLAIM_PAUSE]:
            del self._failed[uid]
            self._schedule(uid)

    async def _settle_one_shots(self) -> None:
        """One-shots whose only occurrence is handled: finish what a crash may have left between two stores."""
        for uid, job in list(self._jobs.items()):
            if isinstance(job.schedule, At) and planner.fires(job) and self._is_over(uid):
                await self._settle_last(uid)

    def _is_over(self, uid: str) -> bool:
        cursor = self._cursors.get(uid)  # none: removed meanwhile
        return cursor is not None and cursor.next_at is None

    async def _settle_last(self, uid: str) -> None:
        for run in await self._database.read(lambda transaction: runs.recent(transaction, job=uid, limit=1)):
            await self._settle(run)

    async def run_now(self, job: Job, stamp: str = "", *, force: bool = False) -> str:
        """Run the job at once, beside its schedule; returns the run's id. UserError while another run is open.

        The same stamp again is the same run, and nothing happens twice. A job that does not fire by itself runs
        with `force` only.
        """
        if not force and not planner.fires(job):
            raise UserError(f'"{job.name}" ({job.id}) is {job.status.value}, and does not run; enable it first')
        now = self._clock.now()
        due = runs.occurrence(now, now, Trigger.MANUAL, stamp=stamp)
        said = self._message(job, due, now)
        accepted = await self._database.write(lambda transaction: runs.claim_manually(transaction, job, due, said))
        if accepted is not None:
            self._bus.announce(accepted, said)
        return due.run

    def _prepare(self, uid: str, now: datetime) -> _Due | None:
        job, cursor = self._jobs.get(uid), self._cursors.get(uid)
        if job is None or cursor is None:
            return None  # removed meanwhile
        try:
            plan = planner.plan(job, cursor, now)
        except Exception:
            # A schedule that cannot be computed must not stop the others.
            logger.exception("cron: a schedule cannot be computed; the job sleeps until it is changed", job=job.id)
            return None
        if plan is None:
            self._schedule(uid)
            return None
        claims = []
        for n, moment in enumerate(plan.runs):
            trigger = Trigger.CATCH_UP if now - moment > planner.LATE else Trigger.SCHEDULE
            missed = plan.missed_count if n == 0 else 0
            due = runs.occurrence(moment, now, trigger, missed=missed)
            claims.append((due, self._message(job, due, now)))
        return _Due(job=job, plan=plan, claims=tuple(claims))

    def _message(self, job: Job, due: runs.Occurrence, now: datetime) -> InboundMessage:
        return runs.message(job, due, self._default_target, now)

    # -- the heap -----------------------------------------------------------------------------------------

    def _schedule(self, uid: str) -> None:
        cursor = self._cursors.get(uid)
        if cursor is not None and cursor.next_at is not None and uid in self._jobs:
            heapq.heappush(self._heap, (cursor.next_at, uid))
            self._wake.set()

    def _is_current(self, at: datetime, uid: str) -> bool:
        cursor = self._cursors.get(uid)
        return uid in self._jobs and cursor is not None and cursor.next_at == at

    def _drop_stale(self) -> None:
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)


def _claim_all(transaction: Transaction, due: list[_Due], now: datetime) -> list[tuple[Accepted, InboundMessage]]:
    accepted: list[tuple[Accepted, InboundMessage]] = []
    for found in due:
        accepted += _claim_each(transaction, found, now)
        if found.plan.missed is not None:
            runs.record_missed(transaction, found.job, found.plan.missed, now=now)
        runs.move_cursor(transaction, found.job.uid, found.plan.cursor)
    return accepted


def _claim_each(transaction: Transaction, found: _Due, now: datetime) -> list[tuple[Accepted, InboundMessage]]:
    """Claim the occurrences of one job; the runs that make up for one outage do not stand in each other's way."""
    job = found.job
    other = runs.open_run(transaction, job.uid) if job.overlap is Overlap.SKIP else None
    if other is not None:
        for due, _ in found.claims:
            runs.record_skipped(transaction, job, due, f"run {other} of this job is not over", now=now)
        return []
    rows = [(runs.claim(transaction, job, due, said), said) for due, said in found.claims]
    return [(row, said) for row, said in rows if row is not None]

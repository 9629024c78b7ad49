"""CronService: claims what is due, on time, and publishes it; it awaits nothing that a job does."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from cron import runs
from cron.audit import GATEWAY
from cron.endings.notices import missed_notices
from cron.engine.agenda import Agenda
from cron.engine.claimer import Claimer, Round
from cron.engine.claims import Claimed
from cron.engine.dispatch import Dispatcher
from cron.job import Job
from cron.planner import Missed
from cron.run import Run
from cron.store import JobStore
from gateway.bus import Bus
from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import ChatAddress
from gateway.tools import message as messages

logger = structlog.get_logger()

LONGEST_SLEEP = timedelta(seconds=30)  # a wall clock that jumps, a machine that slept: noticed within this
LOOK_EVERY = timedelta(milliseconds=250)
STORE_PAUSE = timedelta(seconds=2)


class CronService:
    """The scheduler: one task over the agenda."""

    def __init__(
        self,
        *,
        store: JobStore,
        database: Database,
        bus: Bus,
        clock: Clock,
        dispatch: Dispatcher,
        default_target: ChatAddress | None,
        left_words: Callable[[], None],
        settle: Callable[[Run], Awaitable[None]],
        settle_all: Callable[[], Awaitable[None]] | None = None,
        claimed: Callable[[Claimed], None] = lambda one: None,
    ) -> None:
        """`left_words` is called after a transaction of ours has put something into the outbox, `settle` with
        the last runs of jobs that are over, `settle_all` at a start: what follows for a job may not have been
        done yet. `claimed` hears of every run that was made; it must not wait.
        """
        self._database = database
        self._clock = clock
        self._dispatch = dispatch
        self._left_words = left_words
        self._settle = settle
        self._settle_all = settle_all
        self._forgone: list[tuple[Job, Missed]] = []  # missed, and not told yet
        self._lost: set[str] = set()  # jobs that may be over, and do not know it yet
        self._unsettled = False  # any job may be so
        self._wake = asyncio.Event()
        self.agenda = Agenda(store=store, database=database, clock=clock, sooner=self._wake.set)
        self._claimer = Claimer(
            agenda=self.agenda,
            dispatch=dispatch,
            database=database,
            bus=bus,
            clock=clock,
            default_target=default_target,
            claimed=claimed,
        )
        self.heartbeat: datetime | None = None
        self.trouble = ""  # why nothing can be claimed at the moment

    @property
    def next_fire(self) -> datetime | None:
        """The earliest next instant of all jobs."""
        return self.agenda.next_fire

    @property
    def jobs(self) -> Mapping[str, Job]:
        """All jobs by uid, as they were last read."""
        return self.agenda.jobs

    @property
    def degraded(self) -> str:
        """What had to be done to read the jobs."""
        return self.agenda.degraded

    async def start(self) -> None:
        """Read the jobs and go on where the cursors stand."""
        await self.agenda.reload()
        self._lost.update(self.agenda.over())
        await self._settle_lost()
        if self._settle_all is not None:
            await self._settle_all()

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
            if self.agenda.changed:
                self._wake.set()

    async def _tick(self) -> None:
        self._dispatch.look()  # a clock that was set is noticed there too
        try:
            if self.agenda.changed:
                await self.agenda.reload()
            await self.run_due(self._clock.now())
            if self._unsettled:
                self._unsettled = False
                self._lost.update(self.agenda.over())
                if self._settle_all is not None:
                    await self._settle_all()
            await self._settle_lost()
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

    def changed(self) -> None:
        """Somebody may have changed the jobs: look soon."""
        self._wake.set()

    async def reload(self) -> None:
        """Read the jobs again; only those whose schedule or status has changed get a new cursor."""
        await self.agenda.reload()

    # -- what is due --------------------------------------------------------------------------------------

    async def run_due(self, now: datetime) -> int:
        """Claim everything that is due at `now`, and publish what may begin; returns how many runs that made."""
        done = Round()
        try:
            await self._claimer.claim_due(now, done)
        finally:
            self._forgone += done.forgone
            self._lost |= done.lost
        await self._settle_lost()
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

    # -- besides the schedule -----------------------------------------------------------------------------

    async def _settle_lost(self) -> None:
        """Of these jobs, those that have no further run: their last one did not end, or a crash came then."""
        for uid in self.agenda.over(tuple(self._lost)):
            for run in await self._database.read(lambda t, uid=uid: runs.recent(t, job=uid, limit=1)):  # type: ignore[misc]
                await self._settle(run)
            self._lost.discard(uid)
        self._lost.clear()

    async def run_now(self, job: Job, stamp: str = "", *, force: bool = False, by: str = GATEWAY) -> str:
        """As `Claimer.run_now`."""
        return await self._claimer.run_now(job, stamp, force=force, by=by)

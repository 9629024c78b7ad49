"""Claimer: makes runs of what is due, slice by slice, each slice in one transaction; and runs by hand."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from cron import planner, runs
from cron.audit import GATEWAY
from cron.engine import claims
from cron.engine.agenda import SLICE, Agenda
from cron.engine.claims import Claimed, Outcome, Wanted, takes_place
from cron.engine.dispatch import Dispatcher
from cron.job import Job
from cron.planner import Cursor, Missed, Plan
from cron.run import Trigger
from gateway.bus import Bus
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError, UserError
from gateway.messages import ChatAddress

logger = structlog.get_logger()

AHEAD = 4  # slices that are taken up together
BREATH = 0.002  # seconds of preparing before other tasks have their turn
CLAIM_PAUSE = timedelta(seconds=30)  # before a job whose claim failed is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A job whose time has come: what is claimed for it in one transaction."""

    job: Job
    plan: Plan
    made: int  # runs that its schedule has made before
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the transaction came to for one job."""

    claimed: list[Claimed]
    cursor: Cursor


@dataclass(slots=True)
class Round:
    """What one look at the agenda has claimed so far, also when it ends early."""

    claimed: list[Claimed] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)  # jobs of which an occurrence was missed or skipped
    refused: StoreError | None = None
    forgone: list[tuple[Job, Missed]] = field(default_factory=list)  # missed, and nothing makes up for it


class Claimer:
    """Claims for the scheduler. A claim is written before anything of its run is published."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        dispatch: Dispatcher,
        database: Database,
        bus: Bus,
        clock: Clock,
        default_target: ChatAddress | None,
        claimed: Callable[[Claimed], None] = lambda one: None,
    ) -> None:
        """`claimed` hears of every run that was made; it must not wait."""
        self._agenda = agenda
        self._dispatch = dispatch
        self._database = database
        self._bus = bus
        self._clock = clock
        self._default_target = default_target
        self._claimed = claimed
        self._failed: dict[str, datetime] = {}  # jobs whose claim failed, and when

    async def claim_due(self, now: datetime, done: Round) -> None:
        """Claim everything that is due at `now`, publish what may begin. StoreError: the rest is still due."""
        self._try_failed_again(now)
        try:
            while uids := self._agenda.pop_due(now, AHEAD * SLICE):
                await self._claim(uids, now, done)
                await self._clock.sleep(timedelta())
                if done.refused is not None:
                    raise done.refused
        finally:
            # Not before: the turns that begin here would take their time from the claims of the others.
            self._announce(done.claimed)

    async def run_now(self, job: Job, stamp: str = "", *, force: bool = False, by: str = GATEWAY) -> str:
        """Run the job at once, beside its schedule, by its own rule of overlap; returns the run's id.

        UserError where that rule skips it. The same stamp again is the same run, and nothing happens twice. A
        job that does not fire by itself runs with `force` only. `by`: who has asked, for the audit.
        """
        # Shielded: what was ordered from the database happens, so somebody must work on it.
        return await asyncio.shield(self._run_now(job, stamp, force=force, by=by))

    async def _run_now(self, job: Job, stamp: str, *, force: bool, by: str) -> str:
        if not force and not planner.fires(job):
            raise UserError(f'"{job.name}" ({job.id}) is {job.status.value}, and does not run; enable it first')
        now = self._clock.now()
        due = runs.occurrence(now, now, Trigger.MANUAL, stamp=stamp)
        said = runs.message(job, due, self._default_target, now)
        wanted = self._dispatch.want(job, Wanted(due=due, said=said), now)
        try:
            done = await self._database.write(lambda t: claims.claim_by_hand(t, job, wanted, now=now, by=by))
        except BaseException:
            self._dispatch.withdraw([wanted])
            raise
        self._dispatch.claimed(job, [wanted], [done])
        self._announce([done])
        return due.run

    def _announce(self, claimed: Sequence[Claimed]) -> None:
        for one in claimed:
            if one.outcome in {Outcome.BEGUN, Outcome.HELD}:
                self._claimed(one)
            if one.row is not None and one.said is not None:
                self._bus.announce(one.row, one.said)

    # -- a slice ------------------------------------------------------------------------------------------

    async def _claim(self, uids: list[str], now: datetime, done: Round) -> None:
        """While one slice is written, the next is prepared."""
        async with self._agenda.changing, asyncio.TaskGroup() as writing:
            for n in range(0, len(uids), SLICE):
                due = await self._prepare_all(uids[n : n + SLICE], now)
                writing.create_task(self._claim_slice(due, now, done))

    async def _claim_slice(self, due: list[_Due], now: datetime, done: Round) -> None:
        try:
            await self._claim_together(due, now, done)
        except StoreError as error:
            done.refused = error
        except Exception:
            logger.exception("cron: these jobs cannot be claimed together; claiming them one by one")
            await self._claim_singly(due, now, done)

    async def _prepare_all(self, uids: list[str], now: datetime) -> list[_Due]:
        due: list[_Due] = []
        since = self._clock.monotonic()
        for uid in uids:
            try:
                if (found := self._prepare(uid, now)) is not None:
                    due.append(found)
            except Exception:
                logger.exception("cron: a job cannot be made due; trying again later", job=uid)
                self._failed[uid] = now
            if self._clock.monotonic() - since > BREATH:  # after a long outage one plan takes tens of milliseconds
                await self._clock.sleep(timedelta())
                since = self._clock.monotonic()
        await self._clock.sleep(timedelta())
        return due

    async def _claim_together(self, due: list[_Due], now: datetime, done: Round) -> None:
        """All in one transaction: all of them are claimed, or none is."""
        due = [self._with_places(found, now) if takes_place(found.job) else found for found in due]
        try:
            claimed = await self._database.write(lambda transaction: _claim_all(transaction, due, now))
        except BaseException as error:
            for found in due:
                self._dispatch.withdraw(found.wanted)
                if isinstance(error, StoreError):
                    self._agenda.put(found.job.uid)  # nothing was claimed: it is still due
            raise
        for found, came in zip(due, claimed, strict=True):
            self._take_note(found, came, done)

    def _with_places(self, found: _Due, now: datetime) -> _Due:
        wanted = tuple(self._dispatch.want(found.job, one, now) for one in found.wanted)
        return replace(found, wanted=wanted)

    def _take_note(self, found: _Due, came: _Done, done: Round) -> None:
        made = [one for one in came.claimed if one.outcome in {Outcome.BEGUN, Outcome.HELD}]
        done.claimed += made
        if not made or len(made) < len(found.wanted):
            done.lost.add(found.job.uid)
        self._dispatch.claimed(found.job, found.wanted, came.claimed)
        if found.plan.missed is not None and not found.plan.runs:
            done.forgone.append((found.job, found.plan.missed))
        self._agenda.cursors[found.job.uid] = came.cursor
        self._agenda.put(found.job.uid)

    async def _claim_singly(self, due: list[_Due], now: datetime, done: Round) -> None:
        """One of them cannot be claimed: find out which, so that it takes no other with it."""
        for n, found in enumerate(due):
            try:
                await self._claim_together([found], now, done)
            except StoreError as error:
                for other in due[n + 1 :]:
                    self._agenda.put(other.job.uid)
                done.refused = error
                return
            except Exception:
                logger.exception("cron: a job cannot be claimed; trying again later", job=found.job.id)
                self._failed[found.job.uid] = now

    def _try_failed_again(self, now: datetime) -> None:
        """Not at once: a job that cannot be claimed is always due."""
        for uid in [uid for uid, at in self._failed.items() if abs(now - at) >= CLAIM_PAUSE]:
            del self._failed[uid]
            self._agenda.put(uid)

    def _prepare(self, uid: str, now: datetime) -> _Due | None:
        job, cursor = self._agenda.jobs.get(uid), self._agenda.cursors.get(uid)
        if job is None or cursor is None:
            return None  # removed meanwhile
        try:
            plan = planner.plan(job, cursor, now)
        except Exception:
            # A schedule that cannot be computed must not stop the others.
            logger.exception("cron: a schedule cannot be computed; the job sleeps until it is changed", job=job.id)
            return None
        if plan is None:
            self._agenda.put(uid)
            return None
        if job.max_runs is not None:
            plan = replace(plan, runs=plan.runs[: max(job.max_runs - cursor.runs, 0)])
        return _Due(job=job, plan=plan, made=cursor.runs, wanted=tuple(self._wanted(job, plan, now)))

    def _wanted(self, job: Job, plan: Plan, now: datetime) -> list[Wanted]:
        wanted = []
        for n, moment in enumerate(plan.runs):
            trigger = Trigger.CATCH_UP if now - moment > planner.LATE else Trigger.SCHEDULE
            missed = plan.missed_count if n == 0 else 0
            due = runs.occurrence(moment, now, trigger, missed=missed)
            wanted.append(Wanted(due=due, said=runs.message(job, due, self._default_target, now)))
        return wanted


def _claim_all(transaction: Transaction, due: list[_Due], now: datetime) -> list[_Done]:
    return [_claim_each(transaction, found, now) for found in due]


def _claim_each(transaction: Transaction, found: _Due, now: datetime) -> _Done:
    claimed = claims.claim_due(transaction, found.job, found.wanted, now=now) if found.wanted else []
    if found.plan.missed is not None:
        runs.record_missed(transaction, found.job, found.plan.missed, now=now)
    made = sum(one.outcome in {Outcome.BEGUN, Outcome.HELD} for one in claimed)
    cursor = replace(found.plan.cursor, runs=found.made + made)
    if planner.exhausted(found.job, cursor):
        cursor = replace(cursor, next_at=None)
    runs.move_cursor(transaction, found.job.uid, cursor)
    return _Done(claimed=claimed, cursor=cursor)

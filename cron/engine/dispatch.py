"""Dispatcher: all runs that ask a model begin through it; it gives those that wait to the agent in their turn."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from cron import runs
from cron.engine import claims
from cron.engine.claims import Claimed, Held, Outcome, Released, Wanted, Work
from cron.engine.places import Beginning, Candidate, Places
from cron.job import Job
from cron.run import Run, RunStatus, Trigger
from gateway.agent.due import Ending, EndStatus
from gateway.bus import Bus, Offer
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import ChatAddress

logger = structlog.get_logger()

LONGEST_SLEEP = timedelta(seconds=30)  # a wall clock that jumps: noticed within this
STORE_PAUSE = timedelta(seconds=2)
GRACE = timedelta(seconds=10)  # for a run that makes way; then its record ends, whatever it does
TOGETHER = 50  # runs released in one transaction


class Dispatcher:
    """The places, and the one task that gives them away."""

    def __init__(
        self,
        *,
        database: Database,
        bus: Bus,
        clock: Clock,
        places: int,
        default_target: ChatAddress | None,
        cancel: Callable[[str], bool],
        end: Callable[[str, Ending], Awaitable[None]],
        ended: Callable[[str], Awaitable[None]],
    ) -> None:
        """`cancel` ends a run that is being worked on, False if it is not; `end` ends the record of any run.

        `ended` is called for a run that somebody else has ended while it waited.
        """
        self.places = Places(places)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._default_target = default_target
        self._cancel = cancel
        self._end = end
        self._ended = ended
        self._gone: list[str] = []  # runs that others have ended, and `ended` was not called for them yet
        self._asked: dict[str, float] = {}  # runs that were asked to make way, and when, in monotonic seconds
        self._stale = False  # others may have claimed or ended runs that wait
        self._wake = asyncio.Event()
        self._releasing = asyncio.Lock()

    async def start(self) -> None:
        """Know all open runs; those that were given to the agent before work, the others wait."""
        work = await self._database.read(lambda t: claims.open_work(t, self._default_target))
        await self._give_up(work.unreadable)
        for one in work.found:
            if one.waits:
                self.places.wait(candidate(one))
            else:
                self.places.work(candidate(one))
        if any(one.catch_up for one in work.found):
            self.places.spread(self._clock.now())
        self._wake.set()

    async def run(self) -> None:
        """Release what may begin, for ever."""
        while True:
            self._wake.clear()
            try:
                await self.step()
            except StoreError as error:
                logger.error("cron: runs that wait cannot be given to the agent; trying again", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
                continue
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(self._pause()):
                    await self._wake.wait()

    def _pause(self) -> timedelta:
        now = self._clock.now()
        at = self.places.wake_at(now)
        longest = GRACE / 4 if self._asked else LONGEST_SLEEP
        return longest if at is None else min(max(at - now, timedelta(milliseconds=1)), longest)

    # -- what others tell it ------------------------------------------------------------------------------

    def look(self) -> None:
        """Somebody may be able to begin."""
        self._wake.set()

    def refresh(self) -> None:
        """Somebody else has claimed or ended runs: of another process, or in the transaction of another part."""
        self._stale = True
        self._wake.set()

    def over(self, run: Run, *, followed: bool = False) -> None:
        """The run has ended, or waits for its next attempt; `followed`: others may have been claimed with that."""
        if run.status is RunStatus.RETRY_WAIT and run.retry_at is not None:
            known = self.places.wait_again(run.id, run.retry_at)
            followed = followed or not known  # found in the table then
        elif not run.status.open:
            self.places.drop(run.id)
            self._asked.pop(run.id, None)
        if followed:
            self._stale = True
        self._wake.set()

    # -- claims -------------------------------------------------------------------------------------------

    def want(self, job: Job, wanted: Wanted, now: datetime) -> Wanted:
        """The same with its place, if it may begin now: before the claim, which `claimed` has to follow."""
        if not claims.takes_place(job):
            return wanted
        one = Candidate(
            run=wanted.due.run,
            job=job.uid,
            session=wanted.said.session_key,
            type=job.type,
            overlap=job.overlap,
            catch_up=wanted.due.trigger is Trigger.CATCH_UP,
        )
        place = self.places.begin_at_once(one, now)
        isolated = place is not None and place.isolated
        return Wanted(due=wanted.due, said=wanted.said, placed=place is not None, isolated=isolated)

    def claimed(self, job: Job, wanted: Sequence[Wanted], done: Sequence[Claimed]) -> None:
        """What became of the runs that were wanted, once that is written."""
        if not claims.takes_place(job):
            return
        for asked, one in zip(wanted, done, strict=True):
            if asked.placed and one.outcome is not Outcome.BEGUN:
                self.places.drop(one.due.run)
            if one.outcome is Outcome.HELD and not self.places.knows(
                one.due.run
            ):  # else taken up, and begun maybe
                self.places.wait(_waiting(job, one, self._default_target))
                self._wake.set()

    def withdraw(self, wanted: Sequence[Wanted]) -> None:
        """Nothing was written: the places are free again."""
        for one in wanted:
            if one.placed:
                self.places.drop(one.due.run)
        self._wake.set()

    # -- releasing ----------------------------------------------------------------------------------------

    async def step(self) -> int:
        """Let all begin that may now; returns how many did. StoreError, and they still wait, if that fails."""
        async with self._releasing:
            if self._stale:
                await self._take_up()
            await self._tell_gone()
            await self._make_way()
            released = 0
            while beginnings := self._next_ones():
                released += await self._release(beginnings)
            return released

    def _next_ones(self) -> list[Beginning]:
        now = self._clock.now()
        found: list[Beginning] = []
        while len(found) < TOGETHER and (one := self.places.begin(now)) is not None:
            found.append(one)
        return found

    async def _release(self, beginnings: list[Beginning]) -> int:
        """In one transaction with the beginning of their turns, where a lane is free for them."""
        now, target = self._clock.now(), self._default_target
        asked = [(one, self._offer(one)) for one in beginnings]

        def write(transaction: Transaction) -> list[Released | None]:
            return [claims.release(transaction, one, target, offer=offer, now=now) for one, offer in asked]

        try:
            done = await self._database.write(write, essential=True)
        except BaseException:
            for one, offer in asked:
                self.places.drop(one.run)
                _withdraw(offer)
            self._stale = True  # they are found in the table again
            raise
        for (one, offer), released in zip(asked, done, strict=True):
            self._announce(one, offer, released)
        await self._tell_gone()
        return sum(released is not None for released in done)

    def _offer(self, one: Beginning) -> Offer | None:
        return None if one.isolated else self._bus.offer("due", one.session)

    def _announce(self, one: Beginning, offer: Offer | None, released: Released | None) -> None:
        if released is None or not released.begun:
            _withdraw(offer)
            offer = None
        if released is None:
            self._forget(one.run)
        else:
            self._bus.announce(released.row, released.said, offer)

    def _forget(self, run: str) -> None:
        self.places.drop(run)
        self._gone.append(run)

    async def _tell_gone(self) -> None:
        while self._gone:
            run = self._gone.pop()
            try:
                await self._ended(run)
            except StoreError:
                self._gone.append(run)
                raise

    async def _take_up(self) -> None:
        """Compare with the table: claims of others, and runs that were ended while they waited."""
        self._stale = False
        before = self.places.waiting  # those that come while we read are not in what we read
        try:
            held, work = await self._database.read(self._read_held)
            await self._give_up(work.unreadable)
        except StoreError:
            self._stale = True
            raise
        for one in work.found:
            if not self.places.knows(one.run):
                self.places.wait(candidate(one))
        for run in before.difference(held):
            self._forget(run)

    def _read_held(self, transaction: Transaction) -> tuple[list[str], Work]:
        held = claims.held_runs(transaction)
        unknown = [run for run in held if not self.places.knows(run)]
        return held, claims.held_work(transaction, unknown, self._default_target)

    async def _give_up(self, unreadable: Sequence[str]) -> None:
        """End runs that nobody can work on."""
        if not unreadable:
            return
        now = self._clock.now()

        def write(transaction: Transaction) -> None:
            for run in unreadable:
                runs.give_up(transaction, run, now=now)

        await self._database.write(write, essential=True)

    async def _make_way(self) -> None:
        """End the runs that a later one of their job replaces."""
        now = self._clock.monotonic()
        for run in self.places.superseded():
            since = self._asked.get(run)
            if since is None and self._cancel(run):
                self._asked[run] = now
                continue
            if since is not None and now - since < GRACE.total_seconds():
                continue
            if since is not None:
                logger.error("cron: a run does not end although it was cancelled; its record ends", run=run)
            await self._end(run, Ending(status=EndStatus.CANCELLED, error="cancelled: a later run replaces it"))
            self._cancel(run)  # it may have begun meanwhile
            self.places.drop(run)
            self._asked.pop(run, None)


def candidate(one: Held) -> Candidate:
    """An open run as the places see it."""
    return Candidate(
        run=one.run,
        job=one.job.uid,
        session=one.session,
        type=one.job.type,
        overlap=one.job.overlap,
        catch_up=one.catch_up,
        not_before=one.not_before,
    )


def _waiting(job: Job, one: Claimed, default_target: ChatAddress | None) -> Candidate:
    return candidate(
        Held(
            run=one.due.run,
            job=job,
            session=claims.own_session(job, one.due.run, default_target),
            catch_up=one.due.trigger is Trigger.CATCH_UP,
            waits=True,
            not_before=None,
        )
    )


def _withdraw(offer: Offer | None) -> None:
    if offer is not None:
        offer.withdraw()

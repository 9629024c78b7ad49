"""Lanes: turns of one session one after the other, sessions side by side, within the slots of their kind."""

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from gateway import inbox
from gateway.agent import journal
from gateway.agent.journal import Claim
from gateway.clock import Clock, to_text
from gateway.commands import routing
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreClosedError, StoreError
from gateway.inbox import Accepted
from gateway.messages import InboundMessage

logger = structlog.get_logger()

STORE_PAUSE = timedelta(seconds=2)  # between two attempts to write when the database refuses

TRIES = 5  # of a turn that fails in the gateway itself: the crash budget, and two in which to record its end
REMINDERS = 16  # at once: each is two commits, and more of them only delay each other
COMMANDS = 16  # at once; none of them waits for a model


def new_turn_id() -> str:
    """Unique for ever: ids of calls and deliveries are made from it."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class _Lane:
    """One session: what waits for it, and the turn that is being worked on."""

    queue: deque[Accepted] = field(default_factory=deque)
    busy: bool = False
    turn: str = ""
    seq: int = 0  # the row that is being worked on; 0: none is written yet
    task: asyncio.Task[None] | None = None

    def holds_earlier(self, seq: int) -> bool:
        """Whether something that came before this row is not done."""
        return 0 < self.seq < seq or any(accepted.seq < seq for accepted in self.queue)


@dataclass(slots=True)
class _Pool:
    """Slots that several kinds of message share."""

    name: str
    free: int  # below nothing while turns end that had stepped aside
    back: deque[asyncio.Future[None]] = field(default_factory=deque)  # turns that had stepped aside and go on
    ready: deque[str] = field(default_factory=deque)  # sessions whose next message waits for a slot


class Lanes:
    """Who works the inbox off. `work` is called with each claim, and must not raise."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        work: Callable[[Claim], Awaitable[None]],
        *,
        slots: Mapping[str, int],
    ) -> None:
        """`slots`: how many turns at once, for "person" and "due".

        Reminders and commands ask no model, and wait for neither.
        """
        self._database = database
        self._clock = clock
        self._spawn = spawn
        self._work = work
        every = {"reminder": REMINDERS, "command": COMMANDS, **slots}
        self._pools = {name: _Pool(name, free) for name, free in every.items()}
        self._lanes: dict[str, _Lane] = {}
        self._waiting: Counter[str] = Counter()  # by pool, of the lanes' queues
        self._failures: Counter[int] = Counter()  # by row: how often its turn failed in the gateway itself
        self._queued: dict[int, float] = {}  # rows in the lanes' queues or being worked on: since when, monotonic
        self._command_ended = asyncio.Event()  # a new one after each
        self._early: list[Accepted] | None = []  # what was written before `start`; None from then on
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many messages wait for their turn."""
        return sum(self._waiting.values())

    @property
    def people_waiting(self) -> int:
        """How many of them are for the agent and of people: jobs and commands keep nobody from writing."""
        return self._waiting["person"]

    @property
    def running(self) -> dict[str, str]:
        """Session → turn of everything that is being worked on."""
        return {session: lane.turn for session, lane in self._lanes.items() if lane.turn}

    def running_in(self, session: str) -> str:
        """The turn that is being worked on in this session; empty if there is none."""
        lane = self._lanes.get(session)
        return lane.turn if lane else ""

    def waiting_in(self, session: str) -> int:
        """How many messages wait for their turn in this session."""
        lane = self._lanes.get(session)
        return len(lane.queue) if lane else 0

    def behind(self, session: str) -> list[tuple[int, float]]:
        """What people have said in this session behind its present turn: rows, and since when they wait.

        Moments are monotonic. It ends at the message of a due job, and at a command that is not done.
        """
        lane, commands = self._lanes.get(session), self._lanes.get(routing.session_of(session))
        found: list[tuple[int, float]] = []
        for one in lane.queue if lane else ():
            if one.kind != "person" or (commands is not None and commands.holds_earlier(one.seq)):
                break
            found.append((one.seq, self._queued[one.seq]))
        return found

    @asynccontextmanager
    async def aside(self, session: str) -> AsyncIterator[None]:
        """Inside, the turn of this session waits for its person, and others have its slot."""
        pool = self._pool("person", session)
        pool.free += 1
        self._fill(pool)
        try:
            yield
        except BaseException:
            pool.free -= 1  # it is over, and its end gives a slot back
            raise
        await self._come_back(pool)

    async def _come_back(self, pool: _Pool) -> None:
        if pool.free > 0:
            pool.free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        pool.back.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():  # it was not granted
                pool.free -= 1  # as above
            raise

    def joined(self, session: str, rows: Collection[int]) -> None:
        """These have become part of the turn that is being worked on there: nobody waits for them any more."""
        lane = self._lanes[session]
        for one in [one for one in lane.queue if one.seq in rows]:
            lane.queue.remove(one)
            self._waiting[self._pool(one.kind, session).name] -= 1
            self._queued.pop(one.seq, None)

    async def commands_before(self, claim: Claim) -> None:
        """Return when the commands are done that were given in the same conversation before this message.

        They have a lane of their own, and "/timezone Asia/Tokyo" and "/new" mean what is said after them.
        """
        commands = routing.session_of(claim.message.session_key)
        while (lane := self._lanes.get(commands)) is not None and lane.holds_earlier(claim.seq):
            await self._command_ended.wait()

    async def start(self) -> None:
        """Go on with everything that is not finished; what was written meanwhile comes after it."""
        unfinished = await self._database.read(inbox.unfinished)
        early, self._early = self._early or [], None
        for accepted in (*unfinished, *early):
            self.enqueue(accepted)

    async def stop(self, *, grace: timedelta) -> None:
        """Let what is nearly done end; give back the rest: the journal knows how far it is."""
        self._closing = True
        tasks = {lane.task for lane in self._lanes.values() if lane.task}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- for the bus --------------------------------------------------------------------------------------

    def offer(self, kind: str, session: str) -> "Place | None":
        """A place for a message that is about to be written, if it could be worked on at once."""
        pool = self._pool(kind, session)
        starting = self._early is not None
        if starting or self._closing or session in self._lanes or pool.ready or pool.free <= 0:
            return None
        pool.free -= 1
        self._lanes[session] = _Lane(busy=True)
        return Place(self, session, pool)

    def enqueue(self, accepted: Accepted) -> None:
        """A message was written; it has to wait. Known ones are ignored."""
        if self._early is not None:
            self._early.append(accepted)
            return
        if accepted.seq in self._queued:
            return
        self._queued[accepted.seq] = self._clock.monotonic()
        lane = self._lanes.setdefault(accepted.session, _Lane())
        lane.queue.append(accepted)
        pool = self._pool(accepted.kind, accepted.session)
        self._waiting[pool.name] += 1
        if not lane.busy:
            lane.busy = True
            pool.ready.append(accepted.session)
        self._fill(pool)

    # -- inside -------------------------------------------------------------------------------------------

    def _pool(self, kind: str, session: str) -> _Pool:
        if kind == "person" and routing.is_command(session):
            return self._pools["command"]
        return self._pools.get(kind) or self._pools["person"]

    def _fill(self, pool: _Pool) -> None:
        while pool.free > 0 and pool.back:
            place = pool.back.popleft()
            if not place.done():  # else its turn was cancelled just now
                pool.free -= 1
                place.set_result(None)
        while pool.free > 0 and pool.ready and not self._closing:
            session = pool.ready.popleft()
            pool.free -= 1
            self._waiting[pool.name] -= 1
            self._run(session, pool, self._lanes[session].queue.popleft(), None)

    def _run(self, session: str, pool: _Pool, accepted: Accepted, claim: Claim | None) -> None:
        self._queued.setdefault(accepted.seq, 0.0)
        lane = self._lanes[session]
        lane.seq = accepted.seq
        lane.task = self._spawn(self._turn(session, pool, accepted, claim))

    async def _turn(self, session: str, pool: _Pool, accepted: Accepted, claim: Claim | None) -> None:
        lane = self._lanes[session]
        try:
            claim = claim or await self._claim(accepted)
            if claim is not None:
                lane.turn = claim.turn
                await self._work(claim)
        except asyncio.CancelledError:
            if not self._closing:
                raise
            if claim is not None:
                await self._give_back(claim)
        except StoreClosedError:
            logger.info("a turn goes on at the next start", session=session)
        except Exception:
            # One message must not stop the others. It is claimed again; each claim counts, until it is given up.
            logger.exception("a turn failed in the gateway itself", session=session)
            await self._try_again(lane, pool, accepted)
        finally:
            if accepted not in lane.queue:
                self._queued.pop(accepted.seq, None)
            lane.turn, lane.seq, lane.task = "", 0, None
            self._next(session, lane, pool)
            if routing.is_command(session):
                self._command_ended.set()
                self._command_ended = asyncio.Event()

    async def _try_again(self, lane: _Lane, pool: _Pool, accepted: Accepted) -> None:
        """Put it back, unless not even its end can be written: then it is left to the next start."""
        self._failures[accepted.seq] += 1
        if self._failures[accepted.seq] > TRIES:
            logger.error("a message is left to the next start", session=accepted.session, seq=accepted.seq)
            return
        await self._clock.sleep(STORE_PAUSE)
        lane.queue.appendleft(accepted)
        self._waiting[pool.name] += 1

    async def _claim(self, accepted: Accepted) -> Claim | None:
        """Begin, or go on with, its turn; a database that refuses is asked again."""
        turn, at = new_turn_id(), to_text(self._clock.now())
        while True:
            try:
                return await self._database.write(
                    lambda t: journal.claim(t, accepted.seq, turn, at=at), essential=True
                )
            except StoreClosedError:
                raise
            except StoreError as error:
                logger.error("a message cannot be claimed; trying again", error=str(error))
                await self._clock.sleep(STORE_PAUSE)

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._database.write(lambda t: journal.give_back(t, claim.seq), essential=True)
        except StoreError as error:
            logger.error("a turn cannot be given back; it counts as crashed", error=str(error))

    def _next(self, session: str, lane: _Lane, pool: _Pool) -> None:
        pool.free += 1
        if lane.queue:
            following = self._pool(lane.queue[0].kind, session)
            following.ready.append(session)
            self._fill(following)
        else:
            del self._lanes[session]
        self._fill(pool)


class Place:
    """A slot and a session's lane, kept while a message is being written."""

    def __init__(self, lanes: Lanes, session: str, pool: _Pool) -> None:
        self._lanes = lanes
        self._session = session
        self._pool = pool
        self._turn = new_turn_id()
        self._at = to_text(lanes._clock.now())

    def begin(self, transaction: Transaction, accepted: Accepted) -> None:
        """In the same transaction: the turn begins."""
        journal.begin(transaction, accepted.seq, self._turn, self._session, at=self._at)

    def take(self, accepted: Accepted, message: InboundMessage) -> None:
        """It is written: work."""
        if self._lanes._closing:
            return  # it is safe, and the next start goes on with it
        claim = Claim(seq=accepted.seq, turn=self._turn, message=message)
        self._lanes._run(self._session, self._pool, accepted, claim)

    def withdraw(self) -> None:
        """It was not written."""
        self._lanes._next(self._session, self._lanes._lanes[self._session], self._pool)

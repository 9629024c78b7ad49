"""What else becomes part of a person's turn: the rest of an album, of a burst, and what is said meanwhile."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from gateway import inbox
from gateway.agent.arrivals import Arrivals
from gateway.agent.journal import Claim, Journal, Response, Steer
from gateway.agent.model import UserText
from gateway.agent.whole import whole
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import InboundMessage

logger = structlog.get_logger()

ALBUM = timedelta(seconds=1)  # without another picture of an album: then it is complete
PATIENCE = 5  # times the quiet that is waited for: who never pauses is answered all the same


class Waiting(Protocol):
    """Who waits behind a turn: the lanes."""

    def behind(self, session: str) -> list[tuple[int, float]]:
        """Rows that people wrote into the session, in order, and since when they wait, monotonic."""

    def joined(self, session: str, rows: Collection[int]) -> None:
        """These are part of the turn now."""

    def aside(self, session: str) -> AbstractAsyncContextManager[None]:
        """Inside, the turn only waits: it keeps nobody else from being answered. Not twice at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What joins."""

    debounce: timedelta = timedelta()  # a turn begins when its person was quiet for so long
    steer: bool = False  # what its person says during a turn is seen at its next step
    alone: Callable[[InboundMessage], bool] = lambda _message: False  # somebody waits for its own turn
    begins: Callable[[str], int] = lambda _session: 0  # the row after which a session's conversation begins


@dataclass(frozen=True, slots=True)
class _Follower:
    row: int
    since: float  # monotonic
    message: InboundMessage


class Joining:
    """One for all turns of people; it keeps nothing."""

    def __init__(
        self,
        *,
        waiting: Waiting,
        database: Database,
        clock: Clock,
        arrivals: Arrivals,
        words: Callable[[InboundMessage], UserText],
        until_written: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]],
        rules: Rules,
    ) -> None:
        self._waiting = waiting
        self._database = database
        self._clock = clock
        self._arrivals = arrivals
        self._words = words
        self._until_written = until_written
        self._rules = rules

    async def begin(self, claim: Claim, journal: Journal) -> None:
        """Before a turn's first step: wait for what belongs to it, and for the files that came with it."""
        if any(isinstance(step, Response) for step in journal.steps):
            return
        if claim.message.attachments and not any(
            isinstance(step, Steer) and step.row == claim.seq for step in journal.steps
        ):
            await self._add(claim, journal, await self._files(claim.message, claim.seq))
        if claim.message.album:
            await self._gather(claim, journal, ALBUM, _of_album)
        if self._rules.debounce and not self._rules.alone(claim.message):
            await self._gather(claim, journal, self._rules.debounce, _of_person)

    async def meanwhile(self, claim: Claim, journal: Journal) -> None:
        """Between two steps of a turn: what its person has said since it began."""
        if self._rules.steer and self._waiting.behind(claim.message.session_key):
            await self._join(claim, journal, _of_person(claim.message, await self._behind(claim)))

    async def _gather(self, claim: Claim, journal: Journal, quiet: timedelta, choose: "Choice") -> None:
        """Wait until nobody has added anything for that long, then join what came."""
        began = last = self._clock.monotonic()
        end = began + PATIENCE * quiet.total_seconds()
        found: Sequence[_Follower] = ()
        async with self._waiting.aside(claim.message.session_key):
            while (rest := min(last + quiet.total_seconds(), end) - self._clock.monotonic()) > 0:
                await self._clock.sleep(timedelta(seconds=rest))
                found = choose(claim.message, await self._behind(claim))
                last = max([last, *(one.since for one in found)])
        await self._join(claim, journal, found)

    async def _behind(self, claim: Claim) -> Sequence[_Follower]:
        session = claim.message.session_key
        rows = self._waiting.behind(session)
        if not rows or self._rules.begins(session) > claim.seq:
            return ()  # what follows is said in a new conversation

        found = await self._database.read(lambda transaction: _waiting(transaction, rows))
        return [one for one in found if not self._rules.alone(one.message)]

    async def _join(self, claim: Claim, journal: Journal, found: Sequence[_Follower]) -> None:
        steps: list[Steer] = []
        for one in found:
            steps.append(Steer.of(self._words(one.message), one.row))
            steps += await self._files(one.message, one.row)
        await self._add(claim, journal, steps)

    async def _files(self, message: InboundMessage, row: int) -> list[Steer]:
        if not message.attachments:
            return []
        async with self._waiting.aside(message.session_key):  # a slow platform keeps its own chats waiting only
            arrived = await self._arrivals.arrived(message, row)
        return [Steer.of(arrived.said(), row)]

    async def _add(self, claim: Claim, journal: Journal, steps: Sequence[Steer]) -> None:
        """Write the steps down, and that their rows are done; then they are part of the turn, whatever happens."""
        if not steps:
            return

        async def add() -> None:
            await self._database.write(journal.joining(steps), essential=True)
            for step in steps:
                journal.add(step)
            journal.written()
            rows = {step.row for step in steps} - {claim.seq}
            self._waiting.joined(claim.message.session_key, rows)

        await self._until_written(lambda: whole(add()))
        logger.debug("joined a turn", rows=sorted({step.row for step in steps}))


def _waiting(transaction: Transaction, rows: Sequence[tuple[int, float]]) -> list[_Follower]:
    """Those that wait, up to the first that does not: it has joined before, or has a turn of its own already."""
    found: list[_Follower] = []
    for row, since in rows:
        message = inbox.read_waiting(transaction, row)
        if message is None:
            break
        found.append(_Follower(row, since, message))
    return found


Choice = Callable[[InboundMessage, Sequence[_Follower]], Sequence[_Follower]]
"""Which of the messages that wait belong to a turn of this one."""


def _of_album(message: InboundMessage, waiting: Sequence[_Follower]) -> Sequence[_Follower]:
    """The others of its album, wherever they stand: in a group other people's words may have come between."""
    return [
        one for one in waiting if one.message.album == message.album and one.message.sender_id == message.sender_id
    ]


def _of_person(message: InboundMessage, waiting: Sequence[_Follower]) -> Sequence[_Follower]:
    """What its own person said, up to the first words of somebody else.

    A turn has the rights of its person: nobody else's words may become part of it.
    """
    found: list[_Follower] = []
    for one in waiting:
        if one.message.sender_id != message.sender_id:
            break
        found.append(one)
    return found

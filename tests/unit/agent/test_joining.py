"""What joins a turn is written down with it, and never fetched or heard twice."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway import inbox
from gateway.agent import journal
from gateway.agent.arrivals import Arrived
from gateway.agent.joining import Joining, Rules
from gateway.agent.journal import Claim, Journal, Response, Steer, steps_of
from gateway.agent.model import ModelReply, Usage
from gateway.agent.models.scripted import ScriptedModel
from gateway.agent.prompt import words
from gateway.agent.turn import TurnEngine
from gateway.database.writer import Database
from gateway.messages import Attachment, ChatAddress, InboundMessage, Media
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows

VOICE = Attachment(name="", media_type="audio/ogg", path="", kind=Media.VOICE, source="f1")
LOOK = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=ChatAddress(channel="test", chat="1"),
    text="look",
    received_at=NOON,
)


class Listener:
    """Writes voices down, and counts how often it was asked."""

    def __init__(self, queue: "Queue") -> None:
        self.asked: list[int] = []
        self.aside: list[bool] = []  # whether others had the turn's slot meanwhile
        self._queue = queue

    async def arrived(self, message: InboundMessage, seq: int) -> Arrived:
        self.asked.append(seq)
        self.aside.append(self._queue.is_aside)
        return Arrived(note=f"a voice message, kept as {seq}.ogg", spoken="hear me", pictures=(f"{seq}.jpg",))


@dataclass
class Queue:
    """Who waits behind the turn."""

    rows: list[tuple[int, float]] = field(default_factory=list)
    is_aside: bool = False

    def behind(self, _session: str) -> list[tuple[int, float]]:
        return list(self.rows)

    def joined(self, _session: str, rows: Collection[int]) -> None:
        self.rows = [one for one in self.rows if one[0] not in rows]

    @asynccontextmanager
    async def aside(self, _session: str) -> AsyncIterator[None]:
        assert not self.is_aside
        self.is_aside = True
        yield
        self.is_aside = False


@dataclass
class Desk:
    joining: Joining
    database: Database
    queue: Queue
    listener: Listener

    async def claim(self) -> Claim:
        """The turn of row 1, as another life takes it up."""
        found = await self.database.write(lambda t: journal.claim(t, 1, "t1", at="2026-03-02T12:00:00.000000Z"))
        assert found is not None
        return found

    async def hear(self, message: InboundMessage) -> None:
        accepted = await self.database.write(lambda t: inbox.accept(t, message))
        assert accepted is not None
        if accepted.seq > 1:
            self.queue.rows.append((accepted.seq, 0.0))


@asynccontextmanager
async def open_desk(path: Path, *, alone: str = "") -> AsyncIterator[Desk]:
    clock, queue = FakeClock(), Queue()
    listener = Listener(queue)
    async with open_database(path / "gateway.db", clock) as database:
        engine = TurnEngine(ScriptedModel(), database, clock, max_steps=3)
        joining = Joining(
            waiting=queue,
            database=database,
            clock=clock,
            arrivals=listener,
            words=lambda message: words(message, "UTC"),
            until_written=engine.until_written,
            rules=Rules(steer=True, alone=lambda message: message.text == alone),
        )
        yield Desk(joining, database, queue, listener)


async def test_files_that_came_with_a_message_are_fetched_once_whatever_happens(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(replace(LOOK, attachments=(VOICE,)))
        claim = await desk.claim()
        await desk.joining.begin(claim, Journal(claim))
        later = await desk.claim()
        again = Journal(later)

        await desk.joining.begin(later, again)

        assert desk.listener.asked == [1]
        (step,) = again.steps
        assert isinstance(step, Steer)
        assert (step.text, step.pictures, step.row) == ("hear me", ("1.jpg",), 1)
        assert "kept as 1.ogg" in step.note


async def test_what_was_said_meanwhile_is_in_the_steps_and_its_rows_are_done_in_one_commit(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(LOOK)
        await desk.hear(replace(LOOK, text="there", attachments=(VOICE,)))
        claim = await desk.claim()
        running = Journal(claim)
        running.add(Response(ModelReply(text="hm"), Usage()))

        await desk.joining.meanwhile(claim, running)

        written = await desk.database.read(lambda t: steps_of(t, 1))
        assert written == running.steps
        assert [step.text for step in written if isinstance(step, Steer)] == ["there", "hear me"]
        assert await rows(desk.database, "SELECT state FROM inbox ORDER BY seq") == [("taken",), ("done",)]
        assert desk.queue.rows == []
        assert not running.unwritten


async def test_what_has_joined_a_turn_gets_none_of_its_own(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(LOOK)
        await desk.hear(replace(LOOK, text="there"))
        claim = await desk.claim()
        await desk.joining.meanwhile(claim, Journal(claim))

        found = await desk.database.write(lambda t: journal.claim(t, 2, "t2", at="2026-03-02T12:00:00.000000Z"))

        assert found is None
        assert await rows(desk.database, "SELECT count(*) FROM turns") == [(1,)]


async def test_what_somebody_waits_for_keeps_its_own_turn(tmp_path: Path) -> None:
    async with open_desk(tmp_path, alone="there") as desk:
        await desk.hear(LOOK)
        await desk.hear(replace(LOOK, text="there"))
        claim = await desk.claim()

        await desk.joining.meanwhile(claim, Journal(claim))

        assert [row for row, _ in desk.queue.rows] == [2]


async def test_a_turn_that_nothing_joins_has_no_further_steps(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(LOOK)
        claim = await desk.claim()
        running = Journal(claim)

        await desk.joining.begin(claim, running)
        await desk.joining.meanwhile(claim, running)

        assert running.steps == []


async def test_words_that_have_joined_do_not_join_again_when_they_are_announced_late(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(LOOK)
        await desk.hear(replace(LOOK, text="there"))
        claim = await desk.claim()
        running = Journal(claim)
        waiting = list(desk.queue.rows)
        await desk.joining.meanwhile(claim, running)
        desk.queue.rows = waiting  # somebody had read the table before they joined, and told of them after it

        await desk.joining.meanwhile(claim, running)

        assert [step.text for step in running.steps if isinstance(step, Steer)] == ["there"]


async def test_a_message_whose_own_turn_has_begun_does_not_join_another(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(LOOK)
        await desk.hear(replace(LOOK, text="there"))
        await desk.database.write(lambda t: journal.claim(t, 2, "t2", at="2026-03-02T12:00:00.000000Z"))
        claim = await desk.claim()
        running = Journal(claim)

        await desk.joining.meanwhile(claim, running)

        assert running.steps == []
        assert await rows(desk.database, "SELECT state FROM inbox ORDER BY seq") == [("taken",), ("taken",)]


async def test_a_platform_that_is_slow_with_its_files_takes_no_slot_of_others(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.hear(replace(LOOK, attachments=(VOICE,)))
        await desk.hear(replace(LOOK, text="there", attachments=(VOICE,)))
        claim = await desk.claim()
        running = Journal(claim)

        await desk.joining.begin(claim, running)
        await desk.joining.meanwhile(claim, running)

        assert desk.listener.aside == [True, True]

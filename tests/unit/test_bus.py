"""The one door to the inbox: durable, deduplicated, and closed to forgeries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway import events, inbox
from gateway.agent import journal
from gateway.bus import FULL, Bus, forged
from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.errors import StoreError, UserError
from gateway.events import Happened
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows

HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=("k1",),
    address=ChatAddress(channel="test", chat="1"),
    text="hello",
    received_at=NOON,
)


@dataclass
class Worker:
    """Takes everything that it is handed; offers a place when it is told to."""

    places: int = 0
    people_waiting: int = 0
    queued: list[Accepted] = field(default_factory=list)
    taken: list[InboundMessage] = field(default_factory=list)
    withdrawn: int = 0

    def offer(self, kind: str, session: str) -> "Place | None":
        if not self.places:
            return None
        self.places -= 1
        return Place(self, f"turn {self.places} of {session}")

    def enqueue(self, accepted: Accepted) -> None:
        self.queued.append(accepted)


@dataclass
class Place:
    worker: Worker
    turn: str

    def begin(self, transaction: Transaction, accepted: Accepted) -> None:
        journal.begin(transaction, accepted.seq, self.turn, accepted.session, at="2026-03-02T12:00:00.000000Z")

    def take(self, accepted: Accepted, message: InboundMessage) -> None:
        self.worker.taken.append(message)

    def withdraw(self) -> None:
        self.worker.withdrawn += 1


@dataclass
class Desk:
    bus: Bus
    worker: Worker
    database: Database
    clock: FakeClock


@asynccontextmanager
async def open_desk(path: Path) -> AsyncIterator[Desk]:
    clock, worker = FakeClock(), Worker()
    async with open_database(path, clock) as database:
        yield Desk(Bus(database, clock, worker), worker, database, clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


async def test_a_message_is_written_before_it_is_queued(path: Path) -> None:
    async with open_desk(path) as desk:
        accepted = await desk.bus.publish(HELLO)

        assert desk.worker.queued == [accepted]
        assert await rows(desk.database, "SELECT state, session FROM inbox") == [("waiting", "test:1")]


async def test_a_message_with_a_place_begins_its_turn_in_the_same_transaction(path: Path) -> None:
    async with open_desk(path) as desk:
        desk.worker.places = 1

        await desk.bus.publish(HELLO)

        assert desk.worker.taken == [HELLO]
        assert desk.worker.queued == []
        assert await rows(desk.database, "SELECT inbox.state, turns.state FROM inbox JOIN turns USING (seq)") == [
            ("taken", "running")
        ]


async def test_a_redelivery_is_dropped_and_its_place_given_back(path: Path) -> None:
    async with open_desk(path) as desk:  # P-43
        await desk.bus.publish(HELLO)
        desk.worker.places = 1

        again = await desk.bus.publish(replace(HELLO, text="other words"))

        assert again is None
        assert desk.worker.withdrawn == 1
        assert len(await rows(desk.database, "SELECT 1 FROM inbox")) == 1


@pytest.mark.parametrize("places", [0, 20])
async def test_of_ten_deliveries_at_once_one_is_taken(path: Path, places: int) -> None:
    async with open_desk(path) as desk:  # P-44
        desk.worker.places = places

        accepted = await asyncio.gather(*[desk.bus.publish(HELLO) for _ in range(10)])

        assert len([one for one in accepted if one]) == 1
        assert len(desk.worker.taken) + len(desk.worker.queued) == 1


async def test_a_redelivery_after_a_restart_is_dropped(path: Path) -> None:
    async with open_desk(path) as desk:
        await desk.bus.publish(HELLO)

    async with open_desk(path) as later:
        assert await later.bus.publish(HELLO) is None


async def test_a_message_is_worked_on_although_the_adapter_was_cancelled(path: Path) -> None:
    async with open_desk(path) as desk:
        publishing = asyncio.create_task(desk.bus.publish(HELLO))
        await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        while not desk.worker.queued:
            await asyncio.sleep(0.001)

        assert await rows(desk.database, "SELECT state FROM inbox") == [("waiting",)]


async def test_a_message_that_cannot_be_written_is_an_error_and_gives_its_place_back(path: Path) -> None:
    async with open_desk(path) as desk:
        desk.worker.places = 1
        await desk.database.write(lambda t: t.execute("ALTER TABLE inbox RENAME TO gone").fetchall())

        with pytest.raises(StoreError):
            await desk.bus.publish(HELLO)

        assert desk.worker.withdrawn == 1
        assert desk.worker.taken == []


async def test_listeners_hear_of_everything_that_was_published(path: Path) -> None:
    heard: list[str] = []
    async with open_desk(path) as desk:
        desk.bus.subscribe(lambda message: heard.append(message.text))

        await desk.bus.publish(HELLO)
        await desk.bus.publish(HELLO)
        await desk.bus.publish(replace(HELLO, dedupe_keys=("k2",), text="again"))

    assert heard == ["hello", "again"]


async def test_what_other_processes_have_written_is_taken_up(path: Path) -> None:
    async with open_desk(path) as desk:
        other = SqliteDriver(path)
        accepted = transact(other, lambda t: inbox.accept(t, HELLO))
        other.close()

        await desk.bus.refresh()

        assert desk.worker.queued == [accepted]


async def test_a_channel_that_can_wait_reads_on_when_there_is_room_again(path: Path) -> None:
    async with open_desk(path) as desk:  # P-54
        desk.worker.people_waiting = FULL
        room = asyncio.create_task(desk.bus.room())
        await desk.clock.advance(timedelta(seconds=1))
        while_full = room.done()

        desk.worker.people_waiting = FULL - 1
        await desk.clock.advance(timedelta(seconds=1))

        assert not while_full
        assert room.done()


async def test_nothing_pushed_is_refused_for_want_of_room(path: Path) -> None:
    async with open_desk(path) as desk:
        desk.worker.people_waiting = 50_000

        assert await desk.bus.receive("test", HELLO) is not None


async def test_a_forgery_is_refused_and_audited_and_not_even_its_key_is_kept(path: Path) -> None:
    async with open_desk(path) as desk:  # P-70
        with pytest.raises(UserError):
            await desk.bus.receive("test", replace(HELLO, sender_id="cron:abc"))

        assert await rows(desk.database, "SELECT what, subject FROM audit") == [("bus.refused", "test cron:abc")]
        assert await desk.bus.receive("test", HELLO) is not None


def test_what_an_adapter_hands_in_under_its_own_name_is_no_forgery() -> None:
    assert not forged("test", HELLO)
    assert forged("system", replace(HELLO, channel="system"))


# -- events ------------------------------------------------------------------------------------------------------


async def test_listeners_hear_of_each_event_once_in_order_from_the_start_on(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "gateway.db") as desk:
        heard: list[str] = []
        desk.bus.listen(lambda event: heard.append(event.subject))
        await publish_event(desk, "before")
        await desk.bus.start()

        await publish_event(desk, "one", "two")
        await desk.bus.refresh()
        await desk.bus.refresh()

        assert heard == ["one", "two"]


async def test_a_listener_that_fails_keeps_no_event_from_the_others(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "gateway.db") as desk:
        heard: list[str] = []

        def broken(event: Happened) -> None:
            raise ValueError(event.subject)

        desk.bus.listen(broken)
        desk.bus.listen(lambda event: heard.append(event.subject))
        await desk.bus.start()

        await publish_event(desk, "one", "two")
        await desk.bus.refresh()

        assert heard == ["one", "two"]


async def publish_event(desk: Desk, *subjects: str) -> None:
    for subject in subjects:
        work = partial(events.publish, kind="event", subject=subject, body=None, now=NOON)
        await desk.database.write(work)

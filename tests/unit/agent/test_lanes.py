"""Turns of one session one after the other, sessions side by side, within their slots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.agent import journal
from gateway.agent.journal import Claim, Journal, Steer, TurnState
from gateway.agent.lanes import Lanes
from gateway.bus import Bus
from gateway.database.writer import Database
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, Due, InboundMessage
from tests.fakes import NOON, FakeClock, until
from tests.parts import open_database, rows

HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=ChatAddress(channel="test", chat="1"),
    text="hello",
    received_at=NOON,
)


def said(text: str, *, chat: str = "1", due: bool = False) -> InboundMessage:
    address = ChatAddress(channel="test", chat=chat)
    if due:
        return replace(HELLO, text=text, address=address, occasion=Due(run=text, scheduled_for=NOON))
    return replace(HELLO, text=text, address=address)


@dataclass
class Office:
    """Lanes whose turns wait until they are told to end, one by one or all."""

    database: Database
    clock: FakeClock
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    patience: asyncio.Event | None = None  # turns wait aside for it first
    waits: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # that do, or did
    lanes: Any = None
    bus: Any = None

    async def work(self, claim: Claim) -> None:
        if self.patience is not None:
            await self._wait_aside(claim, self.patience)
        self.begun.append(claim.message.text)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if claim.message.text == "always" or (claim.message.text == "break" and claim.claims < 3):
                raise KeyError("a bug")
            await self.gate.wait()
            finishing = Journal(claim).finishing(TurnState.DONE, now=NOON)
            await self.database.write(finishing)
            self.done.append(claim.message.text)
        finally:
            self.at_once -= 1

    async def _wait_aside(self, claim: Claim, patience: asyncio.Event) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.waits[claim.message.text] = task
        async with self.lanes.aside(claim.message.session_key):
            await patience.wait()

    async def hear(self, *messages: InboundMessage) -> None:
        for message in messages:
            await self.bus.publish(message)


@asynccontextmanager
async def open_office(path: Path, *, person: int = 4, due: int = 1, started: bool = True) -> AsyncIterator[Office]:
    clock = FakeClock()
    async with open_database(path / "gateway.db", clock) as database, asyncio.TaskGroup() as tasks:
        office = Office(database, clock)
        office.lanes = Lanes(database, clock, tasks.create_task, office.work, slots={"person": person, "due": due})
        office.bus = Bus(database, clock, office.lanes)
        if started:
            await office.lanes.start()
        yield office
        await office.lanes.stop(grace=timedelta(seconds=0.05))


async def test_turns_of_one_session_never_overlap_and_keep_their_order(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:  # P-50
        office.gate.set()
        await office.hear(*[said(f"{n}") for n in range(30)])
        await until(lambda: len(office.done) == 30)

        assert office.begun == office.done == [f"{n}" for n in range(30)]
        assert office.most_at_once == 1


async def test_many_interleaved_sessions_each_keep_their_order(tmp_path: Path) -> None:
    async with open_office(tmp_path, person=3) as office:  # P-50
        office.gate.set()
        messages = [said(f"{chat}/{n}", chat=f"{chat}") for n in range(10) for chat in range(6)]
        await asyncio.gather(*[office.bus.publish(message) for message in messages])
        await until(lambda: len(office.done) == 60)

        for chat in range(6):
            own = [text for text in office.done if text.startswith(f"{chat}/")]
            assert own == [f"{chat}/{n}" for n in range(10)]
        assert 1 < office.most_at_once <= 3


async def test_sessions_run_side_by_side_up_to_the_number_of_slots(tmp_path: Path) -> None:
    async with open_office(tmp_path, person=2) as office:
        await office.hear(*[said(chat, chat=chat) for chat in "abc"])
        await until(lambda: len(office.begun) == 2)
        waiting = office.lanes.waiting

        office.gate.set()
        await until(lambda: len(office.done) == 3)

        assert waiting == 1
        assert office.begun == ["a", "b", "c"]
        assert office.most_at_once == 2


async def test_a_busy_schedule_does_not_keep_a_person_waiting(tmp_path: Path) -> None:
    async with open_office(tmp_path, person=1, due=1) as office:  # P-54
        await office.hear(*[said(f"job {n}", chat=f"j{n}", due=True) for n in range(5)])
        await until(lambda: office.begun == ["job 0"])

        await office.hear(said("hello", chat="me"))
        await until(lambda: "hello" in office.begun)

        assert office.begun == ["job 0", "hello"]


async def test_a_turn_that_fails_in_the_gateway_itself_is_claimed_again_and_each_claim_counts(
    tmp_path: Path,
) -> None:
    async with open_office(tmp_path) as office:
        office.gate.set()
        await office.hear(said("break"), said("after"), said("elsewhere", chat="2"))
        await until(lambda: office.done == ["elsewhere"])

        for _ in range(2):
            await office.clock.advance(timedelta(seconds=2))
        await until(lambda: len(office.done) == 3)

        assert office.begun.count("break") == 3
        assert office.done == ["elsewhere", "break", "after"]


async def test_a_stop_gives_back_what_it_cannot_wait_for_and_that_does_not_count(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("slow"), said("behind"))
        await until(lambda: office.begun == ["slow"])

    async with open_office(tmp_path) as later:
        later.gate.set()
        await until(lambda: len(later.done) == 2)
        claims = await rows(later.database, "SELECT claims FROM turns ORDER BY seq")

        assert later.done == ["slow", "behind"]
        assert claims == [(1,), (1,)]


async def test_what_comes_before_the_start_comes_after_what_was_left(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("left"))
        await until(lambda: office.begun)

    async with open_office(tmp_path, started=False) as later:
        later.gate.set()
        await later.hear(said("new"))
        await later.lanes.start()
        await until(lambda: len(later.done) == 2)

        assert later.done == ["left", "new"]


async def test_a_message_is_worked_on_once_however_often_it_is_announced(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("one"), said("two"))
        for _ in range(3):
            await office.bus.refresh()
        office.gate.set()
        await until(lambda: len(office.done) == 2)
        await office.bus.refresh()
        await asyncio.sleep(0.01)

        assert office.begun == ["one", "two"]


async def test_who_works_on_what_can_be_seen(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("one"))
        await until(lambda: office.begun)
        during = dict(office.lanes.running)
        office.gate.set()
        await until(lambda: office.done)
        await until(lambda: not office.lanes.running)

        assert list(during) == ["test:1"]
        assert await rows(office.database, "SELECT id FROM turns") == [(during["test:1"],)]


async def test_a_turn_that_was_over_already_is_passed_over(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("one"))
        await until(lambda: office.begun)
        claim = await office.database.write(lambda t: journal.claim(t, 1, "x", at="2026-03-02T12:00:00.000000Z"))
        assert claim is not None
        over = Journal(claim)
        over.add(Steer("x"))
        await office.database.write(over.finishing(TurnState.CANCELLED, now=NOON))
        office.gate.set()
        await until(lambda: office.done)
        await office.hear(said("two"))
        await until(lambda: len(office.done) == 2)

        assert await rows(office.database, "SELECT state FROM turns ORDER BY seq") == [("cancelled",), ("done",)]


async def test_jobs_that_wait_keep_nobody_from_writing(tmp_path: Path) -> None:
    async with open_office(tmp_path, due=1) as office:  # P-54
        await office.hear(*[said(f"job {n}", chat=f"j{n}", due=True) for n in range(5)])
        await until(lambda: len(office.begun) == 1)

        assert (office.lanes.waiting, office.lanes.people_waiting) == (4, 0)


async def test_a_message_that_is_accepted_during_the_stop_is_left_to_the_next_start(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:  # P-63
        place = office.lanes.offer("person", "test:1")
        await office.lanes.stop(grace=timedelta())

        place.take(Accepted(seq=1, kind="person", session="test:1"), said("late"))

        assert office.begun == []


async def test_a_turn_whose_end_cannot_even_be_written_holds_its_session_up_for_a_while_only(
    tmp_path: Path,
) -> None:
    async with open_office(tmp_path) as office:
        office.gate.set()
        await office.hear(said("always"), said("after"))
        await until(lambda: office.begun == ["always"])

        for _ in range(5):
            await office.clock.advance(timedelta(seconds=2))
        await until(lambda: office.done == ["after"])

        assert office.begun == ["always"] * 6 + ["after"]


async def test_what_waits_behind_a_turn_is_seen_up_to_a_due_job(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("works"), said("one"))
        await office.clock.advance(timedelta(seconds=2))
        await office.hear(said("two"), said("tick", due=True), said("three"))

        behind = office.lanes.behind("test:1")

        assert [row for row, _ in behind] == [2, 3]
        assert behind[1][1] - behind[0][1] == 2.0
        assert office.lanes.behind("test:9") == []


async def test_nothing_behind_a_command_that_is_not_done_is_seen(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("works"), said("one"), replace(said("/new"), session="command:test:1"), said("two"))

        assert [row for row, _ in office.lanes.behind("test:1")] == [2]


async def test_what_has_joined_a_turn_waits_no_longer(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("works"), said("one"), said("two"), said("three"))
        office.lanes.joined("test:1", {2, 4})
        await office.database.write(lambda t: t.execute("UPDATE inbox SET state = 'done' WHERE seq IN (2, 4)"))
        await office.bus.refresh()
        waiting = office.lanes.waiting
        office.gate.set()
        await until(lambda: office.done == ["works", "two"])

        assert waiting == 1
        assert office.lanes.people_waiting == 0


async def test_who_waits_for_a_person_keeps_nobody_from_being_answered(tmp_path: Path) -> None:
    async with open_office(tmp_path, person=2) as office:
        office.patience = asyncio.Event()
        await office.hear(*[said(str(n), chat=str(n)) for n in range(6)])
        await until(lambda: len(office.waits) == 6)

        office.patience.set()
        await until(lambda: office.at_once == 2)
        office.gate.set()
        await until(lambda: len(office.done) == 6)

        assert office.most_at_once == 2


async def test_turns_that_end_while_they_wait_leave_as_many_slots_as_there_were(tmp_path: Path) -> None:
    async with open_office(tmp_path, person=2) as office:
        office.patience = asyncio.Event()
        await office.hear(*[said(str(n), chat=str(n)) for n in range(5)])
        await until(lambda: len(office.waits) == 5)
        office.waits["0"].cancel()  # before it may go on
        await asyncio.wait({office.waits["0"]})
        office.patience.set()
        await until(lambda: office.at_once == 2)
        late = [task for text, task in office.waits.items() if text not in office.begun and not task.done()]
        late[0].cancel()  # while it waits for a slot, at the moment at which it could have one
        office.waits[office.begun[0]].cancel()
        await asyncio.wait({late[0], office.waits[office.begun[0]]})

        office.patience = None
        await office.hear(*[said(str(n), chat=str(n)) for n in range(5, 15)])
        await until(lambda: office.at_once == 2)
        office.gate.set()
        await until(lambda: len(office.done) == 12)

        assert office.most_at_once == 2

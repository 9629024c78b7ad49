"""Commands in the lanes: beside the turns of their chat, and before what was said after them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from gateway import inbox
from gateway.agent.journal import Claim, Journal, TurnState
from gateway.agent.lanes import COMMANDS, Lanes
from gateway.bus import Bus
from gateway.commands.routing import is_command, routed
from gateway.database.writer import Database
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON, FakeClock, settle, until
from tests.parts import open_database
from tests.unit.commands.asking import MESSAGE


def said(text: str, *, chat: str = "1") -> InboundMessage:
    return replace(MESSAGE, text=text, address=ChatAddress(channel="test", chat=chat))


@dataclass
class Office:
    """Turns and commands that wait until they are let go."""

    database: Database
    lanes: Lanes = field(init=False)
    bus: Bus = field(init=False)
    turns: asyncio.Event = field(default_factory=asyncio.Event)
    commands: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def work(self, claim: Claim) -> None:
        text, command = claim.message.text, is_command(claim.message.session_key)
        if not command:
            await self.lanes.commands_before(claim)
        self.begun.append(text)
        await (self.commands if command else self.turns).wait()
        await self.database.write(Journal(claim).finishing(TurnState.DONE, now=NOON))
        self.done.append(text)

    async def hear(self, *messages: InboundMessage) -> None:
        for message in messages:
            await self.bus.receive("test", message)


@asynccontextmanager
async def open_office(path: Path, *, started: bool = True) -> AsyncIterator[Office]:
    clock = FakeClock()
    async with open_database(path / "gateway.db", clock) as database, asyncio.TaskGroup() as tasks:
        office = Office(database)
        slots = {"person": 1, "due": 1}
        office.lanes = Lanes(database, clock, tasks.create_task, office.work, slots=slots)
        office.bus = Bus(database, clock, office.lanes, route=routed)
        if started:
            await office.lanes.start()
        yield office
        office.turns.set()
        office.commands.set()
        await office.lanes.stop(grace=timedelta(seconds=5))


async def test_a_command_passes_a_chat_whose_turn_and_every_slot_are_taken(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:  # CARD-09
        office.commands.set()
        await office.hear(said("hello"), said("hi", chat="2"), said("/help"), said("/help me", chat="2"))
        await until(lambda: len(office.done) == 2)

        assert office.done == ["/help", "/help me"]
        assert office.begun[0] == "hello"
        assert office.lanes.running_in("test:1") != ""
        assert office.lanes.waiting_in("test:2") == 1
        assert office.lanes.running_in("test:2") == ""


async def test_commands_that_wait_keep_nobody_from_writing(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(*[said(f"/x {n}", chat=f"{n}") for n in range(COMMANDS + 3)])

        assert len(office.begun) == COMMANDS
        assert (office.lanes.waiting, office.lanes.people_waiting) == (3, 0)


async def test_commands_of_one_chat_keep_their_order(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:  # P-50
        office.commands.set()
        await office.hear(*[said(f"/x {n}") for n in range(10)])
        await until(lambda: len(office.done) == 10)

        assert office.done == [f"/x {n}" for n in range(10)]


async def test_a_turn_waits_for_the_commands_that_were_given_before_it(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        office.turns.set()
        await office.hear(said("/timezone UTC"), said("/new"), said("at 9"), said("elsewhere", chat="2"))
        await settle()
        before = list(office.begun)

        office.commands.set()
        await until(lambda: len(office.done) == 4)

        assert before == ["/timezone UTC"]
        assert office.done[:2] == ["/timezone UTC", "/new"]


async def test_a_turn_does_not_wait_for_a_command_that_came_later(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.hear(said("first"), said("/stop"))
        await settle()
        begun = list(office.begun)

        office.turns.set()
        await until(lambda: office.done == ["first"])

        assert begun == ["first", "/stop"]


async def test_after_a_start_too_the_command_comes_first(tmp_path: Path) -> None:
    async with open_office(tmp_path, started=False) as office:

        async def kept(message: InboundMessage) -> Accepted | None:
            return await office.database.write(lambda t: inbox.accept(t, routed(message)))

        await kept(said("/new"))
        await kept(said("hello"))
        office.turns.set()
        await office.lanes.start()
        await settle()
        before = list(office.begun)

        office.commands.set()
        await until(lambda: len(office.done) == 2)

        assert before == ["/new"]
        assert office.done == ["/new", "hello"]

"""/status: a chat sees itself, an owner everything."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import to_text
from gateway.commands.base import Ask
from gateway.commands.conversation import Turns
from gateway.commands.status import StatusCommand
from gateway.database.writer import Database
from gateway.messages import Caller, OutboundMessage
from gateway.status import Status
from gateway.tools import message as messages
from tests.fakes import NOON, FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import THERE, ask


@dataclass
class Channel:
    state: str
    reason: str = ""
    last_alive: datetime | None = None
    heard_every: timedelta | None = None


STATUS = Status(
    at=NOON,
    since=NOON - timedelta(hours=5),
    channels={"test": Channel("running", last_alive=NOON), "tg": Channel("retrying", "409 *Conflict*")},
    halted={},
    scheduler=True,
    heartbeat=NOON,
    next_fire=NOON + timedelta(hours=1),
    jobs=3,
    running={"test:1": "t1", "command:test:1": "t2"},
    waiting=4,
    trouble=["the disk is full"],
    errors=[{"at": to_text(NOON), "level": "error", "event": "a turn failed", "error": "KeyError: 1"}],
)


async def jobs(_: Ask) -> Sequence[str]:
    return ["2 jobs here."]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as opened:
        yield opened


def command(database: Database, *, running: str = "", waiting: int = 0) -> StatusCommand:
    turns = Turns(running_in=lambda _: running, waiting_in=lambda _: waiting, cancel=lambda _: False)
    return StatusCommand(lambda: STATUS, turns=turns, jobs=jobs, database=database)


async def test_a_chat_sees_what_is_going_on_in_it_and_nothing_else(database: Database) -> None:
    idle = await command(database).answer(ask())
    busy = await command(database, running="t1", waiting=2).answer(ask())

    assert idle.text.splitlines() == [
        "Up since 2026-03-02 08:00 (Europe/Berlin).",
        "I work on nothing here.",
        "2 jobs here.",
    ]
    assert "I am working on a message here, and 2 more wait." in busy.text


async def test_an_owner_sees_the_whole_gateway(database: Database) -> None:
    lost = OutboundMessage(delivery_id="d1", address=THERE, caller=Caller.OPERATOR, text="secret")
    await database.write(lambda transaction: messages.leave(transaction, lost, at=to_text(NOON)))

    answer = await command(database).answer(ask(owner=True))

    assert answer.text.partition("**The gateway**\n")[2].splitlines() == [
        "- test: running, last heard 2026-03-02 13:00",
        r"- tg: retrying (409 \*Conflict\*)",
        "- scheduler: 3 jobs, next 2026-03-02 14:00, last beat 2026-03-02 13:00:00",
        "- turns: 1 running, 4 waiting",
        "- outbox: 1 to send, 0 unknown, 0 dead; /outbox lists them",
        "- trouble: the disk is full",
        "- error: 2026-03-02 13:00:00 a turn failed: KeyError: 1",
    ]


async def test_in_a_group_an_owner_sees_what_everybody_sees(database: Database) -> None:
    answer = await command(database).answer(ask(owner=True, group=True))

    assert "The gateway" not in answer.text

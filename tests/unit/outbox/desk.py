"""An outbox on a real table, and somebody who speaks through it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.database.writer import Database
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox.delivery import Outbox
from gateway.tools.message import Speaker
from tests.fakes import FakeClock, RecordingChannel, until
from tests.parts import open_database, rows

SECOND = timedelta(seconds=1)


@dataclass
class Desk:
    """An outbox, its table, and somebody who speaks through it."""

    database: Database
    clock: FakeClock
    outbox: Outbox
    speaker: Speaker
    ended: list[tuple[str, str]]

    async def say(self, text: str, *, chat: str = "1", id: str | None = None, edits: str = "") -> bool:  # noqa: A002
        message = OutboundMessage(
            delivery_id=id or f"d-{text[:20]}",
            address=ChatAddress(channel="test", chat=chat),
            caller=Caller.REPLY,
            text=text,
            edits=edits,
        )
        return await self.speaker(message)

    async def state_of(self, text: str) -> str:
        ((state,),) = await rows(self.database, "SELECT state FROM outbox WHERE id = ?", f"d-{text[:20]}")
        return str(state)

    async def parts(self) -> list[Any]:
        return await rows(self.database, "SELECT n, state, repeats, platform_id FROM parts ORDER BY message, n")

    async def over(self, count: int) -> None:
        await until(lambda: len(self.ended) == count)


@asynccontextmanager
async def open_desk(
    path: Path, *channels: RecordingChannel, clock: FakeClock | None = None, hold: bool = False
) -> AsyncIterator[Desk]:
    clock = clock or FakeClock()
    async with open_database(path, clock) as database, asyncio.TaskGroup() as tasks:
        outbox = Outbox(database, clock, tasks.create_task, hold=hold)
        desk = Desk(database, clock, outbox, Speaker(database, outbox, clock), [])
        outbox.settled = lambda record, state: desk.ended.append((record.message.text, state))
        for channel in channels:
            await outbox.connect(channel.name, channel)
        try:
            yield desk
        finally:
            await outbox.stop(grace=0.2 * SECOND)

"""For tests of the poll loop: what it hands in to, and ways to run it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from channels.telegram.client import Client, Waits
from channels.telegram.polling import Poller
from gateway.clock import SystemClock
from gateway.commands.base import CommandInfo
from gateway.messages import InboundMessage
from tests.servers.telegram import TOKEN

ANNA, BORIS = 7, 8
GROUP = -5
SHORT = Waits(poll=timedelta(seconds=1), grace=timedelta(milliseconds=200), answer=timedelta(seconds=1))


@dataclass
class Inlet:
    """Takes what is read, or refuses it as a full disk does."""

    commands: Sequence[CommandInfo] = ()
    owners: Sequence[str] = ()
    received: list[InboundMessage] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    lives: int = 0
    refusing: Callable[[InboundMessage], Exception | None] = lambda _: None
    open: asyncio.Event = field(default_factory=asyncio.Event)  # while it is not set, writing takes for ever
    spacious: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()
        self.spacious.set()

    async def receive(self, message: InboundMessage) -> None:
        error = self.refusing(message)
        if error is not None:
            raise error
        self.received.append(message)
        await self.open.wait()

    async def room(self) -> None:
        await self.spacious.wait()

    def alive(self) -> None:
        self.lives += 1

    async def moved(self, chat: str, to: str) -> None:
        await asyncio.sleep(0.01)  # as long as a commit takes
        self.moves.append((chat, to))

    def texts(self) -> list[str]:
        return [message.text for message in self.received]


@asynccontextmanager
async def poller_at(url: str, token: str = TOKEN, waits: Waits = SHORT) -> AsyncIterator[Poller]:
    client = Client(token, api_base=url, waits=waits)
    try:
        yield Poller("telegram", client, SystemClock())
    finally:
        await client.close()


@asynccontextmanager
async def reading(poller: Poller, inlet: Inlet) -> AsyncIterator[None]:
    """Inside, the loop runs, and must not end by itself."""
    task = asyncio.create_task(poller.run(inlet))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

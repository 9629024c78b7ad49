"""For tests of Slack: a channel at a server, and what it hands in to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from channels.base import Surroundings
from channels.slack import SlackChannel, client_of
from channels.slack.settings import Settings
from channels.slack.socket import Waits
from gateway.clock import Clock, SystemClock
from gateway.commands.base import CommandInfo
from gateway.messages import ChatAddress, InboundMessage
from gateway.outbox.pace import Paces
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer

ANNA, BORIS = "U0ANNA", "U0BORIS"
GENERAL = "C0GENERAL"
THERE = ChatAddress(channel="slack", chat=GENERAL)
SHORT = Waits(
    hello=timedelta(seconds=1),
    silence=timedelta(milliseconds=300),
    ping=timedelta(milliseconds=100),
    close=timedelta(milliseconds=100),
    in_hand=timedelta(seconds=1),
    history=timedelta(milliseconds=50),
    apart=timedelta(milliseconds=50),
)


@dataclass
class Inlet:
    """Takes what is read, or refuses it as a full disk does."""

    commands: Sequence[CommandInfo] = ()
    owners: Sequence[str] = ()
    received: list[InboundMessage] = field(default_factory=list)
    lives: int = 0
    refusing: Callable[[InboundMessage], BaseException | None] = lambda _: None
    open: asyncio.Event = field(default_factory=asyncio.Event)  # while it is not set, writing takes for ever

    def __post_init__(self) -> None:
        self.open.set()

    async def receive(self, message: InboundMessage) -> None:
        error = self.refusing(message)
        if error is not None:
            raise error
        await self.open.wait()
        self.received.append(message)

    async def room(self) -> None:
        """There is always room: Slack is never kept waiting for it."""

    def alive(self) -> None:
        self.lives += 1

    async def moved(self, chat: str, to: str) -> None:
        raise AssertionError(f"Slack's chats do not move: {chat} to {to}")

    def texts(self) -> list[str]:
        return [message.text for message in self.received]


def settings_at(server: SlackServer, **details: Any) -> Settings:
    table = {
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "api_base": server.api_base,
    }
    return Settings.model_validate({**table, **details})


@asynccontextmanager
async def channel_at(
    server: SlackServer, workspace: Path = Path("/nowhere"), *, clock: Clock | None = None, **details: Any
) -> AsyncIterator[SlackChannel]:
    settings = settings_at(server, **details)
    channel = SlackChannel(
        "slack",
        settings,
        client_of(settings),
        clock or SystemClock(),
        Surroundings(workspace=workspace),
        paces=Paces(),
        waits=SHORT,
    )
    try:
        yield channel
    finally:
        await channel.close()


@asynccontextmanager
async def reading(channel: SlackChannel, inlet: Inlet) -> AsyncIterator[asyncio.Task[None]]:
    """Inside, the channel runs."""
    task = asyncio.create_task(channel.run(inlet))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""For tests of the Feishu channel: who is there, events by hand, and a channel at a server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from channels.feishu import FeishuChannel, Settings, feishu_paces
from channels.feishu.client import Client, Identity
from channels.feishu.http import Waits
from channels.feishu.parse import Heard, Listener
from channels.feishu.payloads import opened
from channels.feishu.seal import Seal, Sealed
from gateway.clock import Clock, SystemClock
from gateway.commands.base import CommandInfo
from gateway.messages import InboundMessage
from tests.fakes import NOON
from tests.servers.feishu import BOT_ID, FeishuServer

Json = Any

ANNA, BORIS = "ou_anna", "ou_boris"
PRIVATE, GROUP = "oc_private", "oc_group"
APP = "cli_a1"
ME = Identity(id=BOT_ID, name="Tocsin", app=APP, active=True)
SEAL = Seal("secret")
US = {"key": "@_user_1", "id": {"open_id": BOT_ID}, "name": "Tocsin"}

SHORT = Waits(
    answer=timedelta(milliseconds=300), transfer=timedelta(seconds=2), lookup=timedelta(milliseconds=100)
)


@dataclass
class Inlet:
    """Takes what is read, or refuses it as a full disk does."""

    commands: Sequence[CommandInfo] = ()
    owners: Sequence[str] = ()
    received: list[InboundMessage] = field(default_factory=list)
    lives: int = 0
    refusing: Callable[[InboundMessage], Exception | None] = lambda _: None
    open: asyncio.Event = field(default_factory=asyncio.Event)  # while it is not set, writing takes for ever

    def __post_init__(self) -> None:
        self.open.set()

    async def receive(self, message: InboundMessage) -> None:
        error = self.refusing(message)
        if error is not None:
            raise error
        self.received.append(message)
        await self.open.wait()

    async def room(self) -> None:
        """There is room always: who is pushed to cannot wait."""

    def alive(self) -> None:
        self.lives += 1

    async def moved(self, chat: str, to: str) -> None:
        """Chats of Feishu keep their ids."""

    def texts(self) -> list[str]:
        return [message.text for message in self.received]


def listener(*commands: str, threads: bool = True) -> Listener:
    return Listener(channel="feishu", me=ME, commands=frozenset(commands), seal=SEAL, threads=threads)


def event(kind: str, told: Json, event_id: str = "e1") -> bytes:
    header = {"event_id": event_id, "event_type": kind, "token": "t", "app_id": APP, "create_time": "1"}
    return json.dumps({"schema": "2.0", "header": header, "event": told}).encode()


def received(
    content: Json = None,
    *,
    text: str = "hello",
    kind: str = "text",
    chat: str = PRIVATE,
    sender: str = ANNA,
    sender_type: str = "user",
    mentions: Json = (),
    event_id: str = "e1",
    **more: Json,
) -> bytes:
    """A message as Feishu tells of it; `more` are fields of the message."""
    message = {
        "message_id": "om_1",
        "chat_id": chat,
        "chat_type": "p2p" if chat == PRIVATE else "group",
        "message_type": kind,
        "create_time": "1700000000000",
        "content": json.dumps({"text": text} if content is None else content),
        "mentions": mentions,
        **more,
    }
    told = {"sender": {"sender_id": {"open_id": sender}, "sender_type": sender_type}, "message": message}
    return event("im.message.receive_v1", told, event_id)


def press(sealed: Sealed, *, by: str = ANNA, chat: str = GROUP, token: str = "c-1") -> bytes:
    told = {
        "operator": {"open_id": by},
        "token": token,
        "action": {"value": SEAL.value(sealed), "tag": "button"},
        "context": {"open_message_id": "om_card", "open_chat_id": chat},
    }
    return event("card.action.trigger", told)


def heard(payload: bytes, by: Listener | None = None) -> Heard:
    """What a listener makes of it."""
    found = opened(payload)
    assert found is not None
    return (by or listener("help")).parse(found, NOON)


def settings_of(server: FeishuServer, **changes: Json) -> Settings:
    return Settings(app_id=server.app_id, app_secret=server.app_secret, api_base=server.url, **changes)


def client_of(
    server: FeishuServer, clock: Clock | None = None, *, secret: str = "", waits: Waits = SHORT
) -> Client:
    return Client(
        server.app_id,
        secret or server.app_secret,
        api_base=server.url,
        clock=clock or SystemClock(),
        waits=waits,
    )


@asynccontextmanager
async def channel_at(
    server: FeishuServer, tmp_path: Path, clock: Clock | None = None, *, waits: Waits = SHORT, **changes: Json
) -> AsyncIterator[FeishuChannel]:
    """The real channel, which waits for answers that do not come only for moments."""
    clock = clock or SystemClock()
    channel = FeishuChannel(
        "feishu",
        settings_of(server, **changes),
        client_of(server, clock, waits=waits),
        clock,
        paces=feishu_paces(),
        workspace=tmp_path,
        groups=(GROUP,),
    )
    try:
        yield channel
    finally:
        await channel.close()


@asynccontextmanager
async def running(channel: FeishuChannel, inlet: Inlet) -> AsyncIterator["asyncio.Task[None]"]:
    """Inside, the channel runs once; how it ended can be awaited."""
    task = asyncio.create_task(channel.run(inlet))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)

"""A whole gateway in this process, as `tocsin run` builds it, with a platform and a model that take no time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from channels.base import Inlet
from cron.store import JobStore
from gateway import observe
from gateway.agent.model import Hear, ModelAnswer, ModelReply, Prompt, ToolCall, UserText, call_id
from gateway.app import Gateway
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.home import Home, prepare
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat
from gateway.outbox.records import MessageRecord
from gateway.setup import Setup

CHANNEL = "bench"
Script = Callable[[Prompt], ModelAnswer]


class InstantChannel:
    """A platform that takes everything at once and counts it."""

    name = CHANNEL
    repeat = Repeat.MARKED
    operated: ClassVar[bool] = True
    heard_every: ClassVar[timedelta | None] = None

    def __init__(self) -> None:
        self.sent = 0

    async def run(self, inlet: Inlet) -> None:
        inlet.alive()
        await asyncio.Event().wait()

    def render(self, message: OutboundMessage) -> list[Part]:
        return [Part(payload={"text": message.text})]

    async def send(self, parcel: Parcel) -> str:
        self.sent += 1
        return f"m{self.sent}"


class InstantModel:
    """A model that answers at once and, unlike the tests' ScriptedModel, keeps no prompt: memory stays flat."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        return self.script(prompt)

    async def close(self) -> None:
        """Nothing is open."""


def words(prompt: Prompt) -> ModelAnswer:
    """The answer "re: …" to what was said last."""
    return ModelAnswer(reply=ModelReply(text=f"re: {_said(prompt)}"))


def after_call(name: str, arguments: str) -> Script:
    """One call of a tool, then the same answer."""

    def script(prompt: Prompt) -> ModelAnswer:
        if prompt.context.step > 1:
            return words(prompt)
        call = ToolCall(id=call_id(prompt.context, 0), name=name, arguments=arguments)
        return ModelAnswer(reply=ModelReply(calls=(call,)))

    return script


MESSAGE_CALL = after_call("message", '{"text": "one moment"}')
LIST_CALL = after_call("cron", '{"action": "list"}')


def _said(prompt: Prompt) -> str:
    return next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))


def said(text: str, chat: str, number: int) -> InboundMessage:
    """What somebody writes in a chat."""
    return InboundMessage(
        channel=CHANNEL,
        sender_id="anna",
        dedupe_keys=(f"bench:{chat}:{number}",),
        address=ChatAddress(channel=CHANNEL, chat=chat),
        text=text,
        received_at=SystemClock().now(),
    )


@dataclass
class World:
    """What a measurement sees of the gateway."""

    gateway: Gateway
    channel: InstantChannel
    model: InstantModel
    home: Home

    def __post_init__(self) -> None:
        self._answered: dict[str, asyncio.Future[float]] = {}
        self._before = self.gateway.outbox.settled
        self.gateway.outbox.settled = self._settled

    def expect(self, text: str) -> "asyncio.Future[float]":
        """The moment, by the loop's clock, at which the answer to this text was recorded as sent."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._answered[f"re: {text}"] = future
        return future

    async def ask(self, text: str, chat: str, number: int) -> float:
        """Publish, wait for the answer; milliseconds between the two."""
        loop = asyncio.get_running_loop()
        answered = self.expect(text)
        began = loop.time()
        await self.gateway.bus.publish(said(text, chat, number))
        return (await answered - began) * 1000

    def _settled(self, record: MessageRecord, state: str) -> None:
        future = self._answered.pop(record.message.text, None)
        if future is not None and state == "sent":
            future.set_result(asyncio.get_running_loop().time())
        self._before(record, state)


@asynccontextmanager
async def world(
    path: Path,
    script: Script = words,
    *,
    store: JobStore | None = None,
    model: InstantModel | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """A gateway on this folder, with the log that it writes by default; `settings` as in the configuration."""
    home = Home(path)
    prepare(home)
    config = Config.layered(environment={}, file=settings)
    channel, model = InstantChannel(), model or InstantModel(script)
    # As `tocsin run` logs, with its standard error going nowhere.
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - opens at once
        observe.start(level=config.logging.level, clock=SystemClock(), file=home.log_file, stream=nowhere)
        try:
            setup = Setup(
                home=home,
                config=config,
                model=model,
                channels={CHANNEL: channel},
                store=store,
                scheduler=False,  # measurements call its steps themselves
            )
            async with asyncio.TaskGroup() as tasks:
                gateway = Gateway(setup, tasks)
                await gateway.start()
                try:
                    yield World(gateway, channel, model, home)
                finally:
                    await gateway.stop()
        finally:
            observe.stop()


async def counted(one: World) -> dict[str, int]:
    """How many rows there are of each kind, to compare with what was asked for."""
    statements = {
        "inbox": "SELECT count(*) FROM inbox WHERE state = 'done'",
        "turns": "SELECT count(*) FROM turns WHERE state = 'done'",
        "sent": "SELECT count(*) FROM outbox WHERE state = 'sent'",
        "answers": "SELECT count(DISTINCT turn) FROM outbox WHERE state = 'sent'",
        "parts": "SELECT count(*) FROM parts WHERE state = 'sent'",
        "other": "SELECT count(*) FROM outbox WHERE state <> 'sent'",
    }
    return {
        name: await one.gateway.database.read(lambda t, sql=sql: t.execute(sql).fetchone()[0])  # type: ignore[misc]
        for name, sql in statements.items()
    }


def complain(text: str) -> None:
    """Say that a number cannot be trusted."""
    print(f"  !! {text}", file=sys.stderr, flush=True)

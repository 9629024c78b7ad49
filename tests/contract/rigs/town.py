"""Town: a whole gateway in this process, connected to a rig's platform, and what a test sees of both."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels.base import Channel, Surroundings
from gateway.agent.model import ModelClient, Prompt, UserText
from gateway.agent.models.scripted import Line, Script, ScriptedModel
from gateway.app import Gateway, running
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.database.sqlite import SqliteDriver
from gateway.home import Home, prepare
from gateway.messages import Attachment, Caller, OutboundMessage
from gateway.setup import Setup
from tests.contract.rigs.base import Place, Rig
from tests.fakes import until
from tests.journeys.telegram.story import Hurry

__all__ = ["Hurry", "Opener", "Town", "echo", "opener_for", "said"]


@dataclass
class Town:
    """A platform and a gateway."""

    rig: Rig
    gateway: Gateway
    model: ModelClient
    home: Home

    @property
    def prompts(self) -> list[Prompt]:
        """What the scripted model was asked."""
        assert isinstance(self.model, ScriptedModel)
        return self.model.prompts

    async def hears(self, place: Place, count: int, *, seconds: float = 8.0) -> list[str]:
        """Wait until so many messages of the bot stand there; all that do."""
        texts = self.rig.screen.texts
        try:
            await until(lambda: len(texts(place)) >= count, seconds=seconds)
        except TimeoutError:
            raise TimeoutError(f"{place}: {texts(place)} and not {count}; {self.state()}") from None
        found: list[str] = texts(place)
        return found

    async def calm(self, *, seconds: float = 10.0) -> None:
        """Wait until all that was said is taken, answered and delivered, or given up."""
        async with asyncio.timeout(seconds):
            while await self._is_busy():
                await asyncio.sleep(0.005)

    async def _is_busy(self) -> bool:
        lanes = self.gateway.lanes
        if self.rig.screen.pending() or lanes.running or lanes.waiting:
            return True
        begun = "SELECT 1 FROM inbox WHERE state <> 'done' LIMIT 1"
        return bool(await self.rows(begun) or await self.rows("SELECT 1 FROM outbox WHERE state = 'open' LIMIT 1"))

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """What is in the database."""
        return await self.gateway.database.read(lambda t: t.execute(statement, parameters).fetchall())

    async def states(self) -> Counter[str]:
        """How the messages of the outbox have ended."""
        return Counter([state for (state,) in await self.rows("SELECT state FROM outbox")])

    def state(self) -> tuple[str, str]:
        """How the channel is and why, as the status shows it."""
        found = self.gateway.status()
        shown = found.channels[self.rig.name]
        halted = found.halted.get(self.rig.name)
        return ("stopped", halted) if halted else (shown.state, shown.reason)

    async def becomes(self, *states: str, seconds: float = 8.0) -> str:
        """Wait until the channel is in one of these states; the reason."""
        await until(lambda: self.state()[0] in states, seconds=seconds)
        return self.state()[1]

    async def tell(self, text: str, place: Place, *, id: str = "told", files: tuple[Attachment, ...] = ()) -> None:  # noqa: A002
        """Say something that nobody has asked for."""
        address = self.rig.address(place)
        await self.gateway.say(
            OutboundMessage(delivery_id=id, address=address, caller=Caller.OPERATOR, text=text, attachments=files)
        )


Opener = Callable[..., AbstractAsyncContextManager[Town]]


def opener_for(rig: Rig, folder: Path) -> Opener:
    """Opens a gateway in this folder; opened again, it is the same one after a restart."""
    home = Home(folder / "home")
    prepare(home)

    @asynccontextmanager
    async def opener(
        script: Script = (),
        *,
        model: ModelClient | None = None,
        clock: Clock | None = None,
        settings: Mapping[str, Any] | None = None,
        driver: Callable[[Path], SqliteDriver] = SqliteDriver,
        beside: Mapping[str, Channel] | None = None,
        also: Sequence[Rig] = (),
        **sections: Any,
    ) -> AsyncIterator[Town]:
        """`settings`: of the channel, besides the usual ones. `driver`: the database. `beside`: other channels.

        `also`: other platforms to which it is connected, by sockets or polling.
        """
        clock = clock or SystemClock()
        model = model or ScriptedModel(script)
        channels = {one.name: one.settings for one in also} | {rig.name: {**rig.settings, **(settings or {})}}
        web = {"web": {"port": 0}} if rig.hook else {}
        config = Config.layered(environment={}, file={**rig.sections, **web, **sections, "channels": channels})
        around = Surroundings(workspace=home.workspace)
        connected = {one.name: one.channel(config, clock, around) for one in (rig, *also)}
        setup = Setup(
            home=home,
            config=config,
            clock=clock,
            model=model,
            channels={**connected, **(beside or {})},
            connect=lambda: driver(home.file("gateway.db")),
        )
        async with running(setup) as gateway:
            if rig.hook is not None:
                assert gateway.listener is not None
                rig.hook(f"{gateway.listener.address}/webhooks/{rig.name}")
            town = Town(rig, gateway, model, home)
            await until(
                lambda: town.state()[0] == "stopped" or all(one.screen.connected() for one in (rig, *also))
            )
            yield town

    return opener


def said(prompt: Prompt) -> str:
    """The words that are to be answered."""
    return next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))


def echo(prompt: Prompt) -> Line:
    return f"heard {said(prompt)}"

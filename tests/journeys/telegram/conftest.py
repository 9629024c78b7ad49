"""A whole gateway in one process that speaks to Telegram's server for tests through the real channel."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import Channel, Surroundings
from gateway.agent.model import ModelClient
from gateway.agent.models.scripted import Script, ScriptedModel
from gateway.app import running
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.database.driver import Driver
from gateway.home import Home, prepare
from gateway.parts import channels_of
from gateway.setup import Setup
from tests.fakes import settle
from tests.journeys.telegram.story import Opener, Town, move_in, settings_of
from tests.servers.telegram import TelegramServer, serve_telegram


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        move_in(server)
        yield server
        await settle()  # who connected in the last moment is seen by the server before it closes


@pytest.fixture
def open_town(tmp_path: Path, telegram: TelegramServer) -> Opener:
    """Opens a gateway on this test's folder; opened again, it is the same one after a restart."""
    home = Home(tmp_path / "home")
    prepare(home)

    @asynccontextmanager
    async def opener(
        script: Script = (),
        *,
        model: ModelClient | None = None,
        clock: Clock | None = None,
        channels: Mapping[str, Channel] | None = None,
        settings: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        connect: Callable[[], Driver] | None = None,
        **sections: Any,
    ) -> AsyncIterator[Town]:
        """`settings`: of the channel, instead of the usual ones. `more`: other instances. `sections`: the rest.

        `connect`: opens the database, instead of the usual one.
        """
        clock = clock or SystemClock()
        model = model or ScriptedModel(script)
        table = {"telegram": settings_of(telegram, **(settings or {})), **(more or {})}
        config = Config.layered(environment={}, file={"channels": table, **sections})
        found = (
            channels
            if channels is not None
            else channels_of(config, clock, Surroundings(workspace=home.workspace))
        )
        setup = Setup(home=home, config=config, clock=clock, model=model, channels=found, connect=connect)
        async with running(setup) as gateway:
            yield Town(telegram, gateway, model, home)

    return opener

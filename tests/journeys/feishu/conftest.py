"""A whole gateway in one process that speaks to Feishu's server for tests through the real channel."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import Surroundings
from gateway.agent.model import ModelClient
from gateway.agent.models.scripted import Script, ScriptedModel
from gateway.app import running
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.home import Home, prepare
from gateway.parts import channels_of
from gateway.setup import Setup
from tests.fakes import settle, until
from tests.journeys.feishu.story import Opener, Town, move_in, settings_of
from tests.servers.feishu import FeishuServer, serve_feishu


@pytest.fixture
async def feishu() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        move_in(server)
        yield server
        await settle()  # who connected in the last moment is seen by the server before it closes
        assert server.violations == []


@pytest.fixture
def open_town(tmp_path: Path, feishu: FeishuServer) -> Opener:
    """Opens a gateway on this test's folder; opened again, it is the same one after a restart."""
    home = Home(tmp_path / "home")
    prepare(home)

    @asynccontextmanager
    async def opener(
        script: Script = (),
        *,
        model: ModelClient | None = None,
        clock: Clock | None = None,
        settings: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> AsyncIterator[Town]:
        """`settings`: of the channel, instead of the usual ones. `sections`: the rest of the configuration."""
        clock = clock or SystemClock()
        model = model or ScriptedModel(script)
        table = {"feishu": settings_of(feishu, **(settings or {}))}
        config = Config.layered(environment={}, file={"channels": table, **sections})
        channels = channels_of(config, clock, Surroundings(workspace=home.workspace))
        setup = Setup(home=home, config=config, clock=clock, model=model, channels=channels)
        async with running(setup) as gateway:
            await until(lambda: gateway.status().channels["feishu"].state == "running")
            if gateway.listener is not None:
                feishu.hook(f"{gateway.listener.address}/webhooks/feishu")
            yield Town(feishu, gateway, model, home)
            feishu.hook()

    return opener

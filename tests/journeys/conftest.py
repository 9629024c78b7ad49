"""A whole gateway in one process, with a clock and a model that the test holds."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.models.scripted import Script, ScriptedModel
from gateway.app import Gateway, Setup, running
from gateway.config import Config
from gateway.home import Home, prepare
from tests.fakes import FakeClock, RecordingChannel


@dataclass
class World:
    """What a journey sees of a running gateway."""

    gateway: Gateway
    channel: RecordingChannel
    clock: FakeClock
    model: ScriptedModel
    home: Home


Opener = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_world(tmp_path: Path) -> Opener:
    """Opens a gateway on this test's folder; opened again, it is the same one after a restart."""
    home = Home(tmp_path / "home")
    prepare(home)

    @asynccontextmanager
    async def opener(
        script: Script = (),
        *,
        clock: FakeClock | None = None,
        channel: RecordingChannel | None = None,
        **settings: Any,
    ) -> AsyncIterator[World]:
        clock = clock or FakeClock()
        channel = channel or RecordingChannel()
        model = ScriptedModel(script)
        config = Config.layered(environment={}, file=settings)
        setup = Setup(home=home, config=config, clock=clock, model=model, channels={channel.name: channel})
        async with running(setup) as gateway:
            yield World(gateway, channel, clock, model, home)

    return opener

"""A whole gateway in one process, with a clock and a model that the test holds."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.models.scripted import Script, ScriptedModel
from gateway.app import Gateway, running
from gateway.config import Config
from gateway.home import Home, prepare
from gateway.setup import Setup
from tests.command_line import CommandLine
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
        parts: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[World]:
        clock = clock or FakeClock()
        channel = channel or RecordingChannel()
        model = ScriptedModel(script)
        config = Config.layered(environment={}, file=settings)
        channels = {channel.name: channel}
        setup = Setup(home=home, config=config, clock=clock, model=model, channels=channels, **(parts or {}))
        async with running(setup) as gateway:
            yield World(gateway, channel, clock, model, home)

    return opener


@pytest.fixture
def tocsin(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on the home of `open_world`."""
    monkeypatch.setenv("TZ", "UTC")
    return CommandLine(tmp_path / "home", capsys, monkeypatch)

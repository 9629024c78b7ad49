"""A database that takes its time or refuses for a while: nobody's turn, message or run is lost to that."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.agent.model import Prompt
from gateway.agent.models.scripted import HANG, Line, Script, ScriptedModel, calls
from gateway.app import running
from gateway.config import Config
from gateway.database.sqlite import SqliteDriver
from gateway.errors import PermanentDeliveryError
from gateway.home import Home, prepare
from gateway.setup import Setup
from gateway.status import to_json
from tests.fakes import FakeClock, RecordingChannel, until
from tests.journeys.conftest import World
from tests.journeys.steps import add_job, hears, jump_to, rows, runs_that_ended


@dataclass
class Mood:
    """How the database feels: whether commits are let through, and whether they fail."""

    open: threading.Event = field(default_factory=threading.Event)
    fails: bool = False
    spares: int = 0  # how many commits succeed yet before they fail

    def __post_init__(self) -> None:
        self.open.set()


class MoodyDriver(SqliteDriver):
    """A database that waits and fails on demand."""

    def __init__(self, path: Path, mood: Mood) -> None:
        self._mood = mood
        super().__init__(path)

    def commit(self) -> None:
        self._mood.open.wait()
        if self._mood.fails and not self._mood.spares:
            raise sqlite3.OperationalError("disk I/O error")
        self._mood.spares = max(0, self._mood.spares - 1)
        super().commit()


@asynccontextmanager
async def _gateway(folder: Path, mood: Mood, script: Script) -> AsyncIterator[World]:
    home = Home(folder / "home")
    prepare(home)
    clock, channel, model = FakeClock(), RecordingChannel(), ScriptedModel(script)
    config = Config.layered(
        environment={}, file={"agent": {"timeout": "30s"}, "channels": {"test": {"owners": ["9"]}}}
    )
    setup = Setup(
        home=home,
        config=config,
        clock=clock,
        model=model,
        channels={"test": channel},
        connect=lambda: MoodyDriver(home.file("gateway.db"), mood),
    )
    async with running(setup) as gateway:
        yield World(gateway, channel, clock, model, home)


async def _recover(world: World) -> None:
    for _ in range(5):
        await world.clock.advance(timedelta(seconds=1))


async def test_a_turn_that_is_cancelled_while_its_steps_are_written_ends(tmp_path: Path) -> None:
    mood, go_on = Mood(), asyncio.Event()

    async def script(_: Prompt) -> Line:
        await go_on.wait()
        return calls(("message", {"text": "one"}))

    async with _gateway(tmp_path, mood, script) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        mood.open.clear()
        go_on.set()
        await world.clock.advance(timedelta())
        (turn,) = world.gateway.lanes.running.values()

        world.gateway.loop.cancel(turn)
        await world.clock.advance(timedelta())
        mood.open.set()
        await _recover(world)

        await until(lambda: not world.gateway.lanes.running)
        assert await rows(world, "SELECT state FROM turns") == [("cancelled",)]
        assert world.channel.texts() == ["one"]


async def test_a_turn_that_runs_out_of_time_while_its_steps_are_written_ends(tmp_path: Path) -> None:
    mood, go_on = Mood(), asyncio.Event()

    async def script(_: Prompt) -> Line:
        await go_on.wait()
        return calls(("cron", {"action": "add", "say": "tea", "when": "in 3 hours"}))

    async with _gateway(tmp_path, mood, script) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        mood.open.clear()
        go_on.set()
        await world.clock.advance(timedelta())

        await world.clock.advance(timedelta(seconds=31))
        mood.open.set()
        await _recover(world)

        await until(lambda: not world.gateway.lanes.running)
        assert await rows(world, "SELECT state FROM turns") == [("failed",)]
        assert "time limit" in (await hears(world, 1))[0]


async def test_a_message_that_waits_is_answered_though_its_claim_was_refused_at_first(tmp_path: Path) -> None:
    mood, go_on = Mood(), asyncio.Event()

    async def script(_: Prompt) -> Line:
        await go_on.wait()
        return ""

    async with _gateway(tmp_path, mood, script) as world:
        await world.channel.say("first")
        await world.channel.say("second")
        await world.model.asked(1)
        mood.fails, mood.spares = True, 1  # for the end of the first turn
        go_on.set()
        await world.clock.advance(timedelta(seconds=5))
        ready = to_json(world.gateway.status())["ready"]
        mood.fails = False
        await _recover(world)

        await world.model.asked(2)

        assert ready is False
        await until(lambda: not world.gateway.lanes.running)
        assert await rows(world, "SELECT state FROM inbox") == [("done",), ("done",)]


async def test_an_answer_waits_until_it_can_be_written(tmp_path: Path) -> None:
    mood, go_on = Mood(), asyncio.Event()

    async def script(_: Prompt) -> Line:
        await go_on.wait()
        return "the answer"

    async with _gateway(tmp_path, mood, script) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        mood.fails = True
        go_on.set()
        await world.clock.advance(timedelta(seconds=20))
        early = world.channel.texts()
        mood.fails = False
        await _recover(world)

        assert early == []
        assert await hears(world, 1) == ["the answer"]


async def test_a_run_whose_start_is_refused_takes_place_once_the_database_is_back(tmp_path: Path) -> None:
    mood = Mood()
    async with _gateway(tmp_path, mood, ["looked"]) as world:
        await add_job(world, prompt="look", when="in 10 minutes")
        mood.fails = True
        await jump_to(world, world.clock.now() + timedelta(minutes=10))
        await world.clock.advance(timedelta(seconds=4))
        mood.fails = False
        await _recover(world)

        (run,) = await runs_that_ended(world, 1)

        assert run.status == "succeeded"


async def test_a_dead_message_whose_notice_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    mood = Mood()

    class Channel(RecordingChannel):
        async def send(self, parcel: object) -> str:
            mood.fails = len(self.tried) == 0
            return await super().send(parcel)  # type: ignore[arg-type]

    async with _gateway(tmp_path, mood, lambda _: "hello") as world:
        world.channel.faults = [PermanentDeliveryError("chat not found")]
        await world.channel.say("one", chat="1")
        await until(lambda: world.channel.tried)
        mood.fails = True
        await world.clock.advance(timedelta(seconds=3))
        mood.fails = False
        await _recover(world)
        await world.channel.say("two", chat="2")

        await until(lambda: world.channel.texts("2"))

        assert world.channel.texts("2") == ["hello"]


@pytest.mark.nightly  # the stop waits its five seconds for the model
async def test_a_stop_while_the_database_refuses_comes_to_its_end(tmp_path: Path) -> None:
    mood = Mood()
    async with _gateway(tmp_path, mood, lambda _: HANG) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        mood.fails = True

    mood.fails = False
    async with _gateway(tmp_path, mood, ["hello again"]) as world:
        assert await hears(world, 1) == ["hello again"]

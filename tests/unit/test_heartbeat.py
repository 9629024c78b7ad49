"""The dead man's switch: asked for while the gateway works, silent when it does not."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.config import load, secrets
from gateway.errors import ConfigError
from gateway.heartbeat import Heartbeat, Life
from gateway.sections import HeartbeatSection
from tests.fakes import NOON, FakeClock, until
from tests.parts import open_database, rows

TOKEN = "0c6a1b2e-77aa-sentinel"


class NotedClock(FakeClock):
    """Notes how long it was slept for."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration.total_seconds())
        await super().sleep(duration)


@dataclass
class Watcher:
    """Who is asked: answers with `answers` in order, the last one again and again; None: never."""

    answers: list[int | None] = field(default_factory=lambda: [200])
    asked: int = 0
    address: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        assert request.path == f"/ping/{TOKEN}"
        self.asked += 1
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status is None:
            await asyncio.Event().wait()
        return web.Response(status=status or 200, text="OK")


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    made = Watcher()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/{TOKEN}"
    yield made
    await runner.cleanup()


class Gateway:
    """What may be lacking."""

    lacking = ""

    async def lacks(self) -> str:
        return self.lacking


@asynccontextmanager
async def running(
    address: str, clock: FakeClock, gateway: Gateway | None = None, **more: Any
) -> AsyncIterator[asyncio.Task[None]]:
    settings = HeartbeatSection(url=SecretStr(address), **more)
    task = asyncio.create_task(Heartbeat(settings, clock, (gateway or Gateway()).lacks).run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def pass_by(clock: NotedClock, duration: timedelta) -> None:
    """Let the pause that was begun last be over, and wait for the next one."""
    seen = len(clock.slept)
    await clock.advance(duration)
    await until(lambda: len(clock.slept) > seen)


async def test_the_address_is_asked_for_at_once_and_then_at_its_interval(watcher: Watcher) -> None:
    clock = NotedClock()

    async with running(watcher.address, clock, every=timedelta(minutes=1)):
        await until(lambda: clock.slept)
        await clock.advance(timedelta(seconds=59))
        asked_before = watcher.asked
        await pass_by(clock, timedelta(seconds=1))

    assert (asked_before, watcher.asked) == (1, 2)
    assert clock.slept == [60.0, 60.0]


async def test_while_something_is_lacking_nothing_is_sent_and_it_is_looked_at_again_soon(watcher: Watcher) -> None:
    clock, gateway = NotedClock(), Gateway()
    gateway.lacking = "the scheduler has not looked at its jobs since noon"

    with capture_logs() as lines:
        async with running(watcher.address, clock, gateway, every=timedelta(hours=1)):
            await until(lambda: clock.slept)
            await pass_by(clock, timedelta(seconds=5))
            asked_before = watcher.asked
            gateway.lacking = ""
            await pass_by(clock, timedelta(seconds=5))

    assert (asked_before, watcher.asked) == (0, 1)
    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("no heartbeat is sent", "the scheduler has not looked at its jobs since noon"),
        ("the heartbeat is taken again", None),
    ]


async def test_what_fails_is_logged_once_for_each_change_and_stops_nothing(watcher: Watcher) -> None:
    watcher.answers = [500, 500, 404, 404, 302, 200, 200]
    clock = NotedClock()

    with capture_logs() as lines:
        async with running(watcher.address, clock):
            await until(lambda: clock.slept)
            for _ in range(6):
                await pass_by(clock, timedelta(minutes=1))

    assert watcher.asked == 7
    assert [line.get("reason") for line in lines] == [
        "the answer was 500",
        "the answer was 404",
        "the answer was 302",
        None,
    ]


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_the_limit(watcher: Watcher) -> None:
    watcher.answers = [None, 200]
    clock = NotedClock()

    with capture_logs() as lines:
        async with running(watcher.address, clock, timeout=timedelta(seconds=10)):
            await until(lambda: watcher.asked == 1)
            await clock.advance(timedelta(seconds=10))
            await until(lambda: clock.slept)

    assert [line.get("reason") for line in lines] == ["no answer within 10s"]


async def test_p87_the_address_is_in_no_record_when_nobody_listens_there(unused_tcp_port_factory: Any) -> None:
    clock = NotedClock()

    with capture_logs() as lines:
        async with running(f"http://127.0.0.1:{unused_tcp_port_factory()}/{TOKEN}", clock):
            await until(lambda: clock.slept)

    assert [line["reason"] for line in lines] == ["ConnectError"]
    assert TOKEN not in repr(lines)


async def test_it_can_be_started_again_after_its_end(watcher: Watcher) -> None:
    clock = NotedClock()
    heartbeat = Heartbeat(HeartbeatSection(url=SecretStr(watcher.address)), clock, Gateway().lacks)

    for _ in range(2):
        task = asyncio.create_task(heartbeat.run())
        pauses = len(clock.slept)
        await until(lambda pauses=pauses: len(clock.slept) > pauses)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert watcher.asked == 2


async def test_without_an_address_there_is_nothing_to_do() -> None:
    settings = HeartbeatSection()

    await asyncio.wait_for(Heartbeat(settings, FakeClock(), Gateway().lacks).run(), timeout=1)

    assert settings.url.get_secret_value() == ""


def test_the_http_library_is_not_loaded_before_it_is_used() -> None:
    code = "import gateway.heartbeat, sys; print('httpx' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed == "False\n"


# -- what is lacking --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looked", "words"),
    [
        (None, "the scheduler has not begun yet"),
        (NOON - timedelta(seconds=61), "has not looked at its jobs since 2026-03-02 11:58:59 UTC"),
        (NOON - timedelta(seconds=60), ""),
        (NOON, ""),
    ],
)
async def test_a_scheduler_that_has_not_looked_for_a_minute_is_lacking(
    tmp_path: Path, looked: datetime | None, words: str
) -> None:
    clock = FakeClock()

    async with open_database(tmp_path / "gateway.db", clock) as database:
        lacking = await Life(database, clock, lambda: looked).lacks()

    assert lacking.endswith(words)
    assert bool(lacking) is bool(words)


async def test_each_look_writes_one_number_so_that_a_database_that_takes_nothing_is_noticed(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with open_database(tmp_path / "gateway.db", clock) as database:
        life = Life(database, clock, clock.now)

        first = await life.lacks()
        await life.lacks()

        written = await rows(database, "SELECT value FROM meta WHERE key = 'beat'")
    closed = await life.lacks()

    assert (first, written) == ("", [(2,)])
    assert closed.startswith("the database cannot be written: ")


async def test_a_database_that_hangs_is_lacking(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_database(tmp_path / "gateway.db", clock) as database:
        go_on = asyncio.Event()
        loop = asyncio.get_running_loop()
        hanging = asyncio.create_task(
            database.write(lambda _: asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result())
        )
        looking = asyncio.create_task(Life(database, clock, clock.now).lacks())
        await clock.advance(timedelta(seconds=30))

        lacking = await looking

        go_on.set()
        await hanging
    assert lacking == "the database does not answer"


# -- its settings -----------------------------------------------------------------------------------------------


def test_the_address_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ping").write_text(f"https://hc.example.org/{TOKEN}\n")
    (tmp_path / "config.toml").write_text('[heartbeat]\nurl_file = "ping"\nevery = "5m"\n')

    config = load(tmp_path, environ={}).config

    assert config.heartbeat.url.get_secret_value() == f"https://hc.example.org/{TOKEN}"
    assert config.heartbeat.every == timedelta(minutes=5)


def test_p87_the_address_and_what_is_secret_in_it_are_hidden_and_ordinary_words_are_not(tmp_path: Path) -> None:
    address = f"https://hc.example.org/api/v1/heartbeat/{TOKEN}?status=up"
    (tmp_path / "config.toml").write_text(f'[heartbeat]\nurl = "{address}"\n')

    config = load(tmp_path, environ={}).config

    assert secrets(config) == {address, TOKEN}
    assert TOKEN not in repr(config)


@pytest.mark.parametrize("address", [f"hc.example.org/{TOKEN}", f"ftp://x/{TOKEN}", f"https:///{TOKEN}"])
def test_what_is_no_address_is_refused_without_being_shown(tmp_path: Path, address: str) -> None:
    (tmp_path / "config.toml").write_text(f'[heartbeat]\nurl = "{address}"\n')

    with pytest.raises(
        ConfigError, match=r"heartbeat\.url: must be an address that begins with https://"
    ) as caught:
        load(tmp_path, environ={})

    assert TOKEN not in str(caught.value)


def test_a_heartbeat_without_a_scheduler_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'[cron]\nenabled = false\n[heartbeat]\nurl = "https://x/{TOKEN}"\n')

    (warning,) = load(tmp_path, environ={}).warnings

    assert "no heartbeat is sent without a scheduler" in warning

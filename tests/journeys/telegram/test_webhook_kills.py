"""The real program in webhook mode is killed while Telegram calls it: nothing is lost, nothing is done twice."""

import asyncio
import random
import re
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes import until
from tests.journeys import processes
from tests.journeys.telegram.story import ANNA, BORIS
from tests.journeys.telegram.test_webhook import HOOKED, PUBLIC
from tests.servers.telegram import TOKEN, TelegramServer

MARK = "↻ "


@asynccontextmanager
async def _program(
    tmp_path: Path, telegram: TelegramServer, port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {"TOKEN": TOKEN, "API_BASE": telegram.url, "ALLOW": f"{ANNA},{BORIS}"}
    settings |= {key.upper(): value for key, value in HOOKED.items()}
    settings |= {"RATE__PER_SECOND": "1e9", "RATE__PER_CHAT": "1e9"}
    variables = {f"TOCSIN__CHANNELS__TELEGRAM__{key}": value for key, value in settings.items()}
    output = tmp_path / "output"
    with output.open("ab") as file:
        begun = output.stat().st_size
        process = await asyncio.create_subprocess_exec(
            *processes.command(tmp_path / "home", "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=processes.environment(
                TOCSIN__WEB__PORT=str(port),
                **variables,
            ),
        )
    try:
        await until(lambda: b"tocsin ready" in output.read_bytes()[begun:], seconds=15)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)


async def _kills(tmp_path: Path, telegram: TelegramServer, *, kills: int, seed: int) -> None:
    chance, asked = random.Random(seed), 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    telegram.hooks.route(PUBLIC, f"http://127.0.0.1:{port}")
    for _ in range(kills):
        async with _program(tmp_path, telegram, port) as process:
            for user in (ANNA, BORIS) * 3:
                telegram.say(f"/help task-{asked}", user=user)
                asked += 1
            await asyncio.sleep(chance.uniform(0, 0.12))
            process.kill()
            await process.wait()
    async with _program(tmp_path, telegram, port):
        await telegram.wait_for(lambda: not telegram.pending and len(_tasks(telegram)) == asked, 30)

    with sqlite3.connect(tmp_path / "home/gateway.db") as database:
        assert database.execute("SELECT count(*) FROM inbox").fetchall() == [(asked,)]  # P-43
    tasks = {task: [one.text for one in telegram.sent if task in _words(one.text)] for task in _tasks(telegram)}
    assert len(tasks) == asked
    for first, *again in tasks.values():
        assert not first.startswith(MARK) or not again
        assert all(text.startswith(MARK) for text in again), again  # P-56


def _words(text: str) -> list[str]:
    return re.findall(r"task-\d+", text)


def _tasks(telegram: TelegramServer) -> set[str]:
    """What was answered."""
    return {task for one in telegram.sent for task in _words(one.text)}


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_kills_while_telegram_calls_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, telegram: TelegramServer
) -> None:
    await _kills(tmp_path, telegram, kills=15, seed=4)  # P-42

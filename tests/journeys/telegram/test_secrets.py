"""The bot's token is in every address that is asked, and must be nowhere else (P-87)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from aiohttp import web
from structlog.testing import LogCapture

from channels.telegram import TelegramChannel
from channels.telegram.client import Client
from gateway.observe import QUIET
from gateway.outbox.pace import Paces
from gateway.status import to_json
from tests.journeys.telegram.story import ANNA, GROUP, SHORT, Hurry, Opener, Town, becomes, calm, echo, hears
from tests.servers.telegram import TOKEN, TelegramServer

SECRET = TOKEN.partition(":")[2]


@asynccontextmanager
async def _indiscreet() -> AsyncIterator[str]:
    """A machine on the way whose pages repeat the address, as those of proxies do; with any status."""
    count = 0

    async def answer(request: web.BaseRequest) -> web.Response:
        nonlocal count
        count += 1
        status = (200, 301, 403, 404, 407, 500, 502)[count % 7]
        headers = {"Location": str(request.url)} if status == 301 else {}
        return web.Response(status=status, text=f"<html>{request.url}</html>", headers=headers)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def log() -> Any:
    """Every line of the log as it is before anything is hidden in it, with its exceptions as text."""
    capture = LogCapture()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.StackInfoRenderer(), capture]
    )
    yield capture
    structlog.reset_defaults()


def _at(url: str, clock: Hurry) -> dict[str, Any]:
    channel = TelegramChannel("telegram", Client(TOKEN, api_base=url, waits=SHORT), clock, paces=Paces())
    return {"clock": clock, "channels": {"telegram": channel}}


async def _suffer(town: Town) -> None:
    """Every fault once in reading and once in sending, and a token that is refused."""
    kinds: tuple[Any, ...] = ("lost", "drop", "garbage", "truncated", "status", "conflict", "unknown")
    town.telegram.rename(GROUP, "Foes")  # starts nothing, which the log says at its loudest
    town.telegram.fault("flood", method="getUpdates")
    for n, kind in enumerate(kinds):
        town.telegram.fault(kind, method="getUpdates")
        town.telegram.fault(kind, method="sendMessage")
        town.telegram.say(f"{n} {kind}", user=ANNA)
    await calm(town, seconds=20)
    town.telegram.token = f"{TOKEN}x"
    town.telegram.say("still there?", user=ANNA)
    await becomes(town, "stopped")


def _shown(town: Town) -> bytes:
    return orjson.dumps(to_json(town.gateway.status())) + repr(town.gateway.outbox.lines).encode()


async def test_the_token_is_in_no_byte_that_is_kept_logged_or_shown(
    open_town: Opener,
    telegram: TelegramServer,
    log: LogCapture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for library in QUIET:
        caplog.set_level(logging.WARNING, logger=library)
    shown = b""
    async with open_town(echo, **_at(telegram.url, Hurry(100))) as town:
        telegram.say("hello", user=ANNA)
        await hears(town, 1, chat=ANNA)
        await _suffer(town)
        shown += _shown(town)
    async with _indiscreet() as url, open_town(echo, **_at(url, Hurry(400))) as town:
        for _ in range(8):
            shown += (await becomes(town, "retrying")).encode()
            await asyncio.sleep(0.05)
            shown += _shown(town)
    await telegram.refuse()
    async with open_town(echo, **_at(telegram.url, Hurry(100))) as town:
        shown += (await becomes(town, "retrying")).encode() + _shown(town)

    assert {"debug", "info", "warning", "error"} <= {line["log_level"] for line in log.entries}
    assert SECRET not in repr(log.entries)
    assert SECRET not in caplog.text
    assert SECRET.encode() not in shown
    assert _holding(town.home.path) == []


def _holding(home: Path) -> list[Path]:
    """The files that hold the secret."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name.startswith("gateway.db") for path in files)
    assert any(path.name == "status.json" for path in files)
    return [path for path in files if SECRET.encode() in path.read_bytes()]


async def test_what_shows_a_channel_does_not_show_its_token(telegram: TelegramServer) -> None:
    client = Client(TOKEN, api_base=telegram.url)
    channel = TelegramChannel("telegram", client, Hurry(), paces=Paces())
    await client.identify()
    await client.close()

    assert SECRET not in f"{channel!r}{client!r}{vars(channel)!r}"

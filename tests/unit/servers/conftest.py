"""Telegram's server for tests and somebody who calls it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from tests.servers.telegram import serve_telegram
from tests.servers.telegram_caller import ANN, BOB, FORUM, GROUP, Caller, Wall


@pytest.fixture
async def api() -> AsyncIterator[Caller]:
    wall = Wall()
    async with serve_telegram(now=wall) as server, aiohttp.ClientSession() as http:
        server.person(ANN, "Ann", "ann_t")
        server.person(BOB, "Bob")
        server.group(FORUM, "Forum", forum=True, members=[ANN], admins=[BOB])
        server.group(GROUP, "Group", members=[ANN, BOB])
        yield Caller(server, wall, http)


@pytest.fixture
async def bot(api: Caller) -> AsyncIterator[Bot]:
    """python-telegram-bot's own; nothing here is encrypted, so no certificates are loaded."""
    requests = [HTTPXRequest(httpx_kwargs={"verify": False}) for _ in range(2)]
    address = f"{api.server.url}/bot"
    async with Bot(api.server.token, address, request=requests[0], get_updates_request=requests[1]) as made:
        yield made

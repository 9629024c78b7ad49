"""The servers for tests and somebody who calls them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from tests.servers import slack_caller
from tests.servers.slack import serve_slack
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


@pytest.fixture
async def slack() -> AsyncIterator[slack_caller.Caller]:
    wall = slack_caller.Wall()
    async with serve_slack(now=wall) as server, aiohttp.ClientSession() as http:
        server.person(slack_caller.ANNA, "Anna", admin=True)
        server.person(slack_caller.BOB, "Bob")
        server.channel(slack_caller.GENERAL, "general", members=[slack_caller.ANNA], creator=slack_caller.ANNA)
        server.channel(slack_caller.SECRET, "secret", members=[slack_caller.ANNA])
        server.channel(slack_caller.ELSEWHERE, "elsewhere", bot=False)
        yield slack_caller.Caller(server, wall, http)

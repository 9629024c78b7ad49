"""Telegram's server for tests calls a webhook: in the order of each chat, again until it is taken."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
import pytest
from aiohttp import web

from tests.fakes import until
from tests.servers.telegram_caller import ANN, BOB, Caller

PUBLIC = "https://bot.example.org"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Bell:
    """A webhook that answers what a test wants."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)  # of the next answers; then 200
    heard: list[tuple[str, str]] = field(default_factory=list)  # the secret and the text of each call
    inside: int = 0
    most: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        update = orjson.loads(await request.read())
        self.heard.append((request.headers.get(HEADER, ""), update["message"]["text"]))
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.open.wait()
        self.inside -= 1
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def bell() -> AsyncIterator[Bell]:
    bell = Bell()
    bell.open.set()
    runner = web.ServerRunner(web.Server(bell.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bell.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield bell
    await runner.cleanup()


async def test_each_chat_has_its_order_and_chats_do_not_wait_for_each_other(api: Caller, bell: Bell) -> None:
    api.server.hooks.route(PUBLIC, bell.url)
    await api.ok("setWebhook", url=f"{PUBLIC}/x", secret_token="s3cret")
    bell.open.clear()
    for n in range(3):
        api.server.say(f"a{n}", user=ANN)
        api.server.say(f"b{n}", user=BOB)
    await until(lambda: bell.inside == 2)
    bell.open.set()
    await api.server.wait_for(lambda: not api.server.pending)

    texts = [text for _, text in bell.heard]
    assert [text for text in texts if text[0] == "a"] == ["a0", "a1", "a2"]
    assert [text for text in texts if text[0] == "b"] == ["b0", "b1", "b2"]
    assert ({secret for secret, _ in bell.heard}, bell.most) == ({"s3cret"}, 2)


async def test_an_update_comes_again_until_it_is_taken_and_the_failure_is_told(api: Caller, bell: Bell) -> None:
    api.server.hooks.route(PUBLIC, bell.url)
    bell.statuses = [503, 401]
    api.server.hooks.lose = 1
    await api.ok("setWebhook", url=f"{PUBLIC}/x")

    api.server.say("hello", user=ANN)
    await api.server.wait_for(lambda: not api.server.pending)

    info = await api.ok("getWebhookInfo")
    assert [one.status for one in api.server.hooks.calls] == [503, 401, 200, 200]
    assert (info["last_error_message"], info["pending_update_count"]) == ("Webhook connection closed", 0)


async def test_what_waits_when_a_webhook_is_set_is_sent_to_it(api: Caller, bell: Bell) -> None:
    api.server.say("before", user=ANN)
    api.server.hooks.route(PUBLIC, bell.url)

    await api.ok("setWebhook", url=f"{PUBLIC}/x")
    await api.server.wait_for(lambda: not api.server.pending)

    assert bell.heard == [("", "before")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "http://bot.example.org/"}, "An HTTPS URL must be provided"),
        ({"url": "https://bot.example.org:8790/"}, "only on ports 80, 88, 443 or 8443"),
        ({"url": PUBLIC, "secret_token": "no!"}, "unallowed characters"),
        ({"url": PUBLIC, "secret_token": "x" * 257}, "too long"),
        ({"url": PUBLIC, "max_connections": 101}, "between 1 and 100"),
    ],
)
async def test_a_webhook_that_cannot_be_is_refused(api: Caller, given: dict[str, object], words: str) -> None:
    assert words in await api.no("setWebhook", **given)

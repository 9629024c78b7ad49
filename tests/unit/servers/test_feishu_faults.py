"""Feishu's server for tests calls webhooks, fails on request, and runs as a process of its own."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.servers.feishu import serve_feishu
from tests.servers.feishu_caller import ANN, FORUM, TEAM, Caller, Wall
from tests.servers.feishu_control import Control
from tests.servers.feishu_hooks import CHALLENGE


@pytest.fixture
async def api() -> AsyncIterator[Caller]:
    wall = Wall()
    async with serve_feishu(now=wall) as server, aiohttp.ClientSession() as http:
        server.person(ANN, "Ann")
        server.group(TEAM, "Team", members=[ANN], owner=ANN)
        server.group(FORUM, "Forum", members=[ANN], topics=True)
        caller = Caller(server, wall, http)
        await caller.log_in()
        yield caller


# Webhooks


@contextlib.asynccontextmanager
async def webhook(answers: list[int]) -> AsyncIterator[tuple[str, list[web.BaseRequest], list[bytes]]]:
    """Somebody who is called, with these answers one after the other."""
    requests: list[web.BaseRequest] = []
    bodies: list[bytes] = []

    async def called(request: web.BaseRequest) -> web.Response:
        requests.append(request)
        bodies.append(await request.read())
        return web.json_response({"challenge": CHALLENGE}, status=answers.pop(0) if answers else 200)

    server = web.Server(called)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/webhooks/feishu", requests, bodies
    finally:
        listener.close()
        await server.shutdown(0.1)


async def test_a_webhook_is_called_until_it_answers(api: Caller) -> None:
    api.server.retries = (0.02, 0.02)

    async with webhook([503, 200]) as (url, requests, bodies):
        api.server.say("early", user=ANN)
        api.server.hook(url)
        await api.server.wait_acked(1)

    assert [ack.code for ack in api.server.acks] == [503, 200]
    assert all(set(orjson.loads(body)) == {"encrypt"} for body in bodies)
    assert all(len(request.headers["X-Lark-Signature"]) == 64 for request in requests)


async def test_a_webhook_can_be_verified_and_called_with_forged_posts(api: Caller) -> None:
    api.server.say("hello", user=ANN)
    event = next(iter(api.server.events))

    async with webhook([]) as (url, requests, bodies):
        verified = await api.server.verify_url(url)
        await api.server.post_event(url, event, age=400.0, nonce="n")
        await api.server.post_event(url, {"any": "thing"}, encrypted=False, signed=False)
        await api.server.post_event(url, event, headers={"X-Lark-Signature": "forged"})

    assert (verified.status, verified.json()["challenge"]) == (200, CHALLENGE)
    assert "X-Lark-Signature" not in requests[0].headers
    assert requests[1].headers["X-Lark-Request-Timestamp"] == str(int(api.wall.seconds) - 400)
    assert (bodies[2], "X-Lark-Signature" in requests[2].headers) == (b'{"any":"thing"}', False)
    assert requests[3].headers["X-Lark-Signature"] == "forged"


# What goes wrong


async def test_faults_fail_calls_before_or_after_they_are_done(api: Caller) -> None:
    api.server.fault("lost", call="send")
    api.server.fault("drop", call="send")
    api.server.fault("code", call="send", code=230006, message="Bot ability is not activated.")
    api.server.fault("status", call="send", status=502)
    api.server.fault("truncated", call="send")

    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await api.send("lost or dropped")
    refused = await api.refused()
    page = await api.raw("POST", "im/v1/messages?receive_id_type=chat_id", json=api.message())
    status = api.status
    half = await api.raw("POST", "im/v1/messages?receive_id_type=chat_id", json=api.message("half"))

    assert refused[:2] == (400, 230006)
    assert (status, page[:6]) == (502, b"<html>")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half)
    assert api.server.texts(TEAM) == ["lost or dropped", "half"]
    assert api.server.stats().faults == 5


async def test_a_flood_says_how_long_to_wait_and_minds_who_does_not(api: Caller) -> None:
    api.server.fault("flood", call="send", chat=TEAM, retry_after=7)

    flooded = await api.refused()
    wait = api.headers["x-ogw-ratelimit-reset"]
    await api.send(chat=FORUM)
    early = await api.refused()
    api.wall.seconds += 7
    await api.send()

    assert (flooded[:2], wait) == ((429, 99991400), "7")
    assert early[:2] == (429, 99991400)
    assert api.server.violations == [f"send before the end of a wait, {TEAM}"]


async def test_the_whole_server_can_be_out_of_reach_for_a_while(api: Caller) -> None:
    await api.server.refuse(0.05)
    with pytest.raises(aiohttp.ClientError):
        await api.send()

    await asyncio.sleep(0.1)
    await api.send("back")

    assert api.server.texts(TEAM) == ["back"]


async def test_hanging_and_slow_calls_take_their_time(api: Caller) -> None:
    api.server.fault("hang", call="bot")
    api.server.fault("slow", call="bot", delay=0.05)
    begun = asyncio.get_running_loop().time()

    with pytest.raises(TimeoutError):
        await api.raw("GET", "bot/v3/info", timeout=aiohttp.ClientTimeout(total=0.05))
    answer = await api.whole("GET", "bot/v3/info")

    assert answer["code"] == 0
    assert asyncio.get_running_loop().time() - begun >= 0.1


# As a process of its own


async def test_a_child_process_is_controlled_over_http() -> None:
    command = [sys.executable, "-m", "tests.servers.feishu"]
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().removeprefix("ready ").strip()

    async with Control(url) as feishu, aiohttp.ClientSession() as http:
        await feishu.do("group", id=TEAM, members=[ANN])
        said = await feishu.say("hello", user=ANN, chat=TEAM)
        await feishu.file("a.txt", b"x", user=ANN)
        with pytest.raises(LookupError, match="no such verb"):
            await feishu.do("sing")
        async with http.get(f"{url}/open-apis/bot/v3/info") as response:
            unauthorized = await response.json()
        stats = await feishu.stats()
        texts = await feishu.texts()
    process.terminate()
    code = await process.wait()

    assert said.startswith("om_")
    assert unauthorized["code"] == 99991661
    assert (stats["events"], stats["waiting"], texts) == (2, 2, [])
    assert code == 0

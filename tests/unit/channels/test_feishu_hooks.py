"""Webhooks: only what Feishu has signed and encrypted with our key is taken; nothing else learns anything."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from channels.base import Reply
from channels.feishu import FeishuChannel
from gateway.errors import StoreFullError
from tests.servers.feishu import FeishuServer, serve_feishu
from tests.servers.feishu_hooks import CHALLENGE, Post
from tests.unit.channels.feishu_desk import ANNA, GROUP, Inlet, channel_at, eventually, running

Json = Any


class Called:
    """A call of a webhook."""

    def __init__(self, body: bytes, headers: Mapping[str, str], method: str = "POST") -> None:
        self.method = method
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.reads = 0
        self._body = body

    async def body(self) -> bytes:
        self.reads += 1
        return self._body


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        server.person(ANNA, "Anna")
        server.group(GROUP, "Team", members=[ANNA])
        yield server


@pytest.fixture
def inlet() -> Inlet:
    return Inlet()


@pytest.fixture
async def channel(server: FeishuServer, tmp_path: Path, inlet: Inlet) -> AsyncIterator[FeishuChannel]:
    keys = {"encrypt_key": server.encrypt_key, "verification_token": server.verification_token}
    async with channel_at(server, tmp_path, mode="webhook", **keys) as channel, running(channel, inlet):
        await eventually(lambda: inlet.lives)
        yield channel


def said(server: FeishuServer, text: str = "hello") -> bytes:
    """The event of a message."""
    server.say(text, user=ANNA)
    return list(server.events.values())[-1].body


async def answer(channel: FeishuChannel, post: Post) -> Reply:
    return await channel.called(Called(post.body, post.headers))


async def test_a_signed_event_is_handed_in(server: FeishuServer, channel: FeishuChannel, inlet: Inlet) -> None:
    reply = await answer(channel, server.hooks.build(said(server)))

    assert (reply.status, reply.body, reply.media_type) == (200, b"{}", "application/json; charset=utf-8")
    assert inlet.texts() == ["hello"]


async def test_the_challenge_is_answered_with_or_without_a_signature(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    asked = {"challenge": CHALLENGE, "token": server.verification_token, "type": "url_verification"}
    plain = json.dumps(asked).encode()

    replies = [await answer(channel, server.hooks.build(plain, signed=signed)) for signed in (True, False)]

    assert [(reply.status, json.loads(reply.body)) for reply in replies] == [(200, {"challenge": CHALLENGE})] * 2


@pytest.mark.parametrize(
    "change", [{"token": "wrong"}, {"token": None}, {"token": ""}, {"challenge": 5}, {"challenge": "x" * 5_000}]
)
async def test_a_challenge_of_a_stranger_is_not_answered(
    server: FeishuServer, channel: FeishuChannel, change: Json
) -> None:
    asked = {"challenge": CHALLENGE, "token": server.verification_token, "type": "url_verification", **change}

    reply = await answer(channel, server.hooks.build(json.dumps(asked).encode()))

    assert reply == Reply(status=401)


@pytest.mark.parametrize(
    "forged",
    [
        {"signed": False},
        {"key": "another key"},
        {"encrypted": False},
        {"age": 400},
        {"age": -400},
        {"headers": {"X-Lark-Signature": "0" * 64}},
        {"headers": {"X-Lark-Signature": ""}},
        {"headers": {"X-Lark-Signature": "\xe9\xff"}},
        {"headers": {"X-Lark-Request-Timestamp": "soon"}},
        {"headers": {"X-Lark-Request-Timestamp": ""}},
        {"headers": {"X-Lark-Request-Timestamp": "9" * 400}},
        {"headers": {"X-Lark-Request-Timestamp": "\u0663"}},
        {"headers": {"X-Lark-Request-Nonce": "other"}},
    ],
)
async def test_what_is_forged_is_unknown_without_any_detail(  # P-82
    server: FeishuServer, channel: FeishuChannel, inlet: Inlet, forged: Json
) -> None:
    reply = await answer(channel, server.hooks.build(said(server), **forged))

    assert reply == Reply(status=401)
    assert inlet.received == []


async def test_a_stale_signature_costs_not_even_the_reading_of_the_body(  # P-82
    server: FeishuServer, channel: FeishuChannel
) -> None:
    post = server.hooks.build(said(server), age=301)
    call = Called(post.body, post.headers)

    reply = await channel.called(call)

    assert (reply.status, call.reads) == (401, 0)


async def test_an_event_with_another_token_is_not_ours(
    server: FeishuServer, channel: FeishuChannel, inlet: Inlet
) -> None:
    event = json.loads(said(server))
    event["header"]["token"] = "another"

    reply = await answer(channel, server.hooks.build(json.dumps(event).encode()))

    assert reply == Reply(status=401)
    assert inlet.received == []


async def test_only_posts_are_taken(server: FeishuServer, channel: FeishuChannel) -> None:
    post = server.hooks.build(said(server))

    assert (await channel.called(Called(post.body, post.headers, method="GET"))).status == 401


async def test_a_replay_has_the_keys_of_the_first(
    server: FeishuServer, channel: FeishuChannel, inlet: Inlet
) -> None:
    post = server.hooks.build(said(server))

    await asyncio.gather(answer(channel, post), answer(channel, post))

    assert inlet.received[0].dedupe_keys == inlet.received[1].dedupe_keys


async def test_what_cannot_be_kept_is_told_to_the_listener(
    server: FeishuServer, channel: FeishuChannel, inlet: Inlet
) -> None:
    inlet.refusing = lambda _: StoreFullError("the disk is full")

    with pytest.raises(StoreFullError):
        await answer(channel, server.hooks.build(said(server)))


async def test_before_it_knows_itself_a_channel_asks_for_a_repeat(server: FeishuServer, tmp_path: Path) -> None:
    keys = {"encrypt_key": server.encrypt_key, "verification_token": server.verification_token}
    async with channel_at(server, tmp_path, mode="webhook", **keys) as channel:
        assert (await answer(channel, server.hooks.build(said(server)))).status == 503


async def test_a_pressed_button_is_answered_in_the_reply(server: FeishuServer, channel: FeishuChannel) -> None:
    told = {
        "operator": {"open_id": ANNA},
        "action": {"value": {"d": "/x", "s": "forged"}},
        "context": {"open_message_id": "om_1", "open_chat_id": GROUP},
    }
    server.push("card.action.trigger", told)
    event = list(server.events.values())[-1].body

    reply = await answer(channel, server.hooks.build(event))

    assert json.loads(reply.body)["toast"]["type"] == "info"


DEEP = b"[" * 400 + b"]" * 400


@pytest.mark.parametrize(
    ("place", "odd", "text"),
    [
        (b"PLACE", rb"a\\ud83db", "a?b"),
        (b'"schema":"2.0"', rb'"schema":"\ud83d"', "PLACE"),
        (b'"schema":"2.0"', b'"schema":"2.0","deep":' + DEEP, "PLACE"),
    ],
)
async def test_what_is_odd_in_a_signed_event_costs_no_more_than_itself(  # P-53
    server: FeishuServer, channel: FeishuChannel, inlet: Inlet, place: bytes, odd: bytes, text: str
) -> None:
    event = said(server, "PLACE")
    assert place in event

    reply = await answer(channel, server.hooks.build(event.replace(place, odd)))

    assert (reply.status, inlet.texts()) == (200, [text])


async def test_a_challenge_that_cannot_be_said_is_not_answered(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    asked = {"challenge": "\ud83d", "token": server.verification_token, "type": "url_verification"}

    assert await answer(channel, server.hooks.build(json.dumps(asked).encode())) == Reply(status=401)


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.nightly)])
async def test_mutated_calls_are_unknown_or_taken_and_never_an_error(  # P-53
    server: FeishuServer, channel: FeishuChannel, count: int
) -> None:
    chance, statuses = random.Random(11), set[int]()
    plain = said(server)
    for _ in range(count):
        data = bytearray(plain)
        for _ in range(chance.randint(0, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        post = server.hooks.build(bytes(data))
        body, headers = bytearray(post.body), dict(post.headers)
        if chance.random() < 0.3:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.3:
            headers[chance.choice(list(headers))] = "".join(chr(chance.randrange(256)) for _ in range(9))

        reply = await channel.called(Called(bytes(body), headers))

        statuses.add(reply.status)
        assert reply.status in {200, 401}
        assert reply.status == 200 or reply.body == b""

    assert statuses == {200, 401}

"""Slack's calls over HTTP: who cannot show that it is Slack is told nothing, and costs nothing."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.base import Hooked, Reply
from channels.slack import SlackChannel
from gateway.errors import StoreError
from tests.servers.slack import SlackServer, serve_slack
from tests.servers.slack_hooks import sign
from tests.unit.channels.slack_at import ANNA, GENERAL, Inlet, channel_at, reading
from tests.unit.channels.slack_payloads import direct, event, mutated, one_of_each, press, slash

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass
class Call:
    """One call, as the listener hands it on."""

    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    read: bool = False

    async def body(self) -> bytes:
        self.read = True
        return self.content


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.channel(GENERAL, "general", members=[ANNA])
        yield server


@asynccontextmanager
async def hooked(slack: SlackServer, inlet: Inlet) -> AsyncIterator[SlackChannel]:
    async with channel_at(slack, mode="http", app_token="") as channel, reading(channel, inlet):
        await slack.wait_for(lambda: inlet.lives)
        yield channel


def signed(content: bytes, kind: str = JSON, *, age: int = 0, **more: str) -> Call:
    at = str(int(time.time()) - age)
    headers = {"content-type": kind, "x-slack-request-timestamp": at, "x-slack-signature": sign(content, at)}
    return Call(content, {**headers, **more})


def as_json(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def as_form(payload: Any) -> bytes:
    form = payload if "command" in payload else {"payload": json.dumps(payload)}
    return urlencode(form, errors="replace").encode()


async def status(channel: SlackChannel, call: Call) -> int:
    reply: Reply = await channel.called(call)
    assert reply.status == 200 or reply.body == b""
    return reply.status


async def test_what_is_signed_is_taken_before_it_is_answered(slack: SlackServer) -> None:
    inlet = Inlet()

    async with hooked(slack, inlet) as channel:
        assert isinstance(channel, Hooked)
        assert await status(channel, signed(as_json(direct("hello")))) == 200
        assert inlet.texts() == ["hello"]
        assert await status(channel, signed(as_form(press("|/done")), FORM)) == 200
        assert await status(channel, signed(as_form(slash("cron list")), FORM)) == 200

    assert inlet.texts() == ["hello", "/done", "/cron list"]


async def test_the_challenge_is_answered(slack: SlackServer) -> None:
    async with hooked(slack, Inlet()) as channel:
        reply = await channel.called(signed(as_json({"type": "url_verification", "challenge": "c0ffee"})))
        checked = await status(channel, signed(b"ssl_check=1&token=x", FORM))

    assert (reply.status, json.loads(reply.body), reply.media_type) == (200, {"challenge": "c0ffee"}, JSON)
    assert checked == 200


async def test_p46_a_retry_is_answered_with_200_and_has_the_same_keys(slack: SlackServer) -> None:
    # P-46
    inlet = Inlet()

    async with hooked(slack, inlet) as channel:
        for number in range(4):
            retry = {"x-slack-retry-num": str(number), "x-slack-retry-reason": "http_timeout"} if number else {}
            assert await status(channel, signed(as_json(event("hi")), **retry)) == 200
        forged = signed(as_json(event("hi")), **{"x-slack-retry-num": "1", "x-slack-signature": "v0=" + "0" * 64})
        assert await status(channel, forged) == 401

    assert len({message.dedupe_keys for message in inlet.received}) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "now"},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "-1"},
        {"x-slack-request-timestamp": "1e9"},
        {"x-slack-request-timestamp": "²"},
        {"x-slack-request-timestamp": "9" * 5_000},
        {"x-slack-signature": ""},
        {"x-slack-signature": "v0=é"},
        {"x-slack-signature": "v1=" + "0" * 64},
        {"x-slack-signature": "\xff\xfe"},
        {"x-slack-signature": "v0=" + "A" * 64},
    ],
)
async def test_p82_headers_that_cannot_be_right_cost_no_body(slack: SlackServer, headers: dict[str, str]) -> None:
    # P-82
    inlet = Inlet()
    call = signed(as_json(direct("hello")))
    call.headers = {**call.headers, **headers} if headers else {}

    async with hooked(slack, inlet) as channel:
        found = await status(channel, call)

    assert found == 401
    assert call.read is (headers == {"x-slack-signature": "v0=" + "0" * 64})
    assert inlet.received == []


@pytest.mark.parametrize(("age", "taken"), [(0, 200), (290, 200), (310, 401), (-310, 401), (10**6, 401)])
async def test_p82_what_is_older_than_five_minutes_is_refused(slack: SlackServer, age: int, taken: int) -> None:
    # P-82
    inlet = Inlet()
    call = signed(as_json(direct("hello")), age=age)

    async with hooked(slack, inlet) as channel:
        assert await status(channel, call) == taken

    assert call.read is (taken == 200)
    assert len(inlet.received) == (taken == 200)


async def test_p82_another_body_or_another_secret_is_refused(slack: SlackServer) -> None:
    # P-82
    inlet = Inlet()
    call, bytes_ = signed(as_json(direct("hello"))), signed(b"\xff\xfe\x00")
    call.content = as_json(direct("hullo"))
    at = call.headers["x-slack-request-timestamp"]
    other = Call(call.content, {**call.headers, "x-slack-signature": sign(call.content, at, "another secret")})

    async with hooked(slack, inlet) as channel:
        assert [await status(channel, one) for one in (call, other)] == [401, 401]
        bytes_.headers = {**bytes_.headers, "x-slack-signature": "v0=" + "0" * 64}
        assert await status(channel, bytes_) == 401

    assert inlet.received == []


async def test_only_post_is_taken(slack: SlackServer) -> None:
    async with hooked(slack, Inlet()) as channel:
        call = signed(b"")
        call.method = "GET"
        assert await status(channel, call) == 405


async def test_what_cannot_be_kept_is_no_success(slack: SlackServer) -> None:
    inlet = Inlet(refusing=lambda _: StoreError("the disk is full"))

    async with hooked(slack, inlet) as channel:
        with pytest.raises(StoreError):
            await channel.called(signed(as_json(direct("hello"))))


async def test_what_nobody_can_say_was_kept_is_no_success(slack: SlackServer) -> None:
    # P-42: whatever went wrong, Slack is not told that it was taken
    for error in (RuntimeError("a fault of ours"), asyncio.CancelledError()):
        inlet = Inlet(refusing=lambda _, error=error: error)  # type: ignore[misc]

        async with hooked(slack, inlet) as channel:
            with pytest.raises(StoreError):
                await channel.called(signed(as_json(direct("hello"))))


async def test_before_it_is_open_nothing_is_taken(slack: SlackServer) -> None:
    async with channel_at(slack, mode="http", app_token="") as channel:
        with pytest.raises(StoreError):
            await channel.called(signed(as_json(direct("hello"))))


async def test_before_it_is_open_a_forged_call_is_told_no_more_than_ever(slack: SlackServer) -> None:
    # P-82
    forged = signed(as_json(direct("hello")))
    forged.headers = {**forged.headers, "x-slack-signature": "v0=" + "0" * 64}

    async with channel_at(slack, mode="http", app_token="") as channel:
        assert await status(channel, forged) == 401


async def test_with_a_socket_nobody_is_meant_to_call(slack: SlackServer) -> None:
    inlet = Inlet()

    async with channel_at(slack) as channel, reading(channel, inlet):
        await slack.wait_for(lambda: inlet.lives)
        assert await status(channel, signed(as_json(direct("hello")))) == 404

    assert inlet.received == []


async def test_each_call_shows_that_the_channel_is_alive(slack: SlackServer) -> None:
    inlet = Inlet()

    async with hooked(slack, inlet) as channel:
        before = inlet.lives
        await channel.called(signed(as_json(direct("hello"))))
        await channel.called(Call(b""))

    assert inlet.lives == before + 1
    assert channel.heard_every is None


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.nightly)])
async def test_p53_a_signed_body_of_any_shape_is_answered_with_200(slack: SlackServer, count: int) -> None:
    # P-53
    chance = random.Random(53)
    payloads = one_of_each()

    async with hooked(slack, Inlet()) as channel:
        for number in range(count):
            payload = mutated(payloads[number % len(payloads)], chance)
            interactive = "event" not in payloads[number % len(payloads)]
            body, kind = (as_form(payload), FORM) if interactive else (as_json(payload), JSON)
            assert (await channel.called(signed(body, kind))).status == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60), kind=st.sampled_from([JSON, FORM, "", "text/plain", "é"]))
async def test_p53_a_signed_body_of_any_bytes_is_no_fault_of_ours(
    slack: SlackServer, body: bytes, kind: str
) -> None:
    # P-53
    async with hooked(slack, Inlet()) as channel:
        reply = await channel.called(signed(body, kind))

    assert reply.status in {200, 401}

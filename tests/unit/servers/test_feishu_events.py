"""Feishu's server for tests tells a bot what people do: over the long connection, and again until it is taken."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from tests.servers.feishu import BOT_ID, serve_feishu
from tests.servers.feishu_caller import (
    ANN,
    FORUM,
    TEAM,
    Caller,
    Json,
    Line,
    Wall,
    address_of,
    card,
    json,
    long_connection,
)
from tests.servers.feishu_frames import CONTROL, Frame, decode, encode

ENDPOINT = "/callback/ws/endpoint"


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


async def told(line: Line) -> Json:
    """The next event, acked."""
    frame, event = await line.event()
    await line.ack(frame)
    return event


# What is told


async def test_a_message_arrives_with_everything_that_feishu_says_of_it(api: Caller) -> None:
    async with long_connection(api) as line:
        first = api.server.say("hello", user=ANN, chat=TEAM, mention=[BOT_ID])
        event = await told(line)
        api.server.say("in the topic", user=ANN, chat=TEAM, parent=first, thread=True)
        reply = (await told(line))["event"]["message"]

    message = event["event"]["message"]
    assert (event["schema"], event["header"]["event_type"]) == ("2.0", "im.message.receive_v1")
    assert event["header"]["token"] == api.server.verification_token
    assert event["event"]["sender"]["sender_id"]["open_id"] == ANN
    assert (message["message_id"], message["chat_id"], message["chat_type"]) == (first, TEAM, "group")
    assert message["content"] == '{"text":"@_user_1 hello"}'
    assert message["mentions"][0]["key"] == "@_user_1"
    assert message["mentions"][0]["id"]["open_id"] == BOT_ID
    assert {"root_id", "parent_id", "thread_id"} & message.keys() == set()
    assert (reply["root_id"], reply["parent_id"], reply["thread_id"][:4]) == (first, first, "omt_")


async def test_a_bot_without_the_scope_hears_only_its_mentions_in_groups(api: Caller) -> None:
    api.server.scopes.discard("im:message.group_msg")

    api.server.say("among people", user=ANN, chat=TEAM)
    api.server.say("to the bot", user=ANN, chat=TEAM, mention=[BOT_ID])
    api.server.say("in private", user=ANN)

    said = [orjson.loads(event.body)["event"]["message"]["content"] for event in api.server.events.values()]
    assert said == ['{"text":"@_user_1 to the bot"}', '{"text":"in private"}']


async def test_posts_files_buttons_menus_and_other_bots_are_told(api: Caller) -> None:
    api.server.person("ou_rival", "Rival", bot=True)
    shown = api.server.write(api.server.chats[TEAM], None, "interactive", card("Yes"))

    api.server.say(post=[[{"tag": "text", "text": "rich", "style": []}]], user=ANN, mention=[BOT_ID])
    api.server.file("note.ogg", b"opus", user=ANN, kind="audio", duration=1500)
    api.server.press(shown.id, "Yes", user=ANN)
    api.server.menu("help", user=ANN)
    api.server.say("beep", user="ou_rival", chat=TEAM)

    post, audio, press, menu, rival = (orjson.loads(one.body)["event"] for one in api.server.events.values())
    assert orjson.loads(post["message"]["content"])["content"][0][0]["user_id"] == "@_user_1"
    assert orjson.loads(audio["message"]["content"])["duration"] == 1500
    assert (press["action"]["value"], press["context"]["open_chat_id"]) == ({"do": "yes"}, TEAM)
    assert (menu["event_key"], menu["operator"]["operator_id"]["open_id"]) == ("help", ANN)
    assert rival["sender"]["sender_type"] == "app"
    with pytest.raises(LookupError, match="has no button 'Maybe'"):
        api.server.press(shown.id, "Maybe", user=ANN)


# The long connection


@pytest.mark.parametrize(
    ("app", "secret", "code"), [("", "", 1000040344), ("cli_x", "y", 1000040346), (None, "y", 514)]
)
async def test_the_endpoint_knows_its_app(api: Caller, app: str | None, secret: str, code: int) -> None:
    asked = {"AppID": api.server.app_id if app is None else app, "AppSecret": secret}

    async with api.http.post(api.server.url + ENDPOINT, json=asked) as response:
        answer = await response.json()

    assert (response.status, answer["code"]) == (200, code)


async def test_an_address_works_once_and_a_refusal_says_why(api: Caller) -> None:
    address = await address_of(api)
    api.server.refuse_sockets(403, "forbidden")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.http.ws_connect(address)
    async with api.http.ws_connect(address):
        pass

    with pytest.raises(aiohttp.WSServerHandshakeError) as used:
        await api.http.ws_connect(address)

    assert refused.value.headers is not None
    assert used.value.headers is not None
    assert (refused.value.headers["Handshake-Status"], refused.value.headers["Handshake-Msg"]) == (
        "403",
        "forbidden",
    )
    assert used.value.headers["Handshake-Status"] == "514"


async def test_a_ping_is_answered_with_the_configuration(api: Caller) -> None:
    api.server.client(ping=7, nonce=3, interval=5)

    async with long_connection(api) as line:
        pong = await line.ping()

    told_client = {"ReconnectCount": -1, "ReconnectInterval": 5, "ReconnectNonce": 3, "PingInterval": 7}
    assert (pong.method, pong.header("type")) == (CONTROL, "pong")
    assert orjson.loads(pong.payload or b"") == told_client
    assert api.server.violations == []


async def test_an_event_comes_again_until_it_is_taken(api: Caller) -> None:
    api.server.retries = (0.05, 0.05, 0.05, 0.05)

    async with long_connection(api) as line:
        api.server.say("hello", user=ANN)
        ignored, first = await line.event()
        failed, second = await line.event()
        await line.ack(failed, code=500)
        third = await told(line)
        await api.server.wait_acked(1)
        with pytest.raises(TimeoutError):
            await line.ws.receive(timeout=0.15)

    assert first == second == third
    assert ignored.header("message_id") != failed.header("message_id")
    assert [ack.code for ack in api.server.acks] == [500, 200]
    assert (api.server.stats().given, api.server.stats().acked) == (3, 1)


async def test_an_ack_after_three_seconds_is_none(api: Caller) -> None:
    async with long_connection(api) as line:
        api.server.say("hello", user=ANN)
        frame, _ = await line.event()
        next(iter(api.server.events.values())).last -= 3.5  # as if it had been pushed then
        await line.ack(frame)
        await api.server.wait_until(lambda: len(api.server.acks) == 1, "ack")

    assert (api.server.stats().acked, api.server.stats().late) == (0, 1)


async def test_what_is_said_before_a_connection_waits_for_one(api: Caller) -> None:
    api.server.say("early", user=ANN)

    async with long_connection(api) as line:
        event = await told(line)
        await api.server.wait_acked(1)

    assert "early" in event["event"]["message"]["content"]


@pytest.mark.parametrize("backwards", [False, True])
async def test_an_event_can_be_cut_into_frames(api: Caller, *, backwards: bool) -> None:
    api.server.split(3, backwards=backwards)

    async with long_connection(api) as line:
        api.server.say("hello", user=ANN)
        frames = [await line.frame() for _ in range(3)]
        await line.ack(frames[-1])
        await api.server.wait_acked(1)

    ordered = sorted(frames, key=lambda frame: int(frame.header("seq")))
    whole = b"".join(frame.payload or b"" for frame in ordered)
    assert orjson.loads(whole)["header"]["event_type"] == "im.message.receive_v1"
    assert (frames == ordered) is not backwards
    assert {frame.header("sum") for frame in frames} == {"3"}
    assert api.server.violations == []


async def test_a_message_is_replayed_under_the_same_and_under_new_ids(api: Caller) -> None:
    async with long_connection(api) as line:
        said = api.server.say("hello", user=ANN)
        first = await told(line)
        api.server.redeliver(said)
        again = await told(line)
        api.server.redeliver(said, new_event=True)
        renamed = await told(line)
        api.server.redeliver(said, new_event=True, new_message=True)
        other = await told(line)
        await api.server.wait_until(lambda: len(api.server.acks) == 4, "four acks")

    assert first == again
    assert renamed["header"]["event_id"] != first["header"]["event_id"]
    assert renamed["event"] == first["event"]
    assert other["event"]["message"]["message_id"] != said
    assert other["event"]["message"]["create_time"] == first["event"]["message"]["create_time"]


@pytest.mark.parametrize(
    ("data", "violation"),
    [
        (b"\x00garbage", "bytes that are no frame"),
        ("text", "a TEXT message"),
        (encode(Frame(headers=(("message_id", "unknown"),))), "an ack of nothing"),
        (encode(Frame(method=CONTROL, service=1, headers=(("type", "ping"),))), "a ping for service 1"),
        (encode(Frame(method=CONTROL, headers=(("type", "hello"),))), "a control frame of type 'hello'"),
    ],
)
async def test_what_no_client_says_is_a_violation(api: Caller, data: bytes | str, violation: str) -> None:
    async with long_connection(api) as line:
        await (line.ws.send_str(data) if isinstance(data, str) else line.ws.send_bytes(data))
        await api.server.wait_until(lambda: len(api.server.violations) == 1, "violation")

    assert api.server.violations[0].startswith(violation)


async def test_an_ack_that_is_not_the_frame_is_a_violation(api: Caller) -> None:
    async with long_connection(api) as line:
        api.server.say("hello", user=ANN)
        frame, _ = await line.event()
        await line.ack(frame, headers=frame.headers[1:], log=0)
        await api.server.wait_acked(1)

    assert api.server.violations == ["an ack that changes type, log"]


async def test_the_connections_are_counted_and_can_be_dropped(api: Caller) -> None:
    async with long_connection(api) as first:
        async with long_connection(api):
            assert api.server.sockets.live == 2
        await api.server.wait_until(lambda: api.server.sockets.live == 1, "closed connection")
        api.server.drop()
        closed = await first.ws.receive(timeout=1)
        await api.server.wait_until(lambda: api.server.sockets.live == 0, "dropped connection")

    assert closed.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert (api.server.sockets.max_live, api.server.sockets.connects) == (2, 2)


async def test_a_frozen_connection_is_open_deaf_and_dumb(api: Caller) -> None:
    async with long_connection(api) as line:
        api.server.freeze()
        api.server.say("hello", user=ANN)
        await line.ws.ping(b"x")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.ping(), 0.1)
        alive = api.server.sockets.live
        await line.ws.close()
    async with long_connection(api) as line:
        api.server.say("again", user=ANN)
        event = await told(line)
        await api.server.wait_until(lambda: api.server.sockets.live == 1, "end of the frozen one")

    assert alive == 1
    assert "again" in event["event"]["message"]["content"]


async def test_a_fiftieth_connection_is_the_last(api: Caller) -> None:
    api.server.sockets.max_connections = 1
    asked = {"AppID": api.server.app_id, "AppSecret": api.server.app_secret}

    async with long_connection(api), api.http.post(api.server.url + ENDPOINT, json=asked) as response:
        answer = await response.json()

    assert answer["code"] == 1000040350


def test_frames_that_are_cut_off_or_incomplete_are_no_frames() -> None:
    whole = encode(Frame(seq=300, headers=(("type", "event"),), payload=b"x" * 200))

    broken = [whole[:-1], whole[:3], whole[2:], b"\xff" * 12, b"\x0b", json({"no": "frame"}).encode()]

    assert decode(whole).seq == 300
    for data in broken:
        with pytest.raises(ValueError, match=r"cut off|missing|unknown|too long"):
            decode(data)

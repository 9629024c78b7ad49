"""Feishu, and the machines on the way to it, at their worst: nothing hangs, grows, or is lost by what they do."""

import asyncio
import base64
import hashlib
import io
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from channels.feishu import FeishuChannel
from channels.feishu import socket as long_connection
from channels.feishu.client import Client, Line, _copy
from channels.feishu.frames import DATA, Frame, encode
from channels.feishu.http import Http, Request
from channels.feishu.intake import LONGEST_QUOTE
from channels.feishu.memory import Recent
from channels.feishu.socket import LongConnection
from channels.feishu.talk import MOST_AT_ONCE
from channels.feishu.tokens import Tokens
from gateway.clock import SystemClock
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    MediaError,
    PermanentDeliveryError,
    ReadingError,
    TransientDeliveryError,
)
from gateway.messages import Caller, ChatAddress, OutboundMessage, Parcel
from tests.fakes import NOON, FakeClock
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.unit.channels.feishu_desk import (
    ANNA,
    BORIS,
    GROUP,
    SHORT,
    Inlet,
    channel_at,
    client_of,
    eventually,
    running,
)

Json = Any


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        for person, name in ((ANNA, "Anna"), (BORIS, "Boris")):
            server.person(person, name)
        server.group(GROUP, "Team", members=[ANNA, BORIS], owner=ANNA)
        yield server
        assert server.violations == []


@pytest.fixture
async def channel(server: FeishuServer, tmp_path: Path) -> AsyncIterator[FeishuChannel]:
    async with channel_at(server, tmp_path) as channel:
        yield channel


# -- the token --------------------------------------------------------------------------------------------------


async def tried(work: Awaitable[object]) -> DeliveryError | None:
    try:
        await work
    except DeliveryError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("secret", "expected"), [("wrong", CredentialsRefusedError), ("", TransientDeliveryError)]
)
async def test_who_waits_for_a_token_that_is_not_to_be_had_asks_no_second_time(
    server: FeishuServer, secret: str, expected: type[DeliveryError]
) -> None:
    client = client_of(server, secret=secret)
    if not secret:
        server.fault("status", call="token", status=503, times=None)

    found = await asyncio.gather(*(tried(client.identify()) for _ in range(50)))
    again = await tried(client.identify())

    assert {type(error) for error in [*found, again]} == {expected}
    assert server.stats().calls["token"] == 2
    await client.close()


async def test_a_caller_that_gives_up_leaves_the_token_to_the_others(server: FeishuServer) -> None:
    server.fault("slow", call="token", delay=0.05)
    client = client_of(server)
    first = asyncio.create_task(client.identify())
    others = [asyncio.create_task(client.identify()) for _ in range(5)]
    await eventually(lambda: server.stats().calls.get("token"))

    first.cancel()
    found = await asyncio.gather(*others)

    assert {one.id for one in found} == {BOT_ID}
    await client.close()


def test_secrets_do_not_show_in_what_is_printed_of_a_call() -> None:  # P-87
    request = Request(method="POST", path="/x", body={"app_secret": "sesame"})
    line = Line(url="wss://x/?ticket=sesame", config=None)
    tokens = Tokens(Http("http://x"), "cli_x", "sesame", SystemClock())

    assert "sesame" not in f"{request!r} {line!r} {tokens!r}"


# -- the long connection ----------------------------------------------------------------------------------------


class Elsewhere(Client):
    """A client whose endpoint names another address."""

    port = 0

    async def line(self) -> Line:
        return Line(url=f"ws://127.0.0.1:{self.port}/?service_id=1", config=None)


@asynccontextmanager
async def deaf_talker(frames: list[bytes]) -> AsyncIterator[int]:
    """The port of a WebSocket server that says these frames to who comes, and reads nothing more."""
    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        for frame in frames:
            writer.write(b"\x82\x7f" + struct.pack("!Q", len(frame)) + frame)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()
        writer.transport.abort()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    serving = await asyncio.start_server(talk, sock=listener)
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        serving.close()
        await serving.wait_closed()


async def test_a_socket_that_takes_no_acks_any_more_is_left_all_the_same(server: FeishuServer) -> None:
    """P-48: acks and a goodbye that cannot be written hold nothing up."""
    clock, taken = FakeClock(), list[bytes]()

    async def take(payload: bytes) -> Json:
        taken.append(payload)

    padding = ("padding", "x" * 60_000)  # an ack has the headers of its event
    event = encode(Frame(method=DATA, headers=(("type", "event"), padding), payload=b"{}"))
    async with deaf_talker([event] * 200) as port:
        client = Elsewhere(server.app_id, server.app_secret, api_base=server.url, clock=clock, waits=SHORT)
        client.port = port
        line = LongConnection("feishu", client, clock, take)
        running = asyncio.create_task(line.run(lambda: None))
        await eventually(lambda: len(taken) == 200)
        for _ in range(20):
            await clock.advance(timedelta(seconds=20))
        async with asyncio.timeout(5):
            with pytest.raises(ReadingError, match="nothing was heard"):
                await running

        await client.close()


async def test_a_store_that_hangs_lets_events_wait_in_the_socket(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    """P-54: what is not taken yet takes no memory without end."""
    inlet = Inlet()
    inlet.open.clear()
    async with running(channel, inlet):
        await eventually(lambda: server.stats().live)
        for number in range(MOST_AT_ONCE + 100):
            server.say(f"{number}", user=ANNA)
        await eventually(lambda: len(inlet.received) == MOST_AT_ONCE)
        await asyncio.sleep(0.1)
        held = len(inlet.received)

        inlet.open.set()
        await server.wait_acked(MOST_AT_ONCE + 100)

        assert held == MOST_AT_ONCE
        assert inlet.texts() == [f"{number}" for number in range(MOST_AT_ONCE + 100)]


@pytest.mark.parametrize("told", [1, 60, 120, 600, 3_600])
def test_a_pong_that_is_late_once_ends_no_connection_however_slow_the_pace(told: int) -> None:  # P-48
    line = LongConnection(
        "feishu", Client("cli_x", "s", api_base="http://x", clock=SystemClock()), SystemClock(), _no
    )
    line.told({"PingInterval": told})

    assert line.deaf == 2 * line.ping <= long_connection.DEAF


async def _no(payload: bytes) -> Json:
    return None


# -- what an event leaves out -----------------------------------------------------------------------------------


async def test_a_parent_that_could_not_be_looked_up_is_asked_for_by_the_next_answer(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    asked = server.say("what?", user=BORIS, chat=GROUP)
    server.fault("hang", call="get", times=1)
    inlet = Inlet()
    async with running(channel, inlet):
        for count in range(2, 12):  # a slow machine may miss one more
            server.say("this", user=ANNA, chat=GROUP, parent=asked)
            await eventually(lambda count=count: len(inlet.received) == count)
            if inlet.received[-1].reply_text:
                break

    assert (inlet.received[1].reply_text, inlet.received[-1].reply_text) == ("", "what?")


async def test_a_parent_that_is_gone_is_not_asked_for_again(server: FeishuServer, channel: FeishuChannel) -> None:
    asked = server.say("what?", user=BORIS, chat=GROUP)
    server.recall(asked)
    inlet = Inlet()
    async with running(channel, inlet):
        for words in ("this", "that"):
            server.say(words, user=ANNA, chat=GROUP, parent=asked)
            await eventually(lambda words=words: inlet.texts()[-1:] == [words])

    assert server.stats().calls["get"] == 1


async def test_what_is_kept_of_a_parent_is_bounded(server: FeishuServer, channel: FeishuChannel) -> None:
    asked = server.say("x" * 100_000, user=BORIS, chat=GROUP)
    inlet = Inlet()
    async with running(channel, inlet):
        server.say("this", user=ANNA, chat=GROUP, parent=asked)
        await server.wait_acked(2)

    kept = channel._intake._others.get(asked)
    assert kept is not None
    assert len(orjson.dumps([kept.sender, kept.words])) < LONGEST_QUOTE + 100
    assert inlet.received[1].reply_text == "x" * LONGEST_QUOTE


async def test_an_app_without_a_bot_is_nobody(server: FeishuServer, client: Client) -> None:
    """Without an id of our own, "everybody" would be us: it has none either."""
    server.fault("code", call="bot", code=0, status=200, message="ok")

    with pytest.raises(PermanentDeliveryError):
        await client.identify()


@pytest.fixture
async def client(server: FeishuServer) -> AsyncIterator[Client]:
    client = client_of(server)
    yield client
    await client.close()


# -- edits ------------------------------------------------------------------------------------------------------


def card(channel: FeishuChannel, text: str, **more: Json) -> Parcel:
    address = ChatAddress(channel="feishu", chat=GROUP)
    message = OutboundMessage(delivery_id="d", address=address, caller=Caller.REPLY, text=text)
    return Parcel(id="d/0", address=address, payload=channel.render(message)[0].payload, **more)


async def test_an_app_that_may_not_read_messages_can_replace_its_cards_after_a_restart(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    sent = await channel.send(card(channel, "old"))
    channel._intake.ours._values.clear()
    server.fault("code", call="get", code=99991672, message="Access denied")

    again = await channel.send(card(channel, "new", edits=sent))

    assert (again, server.texts(GROUP)) == (sent, ["new"])


async def test_what_is_no_card_after_all_is_said_anew(server: FeishuServer, channel: FeishuChannel) -> None:
    sent = await channel._client.send(GROUP, "text", '{"text":"old"}', uuid="u")
    server.fault("code", call="get", code=99991672, message="Access denied")

    again = await channel.send(card(channel, "new", edits=sent))

    assert again != sent
    assert server.texts(GROUP) == ["old", "new"]


async def test_a_question_that_was_not_answered_has_replaced_nothing(
    server: FeishuServer, channel: FeishuChannel
) -> None:
    sent = await channel._client.send(GROUP, "text", '{"text":"old"}', uuid="u")
    server.fault("status", call="get", status=502)

    error = await tried(channel.send(card(channel, "new", edits=sent)))

    assert type(error) is TransientDeliveryError


# -- what is remembered -----------------------------------------------------------------------------------------


def test_only_the_last_are_remembered_and_what_was_asked_for_is_one_of_them() -> None:
    recent: Recent[int, str] = Recent(3)
    for number in (1, 2, 3):
        recent.put(number, str(number))

    recent.get(1)
    recent.put(4, "4")

    assert (len(recent), 1 in recent, 2 in recent, recent.get(4), recent.get(2)) == (3, True, False, "4", None)


# -- the machine on the way -------------------------------------------------------------------------------------


async def test_a_token_is_not_taken_along_to_where_somebody_points() -> None:
    """P-87: a call that is answered with another address was not carried out."""
    asked = list[bytes]()

    async def point(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(point, "127.0.0.1", 0) as pointing:
        http = Http(f"http://127.0.0.1:{pointing.sockets[0].getsockname()[1]}")
        error = await tried(http.ask(Request(method="GET", path="/here"), "t-sesame"))
        await http.close()

    assert type(error) is TransientDeliveryError
    assert [one.split(b" ")[1] for one in asked] == [b"/here"]


@pytest.mark.parametrize("told", [None, 2, 5])
async def test_a_file_is_cut_off_at_the_limit_whatever_its_length_was_said_to_be(told: int | None) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"xy"

    sink = io.BytesIO()
    with pytest.raises(MediaError, match="larger"):
        await _copy(chunks(), told, sink, 3)

    assert len(sink.getvalue()) <= 3


@pytest.mark.parametrize("date", ["", "soon", "Mon, 02 Mar 2026 12:00:00 -0000", "9" * 50])
def test_a_date_that_says_nothing_is_no_skew(date: str) -> None:
    http = Http("http://x")
    http._server_date = date

    assert http.ahead(NOON) == timedelta()

"""The life of the listener: its address, its end, and connections that do not behave."""

import asyncio
import random
import resource
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from channels.base import Call, Reply
from gateway.errors import ConfigError
from gateway.web.listener import Listener, bound, most_connections
from tests.unit.web.visitor import SECRET, TOKEN, open_house


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with bound("127.0.0.1", 0) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            bound("127.0.0.1", port)

    assert str(caught.value) == (
        f"web.port: {port} is taken by another program; stop it, or write another port below [web]"
    )


@pytest.mark.parametrize("host", ["192.0.2.7", "not an address"])
def test_a_host_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(ConfigError, match=r'web\.host: "'):
        bound(host, 0)


async def test_by_itself_it_listens_to_this_machine_only(tmp_path: Path) -> None:  # P-79
    async with open_house(tmp_path) as house:
        address = house.listener.address

    assert address.startswith("http://127.0.0.1:")


async def test_a_public_listener_with_a_weak_token_is_not_begun(tmp_path: Path) -> None:  # P-79
    with pytest.raises(ConfigError, match="other machines can call"):
        async with open_house(tmp_path, host="0.0.0.0", token="hunter2"):
            raise AssertionError("it was begun")


async def test_a_public_listener_with_a_strong_token_is_begun(tmp_path: Path) -> None:
    async with open_house(tmp_path, host="0.0.0.0", token="") as house:
        answer = await house.raw(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_who_calls_before_it_is_opened_is_answered_then(tmp_path: Path) -> None:
    async with open_house(tmp_path, opened=False) as house:
        calling = asyncio.create_task(
            house.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        )
        await asyncio.sleep(0.05)
        early = calling.done()
        house.listener.open()
        answer = await calling

    assert not early
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_at_its_end_the_intake_is_closed_at_once_whatever_hangs(tmp_path: Path) -> None:
    """P-63"""
    asked = asyncio.Event()

    async def hangs(call: Call) -> Reply:
        asked.set()
        await asyncio.Event().wait()
        return Reply()

    async with open_house(tmp_path, hooks={"bell": hangs}) as house:
        idle = await asyncio.open_connection("127.0.0.1", house.port)
        stuck = asyncio.create_task(house.raw(b"GET /webhooks/bell HTTP/1.1\r\nHost: x\r\n\r\n"))
        await asked.wait()
        port, began = house.port, time.monotonic()
        stopping = asyncio.create_task(house.listener.stop())
        await asyncio.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        await stopping
        took = time.monotonic() - began
        await stuck
        idle[1].close()

    assert took < 2


async def test_what_is_being_answered_at_the_end_is_answered(tmp_path: Path) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> Reply:
        asked.set()
        await go.wait()
        return Reply(body=b"done")

    async with open_house(tmp_path, hooks={"bell": slow}) as house:
        answering = asyncio.create_task(house.web.get("/webhooks/bell"))
        await asked.wait()
        stopping = asyncio.create_task(house.listener.stop())
        await asyncio.sleep(0)
        go.set()
        answer = await answering
        await stopping

    assert answer.content == b"done"


async def test_a_connection_that_sends_no_request_is_closed(tmp_path: Path) -> None:
    async with open_house(tmp_path, patience=timedelta(seconds=0.1)) as house:
        nothing = await house.raw(b"")
        half = await house.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")

    assert (nothing, half) == (b"", b"")


async def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        answer = await house.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 100_000)

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_p82_malformed_and_foreign_headers_are_never_an_error_of_ours(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        answers = [
            await house.raw(
                b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: "
                + value
                + b"\r\n\r\n"
            )
            for value in (
                b"Bearer \xff\xfe",
                b"Bearer " + "ключ".encode(),
                b"Bearer a b",
                b"Bearer\ttoken",
                b"\xe9",
            )
        ]

    assert {answer.split(b" ", 2)[1] for answer in answers} == {b"401"}


async def test_a_slice_of_fuzzed_requests_brings_no_error_of_ours(tmp_path: Path) -> None:
    assert await fuzzed(tmp_path, 250) <= EXPECTED


@pytest.mark.nightly
async def test_ten_thousand_fuzzed_requests_bring_no_error_of_ours(tmp_path: Path) -> None:
    assert await fuzzed(tmp_path, 10_000) <= EXPECTED


EXPECTED = {b"", b"200", b"400", b"401", b"403", b"404", b"405", b"408", b"413", b"415", b"429"}
METHODS = [b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"BREW", b"G E T", b""]
PATHS = [
    b"/healthz",
    b"/readyz",
    b"/metrics",
    b"/webhooks/bell",
    b"/webhooks/x",
    b"/%00%ff",
    b"*",
    b"/\xff",
    b"//",
]
NAMES = [
    b"Host",
    b"Authorization",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Content-Type",
    b"Origin",
    b"X-Secret",
]
VALUES = [
    b"localhost",
    b"evil",
    b"Bearer x",
    TOKEN.encode(),
    SECRET.encode(),
    b"chunked",
    b"-1",
    b"9" * 30,
    b"\xff",
    b"",
]


async def fuzzed(path: Path, count: int) -> set[bytes]:
    """Requests made by chance, each on a connection of its own; the statuses that came back."""
    chance = random.Random(7)
    async with open_house(path) as house:
        found: set[bytes] = set()
        for _ in range(0, count, 50):
            found.update(await asyncio.gather(*(house.tried(_request(chance)) for _ in range(50))))
        alive = await house.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert alive.startswith(b"HTTP/1.1 200 ")
    assert found >= {b"400", b"401", b"403", b"404", b"405", b"415"}  # else nothing strange was tried
    return found


def _request(chance: random.Random) -> bytes:
    lines = [
        b" ".join([chance.choice(METHODS), chance.choice(PATHS), chance.choice([b"HTTP/1.1", b"HTTP/1.0", b"X"])])
    ]
    for _ in range(chance.randrange(6)):
        value = chance.choice(VALUES) if chance.random() < 0.8 else chance.randbytes(chance.randrange(20))
        lines.append(chance.choice(NAMES) + b": " + value)
    if chance.random() < 0.7:
        lines.append(b"Host: localhost")
    body = chance.randbytes(chance.randrange(40))
    whole = b"\r\n".join([*lines, b"Connection: close", b"", body])
    return whole[: chance.randrange(len(whole))] + b"\r\n\r\n" if chance.random() < 0.2 else whole


async def test_more_connections_than_there_is_room_for_are_closed_at_once() -> None:  # P-88
    async def greets(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    listener = Listener(greets, bound("127.0.0.1", 0), token="", most=5)
    running = asyncio.create_task(listener.run())
    listener.open()
    port = int(listener.address.rpartition(":")[2])
    guests = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
    closed = [asyncio.create_task(reader.read()) for reader, _ in guests]
    await asyncio.wait(closed, timeout=0.5)
    turned_away = [task.done() for task in closed]
    for _, writer in guests:
        writer.close()
    await asyncio.gather(*closed, return_exceptions=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    afterwards = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await listener.stop()
    await running

    assert turned_away == [False] * 5 + [True] * 7
    assert afterwards.startswith(b"HTTP/1.1 204 ")


def test_connections_leave_files_for_everything_else() -> None:  # P-88
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert 0 < most_connections() <= soft // 2


async def test_an_answer_is_not_held_back_until_the_caller_has_confirmed_its_head() -> None:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[int] = loop.create_future()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(connected, sock=bound("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.close()
        await writer.wait_closed()

        assert await told  # else a body waits 40 ms for the acknowledgement of what was sent before it

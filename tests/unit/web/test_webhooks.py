"""Platforms call at /webhooks/<channel>: the channel decides, and nothing is read before it asks for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from channels.base import Call, Hooked, Reply
from gateway.errors import StoreBusyError
from gateway.web.call import LARGEST
from tests.fakes import FakeClock, until
from tests.unit.web.visitor import SECRET, House, echo, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


async def post(house: House, content: bytes, **headers: str) -> httpx.Response:
    return await house.web.post("/webhooks/bell", content=content, headers={"X-Secret": SECRET, **headers})


async def test_a_call_is_answered_by_its_channel(house: House) -> None:
    answer = await post(house, b'{"a": 1}')

    assert (answer.status_code, answer.content, answer.headers["x-method"]) == (200, b'{"a": 1}', "POST")


async def test_a_call_may_come_under_any_name_and_in_any_form(house: House) -> None:
    answer = await post(house, b"a=1", Host="bot.example.org", **{"Content-Type": "text/plain"})

    assert (answer.status_code, answer.content) == (200, b"a=1")


async def test_a_platform_may_ask_by_get(house: House) -> None:
    answer = await house.web.get("/webhooks/bell", headers={"X-Secret": SECRET})

    assert (answer.status_code, answer.headers["x-method"]) == (200, "GET")


async def test_a_channel_that_is_not_there_and_one_that_is_not_called_are_the_same(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        answers = [await house.web.post(f"/webhooks/{name}") for name in ("telegram", "x" * 500, "..%2fhealthz")]
        other = await house.web.post("/nothing", json={})

    assert {(answer.status_code, answer.text) for answer in [*answers, other]} == {(404, "Not Found")}


async def test_who_cannot_prove_itself_is_answered_before_the_body_has_come(house: House) -> None:
    """P-82: the connection is not kept for a body that nobody wants."""
    head = b"POST /webhooks/bell HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"

    answer = await house.raw(head)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b"\r\n\r\n")  # without any detail
    assert b"connection: close" in answer


async def test_a_small_body_that_was_not_read_does_not_disturb_what_follows(house: House) -> None:
    answers = [
        await house.web.post("/webhooks/bell", content=b"x" * 2_000, headers={"X-Secret": secret})
        for secret in ("wrong", "", SECRET, "wrong", SECRET)
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 200, 401, 200]


async def test_a_body_of_a_mebibyte_is_taken_and_no_more(house: House) -> None:  # P-82
    head = (
        f"POST /webhooks/bell HTTP/1.1\r\nHost: x\r\nX-Secret: {SECRET}\r\nContent-Length: {LARGEST + 1}\r\n\r\n"
    )

    largest = await post(house, b"x" * LARGEST)
    larger = await house.raw(head.encode())

    assert (largest.status_code, len(largest.content)) == (200, LARGEST)
    assert larger.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_does_not_say_how_long_it_is_may_be_as_long_and_no_longer(house: House) -> None:  # P-82
    def in_pieces(size: int) -> bytes:
        head = f"POST /webhooks/bell HTTP/1.1\r\nHost: x\r\nX-Secret: {SECRET}\r\nConnection: close\r\n"
        sizes = [65_536] * (size // 65_536) + ([size % 65_536] if size % 65_536 else [])
        body = "".join(f"{one:x}\r\n{'x' * one}\r\n" for one in sizes)
        return f"{head}Transfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n".encode()

    largest = await house.raw(in_pieces(LARGEST))
    larger = await house.raw(in_pieces(LARGEST + 1))

    assert largest.startswith(b"HTTP/1.1 200 ")
    assert larger.startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_end_is_cut_off(house: House) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    try:
        answer = await house.web.post("/webhooks/bell", content=endless(), headers={"X-Secret": SECRET})
    except (httpx.WriteError, httpx.ReadError):  # the connection was closed while it was still sent
        return

    assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    clock, asked = FakeClock(), asyncio.Event()

    async def slow(call: Call) -> Reply:
        asked.set()
        return Reply(body=await call.body())

    async with open_house(tmp_path, hooks={"bell": slow}, clock=clock) as house:
        answering = asyncio.create_task(
            house.raw(b"POST /webhooks/bell HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        )
        await asked.wait()
        await clock.advance(timedelta(seconds=11))
        answer = await answering

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_what_cannot_be_kept_is_to_be_brought_again(tmp_path: Path) -> None:
    with capture_logs() as lines:
        answer = await failing(tmp_path, StoreBusyError("the database is locked"))

    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "Service Unavailable", "5")
    assert [line["log_level"] for line in lines if line["event"] != "listening"] == ["warning"]


async def test_a_fault_of_ours_is_logged_and_not_shown(tmp_path: Path) -> None:
    with capture_logs() as lines:
        answer = await failing(tmp_path, RuntimeError("SENTINEL"))

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["a webhook could not be answered"]


async def failing(path: Path, error: Exception) -> httpx.Response:
    async def fails(call: Call) -> Reply:
        raise error

    async with open_house(path, hooks={"bell": fails}) as house:
        return await post(house, b"{}")


async def test_a_caller_that_leaves_harms_nobody(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def listening(call: Call) -> Reply:
        try:
            return await echo(call)
        finally:
            ended.set()

    async with open_house(tmp_path, hooks={"bell": listening}) as house:
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        head = f"POST /webhooks/bell HTTP/1.1\r\nHost: x\r\nX-Secret: {SECRET}\r\nContent-Length: 9\r\n\r\nabc"
        writer.write(head.encode())
        await until(lambda: house.listener.address)
        await asyncio.sleep(0.05)
        writer.close()
        await ended.wait()
        after = await post(house, b"still here")

    assert after.content == b"still here"


class Bell:
    """What a channel has to offer to be called."""

    hooked = True
    called: Callable[[Call], Awaitable[Reply]] = staticmethod(echo)


def test_what_the_listener_asks_is_what_channels_offer() -> None:
    assert isinstance(Bell(), Hooked)

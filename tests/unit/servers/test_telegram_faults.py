"""What goes wrong with Telegram on request: limits, errors, lost answers, refused connections; and the process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import orjson
import pytest
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut

from tests.servers.telegram import serve_telegram
from tests.servers.telegram_caller import ANN, BOB, FORUM, GROUP, Caller
from tests.servers.telegram_control import Control
from tests.servers.telegram_faults import Kind

ROOT = Path(__file__).parents[3]


# Limits


async def send(api: Caller, chat: int = ANN) -> int:
    """The seconds to wait, or 0 if it was sent."""
    answer = await api.whole("sendMessage", chat_id=chat, text=f"at {api.wall.seconds}")
    if answer["ok"]:
        return 0
    wait = int(answer["parameters"]["retry_after"])
    assert answer["description"] == f"Too Many Requests: retry after {wait}"
    return wait


async def test_without_limits_everything_is_taken(api: Caller) -> None:
    assert [await send(api) for _ in range(50)] == [0] * 50


async def test_a_chat_takes_one_message_a_second(api: Caller) -> None:
    api.server.limits()

    first, other_chat, second = await send(api), await send(api, BOB), await send(api)

    assert (first, other_chat, second) == (0, 0, 1)
    api.wall.seconds += 1
    assert await send(api) == 0
    assert api.server.stats().floods == 1


async def test_a_send_during_the_wait_is_a_violation_and_makes_it_longer(api: Caller) -> None:
    api.server.limits()
    await send(api)

    waits = [await send(api) for _ in range(4)]

    assert waits == [1, 2, 3, 4]
    assert (api.server.flood.violations, api.server.flood.refused) == (3, 4)
    assert api.server.flood.by_chat == {ANN: 4}


async def test_a_quiet_chat_may_take_a_small_burst(api: Caller) -> None:
    api.server.limits(burst=3)

    assert [await send(api) for _ in range(4)] == [0, 0, 0, 3]


async def test_a_bot_sends_thirty_messages_a_second(api: Caller) -> None:
    api.server.limits()
    for user in range(1000, 1031):
        api.server.person(user)

    assert [await send(api, user) for user in range(1000, 1031)] == [0] * 30 + [1]


async def test_a_group_takes_twenty_messages_a_minute(api: Caller) -> None:
    api.server.limits()
    began = api.wall.seconds
    for _ in range(20):
        assert await send(api, GROUP) == 0
        api.wall.seconds += 1.5

    assert await send(api, GROUP) == began + 60 - api.wall.seconds
    assert await send(api, FORUM) == 0


async def test_an_edit_counts_like_a_message_unless_it_is_said_not_to(api: Caller) -> None:
    api.server.limits()
    here = {"chat_id": ANN, "message_id": (await api.send("x"))["message_id"]}

    refusal = await api.no("editMessageText", text="y", **here)

    assert refusal == "429 Too Many Requests: retry after 1"
    api.server.limits(edits=False)
    assert await api.ok("editMessageText", text="y", **here)


# Faults


@pytest.mark.parametrize(
    ("kind", "error", "was_sent"),
    [
        ("status", NetworkError, False),
        ("drop", NetworkError, False),
        ("lost", NetworkError, True),
        ("garbage", TelegramError, False),
        ("truncated", TelegramError, True),
        ("unknown", NetworkError, False),
    ],
)
async def test_a_fault_meets_the_next_call_only(
    api: Caller, bot: Bot, kind: Kind, error: type[TelegramError], was_sent: bool
) -> None:
    api.server.fault(kind, method="sendMessage")
    await bot.get_chat(ANN)

    with pytest.raises(error):
        await bot.send_message(ANN, "first")

    assert (api.server.texts(ANN) == ["first"]) is was_sent
    await bot.send_message(ANN, "second")
    assert api.server.texts(ANN)[-1] == "second"
    assert api.server.stats().faults == 1


@pytest.mark.parametrize(("kind", "was_sent"), [("hang", False), ("slow", True)])
async def test_an_answer_can_be_late_or_never_come(api: Caller, bot: Bot, kind: Kind, was_sent: bool) -> None:
    api.server.fault(kind, delay=5)

    with pytest.raises(TimedOut):
        await bot.send_message(ANN, "x", read_timeout=0.05)

    assert (api.server.texts(ANN) == ["x"]) is was_sent


async def test_an_error_of_the_machines_in_front_is_a_page_of_html(api: Caller) -> None:
    api.server.fault("status", status=500, times=2)

    pages = [await api.raw(f"/bot{api.server.token}/getMe") for _ in range(2)]

    assert api.headers["Content-Type"] == "text/html"
    assert api.status == 500
    assert all(b"500 Internal Server Error" in page for page in pages)


async def test_a_chat_has_to_wait_as_long_as_a_fault_says(api: Caller) -> None:
    api.server.fault("flood", method="sendMessage", chat=ANN, retry_after=120)

    waits = [await send(api, BOB), await send(api), await send(api)]

    assert waits == [0, 120, 121]
    api.wall.seconds += 121
    assert await send(api) == 0


async def test_a_fault_can_last_a_while(api: Caller) -> None:
    api.server.fault("conflict", method="getUpdates", seconds=120)

    refusals = [await api.no("getUpdates") for _ in range(3)]

    assert set(refusals) == {
        "409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    }
    api.wall.seconds += 120
    assert await api.ok("getUpdates") == []


async def test_faults_can_be_ended_and_unknown_ones_are_refused(api: Caller) -> None:
    api.server.fault("status", seconds=1000)
    api.server.heal()

    assert await send(api) == 0
    with pytest.raises(ValueError, match="unknown fault: nothing"):
        api.server.fault("nothing")  # type: ignore[arg-type]


async def test_an_update_whose_answer_is_lost_comes_again(api: Caller) -> None:
    update = api.server.say("x", user=ANN)
    api.server.fault("lost", method="getUpdates")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.whole("getUpdates")

    assert [one["update_id"] for one in await api.ok("getUpdates")] == [update]


async def test_connections_are_refused_until_it_listens_again(api: Caller, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await api.server.wait_for(lambda: api.server.updates.polled)
    before = api.server.port

    await api.server.refuse()

    with pytest.raises(NetworkError):
        await poll
    with pytest.raises(NetworkError, match="ConnectError"):
        await bot.send_message(ANN, "x")
    await api.server.listen()
    await bot.send_message(ANN, "y")
    assert (api.server.port, api.server.texts(ANN)) == (before, ["y"])


async def test_connections_can_be_refused_for_a_while(api: Caller) -> None:
    await api.server.refuse(0.02)

    with pytest.raises(aiohttp.ClientConnectorError):
        await api.send("x")

    await api.server.wait_for(lambda: api.server.listening)
    assert await send(api) == 0


async def test_its_clock_can_be_wrong(api: Caller) -> None:
    api.server.skew = 3600

    message = await api.send("x")

    assert message["date"] == int(api.wall.seconds) + 3600
    assert parsedate_to_datetime(api.headers["Date"]).timestamp() == message["date"]


# Waiting and keeping


async def test_waiting_ends_when_enough_was_sent(api: Caller) -> None:
    waiting = asyncio.create_task(api.server.wait_for(2))
    await api.send("x")
    assert not waiting.done()

    await api.send("y")

    await waiting


async def test_waiting_in_vain_says_what_was_sent(api: Caller) -> None:
    await api.send("something else")

    with pytest.raises(TimeoutError, match=r"not within 0\.01 s; 1 were sent, .*something else"):
        await api.server.wait_for(lambda: False, 0.01)


async def test_lists_are_bounded_and_counters_go_on() -> None:
    async with serve_telegram(keep=10) as server, aiohttp.ClientSession() as http:
        server.person(ANN)
        for number in range(40):
            said = {"chat_id": ANN, "text": str(number)}
            async with http.post(f"{server.url}/bot{server.token}/sendMessage", json=said) as response:
                await response.read()

        assert 10 <= len(server.sent) <= 12
        assert (server.sent[-1].number, server.stats().sent) == (40, 40)
        assert server.texts(ANN) == [str(number) for number in range(30, 40)]


# As a process of its own


@pytest.fixture
async def telegram() -> AsyncIterator[Control]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.servers.telegram", "--token", "777:another-token", "--limits"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    word, url = (await process.stdout.readline()).decode().split()
    assert word == "ready"
    async with Control(url) as control:
        yield control
    process.terminate()
    assert await process.wait() == 0


async def test_as_a_process_it_is_told_the_same_over_http(telegram: Control) -> None:
    await telegram.person(ANN, "Ann")
    await telegram.group(FORUM, "Forum", forum=True, members=[ANN])
    thread = await telegram.topic(FORUM, "Plans")
    update = await telegram.say("/help", user=ANN, chat=FORUM, thread=thread)
    markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
    said = {"chat_id": FORUM, "text": "<i>x</i>", "parse_mode": "html", "reply_markup": markup}

    async with aiohttp.ClientSession() as http:
        address = f"{telegram.url}/bot777:another-token"
        updates = await (await http.post(f"{address}/getUpdates")).json()
        await http.post(f"{address}/sendMessage", json={**said, "message_thread_id": thread})
        too_early = await http.post(f"{address}/sendMessage", json=said)
    query = await telegram.press(await telegram.last_message(FORUM), "Go", user=ANN, chat=FORUM)

    assert updates["result"][-1]["update_id"] == update
    assert await telegram.wait_for(1) == 1
    (sent,) = await telegram.sent()
    assert (sent.text, sent.thread, sent.buttons) == ("x", thread, [[("Go", "go")]])
    assert await telegram.sent(since=sent.number) == []
    assert await telegram.texts(FORUM, thread) == ["x"]
    assert too_early.status == 429
    assert [one.id for one in await telegram.queries()] == [query]
    stats = await telegram.stats()
    assert (stats.sent, stats.floods, stats.pending) == (1, 1, 3)


async def test_as_a_process_it_fails_on_request_and_says_what_it_does_not_know(telegram: Control) -> None:
    await telegram.person(ANN)
    await telegram.fault("status", method="sendMessage", times=1)

    async with aiohttp.ClientSession() as http:
        said = {"chat_id": ANN, "text": "x"}
        failed = await http.post(f"{telegram.url}/bot777:another-token/sendMessage", json=said)
        raw = await http.get(f"{telegram.url}/control/sent", params={"since": "0"})
        empty = orjson.loads(await raw.read())

    assert (failed.status, empty) == (502, {"ok": True, "result": []})
    with pytest.raises(LookupError, match="no such verb: dance"):
        await telegram.do("dance")
    with pytest.raises(TimeoutError, match="not within"):
        await telegram.wait_for(1, 0.01)

"""What Telegram brings is taken once and kept: copies, restarts, bursts, and updates that make no sense."""

import asyncio
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.agent.models.scripted import Line
from gateway.bus import FULL
from gateway.messages import Caller, ChatAddress, OutboundMessage
from tests.journeys.telegram.mutants import mutated, recorded
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    Hurry,
    Opener,
    Town,
    becomes,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    rows,
    sent_to,
    state_of,
)
from tests.servers.telegram import TelegramServer
from tests.servers.telegram_records import Json


def _update(telegram: TelegramServer, number: int, text: str, user: int = ANNA) -> Json:
    """What Telegram tells of a message."""
    person = telegram.people[user]
    chat = {"id": user, "type": "private", "first_name": person.name}
    message = {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": person.as_json(), "text": text}
    return {"update_id": number, "message": message}


# -- once, whatever comes twice ----------------------------------------------------------------------------------


async def test_every_update_is_worked_on_once_however_often_it_comes(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:  # P-43
        for copies in range(1, 11):
            for _ in range(copies):
                telegram.push(_update(telegram, 20_000 + copies, f"{copies}"))
        await calm(town)

    async with open_town(echo) as town:  # the same bot after a restart
        for copies in range(1, 11):
            telegram.push(_update(telegram, 20_000 + copies, f"{copies}"))
        telegram.say("new", user=ANNA)
        heard = await hears(town, 11, chat=ANNA)
        await calm(town)

        assert heard == [*(f"heard {n}" for n in range(1, 11)), "heard new"]
        assert len(sent_to(town, ANNA)) == 11


@pytest.mark.parametrize("pause", [0, 0.013])
async def test_a_copy_that_comes_while_the_first_is_being_taken_is_dropped(
    open_town: Opener, telegram: TelegramServer, pause: float
) -> None:
    async with open_town(echo) as town:  # P-44
        for n in range(10):
            telegram.push(_update(telegram, 20_000 + n, f"{n}"))
            await asyncio.sleep(pause)
            telegram.push(_update(telegram, 20_000 + n, f"{n}"))
        await calm(town)

        assert telegram.texts(ANNA) == [f"heard {n}" for n in range(10)]
        assert len(prompts(town)) == 10


async def test_twenty_connections_that_break_repeat_and_lose_nothing(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo, **hurried(telegram, Hurry(1_000))) as town:  # P-49
        for n in range(20):
            telegram.fault("lost", method="getUpdates")  # the updates were given, and nobody knows it
            telegram.say(f"{n}", user=ANNA)
            await telegram.wait_for(lambda n=n: len(telegram.texts(ANNA)) > n)
        await calm(town)

        assert telegram.texts(ANNA) == [f"heard {n}" for n in range(20)]
        assert telegram.faults.used == 20


# -- nothing is lost over restarts -------------------------------------------------------------------------------


async def test_what_was_taken_before_a_stop_is_answered_after_it(
    open_town: Opener, telegram: TelegramServer
) -> None:
    for n in range(150):  # P-42
        telegram.say(f"{n}", user=ANNA if n % 2 else BORIS)
    for taken in (20, 60, 100):
        async with open_town(echo):
            await telegram.wait_for(lambda taken=taken: len(telegram.sent) >= taken)
    async with open_town(echo) as town:
        await calm(town)

    assert telegram.texts(ANNA) == [f"heard {n}" for n in range(1, 150, 2)]
    assert telegram.texts(BORIS) == [f"heard {n}" for n in range(0, 150, 2)]


async def test_what_telegram_was_told_is_taken_lies_in_the_inbox(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:  # P-42
        confirmed: list[tuple[int, int]] = []
        for n in range(140):
            telegram.say(f"{n}", user=ANNA)
            if n % 7 == 0:
                await asyncio.sleep(0.002)
                taken = telegram.confirmed
                ((kept,),) = await rows(town, "SELECT count(*) FROM inbox")
                confirmed.append((max(taken - 10_001, 0), kept))
        await calm(town)

    assert all(taken <= kept for taken, kept in confirmed)
    assert confirmed[-1][0] > 0


# -- many at once ------------------------------------------------------------------------------------------------


async def test_a_thousand_that_wait_stop_the_reading_and_are_answered_all_the_same(
    open_town: Opener, telegram: TelegramServer
) -> None:
    free = asyncio.Event()

    async def slow(prompt: Any) -> Line:
        await free.wait()
        return echo(prompt)

    people = [9_000 + n for n in range(100)]
    for user in people:
        telegram.person(user)
    settings = {"allow": [str(user) for user in people]}
    async with open_town(slow, settings=settings, agent={"max_turns": 50}) as town:  # P-54
        total = FULL + 500
        telegram.say_many({"text": f"{n}", "user": people[n % len(people)]} for n in range(total))
        await becomes(town, "waiting")
        await _send(town, 5)  # five commits and requests: whoever read on would have read more by then
        state = state_of(town)
        polls = telegram.calls["getUpdates"]
        left, waiting = telegram.pending, town.gateway.status().waiting
        free.set()
        await calm(town, seconds=30)
        calls = telegram.calls["getUpdates"]

    assert state == ("waiting", "many messages wait; no more are read")
    assert polls <= FULL / 100 + 3
    assert polls < calls
    assert FULL <= waiting <= FULL + 200
    assert left >= total - waiting - 150
    answers = {user: telegram.texts(user) for user in people}
    assert answers == {user: [f"heard {n}" for n in range(total) if people[n % 100] == user] for user in people}


async def _send(town: Town, count: int) -> None:
    """The operator says something, again and again, and each time it arrives."""
    address = ChatAddress(channel="telegram", chat=str(ANNA))
    for n in range(count):
        said = OutboundMessage(delivery_id=f"operator.{n}", address=address, caller=Caller.OPERATOR, text=f"{n}")
        await town.gateway.say(said)
        await hears(town, n + 1, chat=ANNA)


async def _many(open_town: Opener, telegram: TelegramServer, count: int) -> None:
    """Many chats at once; the order of each is kept."""
    people = [9_000 + n for n in range(20)]
    for user in people:
        telegram.person(user)
    settings = {"allow": [str(user) for user in people]}
    chance = random.Random(5)
    said: dict[int, list[str]] = {user: [] for user in people}
    async with open_town(echo, settings=settings) as town:
        for n in range(count):
            user = chance.choice(people)
            telegram.say(f"{n}", user=user)
            said[user].append(f"heard {n}")
            if n % 40 == 0:
                await asyncio.sleep(0.01)
        await calm(town, seconds=count / 20)

    assert {user: telegram.texts(user) for user in people} == said


async def test_the_order_in_each_of_many_chats_is_kept(open_town: Opener, telegram: TelegramServer) -> None:
    await _many(open_town, telegram, 300)  # P-50


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_the_order_of_ten_thousand_messages_is_kept(open_town: Opener, telegram: TelegramServer) -> None:
    await _many(open_town, telegram, 10_000)  # P-50


# -- updates that make no sense ----------------------------------------------------------------------------------


async def _mutants(open_town: Opener, telegram: TelegramServer, count: int) -> None:
    seen, chance = recorded(telegram), random.Random(11)
    with capture_logs() as lines:
        async with open_town(echo) as town:
            good = 0
            for n in range(count):
                telegram.push(mutated(chance.choice(seen), chance))
                if n % 10 == 0:
                    telegram.say(f"good {good}", user=BORIS)
                    good += 1
                if n % 200 == 199:
                    await calm(town, seconds=60)
            await calm(town, seconds=60)
            state = await becomes(town, "running")
            _is_whole(town, good)

    assert state == ""
    assert _faults(lines) == []


def _is_whole(town: Town, good: int) -> None:
    """Every message that made sense was answered, in its order."""
    answers = [text for text in town.telegram.texts(BORIS) if text.startswith("heard good")]
    assert answers == [f"heard good {n}" for n in range(good)]


def _faults(lines: list[Any]) -> list[Any]:
    """What went wrong inside; a chat that there is not is no fault."""
    expected = {"a message is undeliverable"}
    loud = [line for line in lines if line["log_level"] in {"error", "critical"} or "exc_info" in line]
    return [line for line in loud if line["event"] not in expected]


async def test_updates_that_make_no_sense_break_nothing(open_town: Opener, telegram: TelegramServer) -> None:
    await _mutants(open_town, telegram, 400)  # P-53


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_ten_thousand_updates_that_make_no_sense_break_nothing(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await _mutants(open_town, telegram, 10_000)  # P-53

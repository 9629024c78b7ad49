"""Telegram is not there, is deaf, talks to somebody else, or refuses the token: said soon, and survived."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from channels.base import Inlet
from channels.telegram import TelegramChannel
from channels.telegram.client import Client
from gateway.outbox.pace import Paces
from gateway.status import SILENT, to_json
from tests.journeys.telegram.story import (
    ANNA,
    OLGA,
    SHORT,
    Hurry,
    Opener,
    Town,
    becomes,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    states,
)
from tests.servers.telegram import TOKEN, TelegramServer

# -- somebody else polls -----------------------------------------------------------------------------------------


@asynccontextmanager
async def _rival(telegram: TelegramServer) -> AsyncIterator[None]:
    """Another program with the same token, which polls and polls; it confirms nothing."""
    stop = asyncio.Event()

    async def poll() -> None:
        async with aiohttp.ClientSession() as session:
            while not stop.is_set():
                async with session.post(f"{telegram.url}/bot{TOKEN}/getUpdates", json={"timeout": 1}) as answer:
                    await answer.read()
                await asyncio.sleep(0.02)

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        stop.set()
        await task


async def _survive_a_rival(
    town: Town, *, seconds: float, degraded_within: float, back_within: float, pause: float
) -> None:
    """What P-47 says, with its times as they pass in reality."""
    telegram = town.telegram
    await becomes(town, "running")
    async with _rival(telegram):
        reason = await becomes(town, "retrying", seconds=degraded_within)
        for n in range(4):
            telegram.say(f"{n}", user=ANNA)
            await asyncio.sleep(seconds / 4)
        conflicts = telegram.updates.conflicts
    await becomes(town, "running", seconds=back_within)
    await calm(town, seconds=back_within + 5)

    assert reason.startswith("another program polls this bot")
    assert conflicts >= 1
    assert telegram.calls["getMe"] <= seconds / pause + 3  # it does not fight back
    assert telegram.texts(ANNA) == [f"heard {n}" for n in range(4)]


async def test_a_rival_is_named_and_outlasted(open_town: Opener, telegram: TelegramServer) -> None:
    async with open_town(echo, **hurried(telegram)) as town:  # P-47, at twenty times the speed
        await _survive_a_rival(town, seconds=0.6, degraded_within=1.5, back_within=3, pause=5 / 20)


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_a_rival_of_two_minutes_is_outlasted(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-47
        await _survive_a_rival(town, seconds=120, degraded_within=30, back_within=60, pause=5)


async def test_a_webhook_that_is_set_is_named_until_it_is_gone(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.updates.hook("https://elsewhere.example/hook")
    async with open_town(echo, **hurried(telegram)) as town:
        reason = await becomes(town, "retrying")
        telegram.updates.hook("")
        telegram.say("hello", user=ANNA)
        heard = await hears(town, 1, chat=ANNA)

    assert reason.startswith("a webhook is set for this bot")
    assert heard == ["heard hello"]


# -- nobody is there ---------------------------------------------------------------------------------------------


async def test_the_gateway_is_ready_without_telegram_and_answers_as_soon_as_it_is_there(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await telegram.refuse()
    telegram.say("hello", user=ANNA)
    began = telegram.now()
    async with open_town(echo, **hurried(telegram)) as town:
        ready = telegram.now() - began
        reason = await becomes(town, "retrying")
        await telegram.listen()
        heard = await hears(town, 1, chat=ANNA)

    assert ready < 2
    assert reason == f"Telegram: cannot connect to 127.0.0.1:{telegram.port} (Connection refused)"
    assert heard == ["heard hello"]


class Counted(TelegramChannel):
    """The real channel, which counts how often it was begun."""

    tries = 0

    async def run(self, inlet: Inlet) -> None:
        self.tries += 1
        await super().run(inlet)


async def test_an_outage_is_said_once_and_loses_nothing(open_town: Opener, telegram: TelegramServer) -> None:
    clock = Hurry()
    channel = Counted("telegram", Client(TOKEN, api_base=telegram.url, waits=SHORT), clock, paces=Paces())
    with capture_logs() as lines:
        async with open_town(echo, clock=clock, channels={"telegram": channel}) as town:
            await becomes(town, "running")
            await telegram.refuse()
            await becomes(town, "retrying")
            telegram.say("hello", user=ANNA)
            tries = channel.tries
            await telegram.wait_for(lambda: channel.tries >= tries + 3)
            await telegram.listen()
            await hears(town, 1, chat=ANNA)
            await becomes(town, "running")

    told = [line["error"] for line in lines if line["event"] == "the channel cannot read and is started again"]
    assert len(told) == len(set(told)) <= 2  # the connection was lost; nobody takes a new one
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert telegram.texts(ANNA) == ["heard hello"]


async def test_a_connection_that_is_half_open_is_given_up_and_made_anew(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("hang", method="getUpdates", times=2)
    telegram.say("hello", user=ANNA)
    async with open_town(echo, **hurried(telegram)) as town:  # P-48
        reason = await becomes(town, "retrying")
        heard = await hears(town, 1, chat=ANNA)
        await becomes(town, "running")

    assert reason == "Telegram: no answer within 0.3 s"
    assert heard == ["heard hello"]


async def test_a_channel_that_nobody_hears_from_is_not_called_healthy(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-48
        await becomes(town, "running")
        now = town.gateway.status()

        soon = to_json(replace(now, at=now.at + timedelta(seconds=85)))
        late = to_json(replace(now, at=now.at + timedelta(seconds=95)))

        assert (soon["channels"]["telegram"]["state"], soon["ready"]) == ("running", True)
        assert (late["channels"]["telegram"]["state"], late["ready"]) == (SILENT, False)


# -- the token ---------------------------------------------------------------------------------------------------


async def test_a_wrong_token_is_said_at_once_and_not_tried_again(
    open_town: Opener, telegram: TelegramServer
) -> None:
    with capture_logs() as lines:
        clock = Hurry()
        wrong = TelegramChannel("telegram", Client(f"{TOKEN}x", api_base=telegram.url), clock, paces=Paces())
        async with open_town(echo, clock=clock, channels={"telegram": wrong}) as town:
            reason = await becomes(town, "stopped", seconds=2)
            asked = sum(telegram.statuses.values())
            await clock.sleep(timedelta(seconds=10))

            assert sum(telegram.statuses.values()) == asked == 1
            assert "@BotFather" in reason
            assert to_json(town.gateway.status())["ready"] is False

    (told,) = [line for line in lines if line["log_level"] == "error"]
    assert told["event"] == "the channel is stopped: its credentials are refused"


async def test_a_token_that_is_revoked_stops_the_channel_and_keeps_what_it_has_to_say(
    open_town: Opener, telegram: TelegramServer
) -> None:
    free = asyncio.Event()

    async def slow(prompt: Any) -> str:
        await free.wait()
        return str(echo(prompt))

    async with open_town(slow) as town:
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(lambda: len(prompts(town)) == 1)
        telegram.token = f"{TOKEN}x"
        telegram.say("are you there?", user=ANNA)  # ends the poll that waits
        await becomes(town, "stopped")
        free.set()
        await _said(town, 2)
        kept = await states(town)

    telegram.token = TOKEN
    async with open_town(echo) as town:
        heard = await hears(town, 2, chat=ANNA)

    assert kept == {"open": 2}
    assert heard == ["heard hello", "heard are you there?"]
    assert telegram.texts(OLGA) == []


async def _said(town: Town, count: int) -> None:
    async with asyncio.timeout(5):
        while sum((await states(town)).values()) < count:
            await asyncio.sleep(0.005)

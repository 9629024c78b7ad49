"""Who is on Telegram in the journeys, what they do there, and what a journey looks at."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channels.base import Channel
from channels.telegram import TelegramChannel
from channels.telegram.client import Client, Waits
from cron import runs
from cron.run import Run
from gateway.agent.model import ModelClient, Prompt, ToolResult, UserText
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.clock import Clock, SystemClock
from gateway.home import Home
from gateway.messages import Json
from gateway.outbox.pace import Paces
from tests.servers.telegram import TOKEN, TelegramServer
from tests.servers.telegram_records import Sent
from tests.servers.telegram_world import BOT_USERNAME

OLGA = 7000  # the owner
ANNA = 7001
BORIS = 7002
MALLORY = 6666  # in no list

GROUP = -5001
FORUM = -1005002
UNLISTED = -5003  # a group that is not in the configuration

BOT = f"@{BOT_USERNAME}"

UNLIMITED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}

SHORT = Waits(poll=timedelta(seconds=1), grace=timedelta(milliseconds=300), answer=timedelta(milliseconds=300))


@dataclass
class Town:
    """Telegram, and a gateway that is connected to it."""

    telegram: TelegramServer
    gateway: Gateway
    model: ModelClient
    home: Home


Opener = Callable[..., AbstractAsyncContextManager[Town]]


def move_in(telegram: TelegramServer) -> None:
    """Everybody moves in."""
    for person, name in ((OLGA, "Olga"), (ANNA, "Anna"), (BORIS, "Boris"), (MALLORY, "Mallory")):
        telegram.person(person, name)
    everybody = [OLGA, ANNA, BORIS, MALLORY]
    telegram.group(GROUP, "Friends", supergroup=False, members=everybody)
    telegram.group(FORUM, "Forum", forum=True, members=everybody)
    telegram.group(UNLISTED, "Elsewhere", supergroup=False, members=everybody)


def settings_of(telegram: TelegramServer, **changes: Any) -> dict[str, Any]:
    """`[channels.telegram]` for this server, without limits of our own."""
    return {
        "token": TOKEN,
        "api_base": telegram.url,
        "allow": [str(ANNA), str(BORIS)],
        "owners": [str(OLGA)],
        "groups": {str(GROUP): {}, str(FORUM): {}},
        "rate": UNLIMITED,
        **changes,
    }


def impatient(telegram: TelegramServer, clock: Clock) -> Channel:
    """The real channel, which waits for answers that do not come only for moments."""
    return TelegramChannel("telegram", Client(TOKEN, api_base=telegram.url, waits=SHORT), clock, paces=Paces())


def hurried(telegram: TelegramServer, clock: "Hurry | None" = None) -> dict[str, Any]:
    """For `open_town`: the pauses of the gateway go by twenty times faster; those of the network do not."""
    clock = clock or Hurry()
    return {"clock": clock, "channels": {"telegram": impatient(telegram, clock)}}


class Hurry:
    """A clock that is so many times faster than the machine's, for what takes minutes."""

    def __init__(self, speed: float = 20) -> None:
        self._speed = speed
        self._real = SystemClock()
        self._start = self._real.now()
        self._zero = self._real.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (self._real.monotonic() - self._zero) * self._speed

    async def sleep(self, duration: timedelta) -> None:
        await self._real.sleep(duration / self._speed)

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        return self._real.timeout(duration / self._speed)


# -- models ------------------------------------------------------------------------------------------------------


def said(prompt: Prompt) -> str:
    """The words that are to be answered."""
    return next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))


def echo(prompt: Prompt) -> Line:
    return f"heard {said(prompt)}"


def results(prompt: Prompt) -> list[str]:
    """What the tools have answered, in order."""
    return [item.text for item in prompt.items if isinstance(item, ToolResult)]


def prompts(town: Town) -> list[Prompt]:
    """What the scripted model was asked."""
    assert isinstance(town.model, ScriptedModel)
    return town.model.prompts


# -- what is seen ------------------------------------------------------------------------------------------------


async def rows(town: Town, statement: str, *parameters: Any) -> list[Any]:
    """What is in the database."""
    return await town.gateway.database.read(lambda t: t.execute(statement, parameters).fetchall())


async def callers(town: Town) -> Counter[str]:
    """How many messages each caller has put into the outbox."""
    return Counter([caller for (caller,) in await rows(town, "SELECT caller FROM outbox")])


async def states(town: Town) -> Counter[str]:
    """How the messages of the outbox have ended."""
    return Counter([state for (state,) in await rows(town, "SELECT state FROM outbox")])


async def runs_of(town: Town) -> list[Run]:
    """Runs of jobs, the oldest first."""
    return (await town.gateway.database.read(lambda t: runs.recent(t, job=None, limit=100)))[::-1]


def state_of(town: Town, channel: str = "telegram") -> tuple[str, str]:
    """How the channel is and why, as the status shows it."""
    found = town.gateway.status()
    shown = found.channels[channel]
    return ("stopped", found.halted[channel]) if channel in found.halted else (shown.state, shown.reason)


async def becomes(town: Town, state: str, *, seconds: float = 5.0, channel: str = "telegram") -> str:
    """Wait until the channel is in this state; returns the reason."""
    async with asyncio.timeout(seconds):
        while state_of(town, channel)[0] != state:
            await asyncio.sleep(0.002)
    return state_of(town, channel)[1]


async def calm(town: Town, *, seconds: float = 10.0) -> None:
    """Wait until everything that was said is confirmed, answered and delivered, or given up."""
    async with asyncio.timeout(seconds):
        while await _is_busy(town):
            await asyncio.sleep(0.005)


async def _is_busy(town: Town) -> bool:
    lanes = town.gateway.lanes
    if town.telegram.pending or lanes.running or lanes.waiting:
        return True
    begun = "SELECT 1 FROM inbox WHERE state <> 'done' LIMIT 1"  # also what has its place, and no turn yet
    return bool(await rows(town, begun) or await rows(town, "SELECT 1 FROM outbox WHERE state = 'open' LIMIT 1"))


async def hears(
    town: Town, count: int, *, chat: int, thread: int | None = None, seconds: float = 5.0
) -> list[str]:
    """Wait until so many messages of the bot stand in a chat; returns them."""
    await town.telegram.wait_for(lambda: len(town.telegram.texts(chat, thread)) >= count, seconds)
    return town.telegram.texts(chat, thread)


def sent_to(town: Town, chat: int) -> list[Sent]:
    """What the bot said in a chat, the oldest first."""
    return [one for one in town.telegram.sent if one.chat == chat]


def stored_jobs(town: Town) -> list[Json]:
    """What is in cron.json."""
    path = town.home.path / "cron.json"
    return list(json.loads(path.read_text())["jobs"]) if path.exists() else []

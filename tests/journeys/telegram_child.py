"""A gateway with a Telegram bot in a child process, on real files, that ends where a test says."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from channels import telegram
from channels.base import Surroundings
from channels.telegram.render import render
from cron import phrases
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.config import Config
from gateway.home import GatewayLock, Home, prepare
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.setup import Setup
from tests.journeys.crash_child import (
    LONGEST,
    STUCK,
    Fuse,
    FusedDriver,
    FusedFiles,
    Fuses,
    Place,
    QuickClock,
    look,
    open_rows,
)
from tests.servers.telegram import TOKEN
from tests.servers.telegram_control import Control

NAME = "telegram"

Finished = Callable[[Gateway], bool]


def warm_up() -> None:
    """What every life would do once, done before they are forked: else most are killed while they compile."""
    phrases.understand("in 3 seconds", now=QuickClock().now(), zone="UTC")
    address = ChatAddress(channel=NAME, chat="1")
    render(OutboundMessage(delivery_id="warm", address=address, caller=Caller.REPLY, text="*warm*"))


def live(
    place: Place,
    url: str,
    script: Callable[[Prompt], Line],
    *,
    fuses: Fuses | None = None,
    finished: Finished | None = None,
) -> None:
    """Be the gateway until everything is done, or (without `finished`) until somebody kills this process."""
    prepare(place.home)
    sys.stdout = sys.stderr = (place.folder / "log.txt").open("a", buffering=1)
    with GatewayLock.take(place.home, QuickClock().now()):
        asyncio.run(_live(place, url, script, fuses or Fuses(), finished))


async def _live(
    place: Place, url: str, script: Callable[[Prompt], Line], fuses: Fuses, finished: Finished | None
) -> None:
    setup = _setup(place, url, script, fuses)
    async with asyncio.TaskGroup() as tasks, Control(url) as control:
        gateway = Gateway(setup, tasks)
        await gateway.start()
        if finished is None:
            await asyncio.Event().wait()
        elif not await _until(lambda: _drained(place, control, finished, gateway)):
            os._exit(STUCK)
        await gateway.stop()


def _setup(place: Place, url: str, script: Callable[[Prompt], Line], fuses: Fuses) -> Setup:
    before, after, steps = Fuse(fuses.before_commit), Fuse(fuses.after_commit), Fuse(fuses.file_step)
    clock = QuickClock()
    bot = {"token": TOKEN, "api_base": url, "allow": ["*"]}
    config = Config.layered(
        environment={}, file={"cron": {"min_interval": "1s"}, "channels": {NAME: bot}, "limits": _NO_LIMITS}
    )
    return Setup(
        home=place.home,
        config=config,
        clock=clock,
        connect=lambda: FusedDriver(place.home.file("gateway.db"), before, after),
        store=JsonFileStore(place.home.file("cron.json"), files=FusedFiles(steps)),
        model=ScriptedModel(script),
        channels={NAME: telegram.create(NAME, config, clock, Surroundings(workspace=place.home.workspace))},
    )


_NO_LIMITS = {"jobs_per_owner": 10_000, "creations_per_hour": 10_000}


async def _until(condition: Callable[[], Awaitable[bool]]) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            while not await condition():
                await asyncio.sleep(0.02)
            return True
    return False


async def _drained(place: Place, control: Control, finished: Finished, gateway: Gateway) -> bool:
    """Nothing is left to do, and Telegram keeps no update for us any more."""
    if not finished(gateway) or open_rows(place.home):  # in this order: what ends may leave a row behind
        return False
    return (await control.stats()).pending == 0


def stored_updates(home: Home) -> set[int]:
    """The ids of the updates that are safe in the inbox."""
    with suppress(sqlite3.OperationalError), look(home) as database:  # it may have been killed before any table
        keys = database.execute("SELECT key FROM dedupe WHERE key LIKE 'telegram:%'")
        return {int(key.rpartition(":")[2]) for (key,) in keys}
    return set()

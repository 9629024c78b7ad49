"""A gateway with one bot in a child process, on real files, that ends where a test says."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from channels.base import Surroundings
from cron import phrases
from cron.stores.json_file import JsonFileStore
from gateway import plugins
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.config import Config
from gateway.home import GatewayLock, prepare
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.setup import Setup
from tests.contract.kills.remote import KINDS, Remote
from tests.journeys.crash_child import LONGEST, STUCK, Fuse, FusedDriver, FusedFiles, Fuses, Place, open_rows

SPEED = 20
_NO_LIMITS = {"jobs_per_owner": 10_000, "creations_per_hour": 10_000}


@dataclass(frozen=True, slots=True)
class StoryClock:
    """The machine's clock, faster since a story began, and the same in every life of it.

    Not much ahead of the platform's, so that what is looked for in a chat by its time is found.
    """

    began: float

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.began + (time.time() - self.began) * SPEED, UTC)

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() / SPEED)

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(duration.total_seconds() / SPEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is the same in every life of a story."""

    kind: str
    url: str
    place: Place
    began: float
    script: Callable[[Prompt], Line]
    finished: Callable[[Gateway], bool]


def warm_up(kind: str, remote: Remote) -> None:
    """What every life would do once, done before they are forked: else most are killed while they compile."""
    clock = StoryClock(time.time())
    phrases.understand("in 3 seconds", now=clock.now(), zone="UTC")
    config = Config.layered(environment={}, file={"channels": {kind: remote.settings()}})
    channel = plugins.find("channels", kind).create(kind, config, clock, Surroundings(workspace=Path()))
    address = ChatAddress(channel=kind, chat="1")
    channel.render(OutboundMessage(delivery_id="warm", address=address, caller=Caller.REPLY, text="*warm*"))


def live(life: Life, fuses: Fuses | None = None) -> None:
    """Be the gateway until everything is done, or until a fuse ends the process."""
    prepare(life.place.home)
    sys.stdout = sys.stderr = (life.place.folder / "log.txt").open("a", buffering=1)
    with GatewayLock.take(life.place.home, StoryClock(life.began).now()):
        asyncio.run(_live(life, fuses or Fuses()))


async def _live(life: Life, fuses: Fuses) -> None:
    remote = KINDS[life.kind](life.url)
    async with asyncio.TaskGroup() as tasks:
        gateway = Gateway(_setup(life, remote, fuses), tasks)
        await gateway.start()
        if not await _done(life, remote, gateway):
            os._exit(STUCK)
        await gateway.stop()


def _setup(life: Life, remote: Remote, fuses: Fuses) -> Setup:
    home, clock = life.place.home, StoryClock(life.began)
    before, after, steps = Fuse(fuses.before_commit), Fuse(fuses.after_commit), Fuse(fuses.file_step)
    file = {"cron": {"min_interval": "1s"}, "channels": {life.kind: remote.settings()}, "limits": _NO_LIMITS}
    config = Config.layered(environment={}, file=file)
    module = plugins.find("channels", life.kind)
    return Setup(
        home=home,
        config=config,
        clock=clock,
        connect=lambda: FusedDriver(home.file("gateway.db"), before, after),
        store=JsonFileStore(home.file("cron.json"), files=FusedFiles(steps)),
        model=ScriptedModel(life.script),
        channels={life.kind: module.create(life.kind, config, clock, Surroundings(workspace=home.workspace))},
    )


async def _done(life: Life, remote: Remote, gateway: Gateway) -> bool:
    """Wait until nothing is left to do, and the platform keeps nothing for us any more; False: it never is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            # In this order: what is committed between the two looks is then still seen as open.
            while not life.finished(gateway) or open_rows(life.place.home) or await _keeps(remote):
                await asyncio.sleep(0.02)
            return True
    return False


async def _keeps(remote: Remote) -> bool:
    return await asyncio.to_thread(remote.pending) > 0

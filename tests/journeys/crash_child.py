"""A gateway in a child process, on real files, that ends where a test says: at a commit or a step of cron.json."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from cron.stores.files import Files
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.config import Config
from gateway.database.sqlite import SqliteDriver
from gateway.home import GatewayLock, Home, prepare
from gateway.setup import Setup
from gateway.tools.base import Effect, Turn
from tests.journeys.platform import FileChannel, Platform, append

CRASHED = 137
STUCK = 3
SPEED = 20  # how much faster than the machine's the children's time passes
LONGEST = (
    40.0  # seconds until a child that has not finished its work gives up; five hundred kills leave much to do
)
_EPOCH = 1_790_000_000.0  # an instant that all children count from, so that their clocks agree


class QuickClock:
    """The machine's clock, faster, and the same in every process."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(_EPOCH + (time.time() - _EPOCH) * SPEED, UTC)

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() / SPEED)

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(duration.total_seconds() / SPEED)


@dataclass(slots=True)
class Fuse:
    """Ends the process at its n-th event; 0: never."""

    at: int = 0
    seen: int = 0

    def burn(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            os._exit(CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuses:
    """Where a child may end."""

    before_commit: int = 0
    after_commit: int = 0
    file_step: int = 0


class FusedDriver(SqliteDriver):
    """A database whose commits are counted."""

    def __init__(self, path: Path, before: Fuse, after: Fuse) -> None:
        self._before = before
        self._after = after
        super().__init__(path)

    def commit(self) -> None:
        self._before.burn()
        super().commit()
        self._after.burn()


class FusedFiles(Files):
    """A file system whose steps are counted."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def step(self, operation: str, path: Path) -> None:
        self._fuse.burn()


class StampArguments(BaseModel):
    """Put a stamp on a sheet of paper. There is no way to take it off."""

    sheet: str


class StampTool:
    """Something that must not happen twice."""

    name: ClassVar[str] = "stamp"
    arguments: ClassVar[type[BaseModel]] = StampArguments
    effect: ClassVar[Effect] = Effect.ONCE
    example: ClassVar[str] = '{"sheet": "set up"}'

    def __init__(self, sheet: Path) -> None:
        self._sheet = sheet

    async def call(self, arguments: StampArguments, turn: Turn) -> str:
        append(self._sheet, [turn.call_id, arguments.sheet])
        return "stamped"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one journey."""

    folder: Path

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def platform(self) -> Platform:
        return Platform(self.folder)

    @property
    def sheet(self) -> Path:
        return self.folder / "stamps.jsonl"


def live(
    place: Place,
    script: Callable[[Prompt], Line],
    *,
    fuses: Fuses | None = None,
    finished: Callable[[Gateway], bool] | None = None,
    channel: type[FileChannel] = FileChannel,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Be the gateway until everything is done, or (without `finished`) until somebody kills this process."""
    prepare(place.home)
    sys.stdout = sys.stderr = (place.folder / "log.txt").open("a", buffering=1)
    with GatewayLock.take(place.home, QuickClock().now()):
        asyncio.run(_live(place, script, fuses or Fuses(), finished, channel, settings or {}))


async def _live(
    place: Place,
    script: Callable[[Prompt], Line],
    fuses: Fuses,
    finished: Callable[[Gateway], bool] | None,
    kind: type[FileChannel],
    settings: Mapping[str, Any],
) -> None:
    before, after, steps = Fuse(fuses.before_commit), Fuse(fuses.after_commit), Fuse(fuses.file_step)
    clock = QuickClock()
    channel = kind(place.platform, clock)
    setup = Setup(
        home=place.home,
        config=Config.layered(environment={}, file={"cron": {"min_interval": "1s"}, **settings}),
        clock=clock,
        connect=lambda: FusedDriver(place.home.file("gateway.db"), before, after),
        store=JsonFileStore(place.home.file("cron.json"), files=FusedFiles(steps)),
        model=ScriptedModel(script),
        channels={channel.name: channel},
    )
    async with asyncio.TaskGroup() as tasks:
        gateway = Gateway(setup, tasks)
        _give(gateway, StampTool(place.sheet))
        await gateway.start()
        if finished is None:
            await asyncio.Event().wait()
        elif not await _until(lambda: _drained(place, channel) and finished(gateway)):
            os._exit(STUCK)
        await gateway.stop()


def _give(gateway: Gateway, tool: StampTool) -> None:
    """No tool of the gateway's own is of the kind that must never be repeated."""
    gateway.loop.toolbox.add(tool)


async def _until(condition: Callable[[], bool]) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            while not condition():
                await asyncio.sleep(0.02)
            return True
    return False


def _drained(place: Place, channel: FileChannel) -> bool:
    return channel.accepted == len(place.platform.said()) and not open_rows(place.home)


def open_rows(home: Home) -> dict[str, int]:
    """How much of what there is to do is not done, by table."""
    queries = {
        "inbox": "SELECT count(*) FROM inbox WHERE state <> 'done'",
        "turns": "SELECT count(*) FROM turns WHERE state = 'running'",
        "outbox": "SELECT count(*) FROM outbox WHERE state = 'open'",
        "parts": "SELECT count(*) FROM parts WHERE state IN ('pending', 'sending')",
        "runs": "SELECT count(*) FROM runs WHERE finished_at IS NULL",
        "attempts": "SELECT count(*) FROM attempts WHERE finished_at IS NULL",
    }
    with look(home) as database:
        counts = {table: database.execute(query).fetchone()[0] for table, query in queries.items()}
    return {table: count for table, count in counts.items() if count}


class look:  # noqa: N801 - reads as what it does
    """A connection that only reads, closed at the end."""

    def __init__(self, home: Home) -> None:
        self._connection = sqlite3.connect(f"{home.file('gateway.db').as_uri()}?mode=ro", uri=True)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()

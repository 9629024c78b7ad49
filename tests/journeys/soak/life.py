"""A real gateway as a process, from its start to a kill or an orderly end, and how it is meanwhile."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.processes import READY, command, environment

MIB = 1024
TASK = "a task"  # how the log begins to tell of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at a gateway."""

    life: int  # which one, from 1
    age: float  # seconds since it was started
    rss: float  # MiB
    private: float  # MiB of it that are no file's
    files: int
    threads: int
    inbox: int  # rows that are not done
    outbox: int
    runs: int
    pending: int  # updates that Telegram keeps for us

    @property
    def queue(self) -> int:
        """Everything that somebody waits for."""
        return self.inbox + self.outbox + self.runs + self.pending


@dataclass(slots=True)
class Life:
    """The gateway of a home folder, one life after the other."""

    home: Path
    number: int = 0
    began: float = 0.0
    last_words: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None
    _tasks_told: int = 0

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    async def start(self, *, within: float = 60.0) -> None:
        """Return when it is ready."""
        self.number += 1
        self.began = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *command(self.home, "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        self._reading = asyncio.create_task(self._read_errors(self._process))
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            line = (await self._process.stdout.readline()).decode().strip()
        assert line == READY, "\n".join(self.last_words)

    async def kill(self) -> None:
        """At once, without a word."""
        assert self.process.returncode is None, "\n".join(self.last_words)
        self.process.kill()
        await self._ended()

    async def end(self, *, within: float = 60.0) -> int:
        """In order; its exit status."""
        self.process.terminate()
        async with asyncio.timeout(within):
            await self._ended()
        return self.process.returncode or 0

    async def clear_away(self) -> None:
        """Whatever became of it, nothing is left running."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._ended()

    async def _ended(self) -> None:
        await self.process.wait()
        if self._reading is not None:
            await self._reading

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._tasks_told += TASK in text
            self.last_words.append(text)

    # -- how it is ----------------------------------------------------------------------------------------

    def sample(self, pending: int) -> Sample:
        status = dict(_status(self.process.pid))
        inbox, outbox, runs = _open_rows(self.home)
        return Sample(
            life=self.number,
            age=self.age,
            rss=status["VmRSS"] / MIB,
            private=status["RssAnon"] / MIB,
            files=len(os.listdir(f"/proc/{self.process.pid}/fd")),  # noqa: PTH208 - names alone
            threads=status["Threads"],
            inbox=inbox,
            outbox=outbox,
            runs=runs,
            pending=pending,
        )

    async def tasks(self) -> int:
        """How many tasks it has, by its own account."""
        self._tasks_told = 0
        self.process.send_signal(signal.SIGUSR1)
        told = -1
        while told != self._tasks_told or not told:
            told = self._tasks_told
            await asyncio.sleep(0.5)
        return told


def _status(pid: int) -> Iterator[tuple[str, int]]:
    """The numbers that the kernel tells of a process; sizes in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in {"VmRSS", "RssAnon", "Threads"}:
            yield name, int(value.split()[0])


_OPEN = (  # each of them by an index: the tables grow for days
    "SELECT count(*) FROM inbox WHERE state <> 'done'",
    "SELECT count(*) FROM outbox WHERE state = 'open'",
    "SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')",
)


def _open_rows(home: Path) -> tuple[int, ...]:
    uri = f"{(home / 'gateway.db').as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        return tuple(database.execute(query).fetchone()[0] for query in _OPEN)

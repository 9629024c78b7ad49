"""The real program and Telegram: what it keeps to itself, and how it gets over a machine without descriptors."""

import asyncio
import os
import random
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes import until
from tests.journeys import processes
from tests.journeys.telegram.mutants import mutated, recorded
from tests.journeys.telegram.story import ANNA, OLGA
from tests.servers.telegram import TOKEN, TelegramServer

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")]

SECRET = TOKEN.partition(":")[2]
FEW = 4  # descriptors: those that are open stay so, and no other can be opened


@dataclass
class Program:
    """`tocsin run`, and what it prints."""

    process: asyncio.subprocess.Process
    home: Path
    output: Path

    def limit(self, descriptors: int) -> None:
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (descriptors, hard))

    def memory(self) -> int:
        """Bytes that it has in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def processor_time(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)


@asynccontextmanager
async def _program(tmp_path: Path, telegram: TelegramServer) -> AsyncIterator[Program]:
    home, output = tmp_path / "home", tmp_path / "output"
    settings = {"TOKEN": TOKEN, "API_BASE": telegram.url, "ALLOW": f"{ANNA},{OLGA}"}
    variables = {f"TOCSIN__CHANNELS__TELEGRAM__{key}": value for key, value in settings.items()}
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *processes.command(home, "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=processes.environment(TOCSIN__LOGGING__LEVEL="debug", **variables),
        )
    try:
        await until(lambda: b"tocsin ready" in output.read_bytes(), seconds=15)
        yield Program(process, home, output)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_program_without_descriptors_goes_on_and_recovers(
    tmp_path: Path, telegram: TelegramServer
) -> None:
    async with _program(tmp_path, telegram) as program:  # P-88
        telegram.say("remind me in 4 seconds to stretch", user=ANNA)
        await telegram.wait_for(1)
        program.limit(FEW)
        await telegram.refuse()
        await telegram.listen()
        telegram.say("hello", user=ANNA)
        before, began = program.processor_time(), datetime.now(UTC)
        await asyncio.sleep(6)
        used = (program.processor_time() - before) / 6
        during = telegram.texts(ANNA)
        program.limit(1_024)
        ended = datetime.now(UTC)
        await telegram.wait_for(lambda: len(telegram.texts(ANNA)) == 3, 10)
        with sqlite3.connect(program.home / "gateway.db") as database:
            ((claimed,),) = database.execute("SELECT started_at FROM runs").fetchall()
        code = await program.stop()

    assert len(during) == 1
    assert "stretch" in telegram.texts(ANNA)
    assert began < datetime.fromisoformat(claimed) < ended  # the scheduler ticked
    assert used <= 0.2
    assert code == 0


@pytest.mark.timeout(200)
async def test_updates_that_make_no_sense_take_no_memory(tmp_path: Path, telegram: TelegramServer) -> None:
    telegram.keep = 1_000
    async with _program(tmp_path, telegram) as program:  # P-53
        seen, chance = recorded(telegram), random.Random(17)
        sizes = []
        for _ in range(12):
            for _ in range(1_000):
                telegram.push(mutated(chance.choice(seen), chance))
            await telegram.wait_for(lambda: telegram.pending == 0, 60)
            sizes.append(program.memory())
        telegram.say("hello", user=OLGA)  # in whose name none of them came
        await telegram.wait_for(lambda: telegram.texts(OLGA), 10)
        code = await program.stop()

    assert sizes[-1] - sizes[1] <= 20 * 2**20, sizes  # ten thousand after two thousand
    assert code == 0


async def test_the_token_is_in_no_byte_that_the_program_leaves(tmp_path: Path, telegram: TelegramServer) -> None:
    async with _program(tmp_path, telegram) as program:  # P-87
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(1)
        telegram.fault("status", method="getUpdates")
        telegram.fault("lost", method="sendMessage")
        telegram.say("help", user=ANNA)
        await telegram.wait_for(3, 10)
        await telegram.refuse(seconds=1)
        await asyncio.sleep(6)  # until the status is written again
        seen = _holding(program)
        telegram.token = f"{TOKEN}x"
        telegram.say("still there?", user=ANNA)
        await until(lambda: b"credentials are refused" in program.output.read_bytes(), seconds=10)
        code = await program.stop()

    assert seen == _holding(program) == []
    assert code == 0


def _holding(program: Program) -> list[Path]:
    files = [program.output, *(path for path in program.home.rglob("*") if path.is_file())]
    return [path for path in files if SECRET.encode() in path.read_bytes()]

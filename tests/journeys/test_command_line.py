"""The command line as separate processes, beside a gateway that runs."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cron.job import Say
from cron.run import RunStatus
from cron.runs import open_runs
from cron.schedule import Every
from cron.stores.json_file import JsonFileStore
from gateway.agent.models.scripted import HANG
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.home import GatewayLock
from tests.command_line import CommandLine, Printed
from tests.jobs import new_job
from tests.journeys.conftest import Opener

SETTINGS = {"TOCSIN__CRON__MIN_INTERVAL": "1s", "TZ": "UTC"}


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env=os.environ | SETTINGS | {"TOCSIN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tocsin(home: Path, *arguments: str) -> str:
    """What the command prints; it must succeed."""
    process = start(home, *arguments)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return out


@contextmanager
def gateway(home: Path) -> Iterator[None]:
    process = start(home, "run")
    assert process.stdout is not None
    assert process.stdout.readline() == "tocsin ready\n"
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_commands_and_a_running_gateway_work_together(tmp_path: Path) -> None:
    with gateway(tmp_path):
        reply = tocsin(tmp_path, "chat", "what is scheduled?")
        soon = datetime.now(UTC) + timedelta(seconds=2)
        tocsin(tmp_path, "cron", "add", "--name", "soon", "--say", "x", "--at", soon.isoformat())
        tocsin(tmp_path, "cron", "add", "--name", "daily", "--say", "good day", "--cron", "0 9 * * *")
        run = tocsin(tmp_path, "cron", "run", "daily", "--wait")  # AB-57
        status = tocsin(tmp_path, "status")
        fired = _wait_for_run(tmp_path, "soon")  # AB-50, AB-51

    assert reply == "Nothing is scheduled.\n"
    assert "succeeded" in run
    assert status.startswith("Gateway: ready")
    assert "succeeded" in fired


def _wait_for_run(home: Path, name: str) -> str:
    """The history of the one-shot: it is found by its name also when it is gone."""
    for _ in range(20):
        process = start(home, "cron", "runs", name)
        out, _ = process.communicate(timeout=20)
        if "succeeded" in out:
            return out
    return "it never ran"


def test_two_chats_at_once_without_a_gateway_are_both_answered(tmp_path: Path) -> None:
    processes = [start(tmp_path, "chat", "what is scheduled?", "--session", name) for name in ("a", "b")]

    answers = [process.communicate(timeout=30) for process in processes]

    assert [out for out, _ in answers] == ["Nothing is scheduled.\n"] * 2, answers
    assert [process.returncode for process in processes] == [0, 0]


def test_a_process_that_leaves_takes_no_log_away_from_one_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    first, second = SqliteDriver(path), SqliteDriver(path)
    transact(first, lambda transaction: transaction.execute("CREATE TABLE x (n)").rowcount)
    code = (
        "import sys; from pathlib import Path; from gateway.database.sqlite import SqliteDriver;"
        "from gateway.database.driver import transact; driver = SqliteDriver(Path(sys.argv[1]));"
        "transact(driver, lambda t: t.execute('INSERT INTO x VALUES (1)').rowcount); driver.close()"
    )

    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    transact(first, lambda transaction: transaction.execute("INSERT INTO x VALUES (2)").rowcount)

    third = SqliteDriver(path, read_only=True)
    assert third.transaction.execute("SELECT n FROM x ORDER BY n").fetchall() == [(1,), (2,)]
    for driver in (first, second, third):
        driver.close()


async def test_a_run_that_hangs_is_cancelled_from_outside_within_two_seconds(
    open_world: Opener, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world([HANG]) as world:
        command = CommandLine(world.home.path, capsys, monkeypatch)

        async def typed(*words: str) -> Printed:
            """Runs a command beside the gateway, whose time goes on meanwhile."""
            running = asyncio.ensure_future(asyncio.to_thread(command, *words))
            while not running.done():
                await world.clock.advance(timedelta(seconds=1))
            return await running

        with GatewayLock.take(world.home, datetime.now(UTC)):
            await typed("cron", "add", "--name", "a", "--message", "work", "--every", "1d")
            await typed("cron", "run", "a")
            while not world.model.prompts:
                await world.clock.advance(timedelta(seconds=1))
            ((_, run),) = command.kept.read(open_runs, empty=list)
            before = command.status_of(run)
            began = time.monotonic()

            cancelled = await typed("cron", "cancel", run)

            took = time.monotonic() - began

    assert cancelled.status == 0
    assert (before, command.status_of(run)) == (RunStatus.RUNNING, RunStatus.CANCELLED)  # HP-41
    assert took < 2


def test_a_gateway_whose_scheduler_is_off_fires_nothing_and_its_status_says_so(tmp_path: Path) -> None:
    made = datetime.now(UTC) - timedelta(hours=25)  # it was due an hour ago, which is not too late
    daily = new_job(payload=Say(text="x"), schedule=Every(timedelta(days=1), made), created_at=made, address=None)
    JsonFileStore(tmp_path / "cron.json").put(daily)
    (tmp_path / "config.toml").write_text("[cron]\nenabled = false\n")  # PRX-04, AB-30

    with gateway(tmp_path):
        status, off = tocsin(tmp_path, "status"), tocsin(tmp_path, "cron", "runs")
    (tmp_path / "config.toml").write_text("[cron]\nenabled = true\n")
    with gateway(tmp_path):
        began = time.monotonic()
        while (on := tocsin(tmp_path, "cron", "runs")) == off:
            assert time.monotonic() - began < 20

    assert "Scheduler: off (cron: disabled), 1 job" in status
    assert off == "There are no runs yet.\n"
    assert "succeeded" in on or "queued" in on or "running" in on


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_no_edit_of_many_commands_is_lost_under_a_gateway(tmp_path: Path) -> None:
    with gateway(tmp_path):
        for n in range(10):
            adding = [
                start(tmp_path, "cron", "add", "--name", f"{n}-{m}", "--say", "x", "--every", "1d")
                for m in range(4)
            ]
            for process in adding:
                process.communicate(timeout=60)

    assert len(JsonFileStore(tmp_path / "cron.json").load()) == 40  # P-38

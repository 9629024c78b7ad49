"""One home, several processes: one gateway at a time, and any number of others who change its jobs."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cron.stores.json_file import JsonFileStore
from gateway.home import Home
from tests import forks
from tests.fakes import until
from tests.jobs import new_job
from tests.journeys import processes
from tests.journeys.conftest import Opener
from tests.journeys.crash_child import look

SOON = 2.0  # seconds, P-38


def test_a_second_gateway_is_refused_at_once_and_told_who_is_there(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as first:
        began = time.monotonic()
        second = subprocess.run(
            processes.command(home, "run"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=processes.environment(),
            text=True,
            timeout=10,
        )
        took = time.monotonic() - began
        processes.write(first, "help\n")
        answer = processes.line(first)
        first.send_signal(signal.SIGTERM)
        processes.rest(first, seconds=20)

    assert second.returncode == 1
    assert took <= SOON
    assert f"process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert processes.READY not in second.stdout
    assert answer
    assert first.returncode == 0


def test_a_gateway_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as first:
        first.kill()

    with processes.gateway(home, errors=errors) as second:
        processes.write(second, "help\n")
        answer = processes.line(second)

    assert answer


def test_jobs_that_others_make_beside_a_gateway_are_all_seen(tmp_path: Path) -> None:
    _assert_that_no_edit_is_lost(tmp_path, processes_=4, edits=10)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_four_processes_with_250_edits_each_lose_none_beside_a_gateway(tmp_path: Path) -> None:
    _assert_that_no_edit_is_lost(tmp_path, processes_=4, edits=250)  # P-38


async def test_a_change_that_a_run_has_read_already_is_taken_up_all_the_same(open_world: Opener) -> None:
    async with open_world() as world:
        made = JsonFileStore(world.home.file("cron.json")).put(new_job())
        world.gateway.store.load()  # as a run does, to see the state of its job

        await world.clock.advance(timedelta(seconds=1))

        await until(lambda: made.uid in world.gateway.cron.jobs)


def _assert_that_no_edit_is_lost(folder: Path, *, processes_: int, edits: int) -> None:
    home, errors = folder / "home", folder / "errors"
    path = home / "cron.json"

    def edit() -> None:
        store = JsonFileStore(path)
        for n in range(edits):
            store.put(new_job(name=f"{os.getpid()}-{n}", created_at=datetime.now(UTC)))

    with processes.gateway(home, errors=errors) as gateway:
        ended = [forks.end(pid) for pid in [forks.start(edit) for _ in range(processes_)]]
        wanted = processes_ * edits
        _wait(lambda: _known(Home(home)) == wanted)
        gateway.send_signal(signal.SIGTERM)
        processes.rest(gateway, seconds=20)

    assert ended == [0] * processes_
    assert len(JsonFileStore(path).load()) == wanted
    assert JsonFileStore(path).recover().notes == ()


def _known(home: Home) -> int:
    """How many jobs the gateway has taken up."""
    with look(home) as database:
        return int(database.execute("SELECT count(*) FROM cursors").fetchone()[0])


def _wait(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.05)

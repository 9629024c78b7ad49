"""cron.json between processes: a gateway, command lines, and people who kill them."""

import os
import random
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cron.stores.json_file import JsonFileStore
from gateway.errors import JobChangedError, StateChangedError
from tests import forks
from tests.jobs import new_job


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


def test_processes_that_edit_at_once_lose_no_edit(path: Path) -> None:
    _assert_that_no_edit_is_lost(path, processes=4, edits=15)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_four_processes_with_250_edits_each_lose_none(path: Path) -> None:
    _assert_that_no_edit_is_lost(path, processes=4, edits=250)  # P-38


def test_a_store_survives_kills_at_random_moments(path: Path) -> None:
    _assert_that_kills_lose_nothing(path, rounds=20)  # HP-70


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_store_survives_five_hundred_kills(path: Path) -> None:
    _assert_that_kills_lose_nothing(path, rounds=500)  # P-32, P-33, HP-70


def _assert_that_no_edit_is_lost(path: Path, *, processes: int, edits: int) -> None:
    """Each process makes jobs, counts in the state of one that all share, and renames another, under a gateway."""
    gateway = JsonFileStore(path)
    counted, renamed = gateway.put(new_job(name="counted", state=0)), gateway.put(new_job(name="0"))

    def edit() -> None:
        store = JsonFileStore(path)
        for n in range(edits):
            store.put(new_job(name=f"{os.getpid()}-{n}"))
            _count(store, counted.uid)
            _rename(store, renamed.uid)

    pids = [forks.start(edit) for _ in range(processes)]
    while any(_lives(pid) for pid in pids):
        if gateway.changed():
            assert counted.uid in gateway.load()  # never half a file
        select.select([], [], [], 0.005)

    jobs = gateway.load()
    assert len(jobs) == 2 + processes * edits
    assert jobs[counted.uid].state == processes * edits
    assert jobs[counted.uid].state_revision == processes * edits
    assert jobs[renamed.uid].name == str(processes * edits)
    assert jobs[renamed.uid].revision == 1 + processes * edits
    assert not list(path.parent.glob("cron.json.edited-*"))


def _count(store: JsonFileStore, uid: str) -> None:
    while True:
        job = store.load()[uid]
        try:
            store.set_state(uid, job.state + 1, expected=job.state_revision, stamp="")
        except StateChangedError:
            continue
        return


def _rename(store: JsonFileStore, uid: str) -> None:
    while True:
        job = store.load()[uid]
        try:
            store.put(replace(job, name=str(int(job.name) + 1)))
        except JobChangedError:
            continue
        return


def _lives(pid: int) -> bool:
    """Whether a child is at work; it must not have failed."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # it was waited for before
        return False
    assert status == 0
    return found == 0


def _assert_that_kills_lose_nothing(path: Path, *, rounds: int) -> None:
    chance = random.Random(7)
    job = JsonFileStore(path).put(new_job(state=0))
    killed = 0
    for _ in range(rounds):
        with _counting_child(path, job.uid) as (pid, acknowledged):
            select.select([], [], [], chance.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            killed += forks.end(pid) == -signal.SIGKILL
            last = acknowledged()

        found = JsonFileStore(path).load()[job.uid]

        assert found.state == found.state_revision
        assert last is None or found.state in (last, last + 1)
    assert killed == rounds
    assert JsonFileStore(path).load()[job.uid].state > rounds  # they were killed at work
    JsonFileStore(path).put(new_job())
    assert sorted(file.name for file in path.parent.iterdir()) == ["cron.json", "cron.json.bak", "cron.json.lock"]


@contextmanager
def _counting_child(path: Path, uid: str) -> Iterator[tuple[int, Callable[[], int | None]]]:
    """A child that counts in a job's state as fast as it can, and a call for the last number that it had kept.

    It has begun to count: on a busy machine it would be killed before, again and again.
    """
    reading, writing = os.pipe()

    def count() -> None:
        store = JsonFileStore(path)
        while True:
            _count(store, uid)
            os.write(writing, b"%d\n" % store.load()[uid].state)

    def acknowledged() -> int | None:
        said = os.read(reading, 1 << 16).split()
        return int(said[-1]) if said else None

    pid = forks.start(count)
    os.close(writing)
    try:
        select.select([reading], [], [], 10)
        yield pid, acknowledged
    finally:
        os.close(reading)

"""What follows from runs, when several real processes work on one home: once, whoever did the run."""

import select
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.job import Job, JobStatus, Say, Shell
from cron.policy import FailureAlert, Then
from cron.schedule import At, Every
from cron.stores.json_file import JsonFileStore
from gateway.home import Home, prepare
from tests.jobs import new_job
from tests.journeys import processes
from tests.journeys.crash_child import look

FAR = At(datetime(2099, 1, 1, tzinfo=UTC))


class House:
    """A home folder, and the program as other processes on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        self.errors = folder / "errors"
        prepare(Home(self.path))

    def put(self, **changes: Any) -> Job:
        made = datetime.now(UTC) - timedelta(minutes=1)
        every = Every(timedelta(hours=1), made)
        return self.store.put(
            new_job(**{"schedule": every, "created_at": made, "address": None, "owner": None, **changes})
        )

    @property
    def store(self) -> JsonFileStore:
        return JsonFileStore(self.path / "cron.json")

    def call(self, *arguments: str) -> int:
        """The exit status of a command."""
        done = subprocess.run(
            processes.command(self.path, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=processes.environment(),
            timeout=60,
        )
        return done.returncode

    def rows(self, statement: str, *parameters: str) -> list[Any]:
        with look(Home(self.path)) as database:
            return database.execute(statement, parameters).fetchall()

    def runs_of(self, job: Job) -> list[Any]:
        """(status, cause) of each run of the job."""
        return self.rows("SELECT status, cause FROM runs WHERE job_uid = ?", job.uid)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def wait(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.05)


@pytest.mark.nightly
def test_a_run_by_hand_beside_a_gateway_starts_the_next_job_once(house: House) -> None:
    last = house.put(name="last", payload=Say(text="done"), schedule=FAR)
    house.put(name="first", payload=Say(text="begun"), then=(Then(job=last.uid),))

    with processes.gateway(house.path, errors=house.errors) as gateway:
        status = house.call("cron", "run", "first", "--wait")
        wait(lambda: house.runs_of(last) == [("succeeded", "chain")])
        gateway.send_signal(signal.SIGTERM)
        processes.rest(gateway, seconds=20)

    assert status == 0
    assert house.runs_of(last) == [("succeeded", "chain")]


@pytest.mark.nightly
def test_what_a_process_that_is_gone_has_chained_is_done_by_the_next_one_once(house: House) -> None:
    last = house.put(name="last", payload=Say(text="done"), schedule=FAR)
    house.put(name="first", payload=Say(text="begun"), then=(Then(job=last.uid),))

    status = house.call("cron", "run", "first")  # it works this one run, and leaves
    with processes.gateway(house.path, errors=house.errors) as gateway:
        wait(lambda: house.runs_of(last) == [("succeeded", "chain")])
        gateway.kill()
    with processes.gateway(house.path, errors=house.errors) as gateway:
        gateway.send_signal(signal.SIGTERM)
        processes.rest(gateway, seconds=20)

    assert status == 0
    assert house.runs_of(last) == [("succeeded", "chain")]
    assert house.rows("SELECT count(*) FROM outbox WHERE caller = 'reminder'") == [(2,)]


@pytest.mark.nightly
@pytest.mark.timeout(120)
def test_failures_in_processes_of_their_own_are_counted_together(house: House) -> None:
    job = house.put(name="backup", payload=Shell(command="true"), failure_alert=FailureAlert(after=2))  # P-30

    statuses = [house.call("cron", "run", "backup") for _ in range(3)]

    assert statuses == [1, 1, 1]
    assert house.runs_of(job) == [("failed", "manual")] * 3
    assert house.rows("SELECT count(*) FROM outbox WHERE caller = 'alert'") == [(1,)]


@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_the_tenth_failure_pauses_a_job_whichever_process_it_was(house: House) -> None:
    job = house.put(name="backup", payload=Shell(command="true"))  # P-30

    for _ in range(9):
        house.call("cron", "run", "backup")
    before = house.store.load()[job.uid].status
    house.call("cron", "run", "backup")

    assert before is JobStatus.ENABLED
    assert house.store.load()[job.uid].status is JobStatus.PAUSED

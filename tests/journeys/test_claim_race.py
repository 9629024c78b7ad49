"""Several processes that compete for the same occurrences on one database: each is claimed once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from cron import runs
from cron.job import Job
from cron.run import Trigger
from cron.stores.sql import SqlStore
from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import StoreBusyError
from tests import forks
from tests.jobs import NOON, new_job

BATCH = 20  # occurrences of one transaction, as the scheduler claims what is due together


def test_four_processes_that_race_claim_each_occurrence_once(tmp_path: Path) -> None:
    _race(tmp_path, processes=4, occurrences=200)  # P-25


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("processes", [4, 8])
def test_10000_occurrences_are_10000_runs(tmp_path: Path, processes: int) -> None:
    _race(tmp_path, processes=processes, occurrences=10_000)  # P-25


def _race(folder: Path, *, processes: int, occurrences: int) -> None:
    path = folder / "home" / "gateway.db"

    def claim() -> None:
        job = next(iter(SqlStore(path).load().values()))
        driver = SqliteDriver(path)
        for first in range(0, occurrences, BATCH):
            batch = range(first, min(first + BATCH, occurrences))
            _until_done(driver, partial(_claim, job=job, numbers=batch))
        driver.close()

    def prepare() -> None:
        SqlStore(path).put(new_job())

    # In children only: a database that is open here must not be open in them.
    assert forks.end(forks.start(prepare)) == 0
    assert [forks.end(pid) for pid in [forks.start(claim) for _ in range(processes)]] == [0] * processes

    driver = SqliteDriver(path)
    found = driver.transaction.execute("SELECT occurrence FROM runs").fetchall()
    messages = driver.transaction.execute("SELECT count(*) FROM inbox").fetchone()[0]
    driver.close()
    assert Counter(Counter(key for (key,) in found).values()) == {1: occurrences}
    assert messages == occurrences  # published with their claims, and only with them


def _until_done(driver: SqliteDriver, work: Callable[[Transaction], None]) -> None:
    """As the scheduler does: who has waited 5 s for the others tries again."""
    while True:
        try:
            transact(driver, work)
        except StoreBusyError:
            continue
        return


def _claim(transaction: Transaction, job: Job, numbers: range) -> None:
    for n in numbers:
        moment = NOON + timedelta(minutes=n)
        due = runs.occurrence(moment, moment, Trigger.SCHEDULE)
        runs.claim(transaction, job, due, runs.message(job, due, None, moment))

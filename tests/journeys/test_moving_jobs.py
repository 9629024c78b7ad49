"""Jobs that move: from one home to another, from a file into the database, from other programs; real processes."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.codec import encode_job
from cron.run import Run, RunStatus
from cron.store import JobStore
from cron.stores.json_file import JsonFileStore
from cron.stores.sql import SqlStore
from gateway.database.sqlite import SqliteDriver
from tests.jobs import new_job
from tests.journeys import processes

SQL = '[cron]\nstore = "sql"\nmin_interval = "1s"\n'


def configured(home: Path, text: str) -> Path:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(text)
    return home


def tocsin(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    """What the command prints; it must succeed."""
    done = subprocess.run(
        processes.command(home, *arguments),
        input=data,
        capture_output=True,
        check=False,
        env=processes.environment(),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def jobs_of(home: Path) -> list[dict[str, Any]]:
    return list(json.loads(tocsin(home, "cron", "export"))["jobs"])


def filled(home: Path, count: int) -> list[dict[str, Any]]:
    """Jobs with states, ids and settings, in a cron.json."""
    store = JsonFileStore(home / "cron.json")
    store.put_all(
        new_job(name=f"job {n}", state={"n": n}, owner=None, description="d" * (n % 3)) for n in range(count)
    )
    return [encode_job(job) for job in store.load().values()]


def test_export_piped_into_import_gives_the_same_jobs_ids_and_states(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    made = filled(one, 20)
    piped = " | ".join(
        f'"{sys.executable}" -m gateway --home "{home}" cron {verb}'
        for home, verb in [(one, "export"), (two, "import -")]
    )

    done = subprocess.run(
        piped, shell=True, capture_output=True, check=False, env=processes.environment(), timeout=60
    )

    assert done.returncode == 0, done.stderr.decode()
    assert jobs_of(two) == made
    assert (two / "cron.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("config", ["", SQL], ids=["json", "sql"])
def test_ten_thousand_jobs_are_exported_and_imported(tmp_path: Path, config: str) -> None:
    one, two = tmp_path / "one", configured(tmp_path / "two", config)
    made = filled(one, 10_000)

    tocsin(two, "cron", "import", "-", data=tocsin(one, "cron", "export"))

    assert jobs_of(two) == made


# -- a gateway on store = "sql" -------------------------------------------------------------------------------


def test_a_job_of_the_command_line_reaches_a_gateway_that_keeps_its_jobs_in_the_database(tmp_path: Path) -> None:
    home, errors = configured(tmp_path / "home", SQL), tmp_path / "errors"
    with processes.gateway(home, errors=errors):
        tocsin(home, "cron", "add", "--name", "up", "--say", "Stand up!", "--every", "1s")
        _wait(lambda: _succeeded(home))

    assert {run.job_name for run in _succeeded(home)} == {"up"}
    assert not (home / "cron.json").exists()


@pytest.mark.parametrize("kind", ["sql", pytest.param("json", marks=pytest.mark.nightly)])
def test_jobs_states_and_history_survive_a_gateway_that_is_killed(tmp_path: Path, kind: str) -> None:
    config = f'[cron]\nstore = "{kind}"\nmin_interval = "1s"\n'
    home, errors = configured(tmp_path / "home", config), tmp_path / "errors"
    with processes.gateway(home, errors=errors) as gateway:
        tocsin(home, "cron", "add", "--name", "up", "--say", "Stand up!", "--every", "1s")
        _wait(lambda: _succeeded(home))
        job = next(iter(_store(home, kind).load().values()))
        kept = _store(home, kind).set_state(job.uid, {"n": 1}, expected=0, stamp="a")
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.wait(timeout=10)
    ran = _succeeded(home)

    with processes.gateway(home, errors=errors):
        history = _succeeded(home)

    assert dict(_store(home, kind).load()) == {job.uid: kept}  # NOX-48, AB-27
    assert {run.id for run in ran} <= {run.id for run in history}
    assert history == sorted(history, key=lambda run: run.scheduled_at, reverse=True)  # HP-80


def test_a_fresh_home_schedules_and_fires_without_a_server_a_key_or_a_configuration(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    tocsin(home, "init", "--yes")

    tocsin(home, "cron", "add", "--name", "up", "--say", "Stand up!", "--every", "60s")  # NOX-55, HP-03, AB-71
    stored = json.loads((home / "cron.json").read_text())
    with processes.gateway(home, errors=errors):
        tocsin(home, "cron", "run", "up", "--wait")

    assert [job["name"] for job in stored["jobs"]] == ["up"]
    assert len(_succeeded(home)) == 1  # HP-04
    logged = [line for line in errors.read_text().splitlines() if "Cron: executing job" in line]
    assert [stored["jobs"][0]["id"] in line for line in logged] == [True]  # AB-79
    assert {(home / name).stat().st_mode & 0o777 for name in ("cron.json", "gateway.db")} == {0o600}  # AB-72
    assert home.stat().st_mode & 0o777 == 0o700  # AB-73


def _store(home: Path, kind: str) -> JobStore:
    return SqlStore(home / "gateway.db") if kind == "sql" else JsonFileStore(home / "cron.json")


def _succeeded(home: Path) -> list[Run]:
    """The runs that the tables hold, newest first."""
    driver = SqliteDriver(home / "gateway.db", read_only=True)
    try:
        found = runs.recent(driver.transaction, limit=1000)
    finally:
        driver.close()
    return [run for run in found if run.status is RunStatus.SUCCEEDED]


def _wait(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.05)

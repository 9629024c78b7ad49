"""Why jobs do not fire, are not heard, or forget."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from cron import planner
from cron.job import JobStatus
from gateway.agent.due import EndStatus
from gateway.clock import to_text
from gateway.database.driver import Transaction
from gateway.home import GatewayLock
from tests.command_line import CommandLine, Printed

NEWS = ("--name", "news", "--say", "x", "--every", "1h", "--channel", "telegram", "--to", "1")
TELEGRAM = '[channels.telegram]\ntoken = "123456:abc"\nallow = ["1"]\n'


@pytest.fixture
def running(tocsin: CommandLine) -> Iterator[CommandLine]:
    """A home in which a gateway runs, and a job that speaks in a chat."""
    tocsin.configure(TELEGRAM)
    tocsin.add(*NEWS)
    tell(tocsin)
    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        yield tocsin


def tell(tocsin: CommandLine, *, age: timedelta = timedelta(), **more: Any) -> None:
    at = to_text(datetime.now(UTC) - age)
    status = {"at": at, "scheduler": {"enabled": True, "heartbeat": at}, "channels": {}, "trouble": [], **more}
    (tocsin.path / "status.json").write_bytes(orjson.dumps(status))
    (tocsin.path / "status.json").chmod(0o600)


def written(tocsin: CommandLine) -> dict[str, int]:
    """When each file was written, besides those that SQLite's readers share."""
    return {path.name: path.stat().st_mtime_ns for path in tocsin.path.iterdir() if "db-" not in path.name}


def found(printed: Printed) -> dict[str, str]:
    """What is not in order, by its part."""
    return {one["part"]: one["text"] for one in printed.document["findings"] if one["level"] != "ok"}


def test_nothing_is_wrong_and_nothing_is_changed(running: CommandLine) -> None:
    before = written(running)

    printed = running("cron", "doctor")

    assert (printed.status, printed.lines[-1]) == (0, "Nothing is wrong."), printed.out
    assert written(running) == before


def test_cron_that_is_off_in_the_configuration_is_found(running: CommandLine) -> None:
    running.configure(f"{TELEGRAM}[cron]\nenabled = false\n")

    printed = running("cron", "doctor", "--json")

    assert printed.status == 1
    assert "cron is disabled in the configuration" in found(printed)["cron.enabled"]  # AB-76


def test_a_job_that_is_off_is_found_when_it_is_asked_about(running: CommandLine) -> None:
    job = running.job("news")
    running("cron", "disable", "news")

    every, one = running("cron", "doctor"), running("cron", "doctor", "news", "--json")

    assert every.status == 0
    assert found(one)[f"job {job['id']}"].endswith(f"tocsin cron enable {job['id']}")  # AB-77
    assert running("cron", "doctor", "nope").status == 1


def test_no_gateway_is_found(tocsin: CommandLine) -> None:
    tocsin.configure(TELEGRAM)
    tocsin.add(*NEWS)

    printed = tocsin("cron", "doctor", "--json")

    assert found(printed) == {"gateway": "is not running, and jobs fire only while it does: tocsin run"}  # AB-78


def test_a_scheduler_that_hangs_and_its_own_trouble_are_found(running: CommandLine) -> None:
    tell(running, age=timedelta(minutes=5), trouble=["the disk is full"])

    troubles = found(running("cron", "doctor", "--json"))

    assert "it should every 30 s" in troubles["scheduler"]
    assert troubles["gateway"] == "the disk is full"


def test_a_file_that_cannot_be_read_is_found_and_left_as_it_is(running: CommandLine) -> None:
    file = running.path / "cron.json"
    file.write_text("{broken")

    file.chmod(0o644)

    printed, added = running("cron", "doctor", "--json"), running("cron", "add", "--say", "x", "--every", "1h")

    assert "is damaged" in found(printed)["cron.json"]  # AB-80
    assert "has mode 0644" in found(printed)["home"]
    assert (added.status, added.out, "cron.json" in added.err) == (1, "", True)
    assert file.read_text() == "{broken"


def test_a_wrong_mode_and_a_file_that_is_elsewhere_are_found(running: CommandLine) -> None:
    (running.path / "cron.json").chmod(0o644)
    mode = found(running("cron", "doctor", "--json"))
    (running.path / "cron.json").chmod(0o600)
    running.kept.write(
        lambda t: t.execute(
            "INSERT INTO cursors (job_uid, fingerprint, handled_until) VALUES ('u', 'f', '2026-03-01')"
        )
    )
    running.configure(f'{TELEGRAM}[cron]\nstore_path = "elsewhere.json"\n')

    moved = found(running("cron", "doctor", "--json"))

    assert "has mode 0644" in mode["home"]
    assert "elsewhere.json is not there, though 1 jobs had a schedule here" in moved["cron.store_path"]


def test_a_job_whose_state_has_other_keys_from_run_to_run_is_found(running: CommandLine) -> None:
    job, store = running.job("news"), running.kept.jobs
    for n, name in enumerate(("steps", "step_count", "steps")):
        store.set_state(job["uid"], {name: 1}, expected=n, stamp="")

    text = found(running("cron", "doctor", job["id"], "--json"))[f"job {job['id']}"]

    assert "under other keys than the run before, 2 times so far" in text  # AB-74
    assert "new: steps; gone: step_count" in text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--name", "b", "--say", "x", "--every", "1h"), "speaks to nobody"),
        (
            ("--name", "b", "--say", "x", "--every", "1h", "--channel", "slack", "--to", "C1"),
            "speaks in slack, which is not configured",
        ),
    ],
)
def test_a_job_that_nobody_hears_is_found(flags: tuple[str, ...], sentence: str, running: CommandLine) -> None:
    job = running.add(*flags)

    assert sentence in found(running("cron", "doctor", "--json"))[f"job {job['id']}"]


def test_a_channel_that_does_not_work_is_found_with_the_jobs_that_need_it(running: CommandLine) -> None:
    tell(running, channels={"telegram": {"state": "stopped", "reason": "the token is refused"}})

    (text,) = found(running("cron", "doctor", "--json")).values()

    assert "speaks in telegram, which does not work: the token is refused" in text


def test_an_overdue_job_a_paused_one_and_a_failure_are_found(running: CommandLine) -> None:
    job = running.jobs["news"]
    uid, past = job.uid, "2026-01-01T00:00:00.000000Z"

    def late(transaction: Transaction) -> None:
        transaction.execute(
            "INSERT INTO cursors (job_uid, fingerprint, handled_until, next_at) VALUES (?, ?, ?, ?)",
            (uid, planner.fingerprint(job), past, past),
        )

    running.past_run("news", EndStatus.FAILED, "it broke")
    running.kept.write(lambda t: t.execute("DELETE FROM cursors"))
    running.kept.write(late)
    overdue = running("cron", "doctor", "news")
    running.kept.jobs.put(replace(job, status=JobStatus.PAUSED, status_reason="it has failed 10 times in a row"))
    paused = running("cron", "doctor")

    assert "was due at 2026-01-01 00:00" in overdue.out
    assert "failed when it ran last: it broke" in overdue.out
    assert "was paused by the gateway (it has failed 10 times in a row)" in paused.out


def test_a_webhook_that_was_given_up_and_one_that_is_gone_are_found(running: CommandLine) -> None:
    def write(transaction: Transaction) -> None:
        transaction.execute(
            """INSERT INTO callbacks (id, run, job_uid, kind, host, hook, body, trace_id, state, next_at, error)
            VALUES ('c', 'r', 'a1b2c3d4-x', 'result', 'h.example.org', '', '', 't', 'failed', 'x', 'it said 5')"""
        )
        transaction.execute("INSERT INTO hooks_gone VALUES ('a1b2c3d4-x', 'https://h', '2026-03-01T09:00Z')")

    running.kept.write(write)

    printed = running("cron", "doctor")

    assert "1 of job a1b2c3d4 to h.example.org were given up, such as: it said 5" in printed.out
    assert "one of job a1b2c3d4 answered 410 Gone at 2026-03-01T09:00" in printed.out

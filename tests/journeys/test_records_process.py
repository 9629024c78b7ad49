"""The records of the real program: spans on standard error, numbers in `status`, rows of the audit."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import processes


def asked(home: Path, *arguments: str) -> Any:
    done = subprocess.run(
        processes.command(home, *arguments, "--json"),
        env=processes.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


def run_of(home: Path, name: str) -> dict[str, Any]:
    """The run of a job, once it has ended and is delivered."""
    for _ in range(100):
        found = [run for run in asked(home, "cron", "runs")["runs"] if run["job_name"] == name]
        if found and found[0]["delivery_status"] == "sent":
            return dict(found[0])
        time.sleep(0.1)
    raise AssertionError("the run has not ended")


@pytest.mark.nightly
def test_a_job_that_fires_is_seen_in_spans_numbers_and_the_audit(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "stderr"
    with processes.gateway(home, errors=errors, OTEL_TRACES_EXPORTER="console") as process:
        soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        job = asked(home, "cron", "add", "--name", "tea", "--say", "tea", "--at", soon)
        run = run_of(home, "tea")
        time.sleep(6)  # it tells how it is every 5 s
        metrics = asked(home, "status")["metrics"]
        doctor = {one["part"]: one["level"] for one in asked(home, "cron", "doctor")["findings"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    text = errors.read_text()

    assert (metrics["tocsin_claims"], metrics["tocsin_runs"]) == ({"schedule": 1}, {"succeeded": 1})
    assert metrics["tocsin_claim_lateness_seconds"]["buckets"]["0.1"] == 1
    assert (doctor["gateway"], doctor["scheduler"], doctor["cron.enabled"]) == ("ok", "ok", "ok")
    assert all(f'"name": "{name}"' in text for name in ("claim", "turn", "delivery"))
    assert f'"trace_id": "0x{run["trace_id"]}"' in text
    rows = asked(home, "audit", "--job", job["id"])["audit"]
    told = [(row["what"], str(row["who"]).partition(":")[0]) for row in rows]
    assert told == [("cron.remove", "gateway"), ("cron.result", "gateway"), ("cron.add", "operator")]
    assert asked(home, "audit", "--verify")["unbroken"] is True

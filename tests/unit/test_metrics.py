"""What a running gateway counts."""

import os
import subprocess
import sys
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import LEVELS, Metrics, Unmetered


def test_lateness_is_a_histogram_of_claims_by_the_schedule() -> None:
    metrics = Metrics()
    for late in (0.004, 0.03, 7):
        metrics.claimed("schedule", timedelta(seconds=late))
    metrics.claimed("catch_up", timedelta(hours=3))  # nobody was there: that says nothing of the scheduler

    document = metrics.document()

    lateness = document["tocsin_claim_lateness_seconds"]
    assert (lateness["count"], round(lateness["sum"], 3)) == (3, 7.034)
    assert (lateness["buckets"]["0.01"], lateness["buckets"]["0.05"], lateness["buckets"]["+Inf"]) == (1, 2, 3)
    assert document["tocsin_claims"] == {"schedule": 3, "catch_up": 1}


def test_what_happened_is_counted_by_how_it_ended() -> None:
    metrics = Metrics()
    for status in ("succeeded", "succeeded", "failed"):
        metrics.run_over(status)
    metrics.retried("rate_limit")
    metrics.turn("due")
    metrics.tokens(120, 30)
    metrics.message("sent")
    metrics.callback("failed")

    document = metrics.document()

    assert document["tocsin_runs"] == {"succeeded": 2, "failed": 1}
    assert document["tocsin_retries"] == {"rate_limit": 1}
    assert document["tocsin_turns"] == {"due": 1}
    assert document["tocsin_tokens"] == {"input": 120, "output": 30}
    assert (document["tocsin_messages"], document["tocsin_callbacks"]) == ({"sent": 1}, {"failed": 1})


def test_levels_are_as_they_were_last_told_and_what_never_happened_is_empty() -> None:
    metrics = Metrics()
    metrics.levels(dict.fromkeys(LEVELS, 3))
    metrics.levels({"runs_waiting": 1})

    document = metrics.document()

    assert (document["tocsin_runs_waiting"], document["tocsin_jobs"]) == (1, 3)
    assert document["tocsin_runs"] == {}


def test_two_in_one_process_do_not_share_their_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.run_over("failed")

    assert second.document()["tocsin_runs"] == {}
    assert Unmetered().document() == {}


def test_prometheus_reads_the_same_numbers() -> None:
    metrics = Metrics()
    metrics.claimed("schedule", timedelta(seconds=0.03))
    metrics.run_over("failed")
    metrics.levels({"jobs": 7})

    families = {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}

    runs = [(one.name, one.labels, one.value) for one in families["tocsin_runs"].samples]
    late = families["tocsin_claim_lateness_seconds"].samples
    lateness = {one.labels.get("le", one.name): one.value for one in late}
    assert runs == [("tocsin_runs_total", {"status": "failed"}, 1.0)]
    assert [one.value for one in families["tocsin_jobs"].samples] == [7.0]
    assert (lateness["0.025"], lateness["0.05"], lateness["+Inf"]) == (0, 1, 1)
    assert lateness["tocsin_claim_lateness_seconds_sum"] == 0.03
    assert Unmetered().exposition() == b""


def test_the_library_is_not_loaded_before_somebody_collects() -> None:
    code = (
        "import sys, gateway.app; from gateway.metrics import Metrics; Metrics().document();"
        "print('prometheus_client' in sys.modules, 'opentelemetry.sdk' in sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )

    assert printed.stdout.split() == ["False", "False"]

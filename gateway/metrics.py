"""Metrics: what a running gateway counts and measures, in a registry of its own; nothing grows with jobs.

prometheus_client is imported when somebody wants to count: 13 ms and 2 MiB that no command needs.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from gateway.messages import Json

if TYPE_CHECKING:
    from prometheus_client import Metric

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600)
"""Seconds of lateness: on time is below 0.1, more than 5 is told to people, the rest was an outage."""


class Meter(Protocol):
    """What happens, as those who see it tell it. None of it waits."""

    def claimed(self, trigger: str, late_by: timedelta) -> None:
        """An occurrence became a run, so much after its instant."""

    def run_over(self, status: str) -> None:
        """A run has ended."""

    def retried(self, error_class: str) -> None:
        """An attempt of a run has failed, and there will be another."""

    def turn(self, kind: str) -> None:
        """A turn was worked on: of a person, a due run or a reminder."""

    def tokens(self, input_tokens: int, output_tokens: int) -> None:
        """A model has answered."""

    def message(self, state: str) -> None:
        """A message is over: sent, unknown or dead."""

    def callback(self, state: str) -> None:
        """A call to a machine was tried: sent, open (it is tried again) or failed."""

    def levels(self, values: Mapping[str, float]) -> None:
        """How many there are of something at this moment; the names of `LEVELS`."""

    def document(self) -> dict[str, Json]:
        """All of it as JSON, by the names of the metrics."""


LEVELS = {
    "turns_running": "Turns that are being worked on.",
    "turns_waiting": "Messages that wait for a turn.",
    "runs_waiting": "Runs that are claimed and wait for their place, or for their next attempt.",
    "jobs": "Jobs that are known.",
}


class Unmetered:
    """Nothing is counted: a process that works one turn."""

    def claimed(self, trigger: str, late_by: timedelta) -> None:
        """Not counted."""

    def run_over(self, status: str) -> None:
        """Not counted."""

    def retried(self, error_class: str) -> None:
        """Not counted."""

    def turn(self, kind: str) -> None:
        """Not counted."""

    def tokens(self, input_tokens: int, output_tokens: int) -> None:
        """Not counted."""

    def message(self, state: str) -> None:
        """Not counted."""

    def callback(self, state: str) -> None:
        """Not counted."""

    def levels(self, values: Mapping[str, float]) -> None:
        """Not measured."""

    def document(self) -> dict[str, Json]:
        return {}


class Metrics:
    """A Meter on a registry of prometheus_client, which is `registry`."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # as the module says

        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, label: str) -> "Counter":
            return Counter(f"tocsin_{name}", text, [label], registry=registry)

        self._lateness = Histogram(
            "tocsin_claim_lateness_seconds",
            "From the instant of an occurrence to its claim.",
            buckets=BUCKETS,
            registry=registry,
        )
        self._claims = counter("claims", "Occurrences that became runs.", "trigger")
        self._runs = counter("runs", "Runs that are over.", "status")
        self._retries = counter("retries", "Attempts after which there is another.", "error_class")
        self._turns = counter("turns", "Turns that were worked on.", "kind")
        self._tokens = counter("tokens", "Tokens of models.", "direction")
        self._messages = counter("messages", "Messages to people that are over.", "state")
        self._callbacks = counter("callbacks", "Calls to machines that were tried.", "state")
        self._levels = {name: Gauge(f"tocsin_{name}", text, registry=registry) for name, text in LEVELS.items()}

    def claimed(self, trigger: str, late_by: timedelta) -> None:
        self._claims.labels(trigger).inc()
        if trigger == "schedule":  # what was missed while nobody was there says nothing of the scheduler
            self._lateness.observe(late_by.total_seconds())

    def run_over(self, status: str) -> None:
        self._runs.labels(status).inc()

    def retried(self, error_class: str) -> None:
        self._retries.labels(error_class).inc()

    def turn(self, kind: str) -> None:
        self._turns.labels(kind).inc()

    def tokens(self, input_tokens: int, output_tokens: int) -> None:
        self._tokens.labels("input").inc(input_tokens)
        self._tokens.labels("output").inc(output_tokens)

    def message(self, state: str) -> None:
        self._messages.labels(state).inc()

    def callback(self, state: str) -> None:
        self._callbacks.labels(state).inc()

    def levels(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._levels[name].set(value)

    def document(self) -> dict[str, Json]:
        return {metric.name: _samples(metric) for metric in self.registry.collect()}


def _samples(metric: "Metric") -> Json:
    """One number, or a number for each value of the label; a histogram with its count, sum and buckets."""
    if metric.type == "histogram":
        buckets = {one.labels["le"]: one.value for one in metric.samples if "le" in one.labels}
        whole = {one.name.rpartition("_")[2]: one.value for one in metric.samples if "le" not in one.labels}
        return {"count": whole["count"], "sum": whole["sum"], "buckets": buckets}
    found = [one for one in metric.samples if not one.name.endswith("_created")]
    labelled = {value: one.value for one in found for value in one.labels.values()}
    return labelled or (found[0].value if found and not found[0].labels else {})

"""Metrics: what a running gateway counts and measures; nothing grows with jobs.

Numbers are counted here. prometheus_client, which knows how they are written for who collects them, is imported
when somebody does: it brings two web servers along, 4 MiB that a gateway whom nobody asks does without.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import accumulate
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

    def answered(self, status: int) -> None:
        """The listener has answered a request."""

    def levels(self, values: Mapping[str, float]) -> None:
        """How many there are of something at this moment; the names of `LEVELS`."""

    def document(self) -> dict[str, Json]:
        """All of it as JSON, by the names of the metrics."""

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus."""


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

    def answered(self, status: int) -> None:
        """Not counted."""

    def levels(self, values: Mapping[str, float]) -> None:
        """Not measured."""

    def document(self) -> dict[str, Json]:
        return {}

    def exposition(self) -> bytes:
        return b""


COUNTERS = {
    "claims": ("trigger", "Occurrences that became runs."),
    "runs": ("status", "Runs that are over."),
    "retries": ("error_class", "Attempts after which there is another."),
    "turns": ("kind", "Turns that were worked on."),
    "tokens": ("direction", "Tokens of models."),
    "messages": ("state", "Messages to people that are over."),
    "callbacks": ("state", "Calls to machines that were tried."),
    "answers": ("status", "Requests that the listener has answered."),
}
"""What is counted, by one label each."""

LATENESS = ("claim_lateness_seconds", "From the instant of an occurrence to its claim.")


class Metrics:
    """A Meter that keeps the numbers in memory."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTERS}
        self._levels = dict.fromkeys(LEVELS, 0.0)
        self._late = [0] * (
            len(BUCKETS) + 1
        )  # claims by the first bucket that holds them; the last: later than any
        self._late_sum = 0.0

    def claimed(self, trigger: str, late_by: timedelta) -> None:
        self._counts["claims"][trigger] += 1
        if trigger == "schedule":  # what was missed while nobody was there says nothing of the scheduler
            self._late[bisect_left(BUCKETS, late_by.total_seconds())] += 1
            self._late_sum += late_by.total_seconds()

    def run_over(self, status: str) -> None:
        self._counts["runs"][status] += 1

    def retried(self, error_class: str) -> None:
        self._counts["retries"][error_class] += 1

    def turn(self, kind: str) -> None:
        self._counts["turns"][kind] += 1

    def tokens(self, input_tokens: int, output_tokens: int) -> None:
        self._counts["tokens"].update(input=input_tokens, output=output_tokens)

    def message(self, state: str) -> None:
        self._counts["messages"][state] += 1

    def callback(self, state: str) -> None:
        self._counts["callbacks"][state] += 1

    def answered(self, status: int) -> None:
        self._counts["answers"][str(status)] += 1

    def levels(self, values: Mapping[str, float]) -> None:
        self._levels.update(values)

    def document(self) -> dict[str, Json]:
        buckets = dict(self._buckets())
        lateness = {"count": buckets["+Inf"], "sum": self._late_sum, "buckets": buckets}
        counts = {f"tocsin_{name}": dict(counts) for name, counts in self._counts.items()}
        levels = {f"tocsin_{name}": value for name, value in self._levels.items()}
        return {f"tocsin_{LATENESS[0]}": lateness, **counts, **levels}

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus."""
        from prometheus_client import CollectorRegistry, generate_latest  # as the module says

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> "Iterator[Metric]":
        """The metrics, for a registry of prometheus_client."""
        from prometheus_client import core  # as the module says

        buckets = list(self._buckets())
        name, text = LATENESS
        yield core.HistogramMetricFamily(f"tocsin_{name}", text, buckets=buckets, sum_value=self._late_sum)
        for name, (label, text) in COUNTERS.items():
            family = core.CounterMetricFamily(f"tocsin_{name}", text, labels=[label])
            for value, count in self._counts[name].items():
                family.add_metric([value], count)
            yield family
        for name, text in LEVELS.items():
            yield core.GaugeMetricFamily(f"tocsin_{name}", text, value=self._levels[name])

    def _buckets(self) -> "Iterator[tuple[str, int]]":
        """How many claims were no later than each bound."""
        bounds = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]
        return zip(bounds, accumulate(self._late), strict=True)

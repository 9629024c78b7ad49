"""What a soak is to be, and what came of it: how the lives of the gateway are compared, and the table; pure."""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from tests.journeys.soak.ledger import Ledger
from tests.journeys.soak.life import Sample

WARM = 120.0  # seconds of a life after which its memory must not grow any more
MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how much."""

    minutes: float = 20.0
    rate: float = 20.0  # messages a second
    fault_every: float = 20.0  # seconds
    kill_every: float = 120.0  # seconds, in the first half

    @property
    def seconds(self) -> float:
        return self.minutes * 60

    @property
    def warm(self) -> float:
        """The age at which a life of this soak counts as warm."""
        return min(WARM, self.seconds / 6)

    @classmethod
    def from_environment(cls) -> Self:
        """So many minutes as TOCSIN_SOAK_MINUTES says; a short soak has its faults closer together."""
        minutes = float(os.environ.get("TOCSIN_SOAK_MINUTES", "20"))
        share = min(minutes / 10, 1.0)
        return cls(minutes=minutes, fault_every=max(20 * share, 8), kill_every=max(120 * share, 20))


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What there is to judge at the end."""

    plan: Plan
    ledger: Ledger
    faults: Mapping[str, int]
    samples: Sequence[Sample]
    left: Mapping[str, int]  # rows that were not worked off
    unknown: int  # messages of which nobody knows whether they arrived
    tasks: tuple[int, int]  # of the last life, once it was warm and at its end
    status: int  # of the last process

    @property
    def lost(self) -> list[str]:
        """What was never answered, and the reminders that never came."""
        return [f"{'reminder' if kind else 'answer'} {n}" for kind, n in self.ledger.open]

    @property
    def last_life(self) -> list[Sample]:
        return [one for one in self.samples if one.life == self.samples[-1].life]

    @property
    def warm(self) -> list[Sample]:
        """The first minute in which the last life was warm."""
        return [one for one in self.last_life if self.plan.warm <= one.age <= self.plan.warm + self._span]

    @property
    def end(self) -> list[Sample]:
        """Its last minute."""
        return [one for one in self.last_life if one.age >= self.last_life[-1].age - self._span]

    @property
    def _span(self) -> float:
        return min(MINUTE, self.plan.seconds / 8)

    @property
    def comparable(self) -> bool:
        """Whether the last life was long enough for its memory to be judged."""
        return self.plan.warm >= WARM and self.last_life[-1].age >= 2 * WARM

    @property
    def growth(self) -> float:
        """MiB by which the last life grew after it was warm."""
        return middle(self.end, _rss) - middle(self.warm, _rss)

    @property
    def queues(self) -> tuple[int, int]:
        """What waited when all was well, in the first half of the samples and in the second.

        When all is well is the calmest tenth: faults fill the queue, and only one that grows keeps something.
        """
        half = len(self.samples) // 2
        return _calm(self.samples[:half]), _calm(self.samples[half:])

    @property
    def files(self) -> tuple[int, int]:
        """The fewest open files of the last life: when it was warm, at its end."""
        return min(one.files for one in self.warm), min(one.files for one in self.end)

    def table(self) -> str:
        """For people."""
        lines = [f"| {name} | {value} |" for name, value in self._lines()]
        return "\n".join(["| soak | |", "|---|---:|", *lines])

    def _lines(self) -> Iterator[tuple[str, str]]:
        counts, ledger = self.ledger.counts, self.ledger
        yield "minutes", f"{self.plan.minutes:g}"
        yield "messages said, answered", f"{counts['said']:,}, {counts['answered']:,} unmarked"
        yield "reminders asked for, said", f"{counts['reminders asked for']:,}, {counts['reminded']:,} unmarked"
        yield "marked repeats (↻)", f"{counts['marked']:,}, of which alone {ledger.only_marked:,}"
        yield "lost", str(len(self.lost))
        yield "unmarked repeats", str(len(ledger.said_again))
        yield (
            "in a wrong chat, out of order, unasked",
            (f"{len(ledger.misplaced)}, {len(ledger.reordered)}, {len(ledger.others)}"),
        )
        yield "recorded as unknown", str(self.unknown)
        yield "slowest answer, latest reminder", f"{ledger.slowest:.1f} s, {ledger.latest:.1f} s"
        for name, times in self.faults.items():
            yield f"fault: {name}", str(times)
        yield "lives", str(self.samples[-1].life)
        yield "last life: age at the end", f"{self.last_life[-1].age / MINUTE:.1f} min"
        yield (
            "last life: RSS warm, at the end",
            (f"{middle(self.warm, _rss):.1f}, {middle(self.end, _rss):.1f} MiB ({self.growth:+.1f})"),
        )
        yield "RSS, highest of all lives", f"{max(one.rss for one in self.samples):.1f} MiB"
        yield (
            "last life: tasks, open files, warm and at the end",
            (f"{self.tasks[0]} → {self.tasks[1]}, {self.files[0]} → {self.files[1]}"),
        )
        first, second = self.queues
        highest = max(one.queue for one in self.samples)
        yield "waiting when all is well, in both halves; highest", f"{first}, {second}; {highest}"


def middle(samples: Sequence[Sample], what: Callable[[Sample], float]) -> float:
    return statistics.median(what(one) for one in samples)


def _rss(sample: Sample) -> float:
    return sample.rss


def _calm(samples: Sequence[Sample]) -> int:
    return sorted(one.queue for one in samples)[len(samples) // 10]

"""What was measured: a table beside the raw fsync of the same run, and JSON."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

DURABLE = {"path", "cron", "sql"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The number that is asked for; `fsyncs` is how many of the run's own raw fsyncs come on top."""

    limit: float
    fsyncs: float = 0
    at_least: bool = False

    def bound(self, floor: float) -> float:
        """The number on a disk whose fsync takes `floor` milliseconds."""
        return self.limit + self.fsyncs * floor

    def met(self, value: float, floor: float) -> bool:
        bound = self.bound(floor)
        return value >= bound if self.at_least else value <= bound

    def text(self, unit: str) -> str:
        sign = "≥" if self.at_least else "≤"
        fsyncs = f"{self.fsyncs:g} fsyncs + " if self.fsyncs else ""
        return f"{sign} {fsyncs}{_figure(self.limit)} {unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One line of the table; `value` is the median of `samples`. None: it could not be measured, see `remark`."""

    group: str
    name: str
    unit: str
    value: float | None
    due: Due | None = None
    samples: tuple[float, ...] = ()
    remark: str = ""

    @property
    def waits_for_disk(self) -> bool:
        """Whether it is a duration in which fsyncs count."""
        return self.unit == "ms" and self.group in DURABLE and "lag" not in self.name


def median_of(
    group: str, name: str, unit: str, samples: Sequence[float], *, due: Due | None = None, remark: str = ""
) -> Measure:
    """The median of some repetitions."""
    value = statistics.median(samples)
    return Measure(group=group, name=name, unit=unit, value=value, due=due, samples=tuple(samples), remark=remark)


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample that so large a share is not above."""
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def table(measures: Sequence[Measure], floor: float) -> str:
    """The lines as Markdown. `floor`: milliseconds of a raw fsync in this run."""
    lines = ["| what | median | in fsyncs | due | met | remark |", "|---|---:|---:|---|---|---|"]
    for one in measures:
        value = "n/a" if one.value is None else f"{_figure(one.value)} {one.unit}"
        in_fsyncs = f"{one.value / floor:.1f}" if one.value is not None and one.waits_for_disk else ""
        due = one.due.text(one.unit) if one.due else ""
        lines.append(f"| {one.name} | {value} | {in_fsyncs} | {due} | {_verdict(one, floor)} | {one.remark} |")
    return "\n".join(lines)


def _verdict(one: Measure, floor: float) -> str:
    if one.due is None or one.value is None:
        return ""
    if one.due.met(one.value, floor):
        return "yes"
    bound = one.due.bound(floor)
    worse = bound / one.value if one.due.at_least else one.value / bound
    return f"no, by {worse:.2f} x"


def _figure(number: float) -> str:
    if abs(number) >= 100:
        return f"{number:,.0f}"
    if abs(number) >= 10:
        return f"{number:.1f}"
    return f"{number:.2f}" if abs(number) >= 0.1 else f"{number:.4f}"


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": Path("/proc/loadavg").read_text().split()[0],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def save(folder: Path, measures: Sequence[Measure], floors: Sequence[float], stamp: str) -> Path:
    """Keep the run as JSON; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stamp}.json"
    body = {
        "machine": machine(),
        "floor_ms": statistics.median(floors),
        "floors_ms": list(floors),
        "measures": [asdict(one) for one in measures],
    }
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    return path

"""When a job fires next: what an answer costs, and the first of an expression that nobody has asked for before."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bench.report import Due, Measure, median_of, percentile
from bench.run import Run
from cron.policy import Exclude
from cron.schedule import Cron
from cron.times.expression import parse
from cron.times.timetable import Times, Timetable

GROUP = "schedule"
TIMES = 2_000
START = datetime(2026, 3, 28, tzinfo=UTC)  # the clocks change within a day
ZONE = "Europe/Berlin"
ANSWER = Due(limit=0.2)
EXPRESSIONS = (
    "* * * * *",
    "*/5 9-17 * * 1-5",
    "30 2 * * *",
    "0 9 1,15 * *",
    "0 9 L * *",
    "0 9 * * 5#2",
    "0 9 13 * 5",
    "0 9 29 2 *",
)


def measure(run: Run) -> None:
    """Each kind of expression, and what a job adds."""
    run.say("schedule: the next fire")
    Cron("* * * * *", ZONE).next_after(START)  # croniter's import is not what is measured
    run.add(*(_answers(f"next fire of {each}", Cron(each, ZONE)) for each in EXPRESSIONS))
    run.add(
        _answers("… every second day", Cron("0 9 * * *", ZONE, 2, START)),
        _answers("… with jitter and weekends left out", _bounded()),
        _first(),
    )


def _bounded() -> Timetable:
    return Timetable(
        schedule=Cron("0 9 * * *", ZONE),
        zone=ZONE,
        exclude=Exclude(weekdays=(5, 6)),
        offset=timedelta(minutes=3),
    )


def _answers(name: str, times: Times) -> Measure:
    """Milliseconds for one answer, from moments an hour and a bit apart."""
    moments = [START + n * timedelta(minutes=67) for n in range(TIMES)]
    times.next_after(START)
    took = [_timed(lambda moment=moment: times.next_after(moment)) for moment in moments]  # type: ignore[misc]
    remark = f"p99 {percentile(took, 0.99):.3f} ms"
    return median_of(GROUP, name, "ms", took, due=ANSWER, remark=remark)


def _first() -> Measure:
    """An expression that is read, checked and compiled, and its first answer."""
    parse.cache_clear()
    expressions = [f"{n % 60} {n // 60 % 24} * * {n % 7}" for n in range(500)]
    took = [_timed(lambda text=text: Cron(text, ZONE).next_after(START)) for text in expressions]  # type: ignore[misc]
    return median_of(GROUP, "a new expression and its first fire", "ms", took, remark="kept from then on")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000

"""The gateway is ended at every commit and at every step of cron.json, and goes on by itself after one restart."""

import select
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests import forks
from tests.journeys import crash_story as story
from tests.journeys.crash_child import CRASHED, Fuses, Place, live

VARIANTS: dict[str, Callable[[int], Fuses]] = {
    "before a commit": lambda n: Fuses(before_commit=n),
    "after a commit": lambda n: Fuses(after_commit=n),
    "at a step of cron.json": lambda n: Fuses(file_step=n),
}

OVERDUE = 0.5  # seconds: ten of the children's, so that what was due in five is late at the restart


def _life(place: Place, fuses: Fuses | None = None) -> int:
    """One life of the gateway; its exit status."""
    work = partial(live, place, story.script, fuses=fuses, finished=story.finished)
    return forks.end(forks.start(work))


def _crash_at(folder: Path, fuses: Fuses, *, outage: float) -> bool:
    """Whether the journey has such a point; ended there, it must come to its end after one restart."""
    place = Place(folder)
    story.begin(place)
    status = _life(place, fuses)
    assert status in (0, CRASHED), (place.folder / "log.txt").read_text()
    if status == CRASHED:
        select.select([], [], [], outage)
        assert _life(place) == 0, (place.folder / "log.txt").read_text()
    story.check(place, crashes=1 if status else 0)
    return status == CRASHED


def _crash_at_each(
    folder: Path, make: Callable[[int], Fuses], points: Iterable[int], *, outage: float = 0.0
) -> int:
    """How many of the points there were."""
    met = 0
    for n in points:
        if not _crash_at(folder / str(n), make(n), outage=outage):
            break
        met += 1
    return met


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_journey_that_crashes_somewhere_comes_to_its_end(tmp_path: Path, variant: str) -> None:
    points = {"before a commit": (2, 14, 25), "after a commit": (6, 19, 28), "at a step of cron.json": (5, 16, 31)}

    met = _crash_at_each(tmp_path, VARIANTS[variant], points[variant])

    assert met == 3


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("outage", [0.0, OVERDUE])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_journey_that_crashes_anywhere_comes_to_its_end(tmp_path: Path, variant: str, outage: float) -> None:
    met = _crash_at_each(tmp_path, VARIANTS[variant], count(1), outage=outage)

    assert met > 25  # P-09, P-27, P-32, P-33

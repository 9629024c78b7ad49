"""The gateway is ended at every commit and at every step of cron.json, and goes on by itself after one restart."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count, islice
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


def _life(place: Place, fuses: Fuses | None = None) -> int:
    """One life of the gateway; its exit status."""
    work = partial(live, place, story.script, fuses=fuses, finished=story.finished)
    return forks.end(forks.start(work))


def _crash_at(folder: Path, fuses: Fuses) -> bool:
    """Whether the journey has such a point; ended there, it must come to its end after one restart."""
    place = Place(folder)
    story.begin(place)
    status = _life(place, fuses)
    assert status in (0, CRASHED), (place.folder / "log.txt").read_text()
    if status == CRASHED:
        assert _life(place) == 0, (place.folder / "log.txt").read_text()
    story.check(place, crashes=1 if status else 0)
    return status == CRASHED


def _crash_at_each(folder: Path, make: Callable[[int], Fuses], points: Iterable[int]) -> int:
    """How many of the points there were."""
    met = 0
    for n in points:
        if not _crash_at(folder / str(n), make(n)):
            break
        met += 1
    return met


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_journey_that_crashes_somewhere_comes_to_its_end(tmp_path: Path, variant: str) -> None:
    points = islice(count(3, 11), 4)

    met = _crash_at_each(tmp_path, VARIANTS[variant], points)

    assert met == 4


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_journey_that_crashes_anywhere_comes_to_its_end(tmp_path: Path, variant: str) -> None:
    met = _crash_at_each(tmp_path, VARIANTS[variant], count(1))

    assert met > 20

"""A gateway with a Telegram bot is ended everywhere in a conversation, and goes on by itself after one restart."""

import os
import random
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests import forks
from tests.journeys import telegram_story as story
from tests.journeys import telegram_stream as stream
from tests.journeys.crash_child import CRASHED, Fuses, Place
from tests.journeys.telegram_child import live, warm_up
from tests.journeys.telegram_process import Telegram, telegram_process

VARIANTS: dict[str, Callable[[int], Fuses]] = {
    "before a commit": lambda n: Fuses(before_commit=n),
    "after a commit": lambda n: Fuses(after_commit=n),
    "at a step of cron.json": lambda n: Fuses(file_step=n),
}
GLANCE = 0.01  # seconds between two looks of a person at the chat
LONGEST_LIFE = 0.7  # seconds; a start takes about 0.2


@pytest.fixture(scope="module")
def telegram() -> Iterator[Telegram]:
    warm_up()
    with telegram_process("--keep", "100000") as server:
        yield server


def _log(place: Place) -> str:
    return (place.folder / "log.txt").read_text()[-10_000:]


# -- at every step of a conversation ----------------------------------------------------------------------------


def _life(place: Place, person: story.Person, fuses: Fuses | None = None) -> int:
    """One life of the gateway, with a person who goes on talking; its exit status."""
    work = partial(live, place, person.telegram.url, story.script, fuses=fuses, finished=story.finished)
    child = forks.start(work)
    ended = os.pidfd_open(child)
    try:
        while not select.select([ended], [], [], GLANCE)[0]:
            person.go_on()
    finally:
        os.close(ended)
    return forks.end(child)


def _crash_at(folder: Path, person: story.Person, fuses: Fuses) -> bool:
    """Whether the conversation has such a point; ended there, it must come to its end after one restart."""
    place = Place(folder)
    place.folder.mkdir()
    status = _life(place, person, fuses)
    assert status in (0, CRASHED), _log(place)
    story.check_offset(place, person)
    if status == CRASHED:
        assert _life(place, person) == 0, _log(place)
    story.check(place, person, crashes=1 if status else 0)
    return status == CRASHED


def _crash_at_each(folder: Path, telegram: Telegram, make: Callable[[int], Fuses], points: Iterable[int]) -> int:
    """How many of the points there were."""
    met = 0
    for n in points:
        if not _crash_at(folder / str(n), story.Person(telegram, 1_000 + n), make(n)):
            break
        met += 1
    return met


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_conversation_that_is_cut_off_somewhere_comes_to_its_end(
    tmp_path: Path, telegram: Telegram, variant: str
) -> None:
    points = {"before a commit": (5, 11), "after a commit": (7, 13), "at a step of cron.json": (4, 13)}

    met = _crash_at_each(tmp_path, telegram, VARIANTS[variant], points[variant])

    assert met == 2


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_conversation_that_is_cut_off_anywhere_comes_to_its_end(
    tmp_path: Path, telegram: Telegram, variant: str
) -> None:
    met = _crash_at_each(tmp_path, telegram, VARIANTS[variant], count(1))

    assert met > 12  # P-33, P-42, P-56


# -- at random, under a stream of messages ----------------------------------------------------------------------


def _killed_life(place: Place, people: stream.People, chance: random.Random) -> None:
    """One life under a stream of messages, ended at any moment."""
    seconds = chance.uniform(0.0, LONGEST_LIFE)
    pid = forks.start(partial(live, place, people.telegram.url, stream.script))
    for _ in range(stream.A_LIFE):
        people.write()
        select.select([], [], [], seconds / stream.A_LIFE)
    os.kill(pid, signal.SIGKILL)
    assert forks.end(pid) == -signal.SIGKILL, _log(place)
    stream.check_offset(place, people)


def _assert_that_kills_lose_nothing(folder: Path, telegram: Telegram, *, rounds: int) -> None:
    chance = random.Random(11)
    place, people = Place(folder / "journey"), stream.People(telegram)
    place.folder.mkdir()
    for _ in range(rounds):
        _killed_life(place, people, chance)

    last = forks.end(
        forks.start(partial(live, place, telegram.url, stream.script, finished=stream.nothing_is_scheduled))
    )

    assert last == 0, _log(place)
    stream.check(place, people, kills=rounds)


def test_kills_at_random_moments_lose_nothing_on_telegram(tmp_path: Path, telegram: Telegram) -> None:
    _assert_that_kills_lose_nothing(tmp_path, telegram, rounds=10)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_hundred_kills_lose_nothing_on_telegram(tmp_path: Path, telegram: Telegram) -> None:
    _assert_that_kills_lose_nothing(tmp_path, telegram, rounds=200)  # P-33, P-42, P-56

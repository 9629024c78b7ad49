"""A gateway with a Slack or Feishu bot is ended everywhere in a conversation, and goes on after one restart."""

import os
import random
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import Line
from gateway.app import Gateway
from tests import forks
from tests.contract.kills import story
from tests.contract.kills.child import Life, live, warm_up
from tests.contract.kills.remote import KINDS, Remote, running
from tests.journeys.crash_child import CRASHED, Fuses, Place

VARIANTS: dict[str, Callable[[int], Fuses]] = {
    "before a commit": lambda n: Fuses(before_commit=n),
    "after a commit": lambda n: Fuses(after_commit=n),
    "at a step of cron.json": lambda n: Fuses(file_step=n),
}
SAMPLE = {"before a commit": (5, 11), "after a commit": (7, 13), "at a step of cron.json": (4,)}
GLANCE = 0.01  # seconds between two looks of a person at the chat
NUMBERS = count(1)
LONGEST_LIFE = 0.8  # seconds; a start takes about 0.2
A_LIFE = 6  # messages written in one
GIVEN_UP = "I could not finish this: given up"  # of a turn during which the gateway has ended three times


@pytest.fixture(scope="module", params=KINDS)
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    with running(request.param) as found:
        warm_up(request.param, found)
        yield found


def _life(life: Life, person: story.Person, fuses: Fuses | None = None) -> int:
    """One life of the gateway, with a person who goes on talking; its exit status."""
    child = forks.start(partial(live, life, fuses))
    ended = os.pidfd_open(child)
    try:
        while not select.select([ended], [], [], GLANCE)[0]:
            person.go_on()
    finally:
        os.close(ended)
    return forks.end(child)


def _crash_at(folder: Path, remote: Remote, fuses: Fuses) -> bool:
    """Whether the conversation has such a point; ended there, it must come to its end after one restart."""
    place, person = Place(folder), story.Person(remote, remote.move_in(next(NUMBERS)))
    place.folder.mkdir()
    life = Life(
        kind=remote.kind,
        url=remote.url,
        place=place,
        began=time.time(),
        script=story.script,
        finished=story.finished,
    )
    status = _life(life, person, fuses)
    assert status in (0, CRASHED), _log(place)
    if status == CRASHED:
        story.check_acks(place, person)
        assert _life(life, person) == 0, _log(place)
    story.check(place, person)
    return status == CRASHED


def _log(place: Place) -> str:
    return (place.folder / "log.txt").read_text()[-10_000:]


def _crash_at_each(folder: Path, remote: Remote, make: Callable[[int], Fuses], points: Iterable[int]) -> int:
    """How many of the points there were."""
    met = 0
    for n in points:
        if not _crash_at(folder / str(n), remote, make(n)):
            break
        met += 1
    return met


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_conversation_that_is_cut_off_somewhere_comes_to_its_end(
    tmp_path: Path, remote: Remote, variant: str
) -> None:
    met = _crash_at_each(tmp_path, remote, VARIANTS[variant], SAMPLE[variant])

    assert met == len(SAMPLE[variant])  # P-33, P-42, P-56


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_conversation_that_is_cut_off_anywhere_comes_to_its_end(
    tmp_path: Path, remote: Remote, variant: str
) -> None:
    met = _crash_at_each(tmp_path, remote, VARIANTS[variant], count(1))

    assert met > 10  # P-33, P-42, P-56


# -- at random, under a stream of messages ----------------------------------------------------------------------


def _never(_: Gateway) -> bool:
    return False


def _always(_: Gateway) -> bool:
    return True


def _echo(prompt: Prompt) -> Line:
    said = next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))
    return f"heard {said}"


def _killed_lives(life: Life, remote: Remote, people: list[str], *, rounds: int) -> int:
    """Lives that end at any moment while people write; how many messages they have written."""
    chance, numbers = random.Random(11), count()
    written = 0
    for _ in range(rounds):
        pid = forks.start(partial(live, replace(life, finished=_never)))
        pause = chance.uniform(0.0, LONGEST_LIFE) / A_LIFE
        for _ in range(A_LIFE):
            remote.say(f"{next(numbers)}", chance.choice(people))
            written += 1
            select.select([], [], [], pause)
        os.kill(pid, signal.SIGKILL)
        assert forks.end(pid) == -signal.SIGKILL, _log(life.place)
    return written


def _assert_that_kills_lose_nothing(folder: Path, remote: Remote, *, rounds: int) -> None:
    people = [remote.move_in(next(NUMBERS)) for _ in range(4)]
    place = Place(folder / "journey")
    place.folder.mkdir()
    life = Life(kind=remote.kind, url=remote.url, place=place, began=time.time(), script=_echo, finished=_always)

    written = _killed_lives(life, remote, people, rounds=rounds)
    last = forks.end(forks.start(partial(live, life)))

    assert last == 0, _log(place)
    heard = [text for person in people for text in remote.texts(person)]
    answers = [text for text in heard if not text.startswith(GIVEN_UP)]
    assert len(answers) == len(set(answers))
    assert set(answers) <= {f"heard {n}" for n in range(written)}  # none is marked
    assert len(heard) == written  # each has its answer, or is said to have been cut off too often
    assert len(heard) - len(answers) <= rounds // 3
    assert remote.misuse() == []


def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path, remote: Remote) -> None:
    _assert_that_kills_lose_nothing(tmp_path, remote, rounds=4)  # P-33, P-42, P-56


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path, remote: Remote) -> None:
    _assert_that_kills_lose_nothing(tmp_path, remote, rounds=100)  # P-33, P-42, P-56

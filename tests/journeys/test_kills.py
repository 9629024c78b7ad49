"""The gateway is killed at random moments, again and again, under a stream of messages and jobs."""

import os
import random
import select
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.app import Gateway
from tests import forks
from tests.journeys.crash_child import Place, live, look, open_rows
from tests.journeys.stream_turns import check_turns

CHATS = 20  # fewer would exceed what is kept of one session
PER_ROUND = 8
LONGEST_LIFE = 0.7  # seconds; a start takes about 0.1, a turn that makes a job as much again


def _script(prompt: Prompt) -> Line:
    """Answer every message; to every fourth, make a reminder first."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    replied = any(isinstance(item, ModelReply) for item in prompt.items[at:])
    said = prompt.items[at]
    assert isinstance(said, UserText)
    verb, _, n = said.text.partition(" ")
    if verb == "remind" and not replied:
        reminder = {"action": "add", "say": f"reminder {n}", "when": "in 3 seconds", "name": f"r{n}"}
        return calls(("message", {"text": f"working on {n}"}), ("cron", reminder))
    return f"heard {n}"


def _nothing_is_scheduled(gateway: Gateway) -> bool:
    return not gateway.store.load()


def _say_more(place: Place, round_: int) -> None:
    for i in range(PER_ROUND):
        n = round_ * PER_ROUND + i
        verb = "remind" if n % 4 == 0 else "say"
        place.platform.say(str(n), str(n % CHATS), f"{verb} {n}")


def _killed_life(place: Place, seconds: float) -> None:
    pid = forks.start(partial(live, place, _script))
    select.select([], [], [], seconds)
    os.kill(pid, signal.SIGKILL)
    assert forks.end(pid) == -signal.SIGKILL, (place.folder / "log.txt").read_text()


def _assert_that_kills_lose_nothing(folder: Path, *, rounds: int) -> None:
    chance = random.Random(11)
    place = Place(folder / "journey")
    place.folder.mkdir()
    for round_ in range(rounds):
        _say_more(place, round_)
        _killed_life(place, chance.uniform(0.0, LONGEST_LIFE))

    last = forks.end(forks.start(partial(live, place, _script, finished=_nothing_is_scheduled)))

    assert last == 0, (place.folder / "log.txt").read_text()[-10_000:]
    assert open_rows(place.home) == {}
    check_turns(place, rounds * PER_ROUND)
    _check_words(place, kills=rounds)
    assert JsonFileStore(place.home.file("cron.json")).recover().notes == ()


def _check_words(place: Place, *, kills: int) -> None:
    """Each message arrived once; who was spoken to at a kill may have heard it again, marked; nobody thrice."""
    arrived = place.platform.arrived()
    first = Counter(arrival.id for arrival in arrived if not arrival.repeat)
    again = Counter(arrival.id for arrival in arrived if arrival.repeat)
    with look(place.home) as database:
        ended = dict(database.execute("SELECT id || '/0', state FROM outbox"))
        texts = Counter(text for (text,) in database.execute("SELECT message ->> 'text' FROM outbox"))
        answered = database.execute("SELECT count(*) FROM outbox WHERE caller IN ('reply', 'notice')").fetchone()[
            0
        ]
    assert answered == len(place.platform.said())
    assert [text for text, times in texts.items() if times > 1 and "given up" not in text] == []
    assert set(ended.values()) <= {"sent", "unknown"}
    assert {id_ for id_, state in ended.items() if state == "sent"} <= first.keys() | again.keys() <= ended.keys()
    assert max(first.values()) == max([*again.values(), 1]) == 1
    assert max(Counter(arrival.chat for arrival in arrived if arrival.repeat).values(), default=0) <= kills


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    _assert_that_kills_lose_nothing(tmp_path, rounds=20)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_five_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    _assert_that_kills_lose_nothing(tmp_path, rounds=500)  # P-32, P-33, P-42, P-56

"""A turn that grows and that a second message joins is ended at every commit: there is one answer all the same."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.model import ModelReply, Prompt
from gateway.agent.models.scripted import Growing, Line, calls
from gateway.app import Gateway
from tests import forks
from tests.journeys.crash_child import CRASHED, Fuses, Place, live, look, open_rows
from tests.journeys.platform import EditingFileChannel
from tests.journeys.test_joining import HOSTED, spoken

SETTINGS: dict[str, Any] = {"agent": {"stream": True}, **HOSTED}
PAUSE = 0.08  # seconds between two pieces of an answer: more than one of the children's

VARIANTS: dict[str, Callable[[int], Fuses]] = {
    "before a commit": lambda n: Fuses(before_commit=n),
    "after a commit": lambda n: Fuses(after_commit=n),
}


def script(prompt: Prompt) -> Line:
    """One word before the answer, then the answer: everything that was said."""
    said = spoken(prompt)
    if said[0] == "hello" and not any(isinstance(item, ModelReply) for item in prompt.items):
        return Growing(pieces=("Let", " me"), wait=_pause, answer=calls(("message", {"text": "one moment"})))
    return Growing(pieces=("heard: ", *(f"<{one}>" for one in said), "."), wait=_pause)


async def _pause() -> None:
    await asyncio.sleep(PAUSE)


def _over(_gateway: Gateway) -> bool:
    return True


def _life(place: Place, fuses: Fuses | None = None) -> int:
    work = partial(live, place, script, fuses=fuses, finished=_over, channel=EditingFileChannel, settings=SETTINGS)
    return forks.end(forks.start(work))


def _crash_at(folder: Path, fuses: Fuses) -> bool:
    """Whether there is such a point; ended there, everything must come to its end after one restart."""
    place = Place(folder)
    place.folder.mkdir()
    place.platform.say("1", "7", "hello")
    place.platform.say("2", "7", "and more")
    status = _life(place, fuses)
    assert status in (0, CRASHED), (place.folder / "log.txt").read_text()
    if status == CRASHED:
        assert _life(place) == 0, (place.folder / "log.txt").read_text()
    _check(place, crashes=1 if status else 0)
    return status == CRASHED


def _check(place: Place, *, crashes: int) -> None:
    """What was said was answered once, and nothing stands half."""
    assert open_rows(place.home) == {}
    screen = {arrival.id: arrival for arrival in place.platform.arrived()}
    texts = [one.text for one in screen.values()]
    left = [text for text in texts if text.endswith(" …")]
    assert len(left) <= crashes, texts  # of one that was being sent, nobody knows under which name it stands
    whole = [text for text in texts if text not in left]
    repeats = sum(arrival.repeat for arrival in place.platform.arrived())
    assert repeats <= crashes
    assert texts.count("one moment") == 1, texts
    answers = [text for text in whole if text != "one moment"]
    assert all(text.startswith("heard: ") and text.endswith(".") for text in answers), texts
    assert "".join(answers).count("<hello>") == 1, texts
    assert "".join(answers).count("<and more>") == 1, texts
    with look(place.home) as database:
        assert set(database.execute("SELECT state FROM turns")) == {("done",)}
        assert set(database.execute("SELECT state FROM inbox")) == {("done",)}


def test_a_streamed_turn_that_nothing_ends_joins_the_second_message(tmp_path: Path) -> None:
    met = _crash_at(tmp_path / "whole", Fuses())

    place = Place(tmp_path / "whole")
    texts = {arrival.id: arrival.text for arrival in place.platform.arrived()}
    assert not met
    assert list(texts.values()) == ["one moment", "heard: <hello><and more>."]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_streamed_turn_that_crashes_somewhere_ends_with_one_answer(tmp_path: Path, variant: str) -> None:
    met = [_crash_at(tmp_path / str(n), VARIANTS[variant](n)) for n in (4, 7)]

    assert met == [True, True]


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_streamed_turn_that_crashes_anywhere_ends_with_one_answer(tmp_path: Path, variant: str) -> None:
    met = 0
    for n in count(1):
        if not _crash_at(tmp_path / str(n), VARIANTS[variant](n)):
            break
        met += 1

    assert met > 8  # P-27, P-42

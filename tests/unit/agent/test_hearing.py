"""What is told of an answer while it comes."""

import pytest
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta, ThinkingPart

from gateway.agent.model import HEARD
from gateway.agent.models.hosted.hearing import Hearing, visible


def heard(*pieces: str) -> list[str]:
    """What is told of an answer that comes in these pieces."""
    told: list[str] = []
    hearing = Hearing(told.append)
    hearing.piece(PartStartEvent(index=0, part=TextPart(content=pieces[0])))
    for piece in pieces[1:]:
        hearing.piece(PartDeltaEvent(index=0, delta=TextPartDelta(content_delta=piece)))
    return told


def test_each_piece_is_told_with_all_before_it() -> None:
    assert heard("Good", " mor", "ning") == ["Good", "Good mor", "Good morning"]


def test_space_alone_is_nothing_new() -> None:
    assert heard("Good", " ", "\n", "day") == ["Good", "Good \nday"]


@pytest.mark.parametrize(
    "pieces",
    [("<think>", "hm", "</think>", "\n\nyes"), ("<thi", "nk>hm</th", "ink>yes"), ("\n<think>hm</think>", "yes")],
)
def test_thoughts_are_never_told(pieces: tuple[str, ...]) -> None:
    assert heard(*pieces) == ["yes"]


def test_thoughts_of_their_own_kind_are_never_told() -> None:
    told: list[str] = []
    hearing = Hearing(told.append)

    hearing.piece(PartStartEvent(index=0, part=ThinkingPart(content="hm")))

    assert told == []


def test_what_only_looks_like_a_thought_is_told_when_it_is_clear() -> None:
    assert heard("<", "th", "ree") == ["<three"]


def test_of_a_long_answer_the_beginning_is_told() -> None:
    told = heard("x" * HEARD, "y", "z")

    assert told == ["x" * HEARD]


def test_halves_of_emoji_are_mended() -> None:
    visible("Good \ud83d").encode()

"""When a stranger is told a code, and which."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.pairing import codes
from gateway.pairing.codes import OPEN, PAUSE, TIMES, Code, Silence, answer
from gateway.pairing.door import draw
from tests.fakes import NOON

SECOND = timedelta(seconds=1)
FRESH = Code(
    channel="test",
    user="7",
    name="Mallory",
    chat="7",
    code="ABCD2345",
    until=NOON + codes.GOOD_FOR,
    told=1,
    told_at=NOON,
)


def asks(known: Code | None, after: timedelta, *, waiting: int = 0) -> codes.Answer:
    """Somebody writes so long after noon."""
    asking = replace(FRESH, code="NEWCODE2", until=NOON + after + codes.GOOD_FOR, told_at=NOON + after)
    return answer(known, asking, waiting=waiting)


def test_who_writes_first_gets_a_code_for_ten_minutes() -> None:
    told = asks(None, timedelta())

    assert isinstance(told, Code)
    assert (told.code, told.until - told.told_at) == ("NEWCODE2", timedelta(minutes=10))


@pytest.mark.parametrize("after", [timedelta(), PAUSE - SECOND])
def test_within_a_minute_nothing_is_said_again(after: timedelta) -> None:
    assert asks(FRESH, after) is Silence.TOLD


def test_the_same_code_is_told_at_most_three_times() -> None:
    known: codes.Answer = FRESH
    heard = []
    for minute in range(1, 8):
        told = asks(known if isinstance(known, Code) else None, minute * PAUSE)
        if isinstance(told, Code):
            known = told
            heard.append((told.code, told.told))

    assert heard == [(FRESH.code, 2), (FRESH.code, TIMES)]


def test_after_ten_minutes_there_is_another_code() -> None:
    told = asks(replace(FRESH, told=TIMES), codes.GOOD_FOR)

    assert isinstance(told, Code)
    assert (told.code, told.told) == ("NEWCODE2", 1)


def test_where_twenty_wait_there_is_no_code_for_another_and_who_has_one_keeps_it() -> None:
    assert asks(None, timedelta(), waiting=OPEN) is Silence.FULL
    assert isinstance(asks(None, timedelta(), waiting=OPEN - 1), Code)
    assert isinstance(asks(FRESH, PAUSE, waiting=OPEN), Code)


def test_codes_have_eight_characters_that_are_not_mistaken_for_others() -> None:
    drawn = {draw() for _ in range(200)}

    assert len(drawn) == 200
    assert {len(code) for code in drawn} == {8}
    assert not set("".join(drawn)) & set("0O1IL")
    assert len(codes.ALPHABET) ** codes.LENGTH > 10**11


@pytest.mark.parametrize("written", ["ABCD2345", "abcd2345", " abcd-2345 ", "`ABCD 2345`"])
def test_a_code_is_read_however_it_is_typed(written: str) -> None:
    assert codes.read(written) == "ABCD2345"


def test_a_stranger_is_told_what_to_do_and_nothing_about_the_bot() -> None:
    words = codes.asking_words(FRESH)

    assert "`/pair approve ABCD2345`" in words
    assert "`tocsin pair approve ABCD2345`" in words
    assert "10 minutes" in words

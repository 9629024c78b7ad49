"""What is a cron expression, what it means, and what the messages say about those that are none."""

import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.times.expression import ALIASES, parse
from gateway.errors import ScheduleError
from tests.unit.cron.quick import at_once


@pytest.mark.parametrize(
    ("written", "variants"),
    [
        ("* * * * *", ["* * * * *"]),
        ("*/15 * * * *", ["0,15,30,45 * * * *"]),
        ("9 9-9 * * *", ["9 9 * * *"]),
        ("0-59 0-23 1-31 1-12 *", ["* * * * *"]),
        ("10/20 0 * * *", ["10,30,50 0 * * *"]),
        ("59/5 0 * * *", ["59 0 * * *"]),
        ("0 22-2/2 * * *", ["0 0,2,22 * * *"]),
        ("0 9 * jan,DEC *", ["0 9 * 1,12 *"]),
        ("0 9 * NOV-Feb *", ["0 9 * 1,2,11,12 *"]),
        ("0 9 * * 7", ["0 9 * * 0"]),
        ("0 9 * * 5-7", ["0 9 * * 0,5,6"]),
        ("0 9 * * 7-2", ["0 9 * * 0,1,2"]),
        ("0 9 * * sat-sun", ["0 9 * * 0,6"]),
        ("0 9 * * 0-7", ["0 9 * * *"]),
        ("0 9 L * *", ["0 9 l * *"]),
        ("0 9 15,L * *", ["0 9 15 * *", "0 9 l * *"]),
        ("0 9 L,7 * */3", ["0 9 7 * 0,3,6", "0 9 l * 0,3,6"]),
        ("0 9 * * 5L", ["0 9 * * l5"]),
        ("0 9 * * L7", ["0 9 * * l0"]),
        ("0 9 * * frI#2", ["0 9 * * 5#2"]),
        ("0 9 * * 1,5#2", ["0 9 * * 1", "0 9 * * 5#2"]),
        ("0 9 1 * 1", ["0 9 1 * *", "0 9 * * 1"]),
        ("0 9 */2 * 1", ["0 9 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1"]),
        ("0 9 1 * */2", ["0 9 1 * 0,2,4,6"]),
        ("0 9 1-31 * 1", ["0 9 * * *"]),
        ("0 9 30 2 1", ["0 9 * 2 1"]),
        ("@hourly", ["0 * * * *"]),
        ("@MIDNIGHT", ["0 0 * * *"]),
        ("@weekly", ["0 0 * * 0"]),
        ("@annually", ["0 0 1 1 *"]),
    ],
)
def test_an_expression_is_brought_into_the_form_that_croniter_reads_as_it_is_meant(
    written: str, variants: list[str]
) -> None:
    assert list(parse(written).variants) == variants


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("60 * * * *", ["minute", "'60'", "0-59", "*/15 * * * *"]),
        ("0 24 * * *", ["hour", "'24'", "0-23"]),
        ("0 0 0 * *", ["day-of-month", "'0'", "1-31"]),
        ("0 0 32 * *", ["day-of-month", "'32'", "1-31"]),
        ("0 0 * 13 *", ["month", "'13'", "1-12", "JAN-DEC"]),
        ("0 0 * 0 *", ["month", "'0'", "1-12"]),
        ("0 0 * * 8", ["weekday", "'8'", "0-7", "SUN-SAT"]),
        ("0 0 * * MONDAY", ["weekday", "'MONDAY'", "SUN-SAT"]),
        ("0 0 * MON *", ["month", "'MON'", "JAN-DEC"]),
        ("-5 * * * *", ["minute", "'-5'", "0-59"]),
        ("5- * * * *", ["minute", "'5-'", "0-59"]),
        ("1,,2 * * * *", ["minute", "''", "0-59"]),
        ("*/0 * * * *", ["minute", "step '0'", "1-60"]),
        ("*/90 * * * *", ["minute", "step '90'", "1-60", "every 90m"]),
        ("0 */25 * * *", ["hour", "step '25'", "1-24"]),
        ("0 ٣ * * *", ["hour", "'٣'", "0-23"]),
        ("R * * * *", ["minute", "random", "0-59"]),
        ("H H * * *", ["minute", "hashed"]),
        ("0 0 ? * *", ["day-of-month", "'?'", "write *"]),
        ("0 0 15W * *", ["day-of-month", "'15W'", "only L"]),
        ("0 0 L-3 * *", ["day-of-month", "'L-3'", "only L"]),
        ("0 0 * * L", ["weekday", "which weekday", "5L"]),
        ("0 0 * * 5#6", ["weekday", "'6' after #", "1-5"]),
        ("0 0 * * 9#1", ["weekday", "'9#1'", "0-7"]),
        ("0 0 30 2 *", ["can never fire", "day-of-month", "February"]),
        ("0 0 31 4,6,9,11 *", ["can never fire", "day-of-month"]),
        ("0 0 */31 * MON#2", ["can never fire", "weekday"]),
        ("0 0 29 2 */8", ["weekday", "step '8'"]),
        ("", ["five fields", "has 0", "minute hour day-of-month month weekday"]),
        ("0 9 * *", ["five fields", "has 4"]),
        ("0 0 9 * * *", ["five fields", "has 6", "seconds", "every 30s"]),
        ("0 0 9 * * * 2026", ["five fields", "has 7", "years"]),
        ("@reboot", ["names no time"]),
        ("@often", ["'@often'", "@hourly", "@yearly"]),
    ],
)
def test_a_refusal_names_the_field_the_value_and_what_is_allowed_prx_49(written: str, parts: list[str]) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse(written)

    assert [part for part in parts if part not in str(refused.value)] == []


@pytest.mark.parametrize(
    "written",
    [
        "0 0 30 2 *",
        " ".join(["*"] * 61),
        "*" * 1_000_000,
        "* " * 500_000,
        " " * 1_000_000,
        "1" * 1_000_000 + " * * * *",
        ",".join(["*/1"] * 250_000) + " * * * *",
        "0 0 */31 * " + ",".join(f"{day}#{nth}" for day in range(7) for nth in range(2, 6)),  # the 1st is none
    ],
)
def test_hostile_input_is_refused_in_a_short_sentence_at_once_p_20(written: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ScheduleError) as refused:
        parse(written)
    took = time.perf_counter() - started

    assert "day-of-month" in str(refused.value)
    assert len(str(refused.value)) < 400
    assert took < 0.1


def test_the_longest_expression_that_says_everything_is_understood() -> None:
    every = [range(60), range(24), range(1, 32), range(1, 13), range(7)]

    parsed = parse(" ".join(",".join(map(str, values)) for values in every))

    assert parsed.variants == ("* * * * *",)


@pytest.mark.parametrize("written", ["0 0 29 2 *", "0 0 29 2 */7", "0 0 * 2 1#5", "0 0 31 1,2 *", "0 0 30 2 5"])
def test_what_some_date_fulfils_is_accepted(written: str) -> None:
    assert parse(written).variants != ()


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("30 2 * * *", True),
        ("0-59 2 * * *", True),
        ("0 0-23/2 * * *", True),
        ("*/5 2 * * *", False),
        ("0 */2 * * *", False),
        ("0 *,5 * * *", False),
        ("@daily", True),
        ("@hourly", False),
    ],
)
def test_an_expression_is_fixed_when_neither_minute_nor_hour_begins_with_a_star(written: str, fixed: bool) -> None:
    assert parse(written).fixed is fixed


def test_aliases_mean_what_they_stand_for() -> None:
    meanings = {alias: parse(alias).variants for alias in ALIASES}

    assert meanings == {alias: parse(expression).variants for alias, expression in ALIASES.items()}


def test_the_next_wall_time_lies_strictly_later_and_on_a_whole_minute() -> None:
    parsed = parse("*/30 * * * *")

    assert parsed.next_wall(datetime(2026, 1, 1, 0, 29, 59)) == datetime(2026, 1, 1, 0, 30)  # noqa: DTZ001
    assert parsed.next_wall(datetime(2026, 1, 1, 0, 30)) == datetime(2026, 1, 1, 1, 0)  # noqa: DTZ001


ATOMS = st.sampled_from(
    ["*", "/", "-", ",", "#", "L", "W", "?", "H", "R", "0", "5", "7", "31", "60", "99", "MON", "jan", "1-5", "*/2"]
)
FIELD = st.lists(ATOMS, min_size=1, max_size=4).map("".join)
GRAMMAR = st.lists(FIELD, min_size=4, max_size=6).map(" ".join)
INPUTS = st.one_of(st.text(max_size=40), GRAMMAR, st.text("0123456789*/,-# LWR@", max_size=20), FIELD)


def refusal_or_answer(written: str) -> object:
    with at_once():
        try:
            return parse(written).next_wall(datetime(2026, 11, 21))  # noqa: DTZ001
        except ScheduleError as refused:
            return str(refused)


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    """They are loaded by the first of all."""
    parse("* * * * *").next_wall(datetime(2026, 11, 21))  # noqa: DTZ001


@given(INPUTS)
@settings(max_examples=500, deadline=None)
def test_any_text_has_a_next_time_or_a_reason_why_not_at_once_p_20(written: str) -> None:
    found = refusal_or_answer(written)

    assert isinstance(found, datetime | str)
    assert found


@pytest.mark.nightly
@given(INPUTS)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_texts_have_a_next_time_or_a_reason_why_not_at_once_p_20(written: str) -> None:
    found = refusal_or_answer(written)

    assert isinstance(found, datetime | str)
    assert found

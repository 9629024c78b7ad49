"""Every other day, every second Monday: which days, weeks, months and years count."""

import time
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from cron.schedule import Cron
from cron.times.counting import Unit, number_of, unit_of
from cron.times.expression import parse
from cron.times.preview import fires
from gateway.errors import ScheduleError
from tests.unit.cron.clock_table import DAY, ZONE_YEARS, utc
from tests.unit.cron.debian_cron import MINUTE, changes, random_expression

BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 3, 2, 9, tzinfo=BERLIN)  # a Monday


def local(schedule: Cron, count: int, after: datetime = NINE - MINUTE) -> list[str]:
    zone = ZoneInfo(schedule.zone)
    return [f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}" for moment in fires(schedule, after, count)]


def test_every_other_day_goes_by_the_days_of_the_wall_clock_across_a_change_of_it() -> None:
    job = Cron("0 9 * * *", "Europe/Berlin", 2, datetime(2026, 3, 26, 9, tzinfo=BERLIN))

    days = local(job, 4, utc("2026-03-26"))

    assert days == ["Thu 2026-03-26 09:00", "Sat 2026-03-28 09:00", "Mon 2026-03-30 09:00", "Wed 2026-04-01 09:00"]


def test_all_times_of_a_day_that_counts_fire() -> None:
    job = Cron("0 9,18 * * *", "Europe/Berlin", 3, NINE)

    assert local(job, 4) == [
        "Mon 2026-03-02 09:00",
        "Mon 2026-03-02 18:00",
        "Thu 2026-03-05 09:00",
        "Thu 2026-03-05 18:00",
    ]


def test_weekdays_count_by_the_week() -> None:
    second_monday = Cron("0 9 * * 1", "Europe/Berlin", 2, NINE)
    two_days = Cron("0 9 * * 1,4", "Europe/Berlin", 2, NINE + 3 * DAY)  # begins on a Thursday

    assert local(second_monday, 3) == ["Mon 2026-03-02 09:00", "Mon 2026-03-16 09:00", "Mon 2026-03-30 09:00"]
    assert local(two_days, 3) == ["Thu 2026-03-05 09:00", "Mon 2026-03-16 09:00", "Thu 2026-03-19 09:00"]


def test_days_of_the_month_count_by_the_month_and_those_of_some_months_by_the_year() -> None:
    quarter_end = Cron("0 9 L * *", "Europe/Berlin", 3, NINE)
    second_friday = Cron("0 9 * * 5#2", "Europe/Berlin", 2, NINE)
    christmas = Cron("0 9 24 12 *", "Europe/Berlin", 2, NINE)
    thirty_first = Cron("0 9 31 * *", "Europe/Berlin", 2, NINE)

    assert local(quarter_end, 2) == ["Tue 2026-03-31 09:00", "Tue 2026-06-30 09:00"]
    assert local(second_friday, 2) == ["Fri 2026-03-13 09:00", "Fri 2026-05-08 09:00"]
    assert local(christmas, 2) == ["Thu 2026-12-24 09:00", "Sun 2028-12-24 09:00"]
    assert local(thirty_first, 4) == [  # November and September, which count too, have no such day
        "Tue 2026-03-31 09:00",
        "Sun 2026-05-31 09:00",
        "Fri 2026-07-31 09:00",
        "Sun 2027-01-31 09:00",
    ]


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("0 9 * * *", Unit.DAY),
        ("*/5 * * * *", Unit.DAY),
        ("0 9 1-31 * 0-6", Unit.DAY),
        ("0 9 1-31 * 1", Unit.DAY),  # either is enough, and the day always holds
        ("0 9 * 6 *", Unit.DAY),
        ("0 9 * * 1-5", Unit.WEEK),
        ("0 9 * 6 1", Unit.WEEK),
        ("0 9 1 * *", Unit.MONTH),
        ("0 9 L * *", Unit.MONTH),
        ("0 9 * * 5L", Unit.MONTH),
        ("0 9 */2 * 1", Unit.MONTH),  # both must hold
        ("0 9 1 1,7 *", Unit.YEAR),
        ("0 9 * 9 1#1", Unit.YEAR),
    ],
)
def test_what_is_counted_is_how_the_expression_repeats_itself(expression: str, unit: Unit) -> None:
    assert unit_of(parse(expression)) is unit


def test_nothing_fires_before_the_anchor_and_the_first_from_it_on_is_number_zero() -> None:
    on_it = Cron("0 9 * * *", "Europe/Berlin", 2, NINE)
    just_after = Cron("0 9 * * *", "Europe/Berlin", 2, NINE + timedelta(microseconds=1))

    assert local(on_it, 2, utc("2020-01-01")) == ["Mon 2026-03-02 09:00", "Wed 2026-03-04 09:00"]
    assert local(just_after, 2, utc("2020-01-01")) == ["Tue 2026-03-03 09:00", "Thu 2026-03-05 09:00"]


def test_an_anchor_in_the_gap_of_spring_belongs_to_the_day_whose_time_it_makes_up_for() -> None:
    after_the_gap = datetime(2026, 3, 29, 3, tzinfo=BERLIN)  # 02:30 does not exist

    job = Cron("30 2 * * *", "Europe/Berlin", 2, after_the_gap)

    assert local(job, 2, utc("2026-01-01")) == ["Sun 2026-03-29 03:00", "Tue 2026-03-31 02:30"]


def test_a_time_that_a_gap_moves_to_the_next_day_counts_for_its_own() -> None:
    place = "America/Scoresbysund"  # on 29 March 2025 its clocks went from 23:00 to midnight
    even = Cron("30 23 * * *", place, 2, utc("2025-03-28T12:00"))
    odd = Cron("30 23 * * *", place, 2, utc("2025-03-29T12:00"))

    assert local(even, 2, utc("2025-03-28")) == ["Fri 2025-03-28 23:30", "Sun 2025-03-30 23:30"]
    assert local(odd, 2, utc("2025-03-28")) == ["Sun 2025-03-30 00:00", "Mon 2025-03-31 23:30"]


def test_a_moment_far_away_costs_no_more_than_one_nearby() -> None:
    job = Cron("* * * * *", "Europe/Berlin", 3653, NINE)
    job.next_after(NINE)

    began = time.perf_counter()
    found = job.next_after(utc("5026-01-01"))
    took = time.perf_counter() - began

    assert found is not None
    assert (found.astimezone(BERLIN).date() - date(2026, 3, 2)).days % 3653 == 0
    assert took < 0.01


@pytest.mark.parametrize(
    ("expression", "nth", "words"),
    [
        ("0 9 * * *", 0, "every_nth is a number from 1 on"),
        ("0 9 * * *", -2, "every_nth is a number from 1 on"),
        ("0 9 * * *", 3654, "counts days here and is at most 3653, ten years"),
        ("0 9 * * 1", 522, "counts weeks here and is at most 521"),
        ("0 9 1 * *", 121, "counts months here and is at most 120"),
        ("0 9 1 1 *", 11, "counts years here and is at most 10"),
        ("0 9 * 6 *", 29, "counts days in some months only and is at most 28"),
        ("0 9 * 6 1", 5, "counts weeks in some months only and is at most 4"),
        ("0 9 1 * 1", 2, "it is not clear what is counted"),
    ],
)
def test_what_cannot_be_counted_is_refused(expression: str, nth: int, words: str) -> None:
    with pytest.raises(ScheduleError, match=words):
        Cron(expression, "UTC", nth, NINE)


def test_counting_needs_an_anchor_within_the_calendar() -> None:
    with pytest.raises(ScheduleError, match="needs an anchor"):
        Cron("0 9 * * *", "UTC", 2)
    with pytest.raises(ScheduleError, match="not between the years"):
        Cron("0 9 * * *", "UTC", 2, datetime(1, 1, 1, tzinfo=UTC))
    with pytest.raises(ScheduleError, match="has no time zone"):
        Cron("0 9 * * *", "UTC", 2, datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_anchor_that_nothing_counts_from_is_dropped() -> None:
    assert Cron("0 9 * * *", "UTC", 1, NINE) == Cron("0 9 * * *", "UTC")


def test_what_counts_is_over_where_the_calendar_is() -> None:
    job = Cron("0 9 29 2 *", "UTC", 7, NINE)

    assert job.next_after(utc("9897-01-01")) is None


@pytest.mark.parametrize(("rounds", "reach"), [(40, 200), pytest.param(500, 1_000, marks=pytest.mark.nightly)])
def test_what_counts_is_what_the_plain_schedule_names_on_days_that_count(rounds: int, reach: int) -> None:
    chance, compared = Random(11), 0
    for _ in range(rounds):
        meaning, (zone, year) = random_expression(chance), chance.choice(ZONE_YEARS)
        nth, anchor = chance.randint(2, 4), datetime(year, 1, 1, tzinfo=UTC) + chance.randrange(500_000) * MINUTE
        try:
            plain, job = Cron(meaning.text, zone), Cron(meaning.text, zone, nth, anchor)
        except ScheduleError:  # of no date, or of a day of the month and a weekday
            continue
        unit, there = unit_of(parse(meaning.text)), ZoneInfo(zone)
        after = chance.choice([anchor - DAY, anchor + chance.randrange(400) * DAY, *changes(zone, year)])
        gone = {moment for change in changes(zone, year) for moment in (change, change + MINUTE)}
        first = next(moment for moment in fires(plain, anchor - timedelta(microseconds=1), 1))
        if first in gone:  # it may stand for a time of the day before
            continue
        zero = number_of(first.astimezone(there).date(), unit)

        named = fires(plain, max(after, anchor - timedelta(microseconds=1)), reach)
        expected = [each for each in named if (number_of(each.astimezone(there).date(), unit) - zero) % nth == 0]
        found = list(fires(job, after, min(len(expected), 5)))

        assert found == expected[:5], (meaning.text, zone, nth, anchor, after)
        compared += bool(found)

    assert compared > rounds // 4

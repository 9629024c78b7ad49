"""Schedules in words."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from cron.policy import Exclude
from cron.schedule import At, Cron, Every, Schedule
from cron.times.describe import describe, describe_job, expression_text
from gateway.errors import ScheduleError
from tests.jobs import new_job
from tests.unit.cron.debian_cron import random_expression

NINE = datetime(2026, 4, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (At(NINE), "once at 2026-04-25 09:00 (Asia/Shanghai)"),
        (At(NINE + timedelta(seconds=5)), "once at 2026-04-25 09:00:05 (Asia/Shanghai)"),
        (At(datetime.max.replace(tzinfo=UTC)), "once at 9999-12-31 23:59:59 (UTC)"),
        (Every(timedelta(minutes=5), NINE), "every 5m"),
        (Every(timedelta(days=1), NINE), "every 1d"),
    ],
)
def test_a_one_shot_and_an_interval_are_told_in_the_zone_of_the_reader_oc_21(
    schedule: Schedule, words: str
) -> None:
    assert describe(schedule, zone="Asia/Shanghai") == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("0 9 * * *", "At 09:00, every day"),
        ("0 21 * * 7", "At 21:00, only on Sunday"),
        ("@daily", "At 00:00, every day"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/5 9-17 * JAN-MAR *", "Every 5 minutes, between 09:00 and 17:59, January through March"),
        ("9 9-9 * * *", "At 09:09, every day"),
        ("30 8,12,18 * * *", "At 08:30, 12:30 and 18:30, every day"),
        ("0 18 L * *", "At 18:00, on the last day of the month"),
        ("0 18 15,L * *", "At 18:00, on day 15 of the month or on the last day of the month"),
        ("0 9 * * L5", "At 09:00, on the last Friday of the month"),
        ("0 9 * * 1,5#2", "At 09:00, only on Monday or on the second Friday of the month"),
        ("0 9 * * 1-5/2", "At 09:00, only on Monday, Wednesday, and Friday"),
        ("0 9 */2 * *", "At 09:00, every 2 days from the 1st of the month"),
    ],
)
def test_an_expression_is_told_by_the_24_hour_clock_and_with_its_zone(expression: str, words: str) -> None:
    assert describe(Cron(expression, "Europe/Berlin"), zone="UTC") == f"{words} (Europe/Berlin)"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 1 * 1", "At 09:00, either on day 1 of the month or on Monday"),
        ("0 9 15 6 0", "At 09:00, either on day 15 of the month or on Sunday, only in June"),
        ("0 9 1-31 * 1", "At 09:00, every day"),
        ("0 9 */2 * 1", "At 09:00, every 2 days from the 1st of the month, but only on Monday"),
        ("0 9 1 * */6", "At 09:00, on day 1 of the month, but only on Sunday and Saturday"),
    ],
)
def test_how_day_and_weekday_go_together_is_said_as_it_is_computed_c_13(expression: str, words: str) -> None:
    assert describe(Cron(expression, "UTC"), zone="UTC") == f"{words} (UTC)"


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Every(timedelta(seconds=60), NINE), "every 60s"),
        (Cron("0 9 * * MON-FRI", "Europe/Berlin"), "0 9 * * MON-FRI"),
        (Cron("0 9 * * 1", "Europe/Berlin", 2, NINE), "0 9 * * 1, every 2nd week"),
        (At(NINE), "2026-04-25T01:00:00Z"),
        (At(NINE + timedelta(milliseconds=5)), "2026-04-25T01:00:00.005000Z"),
    ],
)
def test_the_short_form_is_the_interval_the_expression_or_the_instant_ab_43(schedule: Schedule, text: str) -> None:
    assert expression_text(schedule) == text


def test_every_expression_has_words() -> None:
    random = Random(43)
    meanings = [meaning for meaning in (random_expression(random) for _ in range(60)) if meaning.ever()]

    words = [describe(Cron(meaning.text, "UTC"), zone="UTC") for meaning in meanings]

    assert len(words) > 40
    assert all(text.startswith(("At ", "Every ", "Minutes ")) and text.endswith(" (UTC)") for text in words)


MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "nth", "words"),
    [
        ("0 9 * * *", 2, "At 09:00, every 2nd day from 2026-03-02"),
        ("0 9 * * 1", 2, "At 09:00, only on Monday, every 2nd week from 2026-03-02"),
        ("0 9 1 * *", 3, "At 09:00, on day 1 of the month, every 3rd month from 2026-04-01"),
        ("0 9 24 12 *", 4, "At 09:00, on day 24 of the month, only in December, every 4th year from 2026-12-24"),
        ("*/20 * * * *", 11, "Every 20 minutes, every 11th day from 2026-03-02"),
        ("0 9 * * *", 22, "At 09:00, every 22nd day from 2026-03-02"),
    ],
)
def test_what_is_counted_and_from_when_is_told(expression: str, nth: int, words: str) -> None:
    schedule = Cron(expression, "Europe/Berlin", nth, MONDAY)

    assert describe(schedule, zone="UTC") == f"{words} (Europe/Berlin)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"start_at": MONDAY}, ", from 2026-03-02 09:00 (Europe/Berlin)"),
        ({"expires_at": MONDAY}, ", until 2026-03-02 09:00 (Europe/Berlin)"),
        ({"exclude": Exclude(weekdays=(6,))}, ", not on Sundays"),
        ({"exclude": Exclude(weekdays=(6, 5))}, ", not on Saturdays and Sundays"),
        (
            {"exclude": Exclude(weekdays=(0,), dates=(date(2026, 12, 24),), holidays="DE-BY")},
            ", not on Mondays, 2026-12-24 and public holidays of DE-BY",
        ),
        ({"max_runs": 1}, ", once in all"),
        ({"max_runs": 10}, ", 10 times in all"),
        ({"start_at": MONDAY, "max_runs": 2}, ", from 2026-03-02 09:00 (Europe/Berlin), 2 times in all"),
    ],
)
def test_a_job_is_told_with_its_bounds(changes: dict[str, object], words: str) -> None:
    assert describe_job(new_job(**changes)) == f"At 09:00, every day (Europe/Berlin){words}"


def test_the_jitter_of_a_job_is_told_with_the_part_that_is_its_own() -> None:
    job = new_job(uid="a", jitter=timedelta(milliseconds=1))  # P-17

    assert describe_job(job) == "At 09:00, every day (Europe/Berlin), 0.001s later, of a jitter of 0.001s"


def test_a_long_list_of_dates_is_cut() -> None:
    dates = tuple(date(2026, 1, day) for day in range(1, 31))

    words = describe_job(new_job(exclude=Exclude(dates=dates)))

    assert words.endswith("2026-01-09, 2026-01-10 and 20 other dates")


def test_a_job_that_cannot_be_read_has_no_words() -> None:
    with pytest.raises(ScheduleError, match="cannot be read"):
        describe_job(new_job(schedule=None, status_reason="cron: cannot be read"))

"""Schedules in words."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from cron.describe import describe, expression_text
from cron.schedule import At, Cron, Every, Schedule
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

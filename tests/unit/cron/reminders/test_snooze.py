"""Until when a reminder is put off."""

from datetime import UTC, datetime, timedelta

import pytest

from cron.reminders.snooze import snoozed_until
from gateway.errors import ScheduleError

BERLIN = "Europe/Berlin"
MEANT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # 09:00 in Berlin
NOW = MEANT + timedelta(minutes=7)


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("10m", timedelta(minutes=10)),
        ("", timedelta(minutes=10)),
        ("10 minutes", timedelta(minutes=10)),
        ("for 1h", timedelta(hours=1)),
        ("an hour", timedelta(hours=1)),
        ("in 90 minutes", timedelta(minutes=90)),
        ("10分钟", timedelta(minutes=10)),
        ("半小时", timedelta(minutes=30)),
    ],
)
def test_an_amount_counts_from_now(words: str, after: timedelta) -> None:
    found = snoozed_until(words, meant=MEANT, now=NOW, zone=BERLIN, languages=("en", "zh"))

    assert found == NOW + after


@pytest.mark.parametrize("words", ["1d", "tomorrow", "until tomorrow", "a day", "明天"])
def test_tomorrow_is_at_the_time_of_day_that_was_meant(words: str) -> None:
    assert snoozed_until(words, meant=MEANT, now=NOW, zone=BERLIN) == MEANT + timedelta(days=1)


def test_tomorrow_keeps_the_local_time_over_a_change_of_the_clock() -> None:
    meant = datetime(2026, 3, 28, 8, 0, tzinfo=UTC)  # 09:00, the day before

    found = snoozed_until("1d", meant=meant, now=meant, zone=BERLIN)

    assert found == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)  # 09:00 again


def test_tomorrow_counts_from_the_press_and_not_from_an_old_reminder() -> None:
    found = snoozed_until("tomorrow", meant=MEANT - timedelta(days=5), now=NOW, zone=BERLIN)

    assert found == MEANT + timedelta(days=1)


def test_a_time_of_day_may_be_named() -> None:
    assert snoozed_until("until 17:30", meant=MEANT, now=NOW, zone=BERLIN) == datetime(
        2026, 3, 2, 16, 30, tzinfo=UTC
    )


@pytest.mark.parametrize("words", ["every day at 9", "whenever", "5", "friday"])
def test_what_is_not_one_time_is_refused(words: str) -> None:
    with pytest.raises(ScheduleError):
        snoozed_until(words, meant=MEANT, now=NOW, zone=BERLIN)

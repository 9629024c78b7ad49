"""The rule for changes of the clock, in eight zones over five years."""

from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cron.schedule import Cron
from tests.unit.cron.clock_table import DAY, GAPS, HOUR, OVERLAPS, ZONE_YEARS, fires, jump, utc, wall_at
from tests.unit.cron.debian_cron import MINUTE


def daily_at(wall: datetime, zone: str) -> Cron:
    return Cron(f"{wall.minute} {wall.hour} * * *", zone)


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        ("America/New_York", "30 2 * * *", "2026-03-08T00:00", "2026-03-08T07:00"),
        ("America/New_York", "30 1 * * *", "2026-11-01T00:00", "2026-11-01T05:30"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", "2026-04-04T14:45"),
        ("Asia/Beirut", "0 0 * * *", "2026-03-28T12:00", "2026-03-28T22:00"),
        ("Asia/Beirut", "30 23 * * *", "2026-10-24T12:00", "2026-10-24T20:30"),
        ("America/Santiago", "30 0 * * *", "2026-09-05T12:00", "2026-09-06T04:00"),
        ("America/Santiago", "30 23 * * *", "2026-04-04T12:00", "2026-04-05T02:30"),
        ("Africa/Cairo", "30 0 * * *", "2026-04-23T12:00", "2026-04-23T22:00"),
        ("Africa/Cairo", "30 23 * * *", "2026-10-29T12:00", "2026-10-29T20:30"),
        ("Pacific/Apia", "0 12 * * *", "2011-12-29T22:00", "2011-12-30T22:00"),
        ("Asia/Shanghai", "30 2 * * *", "2026-03-28T12:00", "2026-03-28T18:30"),
    ],
)
def test_a_fixed_time_runs_at_the_known_instant_on_the_day_of_a_change(
    zone: str, expression: str, after: str, expected: str
) -> None:
    found = Cron(expression, zone).next_after(utc(after))

    assert found == utc(expected)


def test_the_table_of_changes_holds_gaps_and_overlaps_of_seven_zones() -> None:
    zones = Counter(zone for zone, _ in GAPS + OVERLAPS)

    assert len(zones) == 7  # Shanghai has none
    assert len(GAPS) > 25
    assert len(OVERLAPS) > 25


@pytest.mark.parametrize(("zone", "change"), GAPS)
def test_a_fixed_time_in_a_gap_runs_once_at_the_first_instant_after_it_p_06(zone: str, change: datetime) -> None:
    missing = wall_at(change, zone) - jump(zone, change) / 2
    job = daily_at(missing, zone)

    found = list(fires(job, change - DAY / 2, change + DAY / 2))

    assert found == [change]


@pytest.mark.parametrize(("zone", "change"), GAPS)
def test_several_fixed_times_in_one_gap_are_one_run(zone: str, change: datetime) -> None:
    missing = wall_at(change, zone) - jump(zone, change)
    job = Cron(f"{missing.minute}-{missing.minute + 20} {missing.hour} * * *", zone)

    found = list(fires(job, change - 2 * HOUR, change + 2 * HOUR))

    assert found == [change]


@pytest.mark.parametrize(("zone", "change"), OVERLAPS)
def test_a_fixed_time_in_an_overlap_runs_once_at_the_first_of_the_two_p_07(zone: str, change: datetime) -> None:
    twice = wall_at(change, zone) - jump(zone, change) / 2

    found = list(fires(daily_at(twice, zone), change - DAY / 2, change + DAY / 2))

    assert found == [change + jump(zone, change) / 2]


@pytest.mark.parametrize(("zone", "change"), GAPS + OVERLAPS)
def test_a_rhythm_keeps_every_real_interval_through_a_change(zone: str, change: datetime) -> None:
    found = list(fires(Cron("*/15 * * * *", zone), change - 3 * HOUR, change + 3 * HOUR))

    assert found == [change - 3 * HOUR + n * 15 * MINUTE for n in range(24)]


@pytest.mark.parametrize(
    ("zone", "change"), [each for each in GAPS + OVERLAPS if each[0] != "Australia/Lord_Howe"]
)
def test_an_hourly_job_keeps_every_real_hour_through_a_change(zone: str, change: datetime) -> None:
    found = list(fires(Cron("@hourly", zone), change - 3 * HOUR, change + 3 * HOUR))

    assert found == [change + n * HOUR for n in range(-3, 3)]


@pytest.mark.parametrize(("zone", "year"), [each for each in ZONE_YEARS if each[1] in (2011, 2024)])
def test_a_daily_job_runs_once_on_every_day_that_there_is(zone: str, year: int) -> None:
    start, end = (datetime(each, 1, 1, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC) for each in (year, year + 1))

    days = Counter(wall_at(moment, zone).date() for moment in fires(Cron("0 0 * * *", zone), start, end))

    expected = {date(year, 1, 2) + n * DAY for n in range(365 + (year % 4 == 0))}
    assert days == dict.fromkeys(expected - {date(2011, 12, 30)} if zone == "Pacific/Apia" else expected, 1)


def test_what_a_correction_of_the_clock_skips_does_not_run() -> None:
    job = Cron("0,30 12 30 12 *", "Pacific/Apia")

    found = job.next_after(utc("2011-12-01"))

    assert found == utc("2012-12-29T22:00")  # the 30th of 2011 was skipped as a whole


def test_a_fixed_time_after_its_first_pass_waits_for_the_next_day() -> None:
    job = Cron("0-59/5 2 * * *", "Europe/Berlin")
    second_pass = utc("2026-10-25T01:20")  # 02:20 for the second time

    found = job.next_after(second_pass)

    assert found == utc("2026-10-26T01:00")

"""Schedules against a second opinion: a clock that walks through every minute."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest

from cron.schedule import Cron
from gateway.errors import ScheduleError
from tests.unit.cron.clock_table import DAY, ZONE_YEARS, fires
from tests.unit.cron.debian_cron import MINUTE, Meaning, changes, random_expression, scan


def differences(meaning: Meaning, zone: str, year: int, *, margin: timedelta, days: list[date]) -> list[str]:
    """Where the schedule and the scan differ: in each minute round each change, and on these days elsewhere."""
    if not meaning.ever():
        with pytest.raises(ScheduleError, match="can never fire"):
            Cron(meaning.text, zone)
        return []
    job, found = Cron(meaning.text, zone), []
    for change in changes(zone, year):
        start, end = change - margin, change + margin
        if list(fires(job, start, end)) != scan(meaning, zone, start, end):
            found.append(f"{meaning.text} in {zone} round {change}")
    return found + _differences_elsewhere(job, meaning, year, days)


def _differences_elsewhere(job: Cron, meaning: Meaning, year: int, days: list[date]) -> list[str]:
    zone, found = ZoneInfo(job.zone), []
    near = {(change + n * DAY).date() for change in changes(job.zone, year) for n in (-2, -1, 0, 1, 2)}
    for day in days:
        named = next((each for each in (day + n * DAY for n in range(40)) if meaning.on(each)), None)
        if (
            named is None
            or named.year != year
            or any(day + n * DAY in near for n in range((named - day).days + 1))
        ):
            continue
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        first = datetime(named.year, named.month, named.day, *divmod(meaning.times[0], 60), tzinfo=zone)
        if job.next_after(midnight - MINUTE) != first.astimezone(UTC):
            found.append(f"{meaning.text} in {job.zone} from {day}")
    return found


def test_random_expressions_agree_with_a_scan_of_every_minute_p_07() -> None:
    random = Random(7)

    found = [
        each
        for _ in range(200)
        for zone, year in [random.choice(ZONE_YEARS)]
        for each in differences(
            random_expression(random),
            zone,
            year,
            margin=timedelta(hours=5),
            days=[date(year, 1, 1) + random.randrange(330) * DAY for _ in range(8)],
        )
    ]

    assert found == []


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_thousand_expressions_agree_with_a_scan_of_whole_years_p_07() -> None:
    random, zones = Random(2000), sorted(available_timezones() - {"Factory", "localtime"})

    found, changed = [], 0
    for _ in range(2000):
        zone, year = random.choice(zones), random.randint(1975, 2045)
        while not changes(zone, year) and random.random() < 0.9:  # most zone-years have nothing to get wrong
            zone, year = random.choice(zones), random.randint(1975, 2045)
        changed += bool(changes(zone, year))
        days = [date(year, 1, 1) + n * DAY for n in range(365)]
        found += differences(random_expression(random), zone, year, margin=2 * DAY, days=days)

    assert changed > 1500
    assert found == []


def test_the_second_opinion_sees_a_wrong_schedule() -> None:
    meaning = random_expression(Random(1))
    meaning.text = "30 2 * * *"  # the text and the meaning differ

    found = differences(meaning, "Europe/Berlin", 2026, margin=DAY, days=[date(2026, 6, n) for n in range(1, 20)])

    assert found != []

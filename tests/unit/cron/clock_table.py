"""Zones and years with their changes of the clock, and what the tests of schedules need to speak of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cron.schedule import Schedule
from tests.unit.cron.debian_cron import MINUTE, changes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONE_YEARS = [
    *(
        (zone, year)
        for zone in (
            "America/New_York",
            "Australia/Lord_Howe",
            "Asia/Beirut",
            "Europe/Berlin",
            "America/Santiago",
            "Africa/Cairo",
            "Asia/Shanghai",
        )
        for year in range(2022, 2027)
    ),
    *(("Pacific/Apia", year) for year in range(2011, 2016)),
]
CHANGES = [(zone, change) for zone, year in ZONE_YEARS for change in changes(zone, year)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall_at(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def jump(zone: str, change: datetime) -> timedelta:
    """How far the wall clock is set: forward is positive."""
    return wall_at(change, zone) - wall_at(change - MINUTE, zone) - MINUTE


def fires(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """What is due from `start` on and before `end`."""
    moment = schedule.next_after(start - timedelta(microseconds=1))
    while moment is not None and moment < end:
        yield moment
        moment = schedule.next_after(moment)


GAPS = [(zone, change) for zone, change in CHANGES if timedelta(0) < jump(zone, change) <= 3 * HOUR]
OVERLAPS = [(zone, change) for zone, change in CHANGES if jump(zone, change) < timedelta(0)]

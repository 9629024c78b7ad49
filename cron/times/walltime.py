"""Where the clock of a zone is set: which wall times do not exist, and which exist twice. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway import zones
from gateway.errors import ScheduleError

_LONGEST_NAME = 64
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A zone's clock is set: wall times from `start` up to, not including, `end` are skipped or occur twice."""

    instant: datetime  # aware, UTC
    start: datetime  # start and end are wall times, without a zone
    end: datetime
    skips: bool

    @property
    def size(self) -> timedelta:
        return self.end - self.start


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone; ScheduleError with the nearest known name when there is none."""
    if len(name) > _LONGEST_NAME:
        raise ScheduleError(f"a time zone's name has at most {_LONGEST_NAME} characters; this has {len(name)}")
    try:
        return ZoneInfo(zones.check(name))
    except ValueError as error:
        raise ScheduleError(f"time zone: {name!r} {error}") from error


def change_at(wall: datetime, zone: ZoneInfo) -> Change | None:
    """The change of the clock that makes this wall time not exist or exist twice; None for every other one."""
    before = _offset(wall.replace(tzinfo=zone, fold=0))
    after = _offset(wall.replace(tzinfo=zone, fold=1))
    if before == after:
        return None
    return _change(wall - max(before, after), wall - min(before, after), zone)


def last_change(moment: datetime, zone: ZoneInfo, *, within: timedelta) -> Change | None:
    """The change of the clock that led to the offset at `moment`, if it lies at most `within` before it."""
    until = moment.astimezone(UTC)
    start = until - within
    if _offset(start.astimezone(zone)) == _offset(until.astimezone(zone)):
        return None
    return _change(start.replace(tzinfo=None), until.replace(tzinfo=None), zone)


def instant_of(wall: datetime, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """The instant of a wall time that exists; of two the first, or with `fold` 1 the second."""
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _change(old: datetime, new: datetime, zone: ZoneInfo) -> Change:
    """The change of the clock between two instants (naive, UTC) with different offsets."""
    instant = _first_with_new_offset(old, new, zone)
    before, after = _offset((instant - _SECOND).astimezone(zone)), _offset(instant.astimezone(zone))
    naive = instant.replace(tzinfo=None)
    start, end = sorted((naive + before, naive + after))
    return Change(instant, start, end, skips=before < after)


def _first_with_new_offset(old: datetime, new: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the change between two instants (naive, UTC): the first with the new offset."""
    low, high = old.replace(microsecond=0, tzinfo=UTC), new.replace(microsecond=0, tzinfo=UTC)
    offset = _offset(low.astimezone(zone))
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if _offset(middle.astimezone(zone)) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()  # a ZoneInfo always has one; only the type says that it may not

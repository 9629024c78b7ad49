"""At, Every, Cron: when a job is due next. Pure values; zones and changes of the clock are decided here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

from cron.times import counting
from cron.times.counting import EveryNth
from cron.times.expression import parse
from cron.times.walltime import Change, change_at, instant_of, zone_of
from gateway.errors import ScheduleError

CORRECTION = timedelta(hours=3)
"""A clock that is set by more than this was corrected (Samoa skipped a day); the rule for DST is not for that."""

_FIRST = datetime(2, 1, 1, tzinfo=UTC)
_LAST = datetime(9900, 1, 1, tzinfo=UTC)  # 29 February on a given weekday may be 40 years away
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class At:
    """Once. `instant` is aware, and UTC from here on."""

    instant: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "instant", _in_utc(self.instant))

    def next_after(self, moment: datetime) -> datetime | None:
        """The instant, if it lies strictly after `moment`."""
        return self.instant if self.instant > moment else None


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed interval of elapsed time, counted from `anchor`: a late run does not shift the next."""

    interval: timedelta
    anchor: datetime

    def __post_init__(self) -> None:
        if self.interval <= timedelta():
            raise ScheduleError("an interval is longer than zero; for example every 5m")
        object.__setattr__(self, "anchor", _in_utc(self.anchor))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first anchor + k * interval (k >= 0) strictly after `moment`; None beyond the calendar."""
        if moment < self.anchor:
            return self.anchor
        try:
            return self.anchor + ((moment - self.anchor) // self.interval + 1) * self.interval
        except OverflowError:  # after the year 9999
            return None


class WallTimes(Protocol):
    """What names times of a wall clock that has no zone and no changes."""

    @property
    def fixed(self) -> bool:
        """Whether it names times of day, rather than a rhythm that follows real time."""
        ...

    def next_wall(self, after: datetime) -> datetime:
        """The first wall time strictly after `after`; OverflowError where there is none in this calendar."""
        ...


@dataclass(frozen=True, slots=True)
class Cron:
    """By the wall clock of a zone. One that cannot be read, or can never fire, cannot be made: ScheduleError.

    When the clock is set by at most three hours, Debian's rule holds. An expression whose minute and hour are both
    fixed (neither begins with `*`) runs once: times that are skipped run at the first instant after the gap, times
    that occur twice at the first of the two. Every other expression follows real time: it fires in each minute
    that a wall clock shows and it names.

    With `every_nth` only each nth day counts: that of the first time at or after `anchor` is number 0, and nothing
    fires before it. Where the expression names weekdays, weeks from Monday to Sunday are counted, and all their
    named days fire; where it names days of the month, months; where these in some months only, years. Dates are
    counted, not hours: a change of the clock moves nothing.
    """

    expression: str
    zone: str
    every_nth: int = 1
    anchor: datetime | None = None  # needed when every_nth is more than 1, else dropped

    def __post_init__(self) -> None:
        counting.check(parse(self.expression), self.every_nth)
        zone_of(self.zone)
        object.__setattr__(self, "expression", " ".join(self.expression.split()))
        object.__setattr__(self, "anchor", self._start())

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant strictly after `moment` that the expression names; UTC; None beyond the year 9900."""
        if self.anchor is not None:
            moment = max(moment, self.anchor - _TICK)
        if moment >= _LAST:
            return None
        try:
            found, _ = _first(self.wall_times, zone_of(self.zone), moment)
        except OverflowError:
            return None
        return found if found < _LAST else None

    @property
    def wall_times(self) -> WallTimes:
        """What it names, before the zone is asked which of these times there are."""
        if self.anchor is None:
            return parse(self.expression)
        return _counted(self.expression, self.zone, self.every_nth, self.anchor)

    def _start(self) -> datetime | None:
        if self.every_nth == 1:
            return None
        if self.anchor is None:
            raise ScheduleError("every_nth needs an anchor: the date and time from which it counts")
        anchor = _in_utc(self.anchor)
        if not _FIRST <= anchor < _LAST:
            raise ScheduleError(
                f"the anchor {anchor.isoformat()} is not between the years {_FIRST.year} and {_LAST.year}"
            )
        return anchor


Schedule: TypeAlias = At | Every | Cron


@lru_cache(maxsize=1024)
def _counted(expression: str, zone: str, nth: int, anchor: datetime) -> EveryNth:
    """The day, week, … number 0 is the one of the wall time that is named first, which a gap may have moved."""
    plain = parse(expression)
    unit = counting.unit_of(plain)
    _, wall = _first(plain, zone_of(zone), anchor - _TICK)
    return EveryNth(plain, nth, unit, counting.number_of(wall, unit))


_Named: TypeAlias = tuple[datetime, datetime]  # the instant, in UTC, and the wall time for which it stands


def _first(times: WallTimes, zone: ZoneInfo, moment: datetime) -> _Named:
    """The first instant strictly after `moment`."""
    local = max(moment, _FIRST).astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0, microsecond=0)
    change = change_at(wall, zone)
    if change:
        return _after_in_overlap(times, zone, wall, local.fold, change)
    return _placed(times.next_wall(wall), times, zone)


def _after_in_overlap(times: WallTimes, zone: ZoneInfo, wall: datetime, fold: int, change: Change) -> _Named:
    """What follows a wall time that occurs twice; `fold` 1 is its second time."""
    if fold == 0:
        found = times.next_wall(wall)
        if found < change.end:
            return instant_of(found, zone), found
    if not once(times, change):
        found = times.next_wall(wall if fold else change.start - _SECOND)
        if found < change.end:
            return instant_of(found, zone, fold=1), found
    return _placed(times.next_wall(change.end - _SECOND), times, zone)


def _placed(wall: datetime, times: WallTimes, zone: ZoneInfo) -> _Named:
    """The first instant for this wall time, or for the first later one if it does not exist."""
    while (change := change_at(wall, zone)) and change.skips:
        if once(times, change):
            return change.instant, wall
        wall = times.next_wall(change.end - _SECOND)
    return instant_of(wall, zone), wall


def once(times: WallTimes, change: Change) -> bool:
    """Whether what is named in a change of the clock runs once all the same."""
    return times.fixed and change.size <= CORRECTION


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise ScheduleError(f"{moment.isoformat()} has no time zone; write it with Z or an offset such as +02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ScheduleError(f"{moment.isoformat()} lies outside the calendar") from error

"""At, Every, Cron: when a job is due next. Pure values; zones and changes of the clock are decided here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from cron.expression import Expression, parse
from cron.walltime import Change, change_at, instant_of, zone_of
from gateway.errors import ScheduleError

CORRECTION = timedelta(hours=3)
"""A clock that is set by more than this was corrected (Samoa skipped a day); the rule for DST is not for that."""

_FIRST = datetime(2, 1, 1, tzinfo=UTC)
_LAST = datetime(9900, 1, 1, tzinfo=UTC)  # 29 February on a given weekday may be 40 years away
_SECOND = timedelta(seconds=1)


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


@dataclass(frozen=True, slots=True)
class Cron:
    """By the wall clock of a zone. One that cannot be read, or can never fire, cannot be made: ScheduleError.

    When the clock is set by at most three hours, Debian's rule holds. An expression whose minute and hour are both
    fixed (neither begins with `*`) runs once: times that are skipped run at the first instant after the gap, times
    that occur twice at the first of the two. Every other expression follows real time: it fires in each minute
    that a wall clock shows and it names.
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        parse(self.expression)
        zone_of(self.zone)
        object.__setattr__(self, "expression", " ".join(self.expression.split()))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant strictly after `moment` that the expression names; UTC; None beyond the year 9900."""
        if moment >= _LAST:
            return None
        zone, expression = zone_of(self.zone), parse(self.expression)
        local = max(moment, _FIRST).astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0, microsecond=0)
        change = change_at(wall, zone)
        if change:
            return _after_in_overlap(expression, zone, wall, local.fold, change)
        return _placed(expression.next_wall(wall), expression, zone)


Schedule: TypeAlias = At | Every | Cron


def _after_in_overlap(
    expression: Expression, zone: ZoneInfo, wall: datetime, fold: int, change: Change
) -> datetime:
    """What follows a wall time that occurs twice; `fold` 1 is its second time."""
    twice = not _once(expression, change)
    if fold == 0:
        found = expression.next_wall(wall)
        if found < change.end:
            return instant_of(found, zone)
    if twice:
        found = expression.next_wall(wall if fold else change.start - _SECOND)
        if found < change.end:
            return instant_of(found, zone, fold=1)
    return _placed(expression.next_wall(change.end - _SECOND), expression, zone)


def _placed(wall: datetime, expression: Expression, zone: ZoneInfo) -> datetime:
    """The first instant for this wall time, or for the first later one if it does not exist."""
    while (change := change_at(wall, zone)) and change.skips:
        if _once(expression, change):
            return change.instant
        wall = expression.next_wall(change.end - _SECOND)
    return instant_of(wall, zone)


def _once(expression: Expression, change: Change) -> bool:
    return expression.fixed and change.size <= CORRECTION


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise ScheduleError(f"{moment.isoformat()} has no time zone; write it with Z or an offset such as +02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ScheduleError(f"{moment.isoformat()} lies outside the calendar") from error

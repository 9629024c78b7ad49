"""The values that a time phrase is made of: clocks, days, repetitions, and what one phrase names together."""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

from gateway.errors import ScheduleError

Amount: TypeAlias = tuple[tuple[Fraction, str], ...]
"""Quantities with their units: 1 hour, 30 minutes."""

NOT_COUNTED = (
    "Every second, third, … one can be counted of days, of weeks with their days, and of one day of the month:"
    ' "every other day at 9", "every 2 weeks on monday at 9", "every 3 months on the 1st at 9".'
)

SECONDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
DAYS: Mapping[str, int] = {"day": 1, "week": 7}
MONTHS: Mapping[str, int] = {"month": 1, "year": 12}
CLOCKLESS = ("second", "minute", "hour")


class Part(StrEnum):
    """A part of the day, which says what a bare hour means."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"
    NOON = "middle of the day"
    LATE = "late evening"  # up to midnight, and not the hours after it
    SMALL_HOURS = "small hours"


def _hours(
    *, same: Iterable[int] = (), later: Iterable[int] = (), next_day: Iterable[int] = ()
) -> Mapping[int, int]:
    """What is written → hours after the midnight that the day began with."""
    return {
        **{hour: hour for hour in same},
        **{hour: hour + 12 for hour in later},
        **{hour: hour % 12 + 24 for hour in next_day},
    }


HOURS_OF: Mapping[Part, Mapping[int, int]] = {
    Part.MORNING: _hours(same=range(12)),
    Part.AFTERNOON: _hours(same=range(12, 20), later=range(1, 8)),
    Part.EVENING: _hours(same=range(16, 24), later=range(4, 12)),
    Part.NIGHT: _hours(same=range(17, 24), later=range(5, 12), next_day=(12, 0, 1, 2, 3, 4)),
    Part.NOON: _hours(same=range(11, 15), later=(1, 2)),
    Part.LATE: _hours(same=range(17, 24), later=range(5, 12), next_day=(12, 0)),
    Part.SMALL_HOURS: {**_hours(same=range(7)), 12: 0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A time of day as it was written."""

    hour: int  # 0…23; with am or pm already counted in
    minute: int = 0
    second: int = 0
    known: bool = False  # am, pm, a leading zero or a word say which half of the day is meant
    minutes_written: bool = False
    part: Part | None = None  # the part of the day that was written with this time alone

    def __str__(self) -> str:
        written = self.minute or self.minutes_written or self.known
        return f"{self.hour}:{self.minute:02}" if written else f"{self.hour}"


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment that needs no zone."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class Offset:
    """So much later than now."""

    amount: Amount


@dataclass(frozen=True, slots=True)
class Shift:
    """Today (0), tomorrow (1), …"""

    days: int


@dataclass(frozen=True, slots=True)
class WeekdayNamed:
    """The coming Monday (0) … Sunday (6)."""

    weekday: int
    next: bool = False  # after an explicit "next", which people mean in two ways
    weeks: int | None = None  # of this week (0), the next (1), …


@dataclass(frozen=True, slots=True)
class WeekdaysNamed:
    """Several weekdays, which are days of a repetition by the week and no day by themselves."""

    weekdays: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DateNamed:
    """A date, with or without its year, or only a day of the month."""

    day: int
    month: int | None = None
    year: int | None = None
    months: int | None = None  # of this month (0), the next (1), …
    years: int | None = None  # of this year (0), the next (1), …


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the day in which an interval repeats, both ends with it."""

    first: Clock
    last: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A repetition. `unit` alone ("weekly") may get its day from another piece ("on monday")."""

    unit: str = ""
    amount: Amount = ()
    weekdays: str = ""  # as in a cron expression
    month_days: str = ""
    months: str = ""
    nth: int = 1  # every second, third, … of these, from the first on
    times: int = 0  # "twice a day": so many times of day have to be named

    @property
    def is_interval(self) -> bool:
        return bool(self.amount) or self.unit in CLOCKLESS


Day: TypeAlias = Shift | WeekdayNamed | WeekdaysNamed | DateNamed
Meaning: TypeAlias = Instant | Offset | Day | Repeat | Clock | Part | Window


@dataclass(slots=True)
class Slots:
    """What one phrase names, each thing at most once (times of day: several in a repetition)."""

    instant: Instant | None = None
    offset: Offset | None = None
    day: Day | None = None
    repeat: Repeat | None = None
    part: Part | None = None
    window: Window | None = None
    weekday: WeekdayNamed | None = None  # beside a date, which has to be one
    days: Repeat | None = None  # beside an interval: the weekdays on which it repeats
    clocks: list[Clock] = field(default_factory=list)

    @classmethod
    def of(cls, meanings: Iterable[Meaning]) -> "Slots":
        """Sort the pieces into their slots; ScheduleError when two want the same one."""
        slots = cls()
        for meaning in meanings:
            slots._put(meaning)
        return slots

    def _put(self, meaning: Meaning) -> None:
        if isinstance(meaning, Clock):
            self.clocks.append(meaning)
            return
        name = self._aside(meaning) or _slot_of(meaning)
        if getattr(self, name) not in (None, meaning):
            raise ScheduleError(f"This names two {_TWO[name]}, a schedule has one; make a job for each.")
        setattr(self, name, meaning)

    def _aside(self, meaning: Meaning) -> str:
        """Where what completes another piece goes ("thursday, 24 december"); empty when it completes none."""
        match self.day, meaning:
            case (Shift() | DateNamed(), WeekdayNamed(next=False, weeks=None)):
                return "weekday"
            case (WeekdayNamed(next=False, weeks=None) as weekday, Shift() | DateNamed()):
                self.weekday, self.day = weekday, None
        match self.repeat, meaning:
            case (Repeat(is_interval=True), Repeat(weekdays=str(days), nth=1)) if days:
                return "days"
            case (Repeat(weekdays=str(days), nth=1) as named, Repeat(is_interval=True)) if days:
                self.days, self.repeat = named, None
        return ""

    @property
    def names_a_day(self) -> bool:
        return self.day is not None or self.repeat is not None or self.offset is not None

    @property
    def is_clock(self) -> bool:
        """A time of day and nothing else."""
        return bool(self.clocks) and not self.names_a_day and self.instant is None

    @property
    def waits_for_clock(self) -> bool:
        """A day or a repetition that lacks its time of day."""
        if self.clocks or self.instant is not None or self.offset is not None:
            return False
        return self.repeat is None or not self.repeat.is_interval


_TWO = {
    "instant": "times",
    "offset": "amounts",
    "day": "days",
    "repeat": "repetitions",
    "part": "parts of the day",
    "window": "spans of the day",
    "weekday": "weekdays",
    "days": "sets of weekdays",
}


def _slot_of(meaning: Meaning) -> str:
    match meaning:
        case Instant():
            return "instant"
        case Offset():
            return "offset"
        case Repeat():
            return "repeat"
        case Part():
            return "part"
        case Window():
            return "window"
        case _:
            return "day"


@dataclass(frozen=True, slots=True)
class Place:
    """Now, and the zone whose wall clocks are meant."""

    now: datetime
    zone: str

    @property
    def local(self) -> datetime:
        return self.now.astimezone(ZoneInfo(self.zone))


def check_date(named: DateNamed) -> None:
    month, year = (
        1 if named.month is None else named.month,
        named.year or 2000,
    )  # a leap year: 29 February exists without a year
    if not 1 <= month <= 12 or not 1 <= named.day <= calendar.monthrange(year, month)[1]:
        written = f"{named.year}-" if named.year else ""
        raise ScheduleError(f"There is no date {written}{month:02}-{named.day:02}.")


def yearly(day: int, month: int) -> Repeat:
    """Every year on this date."""
    check_date(DateNamed(day=day, month=month))
    return Repeat(month_days=str(day), months=str(month))


def monthly(*days: int) -> Repeat:
    """Every month on these days; months without one leave it out."""
    return Repeat(month_days=",".join(dict.fromkeys(month_day(day) for day in sorted(days))))


def month_day(day: int) -> str:
    """The field of a cron expression."""
    if not 1 <= day <= 31:
        raise ScheduleError(f"There is no day {day} in any month.")
    return str(day)


def cron_weekdays(weekdays: Iterable[int]) -> str:
    """Weekdays (Monday 0) as the field of a cron expression (Sunday 0)."""
    days = sorted({(day + 1) % 7 for day in weekdays})
    if len(days) == 7:
        return "*"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{days[0]}-{days[-1]}"
    return ",".join(map(str, days))

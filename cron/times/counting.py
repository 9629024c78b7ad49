"""Every second day, every third Monday: which of the times that an expression names count. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from cron.times.expression import DAY, MONTH, WEEKDAY, Expression
from gateway.errors import ScheduleError

_LAST_YEAR = 9900
_SECOND = timedelta(seconds=1)


class Unit(StrEnum):
    """What is counted, by the calendar of the zone. A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_MOST = {Unit.DAY: 3653, Unit.WEEK: 521, Unit.MONTH: 120, Unit.YEAR: 10}  # ten years, as for an interval
_MOST_IN_SOME_MONTHS = {
    Unit.DAY: 28,
    Unit.WEEK: 4,
}  # no month is shorter, so each that is named has one that counts


def unit_of(expression: Expression) -> Unit:
    """What `every_nth` counts: the shortest stretch of the calendar in which the expression repeats itself.

    Days where the expression names every day, weeks where it names weekdays, months where it names days of the
    month (or the first Monday, the last Friday), years where it names those in some months only. ScheduleError
    where it names days of the month or weekdays, whichever comes first.
    """
    any_day = len(expression.day.values) == DAY.size
    any_weekday = len(expression.weekday.values) == WEEKDAY.size
    if not expression.both and not (any_day or any_weekday):
        raise ScheduleError(
            "every_nth needs days of the month or weekdays; with both it is not clear what is counted:"
            " make two jobs"
        )
    if (any_day and any_weekday) or not expression.both:
        return Unit.DAY
    if any_day and not expression.weekday.special:
        return Unit.WEEK
    return Unit.MONTH if len(expression.month.values) == MONTH.size else Unit.YEAR


def check(expression: Expression, nth: int) -> None:
    """ScheduleError if this cannot be counted."""
    if nth < 1:
        raise ScheduleError(f"every_nth is a number from 1 on, 2 for every other; this is {nth}")
    unit = unit_of(expression) if nth > 1 else Unit.DAY
    if nth > _MOST[unit]:
        raise ScheduleError(
            f"every_nth counts {unit}s here and is at most {_MOST[unit]}, ten years; this is {nth}"
        )
    some_months = len(expression.month.values) < MONTH.size
    if some_months and nth > _MOST_IN_SOME_MONTHS.get(unit, nth):
        most = _MOST_IN_SOME_MONTHS[unit]
        raise ScheduleError(f"every_nth counts {unit}s in some months only and is at most {most}; this is {nth}")


@dataclass(frozen=True, slots=True)
class EveryNth:
    """The times of an expression in every nth day, week, month or year; number `zero` is one of them."""

    expression: Expression
    nth: int
    unit: Unit
    zero: int

    @property
    def fixed(self) -> bool:
        """See Expression."""
        return self.expression.fixed

    def next_wall(self, after: datetime) -> datetime:
        """The first wall time strictly after `after` that counts; OverflowError beyond the year 9900.

        Stretches that do not count are jumped over, so the cost does not grow with n or with the distance.
        """
        found = self.expression.next_wall(after)
        while beyond := (number_of(found, self.unit) - self.zero) % self.nth:
            start = _start(number_of(found, self.unit) + self.nth - beyond, self.unit)
            if start.year >= _LAST_YEAR:
                raise OverflowError
            found = self.expression.next_wall(datetime(start.year, start.month, start.day) - _SECOND)  # noqa: DTZ001
        return found


def number_of(day: date, unit: Unit) -> int:
    """The number of the day, week, month or year that a date lies in; neighbours differ by one."""
    match unit:
        case Unit.DAY:
            return day.toordinal()
        case Unit.WEEK:
            return (day.toordinal() - 1) // 7  # 1 January of the year 1 was a Monday
        case Unit.MONTH:
            return day.year * 12 + day.month - 1
        case Unit.YEAR:
            return day.year


def _start(number: int, unit: Unit) -> date:
    match unit:
        case Unit.DAY:
            return date.fromordinal(number)
        case Unit.WEEK:
            return date.fromordinal(number * 7 + 1)
        case Unit.MONTH:
            return date(number // 12, number % 12 + 1, 1)
        case Unit.YEAR:
            return date(number, 1, 1)

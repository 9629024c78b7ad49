"""An interval within a part of each day: "every 2 hours between 9 and 17". Pure."""

from fractions import Fraction

from cron.phrases.hours import hour_of
from cron.phrases.values import Amount, Clock, Repeat, Slots, Window
from cron.schedule import Cron
from gateway.errors import ScheduleError

HALF_MEANT = 'write the end of it with its minutes, such as "every 30 minutes between 9:00 and 17:30"'


def amount_of(repeat: Repeat) -> Amount:
    """The interval of a repetition that is one."""
    return repeat.amount or ((Fraction(1), repeat.unit),)


def within(slots: Slots, window: Window, zone: str) -> Cron:
    """An expression that names both ends; ScheduleError where it could not."""
    repeat = slots.repeat or Repeat()
    if not repeat.is_interval or slots.clocks or slots.day is not None or slots.part is not None:
        raise ScheduleError(
            'Hours from one to another need an interval, such as "every 2 hours between 9 and 17" or "every 30'
            ' minutes between 9:00 and 17:30 on weekdays".'
        )
    first, last = (
        hour_of(clock, part=None, day_named=True, repeated=True) for clock in (window.first, window.last)
    )
    if (last, window.last.minute) <= (first, window.first.minute):
        raise ScheduleError(
            f'"{window.last}" is not after "{window.first}" on the same day; write both by the 24-hour clock,'
            ' such as "between 9:00 and 17:00".'
        )
    times = _times(amount_of(repeat), window, first, last)
    return Cron(f"{times} * * {slots.days.weekdays if slots.days else '*'}", zone)


def _times(amount: Amount, window: Window, first: int, last: int) -> str:
    """Minute and hour of the expression."""
    (number, unit), *others = amount
    if others or number.denominator != 1 or unit not in ("minute", "hour") or _has_seconds(window):
        raise ScheduleError("Between two hours an interval is in whole minutes or whole hours.")
    step = int(number)
    if unit == "hour":
        return _hours(step, window, first, last)
    if step >= 60 or 60 % step:
        raise ScheduleError("Between two hours the minutes divide an hour: every 5, 10, 15, 20 or 30 minutes.")
    if window.first.minute or window.last.minute not in (60 - step, 59):
        raise ScheduleError(
            f"Is the last one at {window.last.hour}:{window.last.minute:02}, or before? {HALF_MEANT}."
        )
    return f"{f'*/{step}' if step > 1 else '*'} {_span(first, last)}"


def _hours(step: int, window: Window, first: int, last: int) -> str:
    if window.first.minute != window.last.minute:
        raise ScheduleError("Between two times hours are counted from the first: give both the same minute.")
    hours = ",".join(map(str, range(first, last + 1, step))) if step > 1 else _span(first, last)
    return f"{window.first.minute} {hours}"


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if first < last else f"{first}"


def _has_seconds(window: Window) -> bool:
    clocks: tuple[Clock, ...] = (window.first, window.last)
    return any(clock.second for clock in clocks)

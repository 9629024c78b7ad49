"""What the pieces of a time phrase mean together: the rules for hours, days and repetitions. Pure."""

import calendar
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from cron.phrases.hours import hour_of
from cron.phrases.span import amount_of, within
from cron.phrases.values import (
    DAYS,
    MONTHS,
    NOT_COUNTED,
    SECONDS,
    Amount,
    Clock,
    DateNamed,
    Day,
    Part,
    Place,
    Repeat,
    Shift,
    Slots,
    WeekdayNamed,
    WeekdaysNamed,
    check_date,
    cron_weekdays,
    month_day,
    yearly,
)
from cron.schedule import At, Cron, Every, Schedule
from gateway.errors import ScheduleError

LONGEST = timedelta(days=36_525)
MOST_LEFT_OUT = 1000  # every thousandth day is a mistake
SHORTEST_MONTH = 28


def resolve(slots: Slots, place: Place) -> Schedule:
    """The schedule that is meant; ScheduleError says what is missing, impossible, or would be a guess."""
    try:
        if slots.repeat is not None:
            return _repetition(slots, slots.repeat, place)
        return At(_future(_once(slots, place), place))
    except (OverflowError, ValueError) as error:
        raise ScheduleError("This time lies too far away.") from error


# -- once ---------------------------------------------------------------------------------------------


def _once(slots: Slots, place: Place) -> datetime:
    if len(slots.clocks) > 1:
        raise ScheduleError("This names two times of day for one time; make a job for each.")
    if slots.instant is not None:
        return _alone(slots, slots.instant.moment)
    if slots.offset is not None and not slots.clocks:
        return _alone(slots, _after(slots.offset.amount, place))
    if not slots.clocks:
        raise ScheduleError('At what time? For example "tomorrow at 9:00" or "on friday at 5pm".')
    return _at_clock(slots, slots.clocks[0], place)


def _alone(slots: Slots, moment: datetime) -> datetime:
    named = [slots.instant, slots.offset, slots.day, slots.part, *slots.clocks]
    if sum(one is not None for one in named) > 1:
        raise ScheduleError(
            'This names two different times; write one, such as "in 2 hours" or "tomorrow at 9:00".'
        )
    return moment


def _at_clock(slots: Slots, clock: Clock, place: Place) -> datetime:
    hours = hour_of(clock, part=_part(slots, clock), day_named=slots.names_a_day)
    if slots.day is None and slots.offset is None:
        return _next_wall(hours, clock, place)
    first = _checked_weekday(_date_of(slots, place), slots.weekday)
    if isinstance(slots.day, WeekdayNamed | DateNamed) and _comes_again(slots) and first == place.local.date():
        today = _wall(first, hours, clock, place)
        return today if today > place.now else _wall(_later(slots.day, place), hours, clock, place)
    if hours >= 24 and place.local.hour < 5:  # after midnight, "tonight at 2" is still this night
        tonight = _wall(first - timedelta(days=1), hours, clock, place)
        return tonight if tonight > place.now else _wall(first, hours, clock, place)
    return _wall(first, hours, clock, place)


def _part(slots: Slots, clock: Clock) -> Part | None:
    if slots.part and clock.part and slots.part is not clock.part:
        raise ScheduleError("This names two parts of the day for one time; write one.")
    return clock.part or slots.part


def _comes_again(slots: Slots) -> bool:
    """Whether the day is one of many, so that it is the following one when today's time has passed."""
    match slots.day:
        case WeekdayNamed(weeks=None):
            return True
        case DateNamed(months=None, years=None):
            return slots.weekday is None
        case _:
            return False


def _checked_weekday(day: date, named: WeekdayNamed | None) -> date:
    if named is not None and day.weekday() != named.weekday:
        raise ScheduleError(f"{day} is a {day:%A}: date and weekday do not agree; write one of them.")
    return day


def _next_wall(hours: int, clock: Clock, place: Place) -> datetime:
    """The next time that clocks show this: today, else tomorrow."""
    today = place.local.date() - timedelta(days=hours // 24)
    moments = (_wall(today + timedelta(days=days), hours, clock, place) for days in range(3))
    return next(moment for moment in moments if moment > place.now)


def _date_of(slots: Slots, place: Place) -> date:
    today = place.local.date()
    match slots.day:
        case Shift(days):
            return today + timedelta(days=days)
        case WeekdayNamed() as named:
            return _weekday_date(named, today)
        case DateNamed() as named:
            return _date_from(named, today)
        case WeekdaysNamed():
            raise ScheduleError(
                'This names two days, a schedule has one; or is it "every monday and thursday at 9"?'
            )
        case None:
            return _date_after(slots.offset.amount if slots.offset else (), today)


def _weekday_date(named: WeekdayNamed, today: date) -> date:
    if named.weeks is not None:
        return today + timedelta(days=named.weekday - today.weekday() + 7 * named.weeks)
    days = (named.weekday - today.weekday()) % 7
    coming = today + timedelta(days=days)
    if not named.next:
        return coming
    if days == 0:
        return today + timedelta(days=7)
    if named.weekday > today.weekday():  # still to come in this week: people mean either
        after = coming + timedelta(days=7)
        raise ScheduleError(
            f'"next" can mean {coming} or {after} here; write the date, or "on" for the coming one.'
        )
    return coming


def _date_from(named: DateNamed, earliest: date) -> date:
    """The first such date that is not before `earliest`; a date with a year is itself."""
    if named.month is not None:
        check_date(named)
    if named.months is not None:
        year, month = divmod(earliest.year * 12 + earliest.month - 1 + named.months, 12)
        named = DateNamed(day=named.day, month=month + 1, year=year)
    elif named.years is not None:
        named = DateNamed(day=named.day, month=named.month, year=earliest.year + named.years)
    if named.year is not None and named.month is not None:
        check_date(named)
        return date(named.year, named.month, named.day)
    for months in range(12 * 9):  # 29 February can be eight years away
        year, month = divmod(earliest.year * 12 + earliest.month - 1 + months, 12)
        fits = named.month in (None, month + 1) and named.day <= calendar.monthrange(year, month + 1)[1]
        if fits and (found := date(year, month + 1, named.day)) >= earliest:
            return found
    raise ScheduleError(f"There is no day {named.day} in any month.")


def _later(day: WeekdayNamed | DateNamed, place: Place) -> date:
    """The occurrence of a named day after today; a date with a year has none but itself."""
    tomorrow = place.local.date() + timedelta(days=1)
    return _weekday_date(day, tomorrow) if isinstance(day, WeekdayNamed) else _date_from(day, tomorrow)


def _after(amount: Amount, place: Place) -> datetime:
    """Now and so much more: days and months by the wall clock, what is shorter by elapsed time."""
    months, days, elapsed = _split(amount)
    local = place.local
    if months or days:
        day = _plus_months(local.date(), months) + timedelta(days=days)
        local = datetime.combine(day, local.timetz())
    return local.astimezone(UTC) + elapsed


def _date_after(amount: Amount, today: date) -> date:
    months, days, elapsed = _split(amount)
    if elapsed:
        raise ScheduleError('This names an amount of hours and a time of day; write one, such as "in 2 hours".')
    return _plus_months(today, months) + timedelta(days=days)


def _split(amount: Amount) -> tuple[int, int, timedelta]:
    months, days, seconds = 0, 0, Fraction(0)
    for number, unit in amount:
        if unit in MONTHS and (number * MONTHS[unit]).denominator == 1:
            months += int(number * MONTHS[unit])
        elif unit in DAYS and number.denominator == 1:
            days += int(number) * DAYS[unit]
        elif unit in SECONDS:
            seconds += number * SECONDS[unit]
        else:
            raise ScheduleError(f"A part of a {unit} has no fixed length; write it in days or hours.")
    return months, days, timedelta(seconds=float(seconds))


def _plus_months(day: date, months: int) -> date:
    """The same day so many months later; the month's last day where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _wall(day: date, hours: int, clock: Clock, place: Place) -> datetime:
    day += timedelta(days=hours // 24)
    return instant_of(datetime.combine(day, time(hours % 24, clock.minute, clock.second)), place)


def instant_of(naive: datetime, place: Place) -> datetime:
    """The instant of a wall time; of two (the clock is set back) the first that is still to come."""
    zone = ZoneInfo(place.zone)
    instants = [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = [moment for moment in instants if moment.astimezone(zone).replace(tzinfo=None, fold=0) == naive]
    if not real:
        raise ScheduleError(
            f"{naive:%Y-%m-%d %H:%M} does not exist in {place.zone}: the clock is set forward over it."
        )
    return next((moment for moment in real if moment > place.now), real[-1])


def _future(moment: datetime, place: Place) -> datetime:
    if moment - place.now > LONGEST:
        raise ScheduleError("This time lies more than a hundred years away.")
    if moment <= place.now:
        raise ScheduleError(past(moment, place))
    return moment


def past(moment: datetime, place: Place) -> str:
    """Why a moment that has passed is refused, with everything that helps to see the mistake."""
    there = moment.astimezone(ZoneInfo(place.zone))
    ago = timedelta(seconds=int((place.now - moment).total_seconds()))
    return (
        f"{there:%Y-%m-%d %H:%M:%S} ({place.zone}), {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, is not in the"
        f" future: it is {place.local:%Y-%m-%d %H:%M:%S} ({place.zone}) now, {ago} later."
    )


# -- again and again ----------------------------------------------------------------------------------

NOT_TIED = (
    'An interval ("every 5 minutes", "every hour") counts from now and cannot be tied to a time of day or to days;'
    ' what can be is "every day at 9" or "every weekday at 9".'
)


def _repetition(slots: Slots, repeat: Repeat, place: Place) -> Schedule:
    if slots.instant is not None or slots.offset is not None:
        raise ScheduleError('This names a repetition and a single time; write one, such as "every day at 9:00".')
    if slots.window is not None:
        return within(slots, slots.window, place.zone)
    if slots.days is not None:
        raise ScheduleError(
            "This names two repetitions, a schedule has one; with the hours between which it repeats it is one,"
            ' such as "every 2 hours between 9 and 17 on weekdays".'
        )
    repeat = _counted(repeat, slots)
    if repeat.is_interval:
        return _interval(slots, amount_of(repeat), place)
    repeat = _completed(repeat, slots.day)
    if not slots.clocks:
        raise ScheduleError('At what time? For example "every day at 9:00" or "every monday at 18:30".')
    return _from_first(Cron(_expression(repeat, slots), place.zone), repeat, place)


def _counted(repeat: Repeat, slots: Slots) -> Repeat:
    """Every 3 days with a time of day is every third day, and no interval."""
    if len(repeat.amount) != 1 or not (slots.clocks or slots.day):
        return repeat
    number, unit = repeat.amount[0]
    if unit not in DAYS and unit not in MONTHS:
        return repeat
    if number.denominator != 1:
        raise ScheduleError(NOT_COUNTED)
    return Repeat(unit=unit, nth=int(number))


def _from_first(schedule: Cron, repeat: Repeat, place: Place) -> Cron:
    """The schedule, or every nth of its days from the first on."""
    if repeat.nth == 1:
        return schedule
    if not 1 < repeat.nth <= MOST_LEFT_OUT:
        raise ScheduleError(NOT_COUNTED)
    if repeat.month_days and max(map(int, repeat.month_days.split(","))) > SHORTEST_MONTH:
        raise ScheduleError(
            "Not every month has this day, so months cannot be counted by it; take a day up to 28."
        )
    return replace(schedule, every_nth=repeat.nth, anchor=schedule.next_after(place.now))


def _interval(slots: Slots, amount: Amount, place: Place) -> Every:
    tied = slots.clocks or slots.day is not None or slots.part is not None
    units = {unit for _, unit in amount}
    if units & MONTHS.keys():
        raise ScheduleError(
            f'Months differ in length; write the day, such as "on the 1st of every month at 9". {NOT_COUNTED}'
        )
    if tied:
        raise ScheduleError(NOT_COUNTED if units & DAYS.keys() else NOT_TIED)
    interval = timedelta(seconds=float(sum(number * SECONDS[unit] for number, unit in amount)))
    if not timedelta(seconds=1) <= interval <= LONGEST:
        raise ScheduleError("An interval is at least a second and at most a hundred years.")
    return Every(interval, place.now)


def _completed(repeat: Repeat, day: Day | None) -> Repeat:
    """A weekly, monthly or yearly repetition with the day that another piece named."""
    match repeat.unit, day:
        case "week", WeekdayNamed(weekday, False, None):
            return replace(repeat, unit="", weekdays=cron_weekdays([weekday]))
        case "week", WeekdaysNamed(weekdays):
            return replace(repeat, unit="", weekdays=cron_weekdays(weekdays))
        case "month", DateNamed(day=number, month=None, months=None):
            return replace(repeat, unit="", month_days=month_day(number))
        case "year", DateNamed(day=number, month=int(month), year=None, years=None):
            return replace(yearly(number, month), nth=repeat.nth, times=repeat.times)
        case "week", None:
            raise ScheduleError('On which day and at what time? For example "every monday at 9:00".')
        case "month", None:
            raise ScheduleError('On which day and at what time? For example "on the 1st of every month at 9:00".')
        case "year", None:
            raise ScheduleError('On which day and at what time? For example "every 24 December at 18:00".')
        case _, None:
            return repeat
    raise ScheduleError('This names a repetition and a single day; write one, such as "every monday at 9:00".')


def _expression(repeat: Repeat, slots: Slots) -> str:
    hours = [hour_of(clock, part=_part(slots, clock), day_named=True, repeated=True) for clock in slots.clocks]
    if repeat.times and repeat.times != len(set(hours)):
        raise ScheduleError(
            'Name as many times of day as there are in a day, such as "twice a day at 8:00 and 20:00".'
        )
    if any(clock.second for clock in slots.clocks):
        raise ScheduleError("A repetition at a time of day has no seconds; write hours and minutes.")
    if len({clock.minute for clock in slots.clocks}) > 1:
        raise ScheduleError("Several times of day in one schedule share their minute; make a job for each.")
    every_day = not (repeat.weekdays.strip("*") or repeat.month_days or repeat.months)
    if any(hour >= 24 for hour in hours) and not every_day:
        raise ScheduleError("Which day is meant after midnight? Name the day and write the time as 01:00.")
    times = ",".join(str(hour) for hour in sorted({hour % 24 for hour in hours}))
    days, months, weekdays = repeat.month_days or "*", repeat.months or "*", repeat.weekdays or "*"
    return f"{slots.clocks[0].minute} {times} {days} {months} {weekdays}"

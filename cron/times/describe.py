"""Schedules in words for people, and in the short form of a list. Pure."""

from datetime import UTC, datetime
from functools import lru_cache

from cron.job import Job
from cron.policy import Exclude
from cron.schedule import At, Cron, Every, Schedule
from cron.times.counting import unit_of
from cron.times.expression import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Field, Kind, parse
from cron.times.schedule_text import format_duration
from cron.times.timetable import DAYS, offset_of
from cron.times.walltime import zone_of
from gateway.clock import to_text
from gateway.errors import ScheduleError

MOST_DATES = 10
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


def describe(schedule: Schedule, *, zone: str) -> str:
    """`every 5m`, `once at 2026-04-25 09:00 (Asia/Shanghai)`, `At 09:00, Monday through Friday (Europe/Berlin)`.

    `zone` is the reader's; an expression is shown in its own.
    """
    match schedule:
        case At(instant=instant):
            return f"once at {_shown(instant, zone)}"
        case Every(interval=interval):
            return f"every {format_duration(interval)}"
        case Cron(expression=expression, zone=own, anchor=None):
            return f"{_words(expression)} ({own})"
        case Cron(expression=expression, zone=own):
            return f"{_words(expression).removesuffix(', every day')}, {_counted(schedule)} ({own})"


def describe_job(job: Job) -> str:
    """When a job fires, with its bounds: `every 1d, from 2026-04-01 09:00 (UTC), not on Sundays, 10 times in all`.

    ScheduleError for a job that has no schedule, because it cannot be read.
    """
    if job.schedule is None:
        raise ScheduleError(job.status_reason)
    words = [describe(job.schedule, zone=job.tz)]
    if job.start_at is not None:
        words.append(f"from {_shown(job.start_at, job.tz)}")
    if job.expires_at is not None:
        words.append(f"until {_shown(job.expires_at, job.tz)}")
    if left_out := _left_out(job.exclude):
        words.append(f"not on {left_out}")
    if job.jitter:
        offset = format_duration(offset_of(job.uid, job.jitter)) if job.uid else "its part"
        words.append(f"{offset} later, of a jitter of {format_duration(job.jitter)}")
    if job.max_runs is not None:
        words.append("once in all" if job.max_runs == 1 else f"{job.max_runs} times in all")
    return ", ".join(words)


def expression_text(schedule: Schedule) -> str:
    """The short form: `every 60s`, the expression as it was written (`0 9 * * 1, every 2nd week`), the instant."""
    match schedule:
        case At(instant=instant):
            return to_text(instant).replace(".000000Z", "Z")
        case Every(interval=interval):
            return f"every {format_duration(interval)}"
        case Cron(expression=expression, anchor=None):
            return expression
        case Cron(expression=expression):
            return f"{expression}, {_nth(schedule)}"


def _shown(instant: datetime, zone: str) -> str:
    try:
        there = instant.astimezone(zone_of(zone))
    except OverflowError:  # the last hours of the calendar
        there, zone = instant.astimezone(UTC), "UTC"
    return f"{there:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + f" ({zone})"


def _left_out(exclude: Exclude) -> str:
    """Saturdays, Sundays, 2026-12-24 and public holidays of DE-BY; a long list of dates is cut."""
    names = [f"{DAYS[number]}s" for number in sorted(exclude.weekdays)]
    dates = sorted(exclude.dates)
    names += [day.isoformat() for day in dates[:MOST_DATES]]
    if len(dates) > MOST_DATES:
        names.append(f"{len(dates) - MOST_DATES} other dates")
    if exclude.holidays:
        names.append(f"public holidays of {exclude.holidays}")
    return names[0] if len(names) == 1 else " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _counted(schedule: Cron) -> str:
    """every 2nd week from 2026-03-02: when it fires first."""
    first = schedule.next_after(_LONG_AGO)
    start = f" from {first.astimezone(zone_of(schedule.zone)):%Y-%m-%d}" if first else ""
    return f"{_nth(schedule)}{start}"


def _nth(schedule: Cron) -> str:
    nth, unit = schedule.every_nth, unit_of(parse(schedule.expression))
    ending = {1: "st", 2: "nd", 3: "rd"}.get(nth % 10 if nth % 100 not in (11, 12, 13) else 0, "th")
    return f"every {nth}{ending} {unit}"


# -- expressions --------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _words(expression: str) -> str:
    """cron-descriptor's words for each part; how day and weekday go together is said here, as it is computed."""
    parsed = parse(expression)
    time = f"{_plain(parsed.minute, MINUTE)} {_plain(parsed.hour, HOUR)}"
    always = _described(f"{time} * * *")
    days = " or ".join(_added(f"{time} {each} * *", always) for each in _parts(parsed.day, DAY))
    weekdays = " or ".join(_added(f"{time} * * {each}", always) for each in _parts(parsed.weekday, WEEKDAY))
    months = _added(f"{time} * {_plain(parsed.month, MONTH)} *", always)
    dates = _dates(days, weekdays, both=parsed.both)
    if always.startswith("At ") and not dates and not months:
        dates = "every day"
    return ", ".join(filter(None, (always, dates, months)))


def _dates(days: str, weekdays: str, *, both: bool) -> str:
    if days.startswith("every ") and days.endswith(" days"):
        days += " from the 1st of the month"  # so that the 31st and the 1st follow each other
    if both and not (days and weekdays):
        return days or weekdays
    weekdays = weekdays.removeprefix("only ")
    if both:
        return f"{days}, but only {weekdays}"
    return f"either {days} or {weekdays}" if days and weekdays else ""  # else one of them always holds


def _parts(field: Field, kind: Kind) -> list[str]:
    """The field in pieces that cron-descriptor has right words for: it mixes up plain days with L and 5#2."""
    if len(field.values) == kind.size:
        return ["*"]
    return [each.upper() for each in (_plain(field, kind), *field.special) if each]


def _plain(field: Field, kind: Kind) -> str:
    """The plain values; a step is spelled out where "every 2 days of the week" would mislead, or in a list."""
    stepped = any("/" in each for each in field.items)
    if stepped and (len(field.items) > 1 or kind is WEEKDAY):
        return field.canonical(kind)
    return "*" if "*" in field.items else ",".join(field.items)


def _added(expression: str, always: str) -> str:
    """What a restriction adds to the words of the expression without it."""
    return _described(expression).removeprefix(always).removeprefix(", ")


@lru_cache(maxsize=4096)
def _described(expression: str) -> str:
    from cron_descriptor import ExpressionDescriptor, Options  # slow to import, and only for people's eyes

    options = Options(use_24hour_time_format=True, locale_code="en_US")
    return str(ExpressionDescriptor(expression, options).get_description())

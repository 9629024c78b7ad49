"""Schedules, durations and instants as people and models write them. Pure; phrases are elsewhere."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cron.schedule import At, Cron, Every, Schedule
from cron.times.expression import shown
from cron.times.walltime import Change, change_at, instant_of, zone_of
from gateway import durations
from gateway.errors import ScheduleError

LONGEST = timedelta(days=3653)
"""Ten years: a longer interval is a mistake."""

GRACE = timedelta(seconds=60)
"""A time that has just passed is still meant: a model needs a while to answer."""

FORMS = (
    'a cron expression ("0 9 * * 1-5", "@daily"), an interval ("every 30m") or a time ("2026-04-25T09:00", "…Z")'
)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,6})?\s*[a-z]", re.ASCII)
_DATE_FIRST = re.compile(r"\d{4}-?\d\d|\d{4}-?W", re.ASCII)
_TIME_ALONE = re.compile(r"T?\d{1,2}:\d\d(:\d\d)?", re.ASCII)
_MOMENT = re.compile(r"[0-9W:.,+\-]+[T ][0-9:.,+\-]+Z?", re.ASCII)
_YEARS = range(1970, 9900)


def parse_schedule(text: str, *, zone: str, now: datetime) -> Schedule:
    """A cron expression or alias, `every 30m` or `30m` (counted from now), or an ISO instant."""
    written = text.strip()
    words = written[:1000].split()
    if words and words[0].lower() in ("every", "@every"):
        return Every(parse_duration(written[len(words[0]) :]), now)
    if written.startswith("@") or "*" in written or (len(words) >= 4 and words[0][0].isdigit()):
        return Cron(written, zone)
    if _DATE_FIRST.match(written) and not written.isdigit():
        return At(parse_instant(written, zone=zone, now=now))
    if _NUMBER.fullmatch(written):
        raise ScheduleError(
            f"{shown(written)}: seconds, minutes or hours? Write {written}s, {written}m or {written}h"
        )
    if _AMOUNT.match(written.lower()):
        return Every(parse_duration(written), now)
    raise ScheduleError(f"{shown(written)} is not a schedule; write {FORMS}")


# -- durations ----------------------------------------------------------------------------------------


def parse_duration(text: str) -> timedelta:
    """Seconds as a plain number, or 30s, 5m, 2h, 1d, 1w, 1h30m, "90 s"; above zero and at most ten years."""
    try:
        duration = durations.parse(text)
    except ValueError as error:
        raise ScheduleError(f"{shown(text.strip())} {error}") from None
    if not timedelta() < duration <= LONGEST:
        raise ScheduleError(f"{shown(text.strip())} is not a duration above zero and of at most ten years")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest exact form in one unit, which `parse_duration` reads back: 90s, 5m, 1h, 1d. A minute is 60s."""
    return "60s" if duration == timedelta(minutes=1) else durations.to_text(duration)


# -- instants -----------------------------------------------------------------------------------------


def parse_instant(text: str, *, zone: str, now: datetime) -> datetime:
    """An ISO 8601 date and time, in UTC; without Z or an offset it is wall time in `zone`.

    A wall time that does not exist is a ScheduleError; of two the first is meant. Past times are not judged here.
    """
    there = zone_of(zone)
    moment = _moment(text.strip(), now.astimezone(there))
    try:
        return moment.astimezone(UTC) if moment.tzinfo else _from_wall(moment, there)
    except OverflowError as error:
        raise ScheduleError(f"{shown(text.strip())} lies outside the calendar") from error


def _moment(written: str, now: datetime) -> datetime:
    example = f"{now + timedelta(days=1):%Y-%m-%d}T09:00"
    if _is_date(written):
        raise ScheduleError(f"{written}: at what time? Write for example {written}T09:00")
    if _TIME_ALONE.fullmatch(written):
        raise ScheduleError(f"{shown(written)}: on which day? Write date and time, for example {example}")
    tidy = re.sub(r"\s+(?=[+\-Z])", "", written.upper()) if len(written) <= 64 else ""
    try:
        if not _MOMENT.fullmatch(tidy):
            raise ValueError("has other characters than a date and a time have")
        moment = datetime.fromisoformat(tidy)
    except ValueError as error:
        raise ScheduleError(
            f"{shown(written)} is not a date and time in ISO 8601; write for example {example},"
            f" {example}:00Z or {example}:00+02:00"
        ) from error
    if moment.year not in _YEARS:
        raise ScheduleError(f"{shown(written)}: the year is not in {_YEARS[0]}-{_YEARS[-1]}")
    return moment


def _is_date(written: str) -> bool:
    if len(written) > 10:
        return False
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True


def _from_wall(wall: datetime, zone: ZoneInfo) -> datetime:
    change = change_at(wall, zone)
    if change and change.skips:
        raise ScheduleError(_missing(wall, zone, change))
    return instant_of(wall, zone)


def _missing(wall: datetime, zone: ZoneInfo, change: Change) -> str:
    start, end = change.start, change.end
    form = "%H:%M" if start.date() == end.date() == wall.date() else "%Y-%m-%d %H:%M"
    return (
        f"{wall:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clock is set forward from {start:{form}} to"
        f" {end:{form}} there; write {start - timedelta(minutes=1):{form}} or earlier, or {end:{form}} or later"
    )


def check_instant(instant: datetime, *, now: datetime, zone: str, min_lead: timedelta = timedelta(0)) -> datetime:
    """The instant, if it may still be scheduled: at least `min_lead` ahead, or without one at most 60 s past."""
    ahead = instant - now
    if ahead >= (min_lead or -GRACE):
        return instant
    relation = f"{_spoken(-ahead)} in the past" if ahead < timedelta(0) else f"only {_spoken(ahead)} ahead"
    needed = f"; at least {format_duration(min_lead)} ahead is needed" if min_lead else ""
    raise ScheduleError(f"{_in_both(instant, zone)} is {relation}{needed}; now it is {_in_both(now, zone)}")


def _in_both(moment: datetime, zone: str) -> str:
    there, here = moment.astimezone(zone_of(zone)), moment.astimezone(UTC)
    if there.utcoffset() == here.utcoffset():
        return f"{here:%Y-%m-%d %H:%M:%S} (UTC)"
    return f"{there:%Y-%m-%d %H:%M:%S} ({zone}) = {here:%Y-%m-%d %H:%M:%S} (UTC)"


def _spoken(duration: timedelta) -> str:
    """A duration in all its units, down to the second: 1d2h30m."""
    seconds, words = int(duration.total_seconds()), ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, seconds = divmod(seconds, size)
        words += f"{amount}{unit}" if amount else ""
    return words or "0s"

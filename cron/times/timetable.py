"""When a job is due: its schedule within bounds, without the days that are left out, moved by jitter. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from cron.job import Job
from cron.policy import Exclude
from cron.schedule import Cron, Schedule
from cron.times import holidays
from cron.times.walltime import instant_of, zone_of
from gateway.errors import ScheduleError

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LOOKS = 400
"""So many days in a row that are left out by a rule, not by their date, and no day will ever pass."""

HORIZON = timedelta(days=50 * 366)
"""Nor when all were left out for so long: 29 February falls on any weekday within 40 years."""

_NOTHING = Exclude()
_TICK = timedelta(microseconds=1)
_SECOND, _MILLISECOND, _MINUTE = timedelta(seconds=1), timedelta(milliseconds=1), timedelta(minutes=1)
_EARLIEST, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Times(Protocol):
    """What has moments in the order of time: a schedule, or all that a job says about them."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant strictly after `moment`, in UTC; None when there is none any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An occurrence of the schedule that falls on a day which is left out."""

    at: datetime  # when it would have been, without jitter
    day: date  # by the wall clock of the zone
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The moments at which a job really fires.

    Each occurrence of the schedule whose day is not left out, `offset` later; the bounds hold for the moment that
    results. Days are those of the wall clock of `zone` at the occurrence itself.
    """

    schedule: Schedule
    zone: str
    start_at: datetime | None = None  # nothing fires before it
    expires_at: datetime | None = None  # nothing fires from it on
    exclude: Exclude = _NOTHING
    offset: timedelta = timedelta()

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant strictly after `moment`.

        None when there is none: after `expires_at`, at the end of the schedule, or when every day that it names is
        left out. ScheduleError when `exclude` needs a library that is not there.
        """
        found = None
        for found in self._walk(moment):  # noqa: B007 — the last of them is what is wanted
            pass
        return found if isinstance(found, datetime) else None

    def left_out(self, moment: datetime, until: datetime) -> Iterator[LeftOut]:
        """What would fire after `moment`, at the latest at `until`, were its day not left out; one a day."""
        at: datetime | None = moment
        while at is not None and at <= until:
            following = None
            for each in self._walk(at):
                if isinstance(each, datetime):
                    following = each
                elif each.at + self.offset > until:
                    return
                else:
                    yield each
            at = following

    def _walk(self, moment: datetime) -> Iterator[LeftOut | datetime]:
        """The days that are left out from `moment` on, and then, if there is one, the moment that is not."""
        at = first = self._named_after(self._earliest(moment))
        looks = LOOKS + len(self.exclude.dates)
        while at is not None and first is not None and looks and at - first < HORIZON:
            why = self._why_not(at)
            if not why:
                yield at + self.offset
                return
            yield LeftOut(at=at, day=self._day(at), why=why)
            at, looks = self._named_after(self._end_of_day(at)), looks - 1

    def _earliest(self, moment: datetime) -> datetime:
        if self.start_at is not None:
            moment = max(moment, self.start_at - _TICK)
        return moment - self.offset if moment - _EARLIEST > self.offset else _EARLIEST

    def _named_after(self, moment: datetime) -> datetime | None:
        found = self.schedule.next_after(moment)
        if found is None or _NEVER - found < self.offset:
            return None
        return None if self.expires_at is not None and found + self.offset >= self.expires_at else found

    def _why_not(self, at: datetime) -> str:
        """Why its day is left out, in words; empty when it is not."""
        exclude = self.exclude
        if not (exclude.dates or exclude.weekdays or exclude.holidays):
            return ""
        day = self._day(at)
        if day in exclude.dates:
            return "a date that is left out"
        if day.weekday() in exclude.weekdays:
            return f"a {DAYS[day.weekday()]}"
        return holidays.name_of(day, exclude.holidays) if exclude.holidays else ""

    def _day(self, at: datetime) -> date:
        return at.astimezone(zone_of(self.zone)).date()

    def _end_of_day(self, at: datetime) -> datetime:
        """The last moment of the day that an occurrence lies in."""
        if (day := self._day(at)) == date.max:
            return _NEVER
        midnight = datetime.combine(day + timedelta(days=1), time())
        return max(at, instant_of(midnight, zone_of(self.zone)) - _TICK)


def times_of(job: Job) -> Schedule | Timetable | None:
    """When a job fires: the schedule itself where the job says no more; None for one that cannot be read."""
    schedule = job.schedule
    if schedule is None or not _is_bounded(job):
        return schedule
    return Timetable(
        schedule=schedule,
        zone=schedule.zone if isinstance(schedule, Cron) else job.tz,
        start_at=job.start_at,
        expires_at=job.expires_at,
        exclude=job.exclude,
        offset=offset_of(job.uid, job.jitter),
    )


def trouble(job: Job) -> str:
    """Why the moments of a job whose schedule can be read cannot be computed here; empty when they can."""
    try:
        if job.exclude.holidays:
            holidays.check(job.exclude.holidays)
    except ScheduleError as error:
        return str(error)
    return ""


def offset_of(uid: str, jitter: timedelta) -> timedelta:
    """By how much a job is later than its schedule: from zero to `jitter`, always the same for a uid.

    In whole seconds where the jitter is a minute or more, else in milliseconds.
    """
    if not jitter:
        return timedelta()
    unit = _SECOND if jitter >= _MINUTE else _MILLISECOND
    number = int.from_bytes(hashlib.sha256(f"jitter {uid}".encode()).digest()[:8])
    return number % (jitter // unit + 1) * unit


def text_of(job: Job) -> str:
    """What a job says about its moments besides the schedule, always in the same words; empty for nothing."""
    if job.schedule is None or not _is_bounded(job):
        return ""
    exclude = job.exclude
    parts = {
        "from": job.start_at and job.start_at.astimezone(UTC).isoformat(),
        "until": job.expires_at and job.expires_at.astimezone(UTC).isoformat(),
        "later": (offset := offset_of(job.uid, job.jitter)) and offset.total_seconds(),
        "not on": " ".join(sorted({each.isoformat() for each in exclude.dates})),
        "not on weekdays": " ".join(map(str, sorted(set(exclude.weekdays)))),
        "not on holidays": exclude.holidays.upper(),
        "in": exclude != _NOTHING and not isinstance(job.schedule, Cron) and job.tz,
    }
    return "".join(f" {name} {value}" for name, value in parts.items() if value)


def _is_bounded(job: Job) -> bool:
    return bool(job.jitter or job.start_at or job.expires_at or job.exclude != _NOTHING)

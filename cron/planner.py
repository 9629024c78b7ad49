"""What is due, late or missed, and when to look again; pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cron.job import Job, JobStatus, Misfire
from cron.schedule import At, Cron, Every, Schedule
from cron.schedule_text import GRACE

TICK = timedelta(microseconds=1)
SHORTEST_WINDOW = timedelta(minutes=1)
LONGEST_WINDOW = timedelta(hours=4)
ONE_SHOT_WINDOW = timedelta(hours=24)
LATE = timedelta(seconds=5)  # from here on a run is a catch-up, not a schedule that was kept
MOST_AT_ONCE = 10  # runs of fire_all after one outage
COUNTED = 500  # missed occurrences that are counted one by one; beyond, the number is estimated


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a job's schedule is handled. Everything up to `handled_until` has its record."""

    fingerprint: str
    handled_until: datetime
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Occurrences that nobody will run: one record for all of them."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done for a job now, and where its cursor stands then."""

    runs: tuple[datetime, ...] = ()
    missed: Missed | None = None
    cursor: Cursor

    @property
    def missed_count(self) -> int:
        return self.missed.count if self.missed else 0


def fingerprint(job: Job) -> str:
    """Changes when, and only when, the occurrences of the job change."""
    match job.schedule:
        case At(instant=instant):
            text = f"at {instant.isoformat()}"
        case Every(interval=interval, anchor=anchor):
            text = f"every {interval.total_seconds()} {anchor.isoformat()}"
        case Cron(expression=expression, zone=zone):
            text = f"cron {expression} {zone}"
        case None:
            text = "broken"
    awake = "on" if fires(job) else "off"
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}:{awake}"


def fires(job: Job) -> bool:
    return job.status is JobStatus.ENABLED and job.schedule is not None


def begin(job: Job, now: datetime, *, known: Cursor | None) -> Cursor:
    """The cursor of a job that is new, or whose schedule or status has changed.

    It is handled until it was made or changed: no run is dated back, and what was due between then and now, while
    nobody looked, is not forgotten.
    """
    start = _since(job, now, known)
    if isinstance(job.schedule, At) and timedelta() <= start - job.schedule.instant <= GRACE:
        start = job.schedule.instant - TICK  # accepted though just past (it was said a moment ago): due at once
    following = job.schedule.next_after(start) if job.schedule is not None and fires(job) else None
    return Cursor(fingerprint=fingerprint(job), handled_until=start, next_at=following)


def _since(job: Job, now: datetime, known: Cursor | None) -> datetime:
    changed = job.changed_at or job.created_at
    if known is None:
        return min(changed, now)
    if known.handled_until > now:
        return known.handled_until  # the clock was set back: what has run does not run again
    # A change that is not newer than the cursor is not the one that we see: somebody has edited the file by hand.
    return min(changed, now) if changed > known.handled_until else now


def plan(job: Job, cursor: Cursor, now: datetime) -> Plan | None:
    """What to do at `now`; None if nothing is due."""
    schedule, first = job.schedule, cursor.next_at
    if schedule is None or first is None or first > now:
        return None
    last, following = latest(schedule, first, now)
    moved = Cursor(fingerprint=cursor.fingerprint, handled_until=last, next_at=following)
    if job.misfire is Misfire.FIRE_ALL:
        runs = _recent(schedule, first, now, window(job, last))
    elif _too_late(job, last, now):
        runs = ()
    else:
        runs = (last,)
    return Plan(runs=runs, missed=_missed(schedule, first, last, runs), cursor=moved)


def _too_late(job: Job, last: datetime, now: datetime) -> bool:
    late = now - last
    if late <= LATE and job.misfire_window is None:
        return False  # every other window is longer, and computing it is dear
    return late > window(job, last) or (job.misfire is Misfire.SKIP and late > LATE)


def window(job: Job, occurrence: datetime) -> timedelta:
    """How late a run may start: half the period within bounds; a day for a one-shot."""
    if job.misfire_window is not None:
        return job.misfire_window
    if job.schedule is None or isinstance(job.schedule, At):
        return ONE_SHOT_WINDOW
    following = job.schedule.next_after(occurrence)
    half = (following - occurrence) / 2 if following else LONGEST_WINDOW
    return min(max(half, SHORTEST_WINDOW), LONGEST_WINDOW)


def latest(schedule: Schedule, first: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """The last occurrence not after `now`, knowing that `first` is one, and the first after `now`.

    Looks back in growing steps: after ten years this costs a few dozen computations, not millions.
    """
    if isinstance(schedule, Every):
        return first + ((now - first) // schedule.interval) * schedule.interval, schedule.next_after(now)
    following = schedule.next_after(first)
    if following is None or following > now:
        return first, following  # on time, as nearly always: the dearest computation is made once
    following = schedule.next_after(now)
    step = timedelta(minutes=1)
    while now - step > first:
        found = schedule.next_after(now - step)
        if found is not None and found <= now:
            return _last_from(schedule, found, now), following
        step *= 4
    return _last_from(schedule, first, now), following


def _last_from(schedule: Schedule, found: datetime, now: datetime) -> datetime:
    while (later := schedule.next_after(found)) is not None and later <= now:
        found = later
    return found


def _recent(schedule: Schedule, first: datetime, now: datetime, reach: timedelta) -> tuple[datetime, ...]:
    """The newest occurrences within `reach` of now, oldest first, at most ten."""
    found: list[datetime] = []
    moment: datetime | None = first
    if first < now - reach:
        moment = schedule.next_after(now - reach - TICK)
    while moment is not None and moment <= now:
        found.append(moment)
        del found[:-MOST_AT_ONCE]
        moment = schedule.next_after(moment)
    return tuple(found)


def _missed(schedule: Schedule, first: datetime, last: datetime, runs: tuple[datetime, ...]) -> Missed | None:
    """The occurrences from `first` to `last` that are not among `runs` (which are the newest ones)."""
    if runs and runs[0] == first:
        return None
    end, _ = latest(schedule, first, (runs[0] if runs else last + TICK) - TICK)
    return Missed(first=first, last=end, count=count(schedule, first, end))


def count(schedule: Schedule, first: datetime, last: datetime) -> int:
    """How many occurrences there are from `first` to `last`, both included; an estimate beyond 500."""
    if isinstance(schedule, Every):
        return (last - first) // schedule.interval + 1
    found, moment = 1, first
    while moment < last and found < COUNTED:
        following = schedule.next_after(moment)
        if following is None:
            break
        found, moment = found + 1, following
    if moment >= last:
        return found
    return round((last - first) / ((moment - first) / (found - 1))) + 1

"""What is due, late or missed, and when to look again; pure."""

import hashlib
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from cron.job import Job, JobStatus
from cron.policy import Misfire
from cron.schedule import At, Cron, Every
from cron.times.schedule_text import GRACE
from cron.times.timetable import Times, text_of, times_of, trouble

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
    runs: int = 0  # that its schedule has made so far; the service counts them


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
        case Cron(expression=expression, zone=zone, anchor=None):
            text = f"cron {expression} {zone}"
        case Cron(expression=expression, zone=zone, every_nth=nth, anchor=anchor):
            text = f"cron {expression} {zone} each {nth} {anchor and anchor.isoformat()}"
        case None:
            text = "broken"
    text += text_of(job)
    awake = "on" if fires(job) else "off"
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}:{awake}"


def fires(job: Job) -> bool:
    """Whether a job has moments: it is enabled, and they can be computed (see timetable.trouble)."""
    return job.status is JobStatus.ENABLED and job.schedule is not None and not trouble(job)


def exhausted(job: Job, cursor: Cursor) -> bool:
    """Whether the job has had all its runs (max_runs)."""
    return job.max_runs is not None and cursor.runs >= job.max_runs


def begin(job: Job, now: datetime, *, known: Cursor | None) -> Cursor:
    """The cursor of a job that is new, or whose schedule or status has changed.

    It is handled until it was made or changed: no run is dated back, and what was due between then and now, while
    nobody looked, is not forgotten.
    """
    start = _since(job, now, known)
    if isinstance(job.schedule, At) and timedelta() <= start - job.schedule.instant <= GRACE:
        start = job.schedule.instant - TICK  # accepted though just past (it was said a moment ago): due at once
    times = times_of(job)
    following = times.next_after(start) if times is not None and fires(job) else None
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
    times, first = times_of(job), cursor.next_at
    if times is None or first is None or first > now:
        return None
    last, following = latest(times, first, now)
    moved = Cursor(fingerprint=cursor.fingerprint, handled_until=last, next_at=following)
    if job.misfire is Misfire.FIRE_ALL:
        runs = _recent(times, first, now, window(job, last))
    elif _too_late(job, last, now):
        runs = ()
    else:
        runs = (last,)
    return Plan(runs=runs, missed=_missed(times, first, last, runs), cursor=moved)


def _too_late(job: Job, last: datetime, now: datetime) -> bool:
    late = now - last
    if late <= LATE and job.misfire_window is None:
        return False  # every other window is longer, and computing it is dear
    return late > window(job, last) or (job.misfire is Misfire.SKIP and late > LATE)


def window(job: Job, occurrence: datetime) -> timedelta:
    """How late a run may start: half the period within bounds; a day for a one-shot."""
    if job.misfire_window is not None:
        return job.misfire_window
    times = times_of(job)
    if times is None or isinstance(job.schedule, At):
        return ONE_SHOT_WINDOW
    following = times.next_after(occurrence)
    half = (following - occurrence) / 2 if following else LONGEST_WINDOW
    return min(max(half, SHORTEST_WINDOW), LONGEST_WINDOW)


def latest(times: Times, first: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """The last occurrence not after `now`, knowing that `first` is one, and the first after `now`.

    Looks back in growing steps: after ten years this costs a few dozen computations, not millions.
    """
    if isinstance(times, Every):
        return first + ((now - first) // times.interval) * times.interval, times.next_after(now)
    following = times.next_after(first)
    if following is None or following > now:
        return first, following  # on time, as nearly always: the dearest computation is made once
    following = times.next_after(now)
    step = timedelta(minutes=1)
    while now - step > first:
        found = times.next_after(now - step)
        if found is not None and found <= now:
            return _last_from(times, found, now), following
        step *= 4
    return _last_from(times, first, now), following


def _last_from(times: Times, found: datetime, now: datetime) -> datetime:
    """The last occurrence not after `now`, from one on; each round halves the stretch in which it may lie."""
    empty = now  # there is none after `empty` and not after `now`
    while (later := times.next_after(found)) is not None and later <= now:
        found, middle = later, later + (empty - later) / 2
        beyond = times.next_after(middle)
        if beyond is not None and beyond <= now:
            found = beyond
        else:
            empty = middle
    return found


def _recent(times: Times, first: datetime, now: datetime, reach: timedelta) -> tuple[datetime, ...]:
    """The newest occurrences within `reach` of now, oldest first, at most ten; looked for in growing stretches."""
    oldest, step = max(first, now - reach), timedelta(minutes=1)
    while True:
        since = max(oldest, now - step) if step < reach else oldest
        found = _between(times, since, now)
        if len(found) == MOST_AT_ONCE or since == oldest:
            return found
        step *= 4


def _between(times: Times, since: datetime, now: datetime) -> tuple[datetime, ...]:
    """The last ten occurrences from `since` to `now`, both included."""
    found: deque[datetime] = deque(maxlen=MOST_AT_ONCE)
    moment = times.next_after(since - TICK)
    while moment is not None and moment <= now:
        found.append(moment)
        moment = times.next_after(moment)
    return tuple(found)


def _missed(times: Times, first: datetime, last: datetime, runs: tuple[datetime, ...]) -> Missed | None:
    """The occurrences from `first` to `last` that are not among `runs` (which are the newest ones)."""
    if runs and runs[0] == first:
        return None
    end, _ = latest(times, first, (runs[0] if runs else last + TICK) - TICK)
    return Missed(first=first, last=end, count=count(times, first, end))


def count(times: Times, first: datetime, last: datetime) -> int:
    """How many occurrences there are from `first` to `last`, both included; an estimate beyond 500."""
    if isinstance(times, Every):
        return (last - first) // times.interval + 1
    found, moment = 1, first
    while moment < last and found < COUNTED:
        following = times.next_after(moment)
        if following is None:
            break
        found, moment = found + 1, following
    if moment >= last:
        return found
    return round((last - first) / ((moment - first) / (found - 1))) + 1

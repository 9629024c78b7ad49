"""What a schedule or a job will do next, with notes where clocks, holidays or jitter play a part. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cron.schedule import At, Cron, once
from cron.times.schedule_text import format_duration
from cron.times.timetable import LeftOut, Times, Timetable
from cron.times.walltime import Change, change_at, last_change, zone_of

MOST_NOTES = 50  # of days that are left out, in one preview
_BACK = timedelta(days=8)  # a weekly job that misses its time is told so at its next one
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark on a moment of a preview, or on all of them."""

    at: datetime | None  # a fire, or when one would have been; None: it holds for all
    text: str


def fires(times: Times, after: datetime, count: int) -> Iterator[datetime]:
    """The next instants strictly after a moment, at most so many."""
    moment = times.next_after(after)
    while moment is not None and count > 0:
        yield moment
        moment, count = times.next_after(moment) if count > 1 else None, count - 1


def notes_of(times: Times, after: datetime, moments: list[datetime], *, zone: str) -> list[Note]:
    """The notes on a preview of these moments, which begins after `after`; `zone` is that of At and Every."""
    if not isinstance(times, Timetable):
        return [note for moment in moments for note in _on(times, moment, zone)]
    notes = [Note(at=None, text=_later(times.offset))] if times.offset else []
    if moments:
        left_out = islice(times.left_out(after, moments[-1]), MOST_NOTES)
        notes += [Note(at=each.at, text=_without(each)) for each in left_out]
    for moment in moments:
        named = _on(times.schedule, moment - times.offset, zone)
        notes += [Note(at=moment, text=note.text) for note in named]
    return sorted(notes, key=lambda note: (note.at is not None, note.at))


def _later(offset: timedelta) -> str:
    return f"each is {format_duration(offset)} later than the schedule says: its part of the jitter"


def _without(left_out: LeftOut) -> str:
    return f"does not fire: {left_out.why}"


def _on(schedule: Times, moment: datetime, zone: str) -> Iterator[Note]:
    """What a change of the clock does to one fire."""
    match schedule:
        case Cron(zone=own):
            text = _in_gap(schedule, moment, zone_of(own)) or _in_overlap(schedule, moment, zone_of(own))
        case At():
            text = _one_of_two(moment, zone_of(zone))
        case _:
            text = ""  # an interval is one of elapsed time
    if text:
        yield Note(at=moment, text=text)


def _in_gap(schedule: Cron, moment: datetime, zone: ZoneInfo) -> str:
    """Whether the times that a change has skipped are made up for now, or have been left out before now."""
    change = last_change(moment, zone, within=_BACK)
    if change is None or not change.skips:
        return ""
    times = schedule.wall_times
    first = times.next_wall(change.start - _SECOND)
    if first >= change.end:
        return ""
    missing = f"{_clock(first)} does not exist"
    if once(times, change):
        fired = _clock(moment.astimezone(zone))
        return f"fires at {fired} because {missing} that day" if moment == change.instant else ""
    if schedule.next_after(change.instant - _SECOND) != moment:
        return ""
    return f"the first after a change of the clock: on {first:%Y-%m-%d} {missing}"


def _in_overlap(schedule: Cron, moment: datetime, zone: ZoneInfo) -> str:
    change, clock, second = _overlap(moment, zone)
    if change is None:
        return ""
    if once(schedule.wall_times, change):
        return f"once: {clock} comes twice that day"
    return f"the second {clock} of that day" if second else f"the first {clock} of that day, which comes twice"


def _one_of_two(moment: datetime, zone: ZoneInfo) -> str:
    change, clock, second = _overlap(moment, zone)
    if change is None:
        return ""
    return f"the {'second' if second else 'first'} of the two times that are {clock} that day"


def _overlap(moment: datetime, zone: ZoneInfo) -> tuple[Change | None, str, bool]:
    """The change that makes this wall time come twice; the time; whether it is the second of the two."""
    there = moment.astimezone(zone)
    change = change_at(there.replace(tzinfo=None, fold=0), zone)
    return change, _clock(there), bool(there.fold)


def _clock(wall: datetime) -> str:
    return f"{wall:%H:%M}"

"""The next times of a stored job, with remarks where a clock, a holiday or jitter plays a part; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cron.endings.notices import moment_text
from cron.job import Job
from cron.planner import TICK
from cron.times.preview import fires, notes_of
from cron.times.timetable import times_of
from gateway.errors import UserError

LOOKED_AT = 3  # times of a new job that are looked at for remarks
MOST = 3  # remarks in an echo


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A moment of a preview; `fires` is False for one that is left out."""

    at: datetime
    fires: bool
    remarks: tuple[str, ...] = ()


def preview(job: Job, upcoming: datetime | None, now: datetime, count: int) -> list[Fire]:
    """The next moments from where the scheduler stands, and those between them that are left out.

    UserError for a job that cannot be read.
    """
    times = times_of(job)
    if times is None:
        raise UserError(f"This job cannot be read: {job.status_reason}.")
    after = upcoming - TICK if upcoming else now
    moments = list(fires(times, after, count))
    remarks: dict[datetime, list[str]] = {moment: [] for moment in moments}
    for note in notes_of(times, after, moments, zone=job.tz):
        if note.at is not None:
            remarks.setdefault(note.at, []).append(note.text)
    return [Fire(at=at, fires=at in moments, remarks=tuple(remarks[at])) for at in sorted(remarks)]


def remarks(job: Job, upcoming: datetime | None, now: datetime) -> Sequence[str]:
    """What there is to say about the first times of a new job; mostly nothing."""
    if upcoming is None:
        return ()
    return list(_sentences(job, upcoming, now))[:MOST]


def _sentences(job: Job, upcoming: datetime, now: datetime) -> Iterator[str]:
    for fire in preview(job, upcoming, now, LOOKED_AT):
        for remark in fire.remarks:
            yield f"{moment_text(fire.at, job.tz)}: {remark}."

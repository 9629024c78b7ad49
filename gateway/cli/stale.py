"""Which jobs nothing comes of any more; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from cron.job import Job, JobStatus
from cron.overview import Facts

USUAL_DAYS = 30


def stale_jobs(jobs: list[Job], known: Mapping[str, Facts], now: datetime, *, days: int) -> list[Job]:
    """Those that have not run for so many days, and have no run ahead of them."""
    return [job for job in jobs if is_stale(job, known[job.uid], now, timedelta(days=days))]


def is_stale(job: Job, facts: Facts, now: datetime, age: timedelta) -> bool:
    """Whether nothing has come of the job for so long, and nothing will by itself. Who waits for a person is not.

    A job that has never run is as old as its schedule.
    """
    if job.status is JobStatus.PENDING_APPROVAL or (facts.next_run is not None and facts.next_run > now):
        return False
    return now - (facts.last_run or job.changed_at or job.created_at) >= age

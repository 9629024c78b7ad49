"""What a job shows besides its definition: next and last run, counts; read together, stored nowhere."""

from dataclasses import dataclass
from datetime import datetime

from cron import planner, runs
from cron.job import Job
from cron.planner import Cursor
from gateway.clock import from_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the runs of one job."""

    next_run: datetime | None = None
    last_run: datetime | None = None
    last_error: str = ""
    last_status: str = ""
    run_count: int = 0


def facts_of(transaction: Transaction, jobs: list[Job], now: datetime) -> dict[str, Facts]:
    """By uid, for all the jobs at once."""
    cursors = runs.cursors(transaction)
    return {job.uid: _facts(transaction, job, cursors.get(job.uid), now) for job in jobs}


def _facts(transaction: Transaction, job: Job, cursor: Cursor | None, now: datetime) -> Facts:
    started, count = transaction.execute(sql.STARTS_OF_JOB, (job.uid,)).fetchone()
    status, error = transaction.execute(sql.LAST_END_OF_JOB, (job.uid,)).fetchone() or ("", "")
    return Facts(
        next_run=next_run(job, cursor, now),
        last_run=from_text(started) if started else None,
        last_error="" if status == "succeeded" else error,
        last_status=status,
        run_count=count,
    )


def next_run(job: Job, cursor: Cursor | None, now: datetime) -> datetime | None:
    """When the job will be claimed next; the cursor's cache if it is of this very schedule."""
    if not planner.fires(job):
        return None
    if cursor is None or cursor.fingerprint != planner.fingerprint(job):
        cursor = planner.begin(job, now, known=cursor)
    return cursor.next_at

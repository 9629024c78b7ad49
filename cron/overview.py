"""What a job shows besides its definition: next and last run, counts; read together, stored nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cron import planner, runs
from cron.job import Job
from cron.planner import Cursor
from gateway.clock import from_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction

FEW = 50  # jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the runs of one job."""

    next_run: datetime | None = None
    last_run: datetime | None = None
    last_error: str = ""
    last_status: str = ""
    run_count: int = 0  # ever, also those that the history has forgotten


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the tables say, by uid."""

    cursors: Mapping[str, Cursor | None]
    counts: Mapping[str, int]
    started: Mapping[str, str | None]
    ended: Mapping[str, tuple[str, str]]  # status and error


def facts_of(transaction: Transaction, jobs: list[Job], now: datetime) -> dict[str, Facts]:
    """By uid. Few are asked for one by one: there may be many more of whom nobody wants to know."""
    rows = _of_few(transaction, jobs) if len(jobs) <= FEW else _of_all(transaction)
    return {job.uid: _facts(job, rows, now) for job in jobs}


def _of_few(transaction: Transaction, jobs: list[Job]) -> _Rows:
    def asked(statement: str) -> dict[str, Any]:
        found = {job.uid: transaction.execute(statement, (job.uid,)).fetchone() for job in jobs}
        return {uid: row for uid, row in found.items() if row is not None}

    return _Rows(
        cursors={job.uid: runs.cursor_of(transaction, job.uid) for job in jobs},
        counts={uid: count for uid, (count,) in asked(sql.STARTS_OF).items()},
        started={uid: at for uid, (at,) in asked(sql.LAST_START_OF_JOB).items()},
        ended=asked(sql.LAST_END_OF_JOB),
    )


def _of_all(transaction: Transaction) -> _Rows:
    return _Rows(
        cursors=runs.cursors(transaction),
        counts=runs.starts(transaction),
        started=dict(transaction.execute(sql.LAST_STARTS).fetchall()),
        ended={uid: (status, error) for uid, status, error in transaction.execute(sql.LAST_ENDS).fetchall()},
    )


def _facts(job: Job, rows: _Rows, now: datetime) -> Facts:
    started = rows.started.get(job.uid)
    status, error = rows.ended.get(job.uid, ("", ""))
    return Facts(
        next_run=next_run(job, rows.cursors.get(job.uid), now),
        last_run=from_text(started) if started else None,
        last_error="" if status == "succeeded" else error,
        last_status=status,
        run_count=rows.counts.get(job.uid, 0),
    )


def next_run(job: Job, cursor: Cursor | None, now: datetime) -> datetime | None:
    """When the job will be claimed next; the cursor's cache if it is of this very schedule."""
    if not planner.fires(job) or (cursor is not None and planner.exhausted(job, cursor)):
        return None
    if cursor is None or cursor.fingerprint != planner.fingerprint(job):
        cursor = planner.begin(job, now, known=cursor)
    return cursor.next_at

"""Runs and cursors: what moves. Each function is part of a transaction."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from cron import codec, json_text
from cron.job import DeliveryStatus, Job, Overlap, Run, RunStatus, Say, Trigger
from cron.planner import Cursor, Missed
from cron.target import address_of, session_of
from gateway import inbox
from gateway.agent.due import Ending
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import ErrorClass, UserError
from gateway.inbox import Accepted
from gateway.messages import SYSTEM, ChatAddress, Due, InboundMessage

LONGEST_OUTPUT = 16 * 1024  # characters of a run's output that its record keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One run that is to be: made outside the transaction, so that doing it twice does the same."""

    run: str
    key: str  # unique per job: the instant in UTC, or "manual:<what asked for it>"
    trigger: Trigger
    scheduled_for: datetime
    late_by: timedelta
    missed: int
    trace_id: str


def occurrence(
    moment: datetime, now: datetime, trigger: Trigger, *, missed: int = 0, stamp: str = ""
) -> Occurrence:
    """A run for an instant of the schedule, or by hand: the same `stamp` is the same run again."""
    run = run_of(stamp)
    by_clock = trigger in {Trigger.SCHEDULE, Trigger.CATCH_UP}
    return Occurrence(
        run=run,
        key=to_text(moment) if by_clock else f"{trigger.value}:{stamp or run}",
        trigger=trigger,
        scheduled_for=moment,
        late_by=max(now - moment, timedelta()),
        missed=missed,
        trace_id=uuid.uuid4().hex,
    )


def run_of(stamp: str) -> str:
    """The id of a new run: by the call that asks for it, so that a replay finds it; else by chance."""
    return hashlib.sha256(stamp.encode()).hexdigest()[:16] if stamp else secrets.token_hex(8)


def message(job: Job, due: Occurrence, default_target: ChatAddress | None, now: datetime) -> InboundMessage:
    """The `system` message that a due job becomes."""
    address = address_of(job, default_target)
    return InboundMessage(
        channel=SYSTEM,
        sender_id=f"cron:{job.id}",
        dedupe_keys=(),  # (job, occurrence) is unique in the table of runs
        address=address,
        text=_text(job),
        received_at=now,
        occasion=Due(
            run=due.run,
            scheduled_for=due.scheduled_for,
            late_by=due.late_by,
            missed=due.missed,
            exact=isinstance(job.payload, Say),
        ),
        session=session_of(job, due.run, address),
        trace_id=due.trace_id,
    )


def _text(job: Job) -> str:
    payload = job.payload
    return getattr(payload, "prompt", "") or getattr(payload, "text", "")


def claim(transaction: Transaction, job: Job, due: Occurrence, said: InboundMessage) -> Accepted | None:
    """Claim the occurrence and publish its message; None if it was claimed before."""
    row = (
        due.run,
        job.uid,
        due.key,
        job.owner,
        json_text.dump(codec.encode_job(job)).decode(),
        due.trigger.value,
        to_text(due.scheduled_for),
        round(due.late_by.total_seconds() * 1000),
        due.missed,
        due.trace_id,
    )
    if not transaction.execute(sql.CLAIM_RUN, row).rowcount:
        return None
    return inbox.accept(transaction, said)


def claim_manually(transaction: Transaction, job: Job, due: Occurrence, said: InboundMessage) -> Accepted | None:
    """Claim a run by hand; None if this very run was claimed before.

    UserError, by the same rule of overlap as on schedule, while another one is open.
    """
    if transaction.execute(sql.RUN_STATE, (due.run,)).fetchone() is not None:
        return None
    if job.overlap is Overlap.SKIP and (other := open_run(transaction, job.uid)) is not None:
        raise UserError(
            f'"{job.name}" ({job.id}) is running already (run {other}); cancel that run, or wait for it'
        )
    return claim(transaction, job, due, said)


def record_skipped(transaction: Transaction, job: Job, due: Occurrence, why: str, *, now: datetime) -> None:
    """The occurrence will not run: an earlier run of the job is not over."""
    _record(transaction, job, due.key, RunStatus.SKIPPED, due.trigger, due.scheduled_for, why, now=now)


def record_missed(transaction: Transaction, job: Job, missed: Missed, *, now: datetime) -> None:
    """These occurrences will not run: nobody was there when they were due."""
    key = f"missed:{to_text(missed.first)}"
    why = "the gateway was not running, or the clock was set forward"
    _record(transaction, job, key, RunStatus.MISSED, Trigger.SCHEDULE, missed.first, why, now=now, span=missed)


def _record(
    transaction: Transaction,
    job: Job,
    key: str,
    status: RunStatus,
    trigger: Trigger,
    scheduled_for: datetime,
    why: str,
    *,
    now: datetime,
    span: Missed | None = None,
) -> None:
    row = (
        secrets.token_hex(8),
        job.uid,
        key,
        job.owner,
        json_text.dump(codec.encode_job(job)).decode(),
        status.value,
        trigger.value,
        to_text(scheduled_for),
        to_text(now),
        span.count if span else 0,
        to_text(span.last) if span else None,
        uuid.uuid4().hex,
        why,
    )
    transaction.execute(sql.RECORD_RUN, row)


def is_open(transaction: Transaction, run: str) -> bool:
    """Whether the run is still to be ended."""
    row = transaction.execute(sql.RUN_STATE, (run,)).fetchone()
    return row is not None and RunStatus(row[0]).open


def start(transaction: Transaction, run: str, *, now: datetime) -> None:
    at = to_text(now)
    transaction.execute(sql.START_RUN, (at, run))
    transaction.execute(sql.ADD_ATTEMPT, (run, at))


def finish(transaction: Transaction, run: str, ending: Ending, *, now: datetime) -> None:
    """The run is over; nothing happens if it is so already."""
    at, error_class = to_text(now), ending.error_class.value if ending.error_class else None
    row = (ending.status.value, at, bounded(ending.output), bounded(ending.error), error_class, run)
    transaction.execute(sql.FINISH_RUN, row)
    transaction.execute(sql.END_ATTEMPT, (at, error_class, run))


def bounded(text: str) -> str:
    if len(text) <= LONGEST_OUTPUT:
        return text
    return f"{text[:LONGEST_OUTPUT]}\n[cut: {len(text) - LONGEST_OUTPUT} more characters]"


def move_cursor(transaction: Transaction, uid: str, cursor: Cursor) -> None:
    next_at = to_text(cursor.next_at) if cursor.next_at else None
    transaction.execute(sql.MOVE_CURSOR, (uid, cursor.fingerprint, to_text(cursor.handled_until), next_at))


def cursors(transaction: Transaction) -> dict[str, Cursor]:
    return {
        uid: Cursor(
            fingerprint=fingerprint,
            handled_until=from_text(handled),
            next_at=from_text(next_at) if next_at else None,
        )
        for uid, fingerprint, handled, next_at in transaction.execute(sql.CURSORS).fetchall()
    }


def open_runs(transaction: Transaction) -> list[tuple[str, str]]:
    """(job uid, run id) of everything that is queued or running."""
    return [(uid, run) for uid, run in transaction.execute(sql.OPEN_RUNS).fetchall()]


def job_of(transaction: Transaction, run: str) -> tuple[RunStatus, Job] | None:
    """The state of a run, and the copy of its job that it works on."""
    row = transaction.execute(sql.RUN_STATE, (run,)).fetchone()
    return (RunStatus(row[0]), stored_job(row[1])) if row else None


def stored_job(text: str) -> Job:
    stored = json_text.load(text.encode())
    given = codec.Given(uid=stored.get("uid", ""), created_at=from_text(stored["created_at"]))
    return codec.decode_job(stored, given)


def find(transaction: Transaction, run: str) -> Run | None:
    row = transaction.execute(sql.RUN_BY_ID, (run,)).fetchone()
    return _run(row) if row else None


def recent(
    transaction: Transaction, *, job: str | None = None, owner: str | None = None, limit: int = 20
) -> list[Run]:
    """Runs, newest first: of a job (by uid), of an owner, or of everybody."""
    if job is not None:
        rows = transaction.execute(sql.RUNS_OF_JOB, (job, limit)).fetchall()
    elif owner is not None:
        rows = transaction.execute(sql.RECENT_RUNS_OF_OWNER, (owner, limit)).fetchall()
    else:
        rows = transaction.execute(sql.RECENT_RUNS, (limit,)).fetchall()
    return [_run(row) for row in rows]


def _run(row: Sequence[Any]) -> Run:
    stored = orjson.loads(row[2])
    return Run(
        id=row[0],
        job_uid=row[1],
        job_id=stored.get("id", row[1][:8]),
        job_name=stored.get("name", ""),
        occurrence=row[3],
        status=RunStatus(row[4]),
        trigger=Trigger(row[5]),
        scheduled_at=from_text(row[6]),
        trace_id=row[7],
        started_at=from_text(row[8]) if row[8] else None,
        finished_at=from_text(row[9]) if row[9] else None,
        late_by=timedelta(milliseconds=row[10]),
        missed_count=row[11],
        missed_until=from_text(row[12]) if row[12] else None,
        output=row[13],
        error=row[14],
        error_class=ErrorClass(row[15]) if row[15] else None,
        delivery_status=delivery_status(*row[17:21]),
        messages_sent=row[18],
    )


def delivery_status(still_open: int, sent: int, unknown: int, dead: int) -> DeliveryStatus:
    """What became of the messages of a run, from how many of them are where."""
    if not still_open + sent + unknown + dead:
        return DeliveryStatus.NONE
    if still_open:
        return DeliveryStatus.QUEUED
    if dead:
        return DeliveryStatus.PARTIAL if sent or unknown else DeliveryStatus.FAILED
    return DeliveryStatus.UNKNOWN if unknown else DeliveryStatus.SENT


def open_run(transaction: Transaction, uid: str) -> str | None:
    """A run of the job that is queued or running."""
    row = transaction.execute(sql.OPEN_RUN_OF, (uid,)).fetchone()
    return str(row[0]) if row else None


def drop_cursor(transaction: Transaction, uid: str) -> None:
    transaction.execute(sql.DROP_CURSOR, (uid,))

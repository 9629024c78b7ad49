"""Runs and cursors: what moves. Each function is part of a transaction."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from cron import codec, json_text
from cron.job import Job, Say, SystemEvent, words_of
from cron.planner import Cursor, Missed
from cron.run import DeliveryStatus, Run, RunStatus, Trigger
from cron.target import address_of, session_of, speaks_to
from gateway import inbox
from gateway.agent.due import Ending
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import ErrorClass
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


def message(
    job: Job, due: Occurrence, default_target: ChatAddress | None, now: datetime, *, session: str = ""
) -> InboundMessage:
    """The `system` message that a due job becomes; in another `session` than the job's own if one is given."""
    own = address_of(job, default_target)
    return InboundMessage(
        channel=SYSTEM,
        sender_id=f"cron:{job.id}",
        dedupe_keys=(),  # (job, occurrence) is unique in the table of runs
        address=speaks_to(job, default_target),
        text=words_of(job.payload),
        received_at=now,
        occasion=Due(
            run=due.run,
            scheduled_for=due.scheduled_for,
            late_by=due.late_by,
            missed=due.missed,
            exact=isinstance(job.payload, Say),
            system=isinstance(job.payload, SystemEvent),
        ),
        session=session or session_of(job, due.run, own),
        trace_id=due.trace_id,
    )


def claim(transaction: Transaction, job: Job, due: Occurrence, said: InboundMessage) -> Accepted | None:
    """Claim the occurrence and publish its message; None if it was claimed before."""
    return inbox.accept(transaction, said) if _insert(transaction, job, due, held=False) else None


def hold(transaction: Transaction, job: Job, due: Occurrence) -> bool:
    """Claim the occurrence; its message is published later. False if it was claimed before."""
    return _insert(transaction, job, due, held=True)


def _insert(transaction: Transaction, job: Job, due: Occurrence, *, held: bool) -> bool:
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
        int(held),
    )
    return bool(transaction.execute(sql.CLAIM_RUN, row).rowcount)


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


def start(transaction: Transaction, run: str, *, now: datetime) -> bool:
    """The run begins, or its next attempt does; after a crash it goes on, and nothing is counted twice.

    False: it is over.
    """
    at = to_text(now)
    row = transaction.execute(sql.START_RUN, (at, run)).fetchone()
    if row is None:
        return is_open(transaction, run)
    uid, attempt = row
    transaction.execute(sql.ADD_ATTEMPT, (run, attempt, at))
    if attempt == 1:
        transaction.execute(sql.COUNT_START, (uid,))
    return True


def finish(transaction: Transaction, run: str, ending: Ending, *, now: datetime) -> None:
    """The run is over; nothing happens if it is so already."""
    at, what = to_text(now), _outcome(ending)
    transaction.execute(sql.FINISH_RUN, (ending.status.value, at, *what, run))
    transaction.execute(sql.END_ATTEMPT, (at, what[2], run))


def give_up(transaction: Transaction, run: str, *, now: datetime) -> None:
    """The run cannot go on: its own copy of the job cannot be read."""
    at, why = to_text(now), "its copy of the job cannot be read"
    _logger().error("cron: a run cannot go on", run=run, reason=why)
    error_class = ErrorClass.PERMANENT.value
    transaction.execute(sql.FINISH_RUN, (RunStatus.INTERRUPTED.value, at, "", why, error_class, 0, 0, run))
    transaction.execute(sql.END_ATTEMPT, (at, error_class, run))


def wait(transaction: Transaction, run: str, ending: Ending, *, now: datetime, until: datetime) -> None:
    """An attempt of the run is over, and it waits for the next one."""
    what = _outcome(ending)
    transaction.execute(sql.WAIT_RUN, (to_text(until), *what, run))
    transaction.execute(sql.END_ATTEMPT, (to_text(now), what[2], run))


def _outcome(ending: Ending) -> tuple[str, str, str | None, int, int]:
    error_class = ending.error_class.value if ending.error_class else None
    usage = ending.usage
    return bounded(ending.output), bounded(ending.error), error_class, usage.input_tokens, usage.output_tokens


def attempt_of(transaction: Transaction, run: str) -> int:
    """Which attempt of the run is the present one; the first is 1."""
    row = transaction.execute(sql.ATTEMPT_OF, (run,)).fetchone()
    return int(row[0]) if row else 1


def bounded(text: str) -> str:
    if len(text) <= LONGEST_OUTPUT:
        return text
    return f"{text[:LONGEST_OUTPUT]}\n[cut: {len(text) - LONGEST_OUTPUT} more characters]"


def move_cursor(transaction: Transaction, uid: str, cursor: Cursor) -> None:
    next_at = to_text(cursor.next_at) if cursor.next_at else None
    row = (uid, cursor.fingerprint, to_text(cursor.handled_until), next_at, cursor.runs)
    transaction.execute(sql.MOVE_CURSOR, row)


def cursors(transaction: Transaction) -> dict[str, Cursor]:
    return {uid: _cursor(*row) for uid, *row in transaction.execute(sql.CURSORS).fetchall()}


def cursor_of(transaction: Transaction, uid: str) -> Cursor | None:
    """Where the schedule of one job stands."""
    row = transaction.execute(sql.CURSOR_OF, (uid,)).fetchone()
    return _cursor(*row) if row else None


def _cursor(fingerprint: str, handled_until: str, next_at: str | None, made: int) -> Cursor:
    return Cursor(
        fingerprint=fingerprint,
        handled_until=from_text(handled_until),
        next_at=from_text(next_at) if next_at else None,
        runs=made,
    )


def starts(transaction: Transaction) -> dict[str, int]:
    """How many runs of each job (by uid) have begun, ever."""
    return dict(transaction.execute(sql.STARTS).fetchall())


def open_runs(transaction: Transaction) -> list[tuple[str, str]]:
    """(job uid, run id) of everything that is queued or running."""
    return [(uid, run) for uid, run in transaction.execute(sql.OPEN_RUNS).fetchall()]


def is_busy(transaction: Transaction, uid: str) -> bool:
    """Whether a run of the job is not over."""
    return bool(transaction.execute(sql.OPEN_RUNS_OF, (uid,)).fetchall())


def job_of(transaction: Transaction, run: str) -> tuple[RunStatus, Job] | None:
    """The state of a run, and the copy of its job that it works on; None where there is none that can be read."""
    row = transaction.execute(sql.RUN_STATE, (run,)).fetchone()
    job = copy_of(row[1]) if row else None
    return None if job is None else (RunStatus(row[0]), job)


def copy_of(text: str) -> Job | None:
    """The copy of its job that a run has; None if it cannot be read: `give_up` says so, and ends the run."""
    try:
        return stored_job(text)
    except Exception:  # noqa: BLE001 - logged: whatever is wrong with one row must not stop the others
        _logger().exception("the copy of a job that a run has cannot be read")
        return None


@lru_cache(maxsize=64)  # a run reads its copy when it is given away, begins and ends
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
    stored = _described(row[2])
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
        delivery_status=delivery_status(row[17] + row[25], row[18] + row[26], row[19], row[20] + row[27]),
        delivery_error=row[28] or "",
        messages_sent=row[18],
        attempt=row[21],
        retry_at=from_text(row[22]) if row[22] and row[4] == RunStatus.RETRY_WAIT else None,
        input_tokens=row[23],
        output_tokens=row[24],
    )


def _described(text: str) -> dict[str, Any]:
    """A job's own words about itself; nothing where they cannot be read: its history is shown all the same."""
    try:
        stored = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return stored if isinstance(stored, dict) else {}


def delivery_status(still_open: int, sent: int, unknown: int, dead: int) -> DeliveryStatus:
    """What became of the messages and callbacks of a run, from how many of them are where."""
    if not still_open + sent + unknown + dead:
        return DeliveryStatus.NONE
    if still_open:
        return DeliveryStatus.QUEUED
    if dead:
        return DeliveryStatus.PARTIAL if sent or unknown else DeliveryStatus.FAILED
    return DeliveryStatus.UNKNOWN if unknown else DeliveryStatus.SENT


def drop_cursor(transaction: Transaction, uid: str) -> None:
    transaction.execute(sql.DROP_CURSOR, (uid,))
    transaction.execute(sql.DROP_STARTS, (uid,))


def _logger() -> Any:
    """Here, because `cron list` reads this module and says nothing to a log: structlog costs it 40 ms."""
    import structlog

    return structlog.get_logger()

"""Callbacks in the database: owed with a run's end, ended one by one. Each function is part of a transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.callbacks.policy import Callback, CallbackKind, CallbackState, Target, Verdict
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction

PER_HOST = 4  # due callbacks of one host in one look
AT_ONCE = 64  # due callbacks in one look


@dataclass(frozen=True, slots=True)
class Due:
    """A callback whose time has come, and its row."""

    seq: int
    callback: Callback


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How a callback of a run stands."""

    id: str
    kind: CallbackKind
    host: str
    state: CallbackState
    attempts: int
    error: str
    finished_at: datetime | None


def queue(transaction: Transaction, callback: Callback, *, now: datetime) -> None:
    """Owe it to the machine; the second time nothing happens."""
    _add(transaction, callback, now=now)


def refuse(transaction: Transaction, callback: Callback, error: str, *, now: datetime) -> None:
    """Record that it is not sent, and why."""
    _add(transaction, callback, now=now, error=error)


def _add(transaction: Transaction, callback: Callback, *, now: datetime, error: str = "") -> None:
    at = to_text(now)
    row = (
        callback.id,
        callback.run,
        callback.job,
        callback.kind.value,
        callback.target.host,
        "" if error else _hook(callback.target),
        "" if error else callback.body.decode(),
        callback.trace_id,
        (CallbackState.FAILED if error else CallbackState.OPEN).value,
        at,
        error,
        at if error else None,
    )
    transaction.execute(sql.ADD_CALLBACK, row)


def due(transaction: Transaction, *, now: datetime) -> list[Due]:
    """What may be sent now, the longest due first; of one host only a few, so that each gets its turn."""
    found = transaction.execute(sql.DUE_CALLBACKS, (to_text(now), PER_HOST, AT_ONCE)).fetchall()
    return [_due(row) for row in found]


def next_at(transaction: Transaction, *, now: datetime) -> datetime | None:
    """When the next one after `now` is due."""
    (at,) = transaction.execute(sql.NEXT_CALLBACK, (to_text(now),)).fetchone()
    return from_text(at) if at else None


def settle(transaction: Transaction, row: Due, verdict: Verdict, *, now: datetime) -> None:
    """Keep what became of a try; a hook that is gone, or is back, is noted with its job."""
    tries = row.callback.attempts + 1
    job, url = row.callback.job, row.callback.target.url
    if verdict.state is CallbackState.OPEN:
        again = to_text(now + verdict.wait)
        transaction.execute(sql.RETRY_CALLBACK, (tries, again, verdict.error, row.seq))
        return
    ended = (verdict.state.value, tries, verdict.error, to_text(now), row.seq)
    transaction.execute(sql.END_CALLBACK, ended)
    if verdict.gone:
        transaction.execute(sql.NOTE_GONE_HOOK, (job, url, to_text(now)))
        others = (verdict.error, to_text(now), job, _hook(row.callback.target))
        transaction.execute(sql.END_CALLBACKS_OF_HOOK, others)
    elif verdict.state is CallbackState.SENT:
        transaction.execute(sql.HOOK_IS_BACK, (job, url))


def gone_since(transaction: Transaction, job: str, url: str) -> datetime | None:
    """When the job's hook answered 410, if it did."""
    row = transaction.execute(sql.HOOK_IS_GONE, (job, url)).fetchone()
    return from_text(row[0]) if row else None


def of_run(transaction: Transaction, run: str) -> list[Record]:
    """The callbacks of a run, in the order in which they were queued."""
    return [
        Record(
            id=id_,
            kind=CallbackKind(kind),
            host=host,
            state=CallbackState(state),
            attempts=attempts,
            error=error,
            finished_at=from_text(finished) if finished else None,
        )
        for id_, kind, host, state, attempts, error, finished in transaction.execute(
            sql.CALLBACKS_OF_RUN, (run,)
        ).fetchall()
    ]


def waiting(transaction: Transaction) -> int:
    """How many are not sent yet."""
    row = transaction.execute(sql.COUNT_CALLBACKS).fetchone()
    return int(row[1]) if row else 0


def _hook(target: Target) -> str:
    return orjson.dumps(
        {
            "url": target.url,
            "token": target.token,
            "within": target.within.total_seconds(),
            "retries": target.retries,
        }
    ).decode()


def _due(row: Any) -> Due:
    seq, id_, run, job, kind, _, hook, body, trace_id, attempts = row
    stored = orjson.loads(hook)
    target = Target(
        url=stored["url"],
        token=stored["token"],
        within=timedelta(seconds=stored["within"]),
        retries=stored["retries"],
    )
    return Due(
        seq,
        Callback(
            id=id_,
            run=run,
            job=job,
            kind=CallbackKind(kind),
            target=target,
            body=body.encode(),
            trace_id=trace_id,
            attempts=attempts,
        ),
    )

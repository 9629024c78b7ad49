"""Events: what has happened, as rows that any process can read. Each function is part of a transaction."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event; `seq` only grows."""

    seq: int
    kind: str  # "run.failed", "event", …
    subject: str  # what it is about: the id of a run, the name of an event
    body: Json


def publish(transaction: Transaction, kind: str, subject: str, body: Json, *, now: datetime) -> None:
    """Write it down; who listens hears of it after the commit."""
    transaction.execute(sql.ADD_EVENT, (kind, subject, orjson.dumps(body).decode(), to_text(now)))


def since(transaction: Transaction, seq: int) -> list[Happened]:
    """All events after this one, in order."""
    rows = transaction.execute(sql.EVENTS_SINCE, (seq,)).fetchall()
    return [
        Happened(seq=seq, kind=kind, subject=subject, body=orjson.loads(body) if body else None)
        for seq, kind, subject, body in rows
    ]


def newest(transaction: Transaction) -> int:
    """The number of the last event there is; 0 when there is none."""
    return int(transaction.execute(sql.LAST_EVENT).fetchone()[0])

"""What was not sent: the rows of the outbox as an operator sees, repeats and drops them.

Each function is part of a transaction.
"""

from dataclasses import dataclass
from typing import Any

from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import OutboundMessage
from gateway.outbox.records import decode_message

DROPPED = "dropped by the operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A message that is open, unknown or dead."""

    seq: int
    id: str
    state: str
    message: OutboundMessage
    failures: int
    error: str
    created_at: str  # RFC 3339


def listed(transaction: Transaction, *, limit: int, dropped: bool = False) -> list[Unsent]:
    """The newest of them; with `dropped`, those too that were given up by hand."""
    hidden = "" if dropped else DROPPED
    return [_unsent(row) for row in transaction.execute(sql.UNSENT, (hidden, limit)).fetchall()]


def counts(transaction: Transaction) -> dict[str, dict[str, int]]:
    """How many there are by channel and state, without those that were given up by hand."""
    found: dict[str, dict[str, int]] = {}
    for channel, state, count in transaction.execute(sql.COUNT_UNSENT, (DROPPED,)).fetchall():
        found.setdefault(channel, {})[state] = count
    return found


def dead_alerts(transaction: Transaction) -> int:
    """How many alerts of failing jobs have reached nobody, and were not given up by hand."""
    return int(transaction.execute(sql.COUNT_DEAD_ALERTS, (DROPPED,)).fetchone()[0])


def named(transaction: Transaction, reference: str) -> list[Unsent]:
    """The one with this id, else a few whose ids begin so."""
    rows = transaction.execute(sql.UNSENT_LIKE, (len(reference), reference)).fetchall()
    found = [_unsent(row) for row in rows]
    return [one for one in found if one.id == reference] or found


def retry(transaction: Transaction, unsent: Unsent) -> None:
    """Open again: from its first part that did not arrive. What may have arrived counts as sent once already."""
    transaction.execute(sql.RETRY_PARTS, (1 if unsent.state == "unknown" else 0, unsent.seq))
    transaction.execute(sql.RETRY_MESSAGE, (unsent.seq,))


def being_sent(transaction: Transaction, unsent: Unsent) -> bool:
    """Whether a request for it is under way."""
    return bool(unsent.state == "open" and transaction.execute(sql.COUNT_SENDING, (unsent.seq,)).fetchone()[0])


def drop(transaction: Transaction, unsent: Unsent, *, at: str) -> None:
    """It will not be sent."""
    transaction.execute(sql.END_PARTS, ("dead", unsent.seq))
    transaction.execute(sql.DROP_MESSAGE, (DROPPED, at, unsent.seq))


def _unsent(row: Any) -> Unsent:
    seq, delivery, message, state, failures, error, created_at = row
    return Unsent(
        seq=seq,
        id=delivery,
        state=state,
        message=decode_message(message),
        failures=failures,
        error=error,
        created_at=created_at,
    )

"""What other processes ask of the running gateway: rows of the events table that it reads within a second."""

from datetime import datetime

from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction

CANCEL = "cancel"


def ask_to_cancel(transaction: Transaction, name: str, *, now: datetime) -> None:
    """Ask that the turn or run of this id be ended."""
    transaction.execute(sql.ADD_EVENT, (CANCEL, name, "", to_text(now)))


def newest(transaction: Transaction) -> int:
    """The number of the last event there is."""
    return int(transaction.execute(sql.LAST_EVENT).fetchone()[0])


def cancellations(transaction: Transaction, *, since: int) -> list[tuple[int, str]]:
    """(number, turn or run) of every request to cancel after `since`."""
    rows = transaction.execute(sql.EVENTS_SINCE, (since,)).fetchall()
    return [(seq, subject) for seq, kind, subject, _ in rows if kind == CANCEL]

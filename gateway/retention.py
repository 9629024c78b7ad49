"""What is forgotten, and when: everything that grows has an end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept."""

    runs_per_job: int = 200
    history: timedelta = timedelta(days=30)
    sessions_isolated: timedelta = timedelta(hours=24)
    dedupe: timedelta = timedelta(days=7)


def forget(transaction: Transaction, rules: Retention, *, now: datetime) -> None:
    """Delete what is older than the rules say; nothing that is open or waiting is touched."""
    old = to_text(now - rules.history)
    transaction.execute(sql.FORGET_KEYS, (to_text(now - rules.dedupe),))
    transaction.execute(sql.FORGET_EVENTS, (to_text(now - rules.dedupe),))
    transaction.execute(sql.FORGET_WAITERS, (to_text(now),))
    transaction.execute(sql.FORGET_ISOLATED, (to_text(now - rules.sessions_isolated),))
    transaction.execute(sql.FORGET_MESSAGES, (old,))
    transaction.execute(sql.FORGET_RUNS, (old,))
    transaction.execute(sql.TRIM_RUNS, (rules.runs_per_job,))

"""What is forgotten, and when: everything that grows has an end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway import audit
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


SLICE = 500  # rows of a kind in one transaction: a message that comes meanwhile waits for no more
TURNS = 500  # of a session: more of its past is never read
AUDIT = timedelta(days=365)  # who changed what, and tried what they may not: it is asked for late


def forget(transaction: Transaction, rules: Retention, *, now: datetime) -> bool:
    """Delete some of what is older than the rules say, nothing that is open; True if there may be more of it.

    Call it again then, in a transaction of its own.
    """
    history = to_text(now - rules.history)
    known = to_text(now - rules.dedupe)
    limits: tuple[tuple[str, str | int], ...] = (
        (sql.FORGET_KEYS, known),
        (sql.FORGET_EVENTS, known),
        (sql.FORGET_WAITERS, to_text(now)),
        (sql.FORGET_ISOLATED, to_text(now - rules.sessions_isolated)),
        (sql.FORGET_OVERHEARD, history),
        (sql.FORGET_EXCHANGES, history),
        (sql.FORGET_FAILURES, to_text(now - AUDIT)),
        (sql.FORGET_SPEND, to_text(now - AUDIT)),
        (sql.FORGET_MESSAGES, history),
        (sql.FORGET_RUNS, history),
        (sql.TRIM_RUNS, rules.runs_per_job),
        (sql.FORGET_ATTEMPTS, to_text(now)),
        (sql.FORGET_CALLBACKS, to_text(now)),
        (sql.FORGET_HOOKS, history),
        (sql.FORGET_REMINDERS, history),
        (sql.TRIM_SESSIONS, TURNS),
    )
    deleted = [transaction.execute(statement, (limit, SLICE)).rowcount for statement, limit in limits]
    deleted.append(audit.forget(transaction, before=now - AUDIT, limit=SLICE))
    return SLICE in deleted

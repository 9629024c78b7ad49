"""Answers: which reminders are dealt with, and which are said again. Each function is part of a transaction."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cron.reminders.reminding import Nag
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import ChatAddress

LOOKED_AT = 50  # reminders of a chat, from the latest on


class Dealt(StrEnum):
    """What became of a reminder after it was said."""

    OPEN = "open"
    SNOOZED = "snoozed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Said:
    """A reminder that was said in a chat."""

    run: str
    dealt: Dealt


def dealt(transaction: Transaction, run: str) -> Dealt:
    """What became of the reminder so far."""
    row = transaction.execute(sql.REMINDER_STATE, (run,)).fetchone()
    return Dealt(row[0]) if row else Dealt.OPEN


def answered_by(transaction: Transaction, stamp: str) -> str:
    """The run whose reminder this very answer was about, before a crash; empty if it was about none."""
    row = transaction.execute(sql.REMINDER_OF_STAMP, (stamp,)).fetchone() if stamp else None
    return str(row[0]) if row else ""


def answer(transaction: Transaction, run: str, uid: str, what: Dealt, *, stamp: str, now: datetime) -> None:
    """Keep an answer, and say the reminder no more; what is done stays done."""
    before = dealt(transaction, run)
    if before is not Dealt.DONE and before is not what:
        transaction.execute(sql.ANSWER_REMINDER, (run, uid, what.value, stamp, to_text(now)))


def latest(transaction: Transaction, address: ChatAddress) -> list[Said]:
    """The last reminders of a chat and thread, newest first."""
    found = (address.channel, address.chat, address.thread, LOOKED_AT)
    rows = transaction.execute(sql.LATEST_REMINDERS, found).fetchall()
    return [Said(run, dealt(transaction, run)) for run in dict.fromkeys(run for (run,) in rows)]


# -- nagging ----------------------------------------------------------------------------------------------------


def begin_nag(transaction: Transaction, nag: Nag, uid: str, *, now: datetime) -> None:
    """From now on it is said again; nothing happens if it was begun before."""
    row = (nag.run, uid, to_text(now), to_text(nag.next_at), to_text(nag.until))
    transaction.execute(sql.BEGIN_NAG, row)


def next_nag(transaction: Transaction) -> datetime | None:
    """When the next reminder is said again."""
    row = transaction.execute(sql.NEXT_NAG).fetchone()
    return from_text(row[0]) if row and row[0] else None


def due_nags(transaction: Transaction, now: datetime, *, limit: int) -> list[Nag]:
    rows = transaction.execute(sql.DUE_NAGS, (to_text(now), limit)).fetchall()
    return [
        Nag(run=run, said=said, next_at=from_text(next_at), until=from_text(until))
        for run, said, next_at, until in rows
    ]


def put_off_nag(transaction: Transaction, run: str, *, at: datetime, said: int) -> None:
    transaction.execute(sql.PUT_OFF_NAG, (to_text(at), said, run))


def stop_nag(transaction: Transaction, run: str) -> None:
    transaction.execute(sql.STOP_NAG, (run,))


def stop_nags_of(transaction: Transaction, uid: str) -> None:
    transaction.execute(sql.STOP_NAGS_OF, (uid,))


def finish_all_of(transaction: Transaction, uid: str, *, now: datetime) -> None:
    """What a job has reminded of is done: it is a reminder that was put off, and done now."""
    transaction.execute(sql.FINISH_REMINDERS_OF, (to_text(now), uid))


def is_unsent(transaction: Transaction, run: str) -> bool:
    """Whether words of the run are still on their way."""
    return transaction.execute(sql.HAS_UNSENT_WORDS, (run,)).fetchone() is not None

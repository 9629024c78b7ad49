"""What was spent on models: rows of the tables, for those who show them. Imported by quick commands."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.database import statements as sql
from gateway.database.driver import Transaction

JOB, OWNER = "job:", "owner:"  # how subjects begin
OPERATOR = "operator"  # the owner of what the command line has made


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one job or owner has spent on a day: "job:<uid>" or "owner:<owner>"."""

    subject: str
    input_tokens: int = 0
    output_tokens: int = 0
    money: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def of_job(uid: str) -> str:
    """The subject of a job."""
    return f"{JOB}{uid}"


def of_owner(owner: str | None) -> str:
    """The subject of an owner; None is the command line."""
    return f"{OWNER}{owner or OPERATOR}"


def day_of(now: datetime, zone: str) -> str:
    """The day of the calendar there, "2026-03-02"."""
    return now.astimezone(ZoneInfo(zone)).date().isoformat()


def spent_on(transaction: Transaction, day: str, subject: str) -> Spent:
    """What "job:<uid>" or "owner:<owner>" has spent on this day."""
    row = transaction.execute(sql.SPENT, (day, subject)).fetchone() or (0, 0, 0.0)
    return Spent(subject=subject, input_tokens=row[0], output_tokens=row[1], money=row[2])


def spent_since(transaction: Transaction, day: str, subject: str) -> Spent:
    """What the subject has spent from this day on, in all."""
    row = transaction.execute(sql.SPENT_SINCE, (day, subject)).fetchone()
    return Spent(subject=subject, input_tokens=row[0], output_tokens=row[1], money=row[2])


def under_way(transaction: Transaction, subject: str) -> Spent:
    """What the attempts so far of runs that are not over have cost, without money: it is booked with their end."""
    statement = sql.OPEN_SPEND_OF_JOB if subject.startswith(JOB) else sql.OPEN_SPEND_OF_OWNER
    row = transaction.execute(statement, (subject.removeprefix(JOB).removeprefix(OWNER),)).fetchone()
    return Spent(subject=subject, input_tokens=row[0], output_tokens=row[1])


def used_by(transaction: Transaction, run: str) -> int:
    """The tokens of the attempts of one run so far."""
    row = transaction.execute(sql.SPEND_OF_RUN, (run,)).fetchone()
    return int(row[0]) if row else 0


def report(transaction: Transaction, day: str) -> list[Spent]:
    """What everybody has spent on this day, the most first."""
    return [
        Spent(subject=subject, input_tokens=tokens_in, output_tokens=tokens_out, money=money)
        for subject, tokens_in, tokens_out, money in transaction.execute(sql.SPENT_ON, (day,)).fetchall()
    ]

"""Audit: who did what to what, before and after, as rows that are chained: one that is changed later is found.

Each row holds a hash of itself and of the hash before it, and a number that follows on the one before. So a row
that was changed, removed or put in between shows, and so does an end that was cut off. Who can write the file can
also make a whole chain anew: to notice that, keep the last hash somewhere else. Each function is part of a
transaction.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson

from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction

PAGE = 1_000  # rows that are verified at once
LAST, FIRST = "audit_last", "audit_first"  # the numbers of the newest row ever, and of the oldest that is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be written."""

    at: datetime
    who: str  # "operator:root", "telegram:123", "agent:telegram:123", "configuration", "gateway", …
    what: str  # "cron.add", "bus.refused", …
    subject: str  # what it was done to
    before: str | None = None  # JSON, or words
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is written."""

    seq: int
    entry: Entry
    previous: str  # the hash of the row before
    hash: str  # empty: it was written before rows were chained


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of looking at all rows."""

    rows: int  # that are chained
    unchained: int  # of before there was a chain
    breaks: tuple[str, ...]  # sentences; empty: it is unbroken
    head: str  # the last hash


def write(transaction: Transaction, entry: Entry) -> None:
    """Add a row to the chain."""
    row = transaction.execute(sql.LAST_AUDIT).fetchone()
    newest, previous = row or (0, "")
    seq = max(_number(transaction, LAST), newest) + 1
    texts = (to_text(entry.at), entry.who, entry.what, entry.subject, entry.before, entry.after)
    transaction.execute(sql.ADD_AUDIT, (seq, *texts, previous, _hash(previous, seq, *texts)))
    transaction.execute(sql.SET_NUMBER, (LAST, seq))


def newest(transaction: Transaction, *, limit: int, subject: str | None = None) -> list[Row]:
    """The last rows, newest first; of one subject if it is given."""
    if subject is None:
        found = transaction.execute(sql.NEWEST_AUDIT, (limit,)).fetchall()
    else:
        found = transaction.execute(sql.NEWEST_AUDIT_OF, (subject, limit)).fetchall()
    return [_row(*row) for row in found]


def forget(transaction: Transaction, *, before: datetime, limit: int) -> int:
    """Remove the oldest rows, as far as they are older; returns how many. What is left stays a chain."""
    kept = transaction.execute(sql.FIRST_AUDIT_SINCE, (to_text(before),)).fetchone()
    until = kept[0] if kept else _number(transaction, LAST) + 1
    gone = [seq for (seq,) in transaction.execute(sql.FORGET_AUDIT, (until, limit)).fetchall()]
    if gone:
        transaction.execute(sql.SET_NUMBER, (FIRST, max(gone) + 1))
    return len(gone)


def verify(transaction: Transaction) -> Verdict:
    """Look at all rows. Where it is broken is said once for each place."""
    breaks: list[str] = []
    rows = unchained = 0
    previous, expected = "", _number(transaction, FIRST) or None
    for row in _all(transaction):
        if not row.hash and not rows:
            unchained += 1
        else:
            breaks += _breaks(row, previous, expected, first=not rows)
            rows += 1
        previous, expected = row.hash, row.seq + 1
    last = _number(transaction, LAST)
    if last and expected != last + 1:
        breaks.append(f"the newest rows are gone: row {last} was the last one written")
    return Verdict(rows=rows, unchained=unchained, breaks=tuple(breaks), head=previous)


def _breaks(row: Row, previous: str, expected: int | None, *, first: bool) -> Iterator[str]:
    if expected is not None and row.seq != expected:
        yield f"rows {expected} to {row.seq - 1} are gone"
    elif not first and row.previous != previous:
        yield f"row {row.seq} does not follow on the one before it"
    entry = row.entry
    texts = (to_text(entry.at), entry.who, entry.what, entry.subject, entry.before, entry.after)
    if row.hash != _hash(row.previous, row.seq, *texts):
        yield f"row {row.seq} was changed ({to_text(entry.at)}, {entry.what})"


def _all(transaction: Transaction) -> Iterator[Row]:
    last = 0
    while found := transaction.execute(sql.AUDIT_AFTER, (last, PAGE)).fetchall():
        yield from (_row(*row) for row in found)
        last = found[-1][0]


def _row(
    seq: int,
    at: str,
    who: str,
    what: str,
    subject: str,
    before: str | None,
    after: str | None,
    previous: str,
    hash_: str,
) -> Row:
    entry = Entry(at=from_text(at), who=who, what=what, subject=subject, before=before, after=after)
    return Row(seq=seq, entry=entry, previous=previous, hash=hash_)


def _hash(previous: str, *row: int | str | None) -> str:
    return hashlib.sha256(orjson.dumps([previous, *row])).hexdigest()


def _number(transaction: Transaction, key: str) -> int:
    row = transaction.execute(sql.NUMBER, (key,)).fetchone()
    return int(row[0]) if row else 0

"""Jobs in the database, for more of them than a file is good for: the table `jobs`.

Every write is a transaction of its own, on a connection of its own beside the gateway's, and is numbered. A reader
takes only what was written since it looked last. Reading makes nothing, not even the database.
"""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from cron import json_text, planner
from cron.codec import VERSION, encode_job
from cron.job import Job
from cron.schedule import At
from cron.store import Recovery
from cron.stores import changes
from cron.stores.audited import Note
from cron.stores.files import Files, make_folder, make_private, said_plainly
from cron.stores.sql_snapshot import EMPTY, Entry, SqlSnapshot, snapshot_of
from gateway.database import statements as sql
from gateway.database.driver import Driver, Transaction, transact
from gateway.database.schema import migrate
from gateway.database.sqlite import SqliteDriver
from gateway.errors import StoreBusyError
from gateway.messages import Json

T = TypeVar("T")

WAIT = timedelta(seconds=5)
REMEMBERED = 10_000  # writes for which removed jobs are remembered: who has not looked for longer reads all again
_STATE = frozenset({"state", "state_revision", "state_stamp", "state_change"})  # in a column of their own


class SqlStore:
    """A JobStore in the SQLite file of the gateway, which is made, with its tables, by the first write."""

    def __init__(self, path: Path, *, wait: timedelta = WAIT, remembered: int = REMEMBERED) -> None:
        """`wait` and `remembered` are for tests."""
        self._path = path
        self._remembered = remembered
        self._wait = wait
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._notes = threading.local()
        self._open: dict[str, Driver] = {}
        self._latest: SqlSnapshot = EMPTY  # the newest that was read by anybody here
        self._loaded: SqlSnapshot | None = None
        weakref.finalize(self, _close, self._open)

    def load(self) -> Mapping[str, Job]:
        with self._reading:
            self._loaded = self._read()
            return self._loaded

    def changed(self, since: Mapping[str, Job] | None = None) -> bool:
        known = self._loaded if since is None else since
        if not isinstance(known, SqlSnapshot):
            return True
        if not self._reading.acquire(blocking=False):
            return True  # an event loop asks: one look too many is better than waiting for a long read
        try:
            reader = self._reader()
            with _translated(reader):
                return known.change != (_changes(reader.transaction) if reader is not None else 0)
        finally:
            self._reading.release()

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        def work(transaction: Transaction) -> Job:
            present = self._present(transaction)
            kept = changes.written(present, job, check)
            if not present.holds(kept):
                _write(transaction, kept)
                self._note(transaction, present.found.get(kept.uid), kept)
            return kept

        return self._write(work)

    def put_all(self, jobs: Iterable[Job]) -> list[Job]:
        def work(transaction: Transaction) -> list[Job]:
            kept = []
            for job in jobs:
                present = self._present(transaction)
                kept.append(changes.written(present, job, None))
                if not present.holds(kept[-1]):
                    _write(transaction, kept[-1])
                    self._note(transaction, present.found.get(kept[-1].uid), kept[-1])
            return kept

        return self._write(work)

    def remove(self, uid: str, *, revision: int | None = None) -> None:
        def work(transaction: Transaction) -> None:
            gone = changes.removed(self._present(transaction), uid, revision)
            change = _count(transaction)
            transaction.execute(sql.REMOVE_JOB, (uid,))
            transaction.execute(sql.NOTE_GONE_JOB, (uid, change))
            transaction.execute(sql.FORGET_GONE_JOBS, (change - self._remembered,))
            self._note(transaction, gone, None)

        self._write(work)

    def set_state(self, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
        def work(transaction: Transaction) -> Job:
            present = self._present(transaction)
            kept = changes.with_state(present, uid, state, expected=expected, stamp=stamp)
            if not present.holds(kept):
                _, text = _texts(kept)
                transaction.execute(sql.SET_JOB_STATE, (text, _count(transaction), uid))
            return kept

        return self._write(work)

    def recover(self) -> Recovery:
        files = Files()
        notes = [make_private(files, self._path.parent), make_private(files, self._path)]
        return Recovery(jobs=self.load(), notes=tuple(filter(None, notes)))

    @contextmanager
    def noting(self, note: Note) -> Iterator[None]:
        """Inside, every change that this thread makes is noted in the transaction that makes it."""
        self._notes.by = note
        try:
            yield
        finally:
            del self._notes.by

    def _note(self, transaction: Transaction, before: Job | None, after: Job | None) -> None:
        note: Note | None = getattr(self._notes, "by", None)
        if note is not None:
            note(transaction, before, after)

    # -- connections --------------------------------------------------------------------------------------

    def _write(self, work: Callable[[Transaction], T]) -> T:
        if not self._writing.acquire(timeout=self._wait.total_seconds()):
            seconds = self._wait.total_seconds()
            raise StoreBusyError(
                f"{self._path}: another part of this program has been writing for over {seconds:g} s; try again"
            )
        try:
            return transact(self._writer(), work)
        finally:
            self._writing.release()

    def _writer(self) -> Driver:
        if "writer" not in self._open:
            folder = self._path.parent
            with said_plainly(f"{folder} cannot be made"):
                make_folder(Files(), folder)
            driver = SqliteDriver(self._path)
            try:
                driver.transaction.execute(f"PRAGMA busy_timeout = {self._wait // timedelta(milliseconds=1)}")
                migrate(driver)
            except BaseException:
                driver.close()
                raise
            self._open["writer"] = driver
        return self._open["writer"]

    def _reader(self) -> Driver | None:
        """None while there is no table yet."""
        if "reader" not in self._open and self._path.exists():
            driver = SqliteDriver(self._path, read_only=True)
            try:
                with _translated(driver):
                    if not driver.transaction.execute(sql.HAS_JOBS).fetchone()[0]:
                        driver.close()
                        return None
            except BaseException:
                driver.close()
                raise
            self._open["reader"] = driver
        return self._open.get("reader")

    def _read(self) -> SqlSnapshot:
        reader = self._reader()
        if reader is None:
            return EMPTY
        with _translated(reader):
            transaction = reader.transaction
            transaction.execute("BEGIN")  # one view of all that is read
            try:
                self._latest = _following(transaction, self._latest, self._remembered)
            finally:
                reader.rollback()
        return self._latest

    def _present(self, transaction: Transaction) -> "_Stored":
        return _Stored(transaction, self._latest, self._remembered, {})


@dataclass(frozen=True, slots=True)
class _Stored:
    """The jobs inside a transaction, by the indexes of the table."""

    transaction: Transaction
    known: SqlSnapshot
    remembered: int
    found: dict[str, Job]  # what was asked for, by uid

    def by_uid(self, uid: str) -> Job | None:
        return self._one(sql.JOB_BY_UID, uid)

    def by_id(self, short: str) -> Job | None:
        return self._one(sql.JOB_BY_ID, short)

    def by_stamp(self, stamp: str) -> Job | None:
        return self._one(sql.JOB_BY_STAMP, stamp)

    def everything(self) -> Mapping[str, Job]:
        return _following(self.transaction, self.known, self.remembered)

    def holds(self, job: Job) -> bool:
        """Whether this is a job as it is stored already, and nothing has to be written."""
        return self.found.get(job.uid) is job

    def _one(self, statement: str, key: str) -> Job | None:
        row = self.transaction.execute(statement, (key,)).fetchone()
        if row is None:
            return None
        return self.found.setdefault(row[0], Entry(row).job)


def _following(transaction: Transaction, known: SqlSnapshot, remembered: int) -> SqlSnapshot:
    """The jobs as this transaction sees them; what is known already is not read again."""
    change = _changes(transaction)
    if change == known.change:
        return known
    if not 0 <= change - known.change < remembered:  # also after an older copy of the file was put back
        all_of_them = transaction.execute(sql.ALL_JOBS)
        return snapshot_of(change, iter(all_of_them.fetchone, None))  # one by one: a list is the memory twice
    gone = [uid for (uid,) in transaction.execute(sql.JOBS_GONE_SINCE, (known.change,)).fetchall()]
    rows = transaction.execute(sql.JOBS_SINCE, (known.change,)).fetchall()
    return known.followed(change, rows, gone)


def _changes(transaction: Transaction) -> int:
    row = transaction.execute(sql.JOB_CHANGES).fetchone()
    return int(row[0]) if row is not None else 0


def _count(transaction: Transaction) -> int:
    return int(transaction.execute(sql.COUNT_JOB_CHANGE).fetchone()[0])


def _write(transaction: Transaction, job: Job) -> None:
    body, state = _texts(job)
    row = (
        job.uid,
        job.id,
        job.owner,
        job.name,
        job.stamp,
        body,
        VERSION,
        planner.fingerprint(job),
        isinstance(job.schedule, At),
        job.declared,
        state,
        _count(transaction),
    )
    transaction.execute(sql.PUT_JOB, row)


def _texts(job: Job) -> tuple[str, str]:
    """The definition and what its runs remember, as JSON objects: the one changes without the other."""
    stored = encode_job(job)
    state = {name: value for name, value in stored.items() if name in _STATE}
    body = {name: value for name, value in stored.items() if name not in _STATE}
    return json_text.dump(body).decode(), json_text.dump(state).decode()


@contextmanager
def _translated(driver: Driver | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        translated = driver.translate(error) if driver is not None else None
        if translated is not None:
            raise translated from error
        raise


def _close(drivers: dict[str, Driver]) -> None:
    """What is still open when nobody has the store any more."""
    for driver in drivers.values():
        driver.close()

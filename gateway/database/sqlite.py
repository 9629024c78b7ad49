"""The embedded database: one SQLite file beside the configuration."""

import os
import sqlite3
from pathlib import Path

from gateway.database.driver import Transaction
from gateway.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError

BUSY_TIMEOUT_MS = 5_000
FULL = {sqlite3.SQLITE_FULL}
CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteDriver:
    """A connection to the file at `path`, which is made with mode 0600 when it is not there."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if not read_only:
            _make_private(path)
        try:
            self._connection = _connect(path, read_only=read_only)
            self._version = self._data_version()
        except sqlite3.Error as error:
            raise self.translate(error) or error from error

    @property
    def transaction(self) -> Transaction:
        return self._connection

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        # SQLite has already rolled back by itself after some errors (a full disk among them).
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def changed_elsewhere(self) -> bool:
        # data_version moves with the commits of other connections only, never with our own.
        version = self._data_version()
        changed = version != self._version
        self._version = version
        return changed

    def backup(self, label: str) -> None:
        target = self.path.with_name(f"{self.path.name}.{label}")
        _make_private(target)
        with sqlite3.connect(target) as copy:
            self._connection.backup(copy)
        copy.close()

    def translate(self, error: Exception) -> StoreError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in FULL:
            return StoreFullError(f"{self.path}: the disk is full; free some space, nothing was changed")
        if code in CORRUPT:
            return StoreCorruptError(f"{self.path}: not a readable database ({error}); it was left as it is")
        if code in BUSY:
            return StoreBusyError(f"{self.path}: another process has been writing for over 5 s; try again")
        return StoreError(f"{self.path}: {error}")

    def close(self) -> None:
        self._connection.close()

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _make_private(path: Path) -> None:
    """Create the file 0600 from its first byte; SQLite gives its -wal and -shm files the same mode.

    A file that is there is never opened here: closing it again would drop the locks of this process's other
    connections to it, and the next process that leaves would take their log away under them.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        path.chmod(0o600)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,  # transactions are ours: BEGIN IMMEDIATE, never an implicit one
        check_same_thread=False,  # the writer opens it on its own thread, the last closes it
        timeout=BUSY_TIMEOUT_MS / 1000,
        cached_statements=256,
    )
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way there
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection

"""The embedded database: one private file, and its errors in words that help."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.database import statements
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError
from tests.parts import prepared

STATEMENTS = {
    name: text
    for name, text in vars(statements).items()
    if name.isupper() and isinstance(text, str) and " " in text
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return prepared(tmp_path / "gateway.db")


@pytest.fixture
def driver(path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(path)
    yield driver
    driver.close()


@pytest.mark.parametrize("name", sorted(name for name in STATEMENTS if not name.endswith("_COLUMNS")))
def test_each_statement_fits_the_tables(driver: SqliteDriver, name: str) -> None:
    text = STATEMENTS[name]

    plan = driver.transaction.execute(f"EXPLAIN {text}", [None] * text.count("?")).fetchall()

    assert plan


def test_its_files_are_nobody_elses_also_under_an_open_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        driver = SqliteDriver(tmp_path / "new.db")
        driver.begin()
        driver.transaction.execute("CREATE TABLE t (x)")
        driver.commit()
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        driver.close()
    finally:
        os.umask(before)

    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_a_commit_is_on_the_disk_before_it_returns(driver: SqliteDriver) -> None:
    def pragma(name: str) -> object:
        return driver.transaction.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)

    with pytest.raises(StoreCorruptError, match=r"gateway\.db: not a readable database"):
        SqliteDriver(path)

    assert path.read_bytes().startswith(b"not a database at all")


def test_reading_only_neither_makes_nor_changes_a_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        SqliteDriver(tmp_path / "none.db", read_only=True)
    reader = SqliteDriver(path, read_only=True)

    with pytest.raises(StoreError, match="readonly"):
        transact(reader, lambda t: t.execute("DELETE FROM dedupe"))

    assert not (tmp_path / "none.db").exists()
    reader.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StoreFullError),
        (sqlite3.SQLITE_BUSY, StoreBusyError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusyError),
        (sqlite3.SQLITE_LOCKED, StoreBusyError),
        (sqlite3.SQLITE_NOTADB, StoreCorruptError),
        (sqlite3.SQLITE_CORRUPT_VTAB, StoreCorruptError),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError),
    ],
)
def test_each_fault_of_the_file_has_its_error(driver: SqliteDriver, code: int, kind: type[StoreError]) -> None:
    fault = sqlite3.OperationalError("as SQLite says it")
    fault.sqlite_errorcode = code

    translated = driver.translate(fault)

    assert type(translated) is kind
    assert str(driver.path) in str(translated)

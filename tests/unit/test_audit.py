"""The audit is a chain: what was changed, removed or cut off later is found."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import audit
from gateway.audit import Entry, Verdict
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from tests.fakes import NOON
from tests.parts import prepared

DAY = timedelta(days=1)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def add(driver: SqliteDriver, count: int) -> None:
    for n in range(count):
        entry = Entry(at=NOON + n * DAY, who="anna", what="cron.add", subject=f"job {n}", after="{}")
        transact(driver, lambda t, entry=entry: audit.write(t, entry))  # type: ignore[misc]


def spoil(driver: SqliteDriver, statement: str) -> None:
    transact(driver, lambda t: t.execute(statement))


def verdict(driver: SqliteDriver) -> Verdict:
    return transact(driver, audit.verify)


def test_rows_that_nobody_touched_are_unbroken(driver: SqliteDriver) -> None:
    add(driver, 5)

    found = verdict(driver)

    assert (found.rows, found.unchained, found.breaks) == (5, 0, ())
    assert found.head == transact(driver, lambda t: audit.newest(t, limit=1))[0].hash


def test_an_empty_audit_is_unbroken(driver: SqliteDriver) -> None:
    assert verdict(driver) == Verdict(rows=0, unchained=0, breaks=(), head="")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit SET who = 'eve' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET after = NULL WHERE seq = 1", "row 1 was changed"),
        ("UPDATE audit SET hash = 'x' WHERE seq = 3", "row 3 was changed"),
        ("DELETE FROM audit WHERE seq = 3", "rows 3 to 3 are gone"),
        ("DELETE FROM audit WHERE seq >= 4", "the newest rows are gone: row 5 was the last one written"),
        ("DELETE FROM audit", "the newest rows are gone: row 5 was the last one written"),
    ],
)
def test_what_was_done_to_the_rows_is_found(driver: SqliteDriver, statement: str, sentence: str) -> None:
    add(driver, 5)
    spoil(driver, statement)

    found = verdict(driver)

    assert found.breaks[0].startswith(sentence)


def test_a_row_whose_hash_was_made_anew_does_not_fit_the_next_one(driver: SqliteDriver) -> None:
    add(driver, 3)
    forged = "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1), previous = '' WHERE seq = 2"
    spoil(driver, forged)

    found = verdict(driver)

    assert any("does not follow" in sentence for sentence in found.breaks)


def test_what_is_forgotten_by_its_age_breaks_nothing(driver: SqliteDriver) -> None:
    add(driver, 5)

    gone = transact(driver, lambda t: audit.forget(t, before=NOON + 2 * DAY, limit=10))

    assert gone == 2
    assert (verdict(driver).rows, verdict(driver).breaks) == (3, ())


def test_the_oldest_rows_removed_by_hand_are_missed_once_some_were_forgotten(driver: SqliteDriver) -> None:
    add(driver, 5)
    transact(driver, lambda t: audit.forget(t, before=NOON + DAY, limit=10))
    spoil(driver, "DELETE FROM audit WHERE seq = 2")

    assert verdict(driver).breaks == ("rows 2 to 2 are gone",)


def test_all_may_be_forgotten_and_the_numbers_go_on(driver: SqliteDriver) -> None:
    add(driver, 3)
    transact(driver, lambda t: audit.forget(t, before=NOON + 9 * DAY, limit=10))
    assert verdict(driver).breaks == ()

    add(driver, 1)

    assert [row.seq for row in transact(driver, lambda t: audit.newest(t, limit=5))] == [4]
    assert verdict(driver).breaks == ()


def test_rows_of_before_the_chain_are_counted_and_not_held_against_it(driver: SqliteDriver) -> None:
    old = "INSERT INTO audit (seq, at, who, what, subject) VALUES (1, '2026-01-01T00:00:00Z', 'a', 'b', 'c')"
    spoil(driver, old)
    add(driver, 2)

    found = verdict(driver)

    assert (found.rows, found.unchained, found.breaks) == (2, 1, ())

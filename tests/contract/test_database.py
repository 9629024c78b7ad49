"""What every database keeps to, whichever it is: a second driver adds a line to DRIVERS and passes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.database import statements as sql
from gateway.database.driver import Driver, Transaction, transact
from gateway.database.schema import MIGRATIONS, migrate, take_over
from gateway.database.sqlite import SqliteDriver
from gateway.errors import StoreError

Connect = Callable[[], Driver]


def sqlite(folder: Path) -> Driver:
    return SqliteDriver(folder / "gateway.db")


DRIVERS: dict[str, Callable[[Path], Driver]] = {"sqlite": sqlite}
AT = "2026-03-02T12:00:00.000000Z"


@pytest.fixture(params=DRIVERS)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Opens further connections to one database with the present tables."""
    opened: list[Driver] = []

    def connection() -> Driver:
        opened.append(DRIVERS[request.param](tmp_path))
        return opened[-1]

    migrate(connection())
    yield connection
    for driver in opened:
        driver.close()


def see(key: str) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.execute(sql.SEE_KEY, (key, AT)).rowcount


def keys(driver: Driver) -> list[str]:
    rows = transact(driver, lambda t: t.execute("SELECT key FROM dedupe ORDER BY key").fetchall())
    return [key for (key,) in rows]


def test_what_is_committed_is_seen_by_every_connection(connect: Connect) -> None:
    one, two = connect(), connect()

    transact(one, see("a"))

    assert keys(two) == ["a"]


def test_what_is_rolled_back_never_was(connect: Connect) -> None:
    driver = connect()
    driver.begin()
    see("a")(driver.transaction)

    driver.rollback()

    assert keys(driver) == []


def test_a_rollback_of_nothing_is_harmless(connect: Connect) -> None:
    driver = connect()

    driver.rollback()

    assert transact(driver, see("a")) == 1


def test_work_that_fails_undoes_itself_and_leaves_the_connection_usable(connect: Connect) -> None:
    driver = connect()

    def work(transaction: Transaction) -> None:
        see("a")(transaction)
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        transact(driver, work)

    assert keys(driver) == []


def test_a_violated_rule_of_the_tables_is_a_store_error(connect: Connect) -> None:
    driver = connect()

    with pytest.raises(StoreError):
        transact(driver, lambda t: t.execute("INSERT INTO dedupe (key, seen_at) VALUES ('a', NULL)"))

    assert keys(driver) == []


def test_errors_that_are_not_the_databases_are_not_translated(connect: Connect) -> None:
    assert connect().translate(ValueError("no")) is None


def test_a_savepoint_undoes_its_own_part_only(connect: Connect) -> None:
    driver = connect()

    def work(transaction: Transaction) -> None:
        see("a")(transaction)
        transaction.execute("SAVEPOINT work")
        see("b")(transaction)
        transaction.execute("ROLLBACK TO work")
        transaction.execute("RELEASE work")
        see("c")(transaction)

    transact(driver, work)

    assert keys(driver) == ["a", "c"]


def test_a_key_is_new_once(connect: Connect) -> None:
    driver = connect()

    counts = [transact(driver, see(key)) for key in ("a", "b", "a")]

    assert counts == [1, 1, 0]


def test_commits_of_others_are_noticed_once_and_own_ones_never(connect: Connect) -> None:
    one, two = connect(), connect()

    transact(one, see("a"))
    own = one.changed_elsewhere()
    transact(two, see("b"))
    others = one.changed_elsewhere()
    again = one.changed_elsewhere()

    assert (own, others, again) == (False, True, False)


def test_a_commit_before_the_first_look_is_noticed(connect: Connect) -> None:
    one, two = connect(), connect()

    transact(two, see("b"))

    assert one.changed_elsewhere()


def test_a_backup_is_a_whole_database_of_that_moment(connect: Connect, tmp_path: Path) -> None:
    driver = connect()
    transact(driver, see("before"))

    driver.backup("v1.bak")
    transact(driver, see("after"))

    copy = SqliteDriver(tmp_path / "gateway.db.v1.bak")
    assert keys(copy) == ["before"]
    copy.close()


def test_tables_that_are_there_are_left_as_they_are(connect: Connect) -> None:
    driver = connect()
    transact(driver, see("a"))

    found = migrate(driver)

    assert found == len(MIGRATIONS)
    assert keys(driver) == ["a"]


def test_tables_of_a_newer_version_are_refused_and_not_touched(connect: Connect) -> None:
    driver = connect()
    transact(driver, lambda t: t.execute("UPDATE meta SET value = 99 WHERE key = 'format'"))

    with pytest.raises(StoreError, match="of format 99"):
        migrate(driver)

    assert transact(driver, lambda t: t.execute("SELECT value FROM meta").fetchall()) == [(99,)]


def test_each_taking_over_begins_a_new_epoch(connect: Connect) -> None:
    epochs = [transact(connect(), take_over) for _ in range(3)]

    assert epochs == [1, 2, 3]


def test_an_occurrence_is_claimed_by_one_of_many_who_try(connect: Connect) -> None:
    claimed: list[list[int]] = []  # P-25

    def claim_all(who: int, driver: Driver) -> None:
        def claim(n: int) -> Callable[[Transaction], int]:
            row = (f"{who}-{n}", "job", f"slot {n}", None, "{}", "schedule", AT, 0, 0, "trace", 0)
            return lambda transaction: transaction.execute(sql.CLAIM_RUN, row).rowcount

        claimed.append([transact(driver, claim(n)) for n in range(40)])

    threads = [threading.Thread(target=claim_all, args=(n, connect())) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [sum(each) for each in zip(*claimed, strict=True)] == [1] * 40


def test_the_outbox_takes_a_delivery_id_once(connect: Connect) -> None:
    driver = connect()
    row = ("d1", "test", "1", "", "reply", "{}", "", "", AT)

    first = transact(driver, lambda t: t.execute(sql.ENQUEUE, row).fetchall())
    again = transact(driver, lambda t: t.execute(sql.ENQUEUE, row).fetchall())

    assert len(first) == 1
    assert again == []


def test_what_belongs_to_a_message_goes_with_it(connect: Connect) -> None:
    driver = connect()

    def work(transaction: Transaction) -> list[int]:
        take_over(transaction)
        seq = transaction.execute(sql.ACCEPT, ("person", "s", "{}", "taken", AT)).fetchone()[0]
        transaction.execute(sql.BEGIN_TURN, (seq, "t", "s", AT))
        transaction.execute(sql.ADD_STEP, (seq, 0, "steer", '"x"'))
        transaction.execute("DELETE FROM inbox WHERE seq = ?", (seq,))
        return [transaction.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("turns", "steps")]

    assert transact(driver, work) == [0, 0]


@pytest.mark.parametrize(
    ("table", "column", "word"),
    [
        ("inbox", "kind", "robot"),
        ("inbox", "state", "lost"),
        ("turns", "state", "asleep"),
        ("runs", "status", "ok"),
    ],
)
def test_words_that_are_not_in_the_list_are_refused(connect: Connect, table: str, column: str, word: str) -> None:
    driver = connect()

    def work(transaction: Transaction) -> None:
        take_over(transaction)
        seq = transaction.execute(sql.ACCEPT, ("person", "s", "{}", "taken", AT)).fetchone()[0]
        transaction.execute(sql.BEGIN_TURN, (seq, "t", "s", AT))
        transaction.execute(sql.CLAIM_RUN, ("r", "job", "slot", None, "{}", "schedule", AT, 0, 0, "trace"))
        transaction.execute(f"UPDATE {table} SET {column} = ?", (word,))

    with pytest.raises(StoreError):
        transact(driver, work)

"""One thread that writes, many works in one commit."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.database import statements as sql
from gateway.database.driver import Transaction, transact
from gateway.database.reserve import Reserve
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.errors import StoreError, StoreFullError
from tests.fakes import FakeClock, until
from tests.parts import open_database, prepared, rows

AT = "2026-03-02T12:00:00.000000Z"
KEYS = "SELECT key FROM dedupe ORDER BY key"


def see(key: str) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.execute(sql.SEE_KEY, (key, AT)).rowcount


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


async def test_what_a_work_returns_is_the_answer(path: Path) -> None:
    async with open_database(path, FakeClock()) as database:
        assert [await database.write(see(key)) for key in ("a", "a")] == [1, 0]
        assert await rows(database, KEYS) == [("a",)]


async def test_works_that_come_together_are_done_in_the_order_of_their_coming(path: Path) -> None:
    done: list[int] = []

    def note(n: int) -> Callable[[Transaction], None]:
        return lambda _: done.append(n)

    async with open_database(path, FakeClock()) as database:
        await asyncio.gather(*[database.write(note(n), essential=n % 2 == 0) for n in range(1_200)])

    assert done == list(range(1_200))


async def test_a_work_that_fails_undoes_itself_and_no_other(path: Path) -> None:
    def fails(transaction: Transaction) -> None:
        see("b")(transaction)
        raise KeyError("ours")

    async with open_database(path, FakeClock()) as database:
        answers = await asyncio.gather(
            database.write(see("a")), database.write(fails), database.write(see("c")), return_exceptions=True
        )

        assert [type(answer) for answer in answers] == [int, KeyError, int]
        assert await rows(database, KEYS) == [("a",), ("c",)]


async def test_an_error_of_the_database_is_told_in_our_words(path: Path) -> None:
    async with open_database(path, FakeClock()) as database:
        with pytest.raises(StoreError, match="NOT NULL"):
            await database.write(lambda t: t.execute("INSERT INTO dedupe VALUES ('a', NULL)"))
        with pytest.raises(StoreError, match="no such table"):
            await rows(database, "SELECT 1 FROM nowhere")


async def test_work_is_done_although_nobody_waits_for_it_any_more(path: Path) -> None:
    async with open_database(path, FakeClock()) as database:
        waiting = asyncio.create_task(database.write(see("a")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        await database.write(see("b"))

        assert await rows(database, KEYS) == [("a",), ("b",)]


async def test_what_was_ordered_before_a_stop_is_done(path: Path) -> None:
    async with open_database(path, FakeClock()) as database:
        works = [asyncio.create_task(database.write(see(f"{n}"))) for n in range(50)]
        await asyncio.sleep(0)

    assert await asyncio.gather(*works) == [1] * 50
    driver = SqliteDriver(path)
    assert len(transact(driver, lambda t: t.execute(KEYS).fetchall())) == 50
    driver.close()


async def test_a_commit_of_another_process_is_noticed_and_own_ones_are_not(path: Path) -> None:
    noticed: list[str] = []
    clock = FakeClock()
    async with open_database(path, clock, on_change=lambda: noticed.append("change")) as database:
        other = SqliteDriver(path)
        await clock.advance(timedelta(seconds=1))
        await database.write(see("ours"))
        own = list(noticed)

        transact(other, see("theirs"))
        await clock.advance(timedelta(seconds=1))
        await database.write(see("more"))  # a look follows each commit

        await until(lambda: noticed)
        assert own == []
        other.close()


async def test_reading_sees_what_was_committed_and_does_not_wait_for_writing(path: Path) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with open_database(path, FakeClock()) as database:
        await database.write(see("before"))

        def slow(transaction: Transaction) -> None:
            see("after")(transaction)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(timeout=5)

        writing = asyncio.create_task(database.write(slow))
        await asyncio.sleep(0.01)
        meanwhile = await rows(database, KEYS)
        release.set()
        await writing

        assert meanwhile == [("before",)]
        assert await rows(database, KEYS) == [("after",), ("before",)]


# -- a full disk -----------------------------------------------------------------------------------


class Disk:
    """Whether there is room, for drivers of one test."""

    full = False


class FullDriver(SqliteDriver):
    """A driver on a disk that a test can fill: the reserve makes room for what is essential."""

    def __init__(self, path: Path, disk: Disk, reserve: Path) -> None:
        super().__init__(path)
        self._disk = disk
        self._held = reserve

    def commit(self) -> None:
        if self._disk.full and self._held.exists():
            raise sqlite3.OperationalError("database or disk is full")
        super().commit()

    def translate(self, error: Exception) -> StoreError | None:
        if "disk is full" in str(error):
            return StoreFullError("the disk is full")
        return super().translate(error)


async def test_on_a_full_disk_what_was_begun_is_finished_and_new_work_is_refused(path: Path) -> None:
    disk, held, clock = Disk(), path.with_suffix(".reserve"), FakeClock()
    prepared(path)
    database = Database(lambda: FullDriver(path, disk, held), clock, reserve=Reserve(held, 4096))
    await database.start()
    disk.full = True

    new, begun = await asyncio.gather(
        database.write(see("new")), database.write(see("begun"), essential=True), return_exceptions=True
    )
    trouble, gave_up = database.trouble, not held.exists()
    disk.full = False
    await clock.advance(timedelta(seconds=6))
    await until(lambda: not database.trouble)
    after = await database.write(see("after"))
    found = await rows(database, KEYS)
    await database.stop()

    assert isinstance(new, StoreFullError)
    assert (begun, after) == (1, 1)
    assert (trouble, gave_up) == ("the disk is full", True)
    assert found == [("after",), ("begun",)]
    assert not held.exists()

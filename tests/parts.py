"""A database, opened as a gateway opens it, for tests of what works on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.database.driver import Work, transact
from gateway.database.schema import migrate, take_over
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from tests.fakes import ORDERED

Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


def prepared(path: Path) -> Path:
    """The file of a database with the present tables, in a new epoch."""
    driver = SqliteDriver(path)
    migrate(driver)
    transact(driver, take_over)
    driver.close()
    return path


class _Watched(Database):
    """A database whose open orders a fake clock waits for, before it lets the time pass."""

    async def write(self, work: Work[Any], *, essential: bool = False) -> Any:
        with _ordered():
            return await super().write(work, essential=essential)

    async def read(self, work: Work[Any]) -> Any:
        with _ordered():
            return await super().read(work)


@contextmanager
def _ordered() -> Iterator[None]:
    order = object()
    ORDERED.append(order)
    try:
        yield
    finally:
        ORDERED.remove(order)


@asynccontextmanager
async def open_database(path: Path, clock: Clock, **options: Any) -> AsyncIterator[Database]:
    """A running database on this file."""
    prepared(path)
    database = _Watched(lambda: SqliteDriver(path), clock, **options)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def rows(database: Database, statement: str, *parameters: Any) -> list[Any]:
    """What is in the database."""
    return await database.read(lambda transaction: transaction.execute(statement, parameters).fetchall())

"""A database, opened as a gateway opens it, for tests of what works on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.database.driver import transact
from gateway.database.schema import migrate, take_over
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database

Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


def prepared(path: Path) -> Path:
    """The file of a database with the present tables, in a new epoch."""
    driver = SqliteDriver(path)
    migrate(driver)
    transact(driver, take_over)
    driver.close()
    return path


@asynccontextmanager
async def open_database(path: Path, clock: Clock, **options: Any) -> AsyncIterator[Database]:
    """A running database on this file."""
    prepared(path)
    database = Database(lambda: SqliteDriver(path), clock, **options)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def rows(database: Database, statement: str, *parameters: Any) -> list[Any]:
    """What is in the database."""
    return await database.read(lambda transaction: transaction.execute(statement, parameters).fetchall())

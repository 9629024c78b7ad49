"""A process that sends what is owed until somebody kills it."""

import asyncio
import sys
from pathlib import Path

from gateway.callbacks.sender import Sender
from gateway.clock import SystemClock
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.outgoing.addresses import Allowed
from gateway.outgoing.client import WebClient


async def main(path: str, place: str, secret: str) -> None:
    clock = SystemClock()
    database = Database(lambda: SqliteDriver(Path(path)), clock)
    await database.start()
    async with asyncio.TaskGroup() as tasks:
        client = WebClient(Allowed.parse([place]), clock)
        await Sender(database, clock, client, secret=secret, spawn=tasks.create_task).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""What other processes have written is taken up, once."""

import asyncio
from pathlib import Path

from gateway import requests, waiting
from gateway.bus import Bus
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.neighbours import Neighbours
from gateway.outbox.delivery import Outbox
from gateway.retention import Retention, forget
from tests.fakes import NOON, FakeClock, settle
from tests.parts import open_database


class Nobody:
    """A consumer that has nothing to do."""

    people_waiting = 0

    def offer(self, _kind: object, _session: object) -> None:
        return None

    def enqueue(self, _accepted: object) -> None:
        return None


async def test_a_request_to_cancel_is_heard_also_after_the_older_ones_were_forgotten(tmp_path: Path) -> None:
    clock, cancelled = FakeClock(), []
    async with open_database(tmp_path / "gateway.db", clock) as database, asyncio.TaskGroup() as tasks:
        outbox = Outbox(database, clock, tasks.create_task)
        bus = Bus(database, clock, Nobody())
        neighbours = Neighbours(
            database=database,
            clock=clock,
            bus=bus,
            outbox=outbox,
            cancel=lambda name: bool(cancelled.append(name)),
        )
        other = SqliteDriver(tmp_path / "gateway.db")
        transact(other, lambda t: requests.ask_to_cancel(t, "old", now=NOON))
        await neighbours.start()
        task = tasks.create_task(neighbours.run())
        transact(other, lambda t: forget(t, Retention(), now=NOON.replace(year=2027)))

        transact(other, lambda t: requests.ask_to_cancel(t, "new", now=NOON))
        neighbours.look()
        await settle()
        task.cancel()
        other.close()

    assert cancelled == ["new"]


async def test_a_waiting_terminal_makes_for_one_further_look_not_for_one_more_each_time(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_database(tmp_path / "gateway.db", clock) as database, asyncio.TaskGroup() as tasks:
        outbox = Outbox(database, clock, tasks.create_task)
        neighbours = Neighbours(
            database=database,
            clock=clock,
            bus=Bus(database, clock, Nobody()),
            outbox=outbox,
            cancel=lambda _: False,
        )
        await database.write(lambda t: waiting.hold(t, "default", "me", now=NOON))
        await neighbours.start()
        task = tasks.create_task(neighbours.run())

        timers = []
        for _ in range(5):
            neighbours.look()
            await settle()
            timers.append(neighbours._next_look)
        task.cancel()

    assert outbox.held == {("console", "default")}
    assert [timer.cancelled() for timer in timers if timer] == [True, True, True, True, False]

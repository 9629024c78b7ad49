"""The engine of runs without an agent: a test begins and ends what was given to one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cron import runs
from cron.engine.dispatch import Dispatcher
from cron.handler import RunHandler
from cron.job import AgentPrompt, Job
from cron.run import Run, RunStatus
from cron.schedule import Every
from cron.service import CronService
from cron.stores.memory import MemoryStore
from gateway.agent.due import Ending, EndStatus
from gateway.bus import Bus
from gateway.database.writer import Database
from gateway.errors import ErrorClass
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, Due, InboundMessage
from tests.fakes import NOON, FakeClock
from tests.jobs import new_job
from tests.parts import open_database

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
HERE = ChatAddress(channel="test", chat="1")
DONE = Ending(status=EndStatus.SUCCEEDED, output="done")
BUSY = Ending(status=EndStatus.FAILED, error="busy", error_class=ErrorClass.RATE_LIMIT)


@dataclass
class Nobody:
    """Takes messages and never works on them."""

    people_waiting: int = 0

    def offer(self, kind: str, session: str) -> None:
        return None

    def enqueue(self, accepted: Accepted) -> None:
        """A test works on it."""


@dataclass
class Desk:
    """The engine without an agent: a test begins and ends what was published."""

    service: CronService
    dispatch: Dispatcher
    handler: RunHandler
    store: MemoryStore
    database: Database
    clock: FakeClock
    published: list[InboundMessage] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # runs that were asked to end
    deaf: bool = True  # nobody works on what they ask to end

    def put(self, **changes: Any) -> Job:
        return self.store.put(
            new_job(
                **{
                    "schedule": Every(MINUTE, NOON),
                    "payload": AgentPrompt(prompt="look"),
                    "created_at": self.clock.now(),
                    "address": HERE,
                    "owner": HERE.owner,
                    "tz": "UTC",
                    **changes,
                }
            )
        )

    async def tick(self, moment: Any) -> int:
        self.clock.set(moment)
        made = await self.service.run_due(moment)
        await self.dispatch.step()
        return made

    async def history(self, job: Job | None = None) -> list[Run]:
        """Oldest first."""
        uid = job.uid if job else None
        return (await self.database.read(lambda t: runs.recent(t, job=uid, limit=1_000)))[::-1]

    async def states(self) -> list[RunStatus]:
        return [run.status for run in await self.history()]

    @property
    def given(self) -> list[str]:
        """The runs that were given to the agent, in their order."""
        return [message.occasion.run for message in self.published if isinstance(message.occasion, Due)]

    def due(self, run: str) -> Due:
        (found,) = {m.occasion for m in self.published if isinstance(m.occasion, Due) and m.occasion.run == run}
        return found

    async def begin(self, run: str) -> None:
        await self.database.write(self.handler.starting(self.due(run), now=self.clock.now()))

    async def end(self, run: str, ending: Ending = DONE) -> None:
        await self.database.write(self.handler.ending(self.due(run), ending, now=self.clock.now()))
        await self.handler.ended(self.due(run), ending)
        await self.dispatch.step()

    async def work(self, run: str, ending: Ending = DONE) -> None:
        await self.begin(run)
        await self.end(run, ending)

    def cancel(self, run: str) -> bool:
        self.asked.append(run)
        return not self.deaf


@asynccontextmanager
async def open_desk(
    path: Path, *, clock: FakeClock | None = None, store: MemoryStore | None = None, places: int = 4
) -> AsyncIterator[Desk]:
    clock, store = clock or FakeClock(), store or MemoryStore()
    async with open_database(path / "gateway.db", clock) as database:
        bus = Bus(database, clock, Nobody())
        handler = RunHandler(
            store=store,
            database=database,
            clock=clock,
            left_words=lambda: None,
            unsettled=lambda: None,
            over=lambda run, followed: dispatch.over(run, followed=followed),
        )
        dispatch = Dispatcher(
            database=database,
            bus=bus,
            clock=clock,
            places=places,
            default_target=None,
            cancel=lambda run: desk.cancel(run),  # noqa: PLW0108 - the desk is made below
            end=handler.end,
            ended=handler.ended_elsewhere,
        )
        service = CronService(
            store=store,
            database=database,
            bus=bus,
            clock=clock,
            dispatch=dispatch,
            default_target=None,
            left_words=lambda: None,
            settle=handler.settle,
        )
        desk = Desk(service, dispatch, handler, store, database, clock)
        bus.subscribe(desk.published.append)
        await dispatch.start()
        await service.start()
        yield desk

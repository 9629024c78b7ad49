"""The commands of jobs, on jobs in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cron.book import JobBook
from cron.clerk import Clerk, Rules
from cron.commands.cron import CronCommand, RemindCommand
from cron.job import Job, Say
from cron.runs import run_of
from cron.schedule import Every
from cron.stores.memory import MemoryStore
from gateway.commands.base import Answer, Ask
from tests.fakes import NOON, FakeClock
from tests.jobs import new_job
from tests.parts import open_database
from tests.unit.commands.asking import HERE, ask


@dataclass
class Counter:
    """Where commands are given, and what became of it."""

    clerk: Clerk
    store: MemoryStore
    ran: list[Job]
    used: int = 0

    async def cron(self, words: str = "", **changes: object) -> Answer:
        return await CronCommand(self.clerk).answer(self._ask(words, **changes))

    async def remind(self, words: str, **changes: object) -> Answer:
        return await RemindCommand(self.clerk).answer(self._ask(words, **changes))

    def _ask(self, words: str, **changes: object) -> Ask:
        self.used += 1
        return ask(words, **({"stamp": f"t{self.used}.0.0"} | changes))

    def add(self, **changes: object) -> Job:
        fields = {
            "owner": HERE.owner,
            "address": HERE,
            "payload": Say(text="hi"),
            "created_by": "anna",
            "created_at": NOON + timedelta(microseconds=len(self.store.load())),  # in this order
            "schedule": Every(timedelta(hours=1), NOON),
        }
        return self.store.put(new_job(**(fields | changes)))

    def jobs(self) -> list[Job]:
        return sorted(self.store.load().values(), key=lambda job: job.name)


@asynccontextmanager
async def counter(
    path: Path, *, rules: Rules | None = None, chosen_zone: str = "", **options: int
) -> AsyncIterator[Counter]:
    """`chosen_zone`: of every chat. Options are those of the book of jobs."""
    store = MemoryStore()
    ran: list[Job] = []

    async def changed() -> None:
        return None

    async def run_now(job: Job, stamp: str, *, by: str) -> str:
        ran.append(job)
        return run_of(stamp)

    async with open_database(path / "gateway.db", FakeClock()) as database:
        clerk = Clerk(
            store=store,
            book=JobBook(store, **options),
            database=database,
            rules=rules or Rules(),
            changed=changed,
            run_now=run_now,
            chosen_zone=lambda _: chosen_zone,
        )
        yield Counter(clerk, store, ran)


def data_of(answer: Answer) -> list[str]:
    """What the buttons of an answer stand for."""
    return [button.data for row in answer.buttons for button in row]

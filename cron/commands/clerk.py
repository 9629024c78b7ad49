"""Clerk: does to a chat's jobs what its commands ask for, within the rights of who asks; safe to repeat."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cron import overview, runs
from cron.book import JobBook, Viewer
from cron.commands import wish
from cron.commands.wish import Form
from cron.draft import Maker, uid_of
from cron.job import Job, Run
from cron.overview import Facts
from cron.store import JobStore
from cron.tool import Rules
from gateway.commands.base import Ask
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import ChatAddress
from gateway.waiting import CONSOLE

UTC_HINT = "(Times here are in UTC; /timezone Area/City changes that for new jobs.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new job, and what should be said with it."""

    job: Job
    facts: Facts
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """What the commands of jobs share."""

    store: JobStore
    book: JobBook
    database: Database
    rules: Rules
    changed: Callable[[], Awaitable[None]]  # take new jobs up at once
    run_now: Callable[[Job, str], Awaitable[str]]  # returns the id of the run, for one stamp the same

    async def make(self, ask: Ask, words: str, form: Form) -> Made | Run:
        """A job of the words.

        A command that made one before a crash gets the same one again, or the run of it if it is gone since.
        """
        maker = self._maker(ask)
        if (over := await self._gone(maker.stamp)) is not None:
            return over
        job = await self._made_before(maker)
        if job is None:
            draft = await asyncio.to_thread(wish.read, words, form, maker)
            job = await asyncio.to_thread(self.book.add, draft, maker)
        await self.changed()
        return Made(job=job, facts=await self.facts(job, ask), notes=self._notes(job, ask))

    async def all(self, ask: Ask) -> list[tuple[Job, Facts]]:
        """The jobs of the chat, oldest first."""
        jobs = await asyncio.to_thread(self.book.list, viewer_of(ask))
        known = await self._facts(jobs, ask)
        return [(job, known[job.uid]) for job in jobs]

    async def find(self, ask: Ask, reference: str) -> Job:
        """The job that is meant; the same words for a foreign and an unknown one."""
        return await asyncio.to_thread(self.book.find, reference, viewer_of(ask))

    async def pause(self, ask: Ask, reference: str) -> Job:
        job = await asyncio.to_thread(self.book.disable, reference, viewer_of(ask))
        await self.changed()
        return job

    async def resume(self, ask: Ask, reference: str) -> Job:
        job = await asyncio.to_thread(self.book.enable, reference, viewer_of(ask), ask.now)
        await self.changed()
        return job

    async def remove(self, ask: Ask, reference: str) -> Job:
        job = await asyncio.to_thread(self.book.remove, reference, viewer_of(ask))
        await self.changed()
        return job

    async def run(self, ask: Ask, reference: str) -> tuple[str, str, str]:
        """Run a job at once: its name and id, and the run's.

        A command that did so before a crash gets that run again, whatever became of its job.
        """
        begun = runs.run_of(ask.stamp)
        found = await self.database.read(lambda transaction: runs.find(transaction, begun))
        if found is not None:
            return found.job_name, found.job_id, found.id
        job = await self.find(ask, reference)
        return job.name, job.id, await self.run_now(job, ask.stamp)

    async def facts(self, job: Job, ask: Ask) -> Facts:
        return (await self._facts([job], ask))[job.uid]

    async def running(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs that are being run, or wait for it."""

        def read(transaction: Transaction) -> set[str]:
            return {uid for uid, _ in runs.open_runs(transaction)}

        busy = await self.database.read(read)
        return [job for job in jobs if job.uid in busy]

    # -- what they need -----------------------------------------------------------------------------------

    async def _facts(self, jobs: list[Job], ask: Ask) -> Mapping[str, Facts]:
        return await self.database.read(lambda transaction: overview.facts_of(transaction, jobs, ask.now))

    def _maker(self, ask: Ask) -> Maker:
        address = ask.message.address
        return Maker(
            now=ask.now,
            zone=ask.zone,
            languages=self.rules.languages,
            owner=address.owner,
            created_by=ask.message.sender_id,
            created_in=ask.session,
            address=self._target(address),
            stamp=ask.stamp,
            min_interval=self.rules.min_interval,
            at_min_lead=self.rules.at_min_lead,
        )

    def _target(self, here: ChatAddress) -> ChatAddress:
        """The chat and thread that a job is made in; a terminal may not be there when the job is due."""
        return self.rules.console_target or here if here.channel == CONSOLE else here

    def _notes(self, job: Job, ask: Ask) -> tuple[str, ...]:
        notes = []
        if self.rules.zone_is_default and job.tz == "UTC":
            notes.append(UTC_HINT)
        if job.address is not None and job.address != ask.message.address:
            notes.append(f"(It speaks to {job.address}, the cron.default_target of the configuration.)")
        return tuple(notes)

    async def _made_before(self, maker: Maker) -> Job | None:
        """The job that this very command has made: "in 20 minutes" must not be read again, as a later time."""
        return (await asyncio.to_thread(self.store.load)).get(uid_of(maker.stamp))

    async def _gone(self, stamp: str) -> Run | None:
        """The last run of a job that this very command has made before a crash, if that job is gone by now."""
        uid = uid_of(stamp)
        found = await self.database.read(lambda transaction: runs.recent(transaction, job=uid, limit=1))
        if not found or uid in await asyncio.to_thread(self.store.load):
            return None
        return found[0]


def viewer_of(ask: Ask) -> Viewer:
    """Whose jobs are seen, and which of them may be changed."""
    return Viewer(owner=ask.message.address.owner, user=ask.message.sender_id, admin=ask.owner)

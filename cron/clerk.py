"""Clerk: does to a chat's jobs what a command or a model asks for, within the rights of who asks; repeatable."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from cron import overview, runs
from cron.audit import person
from cron.book import JobBook, OthersJobError, Viewer
from cron.job import Job
from cron.making.draft import Draft, Maker, uid_of
from cron.making.rules import Bounds
from cron.overview import Facts
from cron.run import Run
from cron.store import JobStore
from cron.times import upcoming
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import ChatAddress
from gateway.waiting import CONSOLE

UTC_HINT = "(Times here are in UTC; /timezone Europe/Berlin changes that for new jobs.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says about new jobs."""

    languages: Sequence[str] = ("en",)
    min_interval: timedelta = timedelta(minutes=1)
    at_min_lead: timedelta = timedelta()
    zone_is_default: bool = False  # nobody has chosen the zone
    console_target: ChatAddress | None = None  # where jobs made in a terminal speak; None: in that terminal
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for something, where and when."""

    viewer: Viewer  # whose jobs are seen, and which of them may be changed
    address: ChatAddress
    session: str
    zone: str  # IANA name
    now: datetime
    stamp: str  # the same when the same is asked again after a crash
    replayed: bool = False  # known to be asked again: it may be done already
    by: str = ""  # who is named in the audit; empty: the user themselves
    reply_to: str = ""  # the platform's id of the message that they answer
    present: bool = True  # a person asks, not a run of a job

    @property
    def who(self) -> str:
        return self.by or person(self.address, self.viewer.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new job, and what should be said with it."""

    job: Job
    facts: Facts
    notes: tuple[str, ...]


class RunNow(Protocol):
    """Runs a job at once; returns the id of the run, for one stamp the same."""

    def __call__(self, job: Job, stamp: str, /, *, by: str) -> Awaitable[str]: ...


async def _nobody(_address: ChatAddress, _user: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """What the commands of jobs and the cron tool share."""

    store: JobStore
    book: JobBook
    database: Database
    rules: Rules
    changed: Callable[[], Awaitable[None]]  # take new jobs up at once
    run_now: RunNow
    chosen_zone: Callable[[ChatAddress], str] = lambda _: ""  # of a chat; empty if it has chosen none
    audited: Callable[[str], JobStore] | None = None  # the store, for one who is named in the audit
    manages: Callable[[ChatAddress, str], Awaitable[bool]] = _nobody  # whether a user is an admin of the group

    async def make(self, asker: Asker, read: Callable[[Maker], Draft]) -> Made | Run:
        """A job of what was read, in a thread.

        Who made one before a crash gets the same one again, or the run of it if it is gone since.
        """
        before = await self._made_before(asker.stamp)
        if isinstance(before, Run):
            return before
        maker = self._maker(asker)
        # Words that were read already are not read again: "in 20 minutes" would be a later time.
        job = before or await self._change(asker, lambda _viewer: self._book(asker).add(read(maker), maker))
        facts = await self.facts(job, asker)
        remarks = upcoming.remarks(job, facts.next_run, asker.now)
        return Made(job=job, facts=facts, notes=(*remarks, *self._notes(job, asker)))

    async def all(self, asker: Asker) -> list[tuple[Job, Facts]]:
        """The jobs of the chat, oldest first."""
        jobs = await asyncio.to_thread(self.book.list, asker.viewer)
        known = await self._facts(jobs, asker)
        return [(job, known[job.uid]) for job in jobs]

    async def find(self, asker: Asker, reference: str) -> Job:
        """The job that is meant; the same words for a foreign and an unknown one."""
        return await asyncio.to_thread(self.book.find, reference, asker.viewer)

    async def update(self, asker: Asker, reference: str, draft: Draft) -> Job:
        maker, book = self._maker(asker), self._book(asker)
        return await self._change(asker, lambda viewer: book.update(reference, draft, maker, viewer))

    async def enable(self, asker: Asker, reference: str) -> Job:
        return await self._change(asker, lambda viewer: self._book(asker).enable(reference, viewer, asker.now))

    async def disable(self, asker: Asker, reference: str) -> Job:
        return await self._change(asker, lambda viewer: self._book(asker).disable(reference, viewer))

    async def remove(self, asker: Asker, reference: str) -> Job:
        return await self._change(asker, lambda viewer: self._book(asker).remove(reference, viewer))

    async def run(self, asker: Asker, reference: str) -> tuple[str, str, str]:
        """Run a job at once: its name and id, and the run's.

        Who did so before a crash gets that run again, whatever became of its job.
        """
        begun = runs.run_of(asker.stamp)
        found = await self.database.read(lambda transaction: runs.find(transaction, begun))
        if found is not None:
            return found.job_name, found.job_id, found.id
        job = await self._as_allowed(asker, lambda viewer: self.book.runnable(reference, viewer))
        return job.name, job.id, await self.run_now(job, asker.stamp, by=asker.who)

    async def history(self, asker: Asker, reference: str, *, limit: int) -> list[Run]:
        """The last runs of one job, or with an empty reference of all that the chat has; newest first."""
        uid = (await self.find(asker, reference)).uid if reference else None
        owner = asker.viewer.owner
        return await self.database.read(lambda t: runs.recent(t, job=uid, owner=owner, limit=limit))

    async def facts(self, job: Job, asker: Asker) -> Facts:
        return (await self._facts([job], asker))[job.uid]

    async def running(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs that are being run, or wait for it."""

        def read(transaction: Transaction) -> set[str]:
            return {uid for uid, _ in runs.open_runs(transaction)}

        busy = await self.database.read(read)
        return [job for job in jobs if job.uid in busy]

    # -- what they need -----------------------------------------------------------------------------------

    async def _change(self, asker: Asker, change: Callable[[Viewer], Job]) -> Job:
        job = await self._as_allowed(asker, change)
        await self.changed()
        return job

    async def _as_allowed(self, asker: Asker, act: Callable[[Viewer], Job]) -> Job:
        """Do it, in a thread. The platform is asked who manages the group only where it depends on that."""
        try:
            return await asyncio.to_thread(act, asker.viewer)
        except OthersJobError:
            if not asker.present or not await self.manages(asker.address, asker.viewer.user):
                raise
        return await asyncio.to_thread(act, replace(asker.viewer, manages=True))

    def _book(self, asker: Asker) -> JobBook:
        return self.book if self.audited is None else self.book.on(self.audited(asker.who))

    async def _facts(self, jobs: list[Job], asker: Asker) -> Mapping[str, Facts]:
        return await self.database.read(lambda transaction: overview.facts_of(transaction, jobs, asker.now))

    def _maker(self, asker: Asker) -> Maker:
        return Maker(
            now=asker.now,
            zone=asker.zone,
            languages=self.rules.languages,
            owner=asker.address.owner,
            created_by=asker.viewer.user,
            created_in=asker.session,
            reply_to=asker.reply_to,
            address=self._target(asker.address),
            stamp=asker.stamp,
            min_interval=self.rules.min_interval,
            at_min_lead=self.rules.at_min_lead,
            admin=asker.viewer.admin,
            bounds=self.rules.bounds,
        )

    def _target(self, here: ChatAddress) -> ChatAddress:
        """The chat and thread that a job is made in; a terminal may not be there when the job is due."""
        return self.rules.console_target or here if here.channel == CONSOLE else here

    def _notes(self, job: Job, asker: Asker) -> tuple[str, ...]:
        notes = []
        unchosen = self.rules.zone_is_default and not self.chosen_zone(asker.address)
        if unchosen and job.tz == asker.zone == "UTC":
            notes.append(UTC_HINT)
        if job.address is not None and job.address != asker.address:
            notes.append(f"(It speaks to {job.address}, the cron.default_target of the configuration.)")
        return tuple(notes)

    async def _made_before(self, stamp: str) -> Job | Run | None:
        """The job that this very request has made before a crash, or its last run if it is gone by now.

        In this order: a job that is over is removed only when its run is in the table. Asked the other way round,
        both could say no, and the job would be made, and run, once more.
        """
        if not stamp:
            return None
        uid = uid_of(stamp)
        job = (await asyncio.to_thread(self.store.load)).get(uid)
        if job is not None:
            return job
        found = await self.database.read(lambda transaction: runs.recent(transaction, job=uid, limit=1))
        return found[0] if found else None

"""Scheduling: the parts that make jobs due and follow from their runs, built and handed to each other."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from cron.audit import CONFIGURATION, GATEWAY
from cron.book import JobBook
from cron.clerk import Clerk
from cron.creator import Admits, barred
from cron.endings.alerts import Alerts
from cron.endings.chain import Chain
from cron.endings.ending import Consequence
from cron.endings.lifecycle import Published
from cron.endings.listeners import hearing
from cron.endings.results import Results, log_result
from cron.endings.witness import Witness
from cron.engine.dispatch import Dispatcher
from cron.handler import RunHandler
from cron.job import Job, JobStatus
from cron.making.configured import tasks_of
from cron.making.declared import declare
from cron.reminders.answering import Reminders
from cron.reminders.nagger import Nagger, NagsBegin
from cron.run import Run
from cron.service import CronService
from cron.store import JobStore, at_hand
from cron.stores.audited import AuditedStore
from gateway.bus import Bus
from gateway.chats import Chats
from gateway.database.driver import Work
from gateway.database.writer import Database
from gateway.messages import ChatAddress
from gateway.parts import alert_rule_of, maker_of, rules_of, spend_of, store_of, target_of
from gateway.setup import Setup

logger = structlog.get_logger()


class Scheduling:
    """The jobs, the clock over them, and what follows from their runs."""

    def __init__(
        self,
        setup: Setup,
        *,
        database: Database,
        bus: Bus,
        chats: Chats,
        witness: Witness,
        look: Callable[[], None],
        cancel: Callable[[str], bool],
        admits: Admits,
        manages: Callable[[ChatAddress, str], Awaitable[bool]],
    ) -> None:
        """`look`: something was put into the outbox or the callbacks. `cancel` ends a run that is worked on.

        `admits`: whether somebody who has made a job in a chat may still talk there. `manages`: whether a user is
        an admin of a group.
        """
        config = setup.config
        self._setup = setup
        self._database = database
        self._witness = witness
        self._admits = admits
        self._manages = manages
        self._events = asyncio.get_running_loop()
        self._target = target_of(config)
        self.store = setup.store or store_of(setup.home, config)
        self.spend = spend_of(config)
        self.book = JobBook(
            self.store,
            jobs_per_owner=config.limits.jobs_per_owner,
            members_edit=config.cron.group_edit == "members",
        )
        self.nagger = Nagger(
            database=database,
            clock=setup.clock,
            find=self._job,
            default_target=self._target,
            left_words=look,
            barred=self._barred,
        )
        self.handler = self._handler(look)
        self.dispatch = self._dispatcher(bus, cancel)
        self.cron = self._service(bus, look)
        self.clerk = self._clerk(chats)
        self.reminders = Reminders(self.clerk, default_target=self._target, present=chats.address)

    def audited(self, who: str) -> JobStore:
        """The store of jobs, for a thread in which somebody changes them who is named in the audit."""
        return AuditedStore(
            self.store,
            who=who,
            clock=self._setup.clock,
            write=self._write_from_thread,
            hide=self._setup.hide,
            warn=lambda text: logger.error("audit", note=text),
        )

    async def start(self) -> None:
        """Know what is under way; with the scheduler on, read the jobs, and make those that are declared."""
        await self.dispatch.start()
        if self._setup.scheduler:
            await self.cron.start()  # first: it recovers a store that cannot be read
            config = self._setup.config
            maker = maker_of(config, self._setup.clock)
            await asyncio.to_thread(declare, self.audited(CONFIGURATION), tasks_of(config), maker)

    def loops(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        """What has to run as long as the gateway does."""
        if not self._setup.scheduler:
            return [self.dispatch.run]
        return [self.dispatch.run, self.cron.run, self.cron.watch, self.nagger.run]

    async def move(self, channel: str, chat: str, to: str) -> None:
        """A chat has another id: its jobs are those of the new one. Twice is once."""
        if await asyncio.to_thread(self.book.on(self.audited(GATEWAY)).move, channel, chat, to):
            await self.cron.reload()

    @property
    def trouble(self) -> list[str]:
        """What somebody should look at."""
        broken = [job for job in at_hand(self.cron.jobs) if job.status is JobStatus.BROKEN]
        return [
            *(text for text in (self.cron.trouble, self.cron.degraded) if text),
            *(f'the job "{job.name}" ({job.id}) cannot be read: {job.status_reason}' for job in broken),
        ]

    # -- how the parts are made ---------------------------------------------------------------------------

    def _handler(self, look: Callable[[], None]) -> RunHandler:
        return RunHandler(
            store=self.audited(GATEWAY),
            database=self._database,
            clock=self._setup.clock,
            left_words=look,
            unsettled=self._settle_soon,
            over=self._run_over,
            consequences=self._consequences(),
            room=self.spend.room,
            listeners=[log_result, self.nagger.heard, *map(hearing, self._setup.listeners)],
            barred=self._barred,
        )

    def _consequences(self) -> list[Consequence]:
        """What follows from the end of a run, in this order."""
        return [
            self.spend,
            Alerts(default_target=self._target, rule=alert_rule_of(self._setup.config)),
            Published(),
            Chain(find=self._job, default_target=self._target),
            Results(),
            NagsBegin(),
        ]

    def _dispatcher(self, bus: Bus, cancel: Callable[[str], bool]) -> Dispatcher:
        return Dispatcher(
            database=self._database,
            bus=bus,
            clock=self._setup.clock,
            places=self._setup.config.cron.max_concurrent,
            default_target=self._target,
            cancel=cancel,
            end=self.handler.end,
            ended=self.handler.ended_elsewhere,
        )

    def _service(self, bus: Bus, look: Callable[[], None]) -> CronService:
        return CronService(
            store=self.store,
            database=self._database,
            bus=bus,
            clock=self._setup.clock,
            dispatch=self.dispatch,
            default_target=self._target,
            left_words=look,
            settle=self.handler.settle,
            settle_all=self.handler.settler.settle_all,
            claimed=self._witness.claimed,
        )

    def _clerk(self, chats: Chats) -> Clerk:
        return Clerk(
            store=self.store,
            book=self.book,
            database=self._database,
            rules=rules_of(self._setup.config),
            changed=self.cron.reload,
            run_now=self.cron.run_now,
            chosen_zone=chats.zone,
            audited=self.audited,
            manages=self._manages,
        )

    def _settle_soon(self) -> None:
        self.cron.settle_soon()

    def _barred(self, job: Job) -> str:
        return barred(job, self._admits)

    def _job(self, uid: str) -> Job | None:
        jobs = self.cron.jobs or self.store.load()  # nothing is read yet where there is no scheduler
        return jobs.get(uid)

    def _run_over(self, run: Run, followed: bool) -> None:
        self.dispatch.over(run, followed=followed)
        self._witness.over(run)

    def _write_from_thread(self, work: Work[None]) -> None:
        write = self._database.write(work, essential=True)
        asyncio.run_coroutine_threadsafe(write, self._events).result()

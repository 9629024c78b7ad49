"""Builds the parts and hands them to each other; the only file that knows concrete ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from channels.base import Channel, Closing, Signing
from channels.log import LogChannel
from channels.supervisor import Supervisor
from cron.book import JobBook
from cron.clerk import Clerk
from cron.commands.cron import CronCommand, RemindCommand
from cron.declared import declare
from cron.handler import RunHandler
from cron.job import JobStatus
from cron.service import CronService
from cron.store import JobStore
from cron.target import LOG
from cron.tool import CronTool
from gateway.access import Access
from gateway.agent import prompt
from gateway.agent.journal import Claim
from gateway.agent.lanes import Lanes
from gateway.agent.loop import AgentLoop, Limits
from gateway.agent.model import ModelClient, UserText
from gateway.agent.sessions import Sessions
from gateway.agent.turn import TurnEngine
from gateway.bus import Bus
from gateway.chats import Chats
from gateway.clock import Clock, SystemClock
from gateway.commands import routing
from gateway.commands.base import Command
from gateway.commands.conversation import NewCommand, StopCommand, Turns
from gateway.commands.desk import Desk
from gateway.commands.help import MODEL, OFFLINE, HelpCommand, StartCommand
from gateway.commands.here import TimezoneCommand, WhoAmICommand
from gateway.commands.outbox import OutboxCommand
from gateway.commands.status import StatusCommand
from gateway.config import Config
from gateway.database.driver import Driver
from gateway.database.reserve import Reserve
from gateway.database.schema import migrate, take_over
from gateway.database.writer import Database
from gateway.errors import StoreError, UserError
from gateway.heartbeat import Heartbeat, Life
from gateway.home import Home
from gateway.messages import ChatAddress, Due, InboundMessage, Json
from gateway.neighbours import Neighbours
from gateway.outbox.delivery import Outbox
from gateway.parts import (
    database_of,
    maker_of,
    model_of,
    owners_of,
    retention_of,
    rules_of,
    store_of,
    target_of,
    tasks_of,
    zone_of,
)
from gateway.presence import Presence
from gateway.retention import forget
from gateway.status import Status, write_status
from gateway.tools.base import Tool, Turn
from gateway.tools.message import MessageTool, Speaker
from gateway.undelivered import Undelivered
from gateway.waiting import CONSOLE

logger = structlog.get_logger()

TURN_GRACE = timedelta(seconds=5)  # for turns that are nearly done; the others go on at the next start
SEND_GRACE = timedelta(seconds=5)
HOUSEKEEPING = timedelta(hours=1)
STATUS_EVERY = timedelta(seconds=5)
STORE_PAUSE = timedelta(seconds=2)  # before something that could not be kept is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a gateway is built from. Everything but the first two has its default in the configuration."""

    home: Home
    config: Config
    clock: Clock = field(default_factory=SystemClock)
    connect: Callable[[], Driver] | None = None
    store: JobStore | None = None
    model: ModelClient | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    tools: Sequence[Tool] = ()  # besides our own
    scheduler: bool = True
    errors: Callable[[], Sequence[Mapping[str, Json]]] = list  # the last ones, newest first, for `status`


class Gateway:
    """The whole, running inside a task group."""

    def __init__(self, setup: Setup, tasks: asyncio.TaskGroup) -> None:
        config, clock, home = setup.config, setup.clock, setup.home
        self._setup = setup
        self._tasks = tasks
        self._clock = clock
        self._connect = setup.connect or database_of(home, config)
        self.database = Database(self._connect, clock, reserve=Reserve(home.path / "gateway.reserve"))
        self.store = setup.store or store_of(home, config)
        self.chats = Chats(self.database)
        self.outbox = Outbox(self.database, clock, self._spawn, hold=config.outbox.ambiguous == "hold")
        self.say = Speaker(self.database, self.outbox, clock, present=self.chats.address)
        self.outbox.settled = Undelivered(self.say, owners_of(config), self._spawn).settled
        self._model = setup.model or model_of(config)
        self.handler = RunHandler(
            store=self.store,
            database=self.database,
            clock=clock,
            default_target=target_of(config),
            left_words=self._look,
            unsettled=self._settle_soon,
        )
        self.lanes = Lanes(
            self.database,
            clock,
            self._spawn,
            self._work,
            slots={"person": config.agent.max_turns, "due": config.cron.max_concurrent},
        )
        self.access = Access(config.channels, self.chats.present)
        self.bus = Bus(self.database, clock, self.lanes, route=routing.routed)
        self.cron = self._scheduler(config, clock)
        self.book = JobBook(
            self.store,
            jobs_per_owner=config.limits.jobs_per_owner,
            members_edit=config.cron.group_edit == "members",
        )
        self.clerk = Clerk(
            store=self.store,
            book=self.book,
            database=self.database,
            rules=rules_of(config),
            changed=self.cron.reload,
            run_now=self.cron.run_now,
            chosen_zone=self.chats.zone,
        )
        self._engine = TurnEngine(self._model, self.database, clock, max_steps=config.agent.max_steps)
        self.loop = self._agent_loop(config, clock)
        self.desk = self._desk(config, clock)
        life = Life(self.database, clock, lambda: self.cron.heartbeat)
        self.heartbeat = Heartbeat(config.heartbeat, clock, life.lacks)
        self.supervisor = Supervisor(
            self.bus, self.outbox, clock, access=self.access, moved=self._move_chat, commands=self.desk.infos
        )
        self.presence = Presence(self._sign, clock)
        self.neighbours = Neighbours(
            database=self.database, clock=clock, bus=self.bus, outbox=self.outbox, cancel=self.loop.cancel
        )
        self.database.on_change = self._look
        self._intake: list[asyncio.Task[None]] = []
        self._began = clock.now()

    def _zone(self, address: ChatAddress) -> str:
        return self.chats.zone(address) or zone_of(self._setup.config, address)

    def _scheduler(self, config: Config, clock: Clock) -> CronService:
        return CronService(
            store=self.store,
            database=self.database,
            bus=self.bus,
            clock=clock,
            default_target=target_of(config),
            left_words=self._look,
            settle=self.handler.settle,
        )

    def _agent_loop(self, config: Config, clock: Clock) -> AgentLoop:
        def words(message: InboundMessage) -> UserText:
            return prompt.words(message, self._zone(message.address))

        cron_tool = CronTool(self.clerk, states=self.handler, is_admin=self._is_admin)
        return AgentLoop(
            words=words,
            database=self.database,
            clock=clock,
            engine=self._engine,
            sessions=Sessions(
                self.database, budget=config.agent.context_tokens, words=words, begins=self.chats.begins
            ),
            say=self.say,
            tools=[MessageTool(self.say), cron_tool, *self._setup.tools],
            due=self.handler,
            zone_of=self._zone,
            limits=Limits(timeout=config.agent.timeout),
        )

    def _desk(self, config: Config, clock: Clock) -> Desk:
        return Desk(
            self._commands(config),
            clock=clock,
            say=self.say,
            until_written=self._engine.until_written,
            zone_of=self._zone,
            is_owner=self._is_owner,
        )

    def _commands(self, config: Config) -> list[Command]:
        """What chats can ask without a model, in the order of menus."""
        turns = Turns(running_in=self.lanes.running_in, waiting_in=self.lanes.waiting_in, cancel=self.loop.cancel)
        cron = CronCommand(self.clerk)
        others: list[Command] = [
            RemindCommand(self.clerk),
            cron,
            NewCommand(self.chats, turns),
            StopCommand(turns),
            StatusCommand(self.status, turns=turns, jobs=cron.here, database=self.database),
            TimezoneCommand(self.chats, partial(zone_of, config)),
            WhoAmICommand(),
            OutboxCommand(self.database, self._look),
            StartCommand(),
        ]
        words = OFFLINE if config.model.provider == "offline" else MODEL
        return [HelpCommand([command.info for command in others], words=words), *others]

    # -- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything, go on with what was left, start the channels; StoreError if that cannot be."""
        await asyncio.to_thread(self._prepare)
        await self.database.start()
        await self.database.write(take_over)
        await self.chats.start()
        await self.neighbours.start()
        if self._setup.scheduler:
            await self.cron.start()  # first: it recovers a store that cannot be read
            tasks, maker = tasks_of(self._setup.config), maker_of(self._setup.config, self._clock)
            await asyncio.to_thread(declare, self.store, tasks, maker)
        for channel, chat, to in self.chats.moves():
            self.outbox.moved[channel, chat] = to
            await self._move_chat(channel, chat, to)
        await self._start_channels()
        await self.lanes.start()
        loops = [self.neighbours.run, self.presence.run, self._keep_house, self._tell_status]
        if self._setup.scheduler:
            loops += [self.cron.run, self.cron.watch, self.heartbeat.run]
        for loop in loops:
            self._background(loop)

    def _prepare(self) -> None:
        driver = self._connect()
        try:
            migrate(driver)
        finally:
            driver.close()

    async def _start_channels(self) -> None:
        begun: list[asyncio.Event] = []
        for channel in (*self._setup.channels.values(), LogChannel(LOG)):
            event = asyncio.Event()
            self._background(lambda channel=channel, event=event: self.supervisor.run(channel, event))  # type: ignore[misc]
            begun.append(event)
        for event in begun:
            await event.wait()

    async def stop(self) -> None:
        """Close the intake, let what is nearly done end, keep the rest for the next start."""
        for task in self._intake:
            task.cancel()
        await asyncio.gather(*self._intake, return_exceptions=True)
        await self.lanes.stop(grace=TURN_GRACE)
        await self.outbox.stop(grace=SEND_GRACE)
        for channel in self._setup.channels.values():
            if isinstance(channel, Closing):
                await channel.close()
        await self._model.close()
        await self.database.stop()

    async def _work(self, claim: Claim) -> None:
        if routing.is_command(claim.message.session_key):
            await self.desk.work(claim)
            return
        if isinstance(claim.message.occasion, Due):
            await self.loop.work(claim)  # nobody waits for it
            return
        with self.presence.working(claim.turn, claim.message.address):
            await self.lanes.commands_before(claim)
            await self.loop.work(claim)

    async def _sign(self, address: ChatAddress) -> None:
        channel, line = self._setup.channels.get(address.channel), self.outbox.lines.get(address.channel)
        silent = line is None or line.halted or line.closed_for(address.chat) is not None
        if isinstance(channel, Signing) and not silent:
            await channel.sign(address)

    async def _move_chat(self, channel: str, chat: str, to: str) -> None:
        words = not self.outbox.knows(channel, to)  # else two lanes would tell the same: the old one ends its own
        if await self.chats.move(channel, chat, to, words=words):
            logger.info("a chat has another id", channel=channel, chat=chat, now=to)
            if words:
                self.outbox.move(channel, chat, to)
        if not await self._move_jobs(channel, chat, to):
            self._background(partial(self._move_jobs_later, channel, chat, to))

    async def _move_jobs(self, channel: str, chat: str, to: str) -> bool:
        """Repeatable: a crash may have come between the chat's move and that of its jobs."""
        try:
            if await asyncio.to_thread(self.book.move, channel, chat, to):
                await self.cron.reload()
        except (StoreError, UserError) as error:
            logger.error("the jobs of a chat that has another id stay behind for now", chat=chat, error=str(error))
            return False
        return True

    async def _move_jobs_later(self, channel: str, chat: str, to: str) -> None:
        await self._clock.sleep(STORE_PAUSE)
        while not await self._move_jobs(channel, chat, to):
            await self._clock.sleep(STORE_PAUSE)

    def _settle_soon(self) -> None:
        self.cron.settle_soon()

    def _look(self) -> None:
        self.neighbours.look()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def _background(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._intake.append(self._tasks.create_task(self._again(work)))

    async def _again(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """A part that fails in a way of its own is started again, and takes no other with it."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("a part of the gateway failed and is started again", part=repr(work))
                await self._clock.sleep(timedelta(seconds=1))
            else:
                return

    def _is_admin(self, turn: Turn) -> bool:
        return self._is_owner(turn.address, turn.sender_id)

    def _is_owner(self, address: ChatAddress, user: str) -> bool:
        return address.channel == CONSOLE or self.access.is_owner(address.channel, user)

    # -- thin loops ---------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        rules = retention_of(self._setup.config)
        while True:
            work = partial(forget, rules=rules, now=self._clock.now())
            while await self.database.write(work):
                await self._clock.sleep(timedelta())
            await self._clock.sleep(HOUSEKEEPING)

    async def _tell_status(self) -> None:
        while True:
            await asyncio.to_thread(write_status, self._setup.home, self.status())
            await self._clock.sleep(STATUS_EVERY)

    def _trouble(self) -> list[str]:
        """What somebody should look at."""
        parts = [text for text in (self.database.trouble, self.cron.trouble, self.cron.degraded) if text]
        broken = [job for job in self.cron.jobs.values() if job.status is JobStatus.BROKEN]
        return parts + [f'the job "{job.name}" ({job.id}) cannot be read: {job.status_reason}' for job in broken]

    def status(self) -> Status:
        """How everything is at this moment."""
        return Status(
            at=self._clock.now(),
            channels=dict(self.supervisor.states),
            halted={name: line.halted for name, line in self.outbox.lines.items() if line.halted},
            scheduler=self._setup.scheduler,
            heartbeat=self.cron.heartbeat,
            next_fire=self.cron.next_fire,
            jobs=len(self.cron.jobs),
            running=self.lanes.running,
            waiting=self.lanes.waiting,
            trouble=self._trouble(),
            since=self._began,
            errors=self._setup.errors(),
        )


@asynccontextmanager
async def running(setup: Setup) -> AsyncIterator[Gateway]:
    """A gateway from its start to its orderly stop; errors come out as they are, not in groups."""
    try:
        async with asyncio.TaskGroup() as tasks:
            gateway = Gateway(setup, tasks)
            await gateway.start()
            try:
                yield gateway
            finally:
                await gateway.stop()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group

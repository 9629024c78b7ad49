"""Builds the parts and hands them to each other; the only file that knows concrete ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from channels.base import Channel, Signing
from channels.log import LogChannel
from channels.supervisor import Supervisor
from cron import phrases
from cron.book import JobBook
from cron.declared import Task, declare
from cron.draft import Draft, Maker
from cron.handler import RunHandler
from cron.job import JobStatus
from cron.service import CronService
from cron.store import JobStore
from cron.stores.json_file import JsonFileStore
from cron.target import LOG
from cron.tool import CronTool, Rules
from gateway import plugins, zones
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
from gateway.config import Config
from gateway.database.driver import Driver
from gateway.database.reserve import Reserve
from gateway.database.schema import migrate, take_over
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.errors import ConfigError
from gateway.home import Home
from gateway.messages import ChatAddress, Due, InboundMessage
from gateway.neighbours import Neighbours
from gateway.outbox.delivery import Outbox
from gateway.presence import Presence
from gateway.retention import Retention, forget
from gateway.status import Status, write_status
from gateway.tools.base import Tool, Turn
from gateway.tools.message import MessageTool, Speaker
from gateway.undelivered import Undelivered
from gateway.waiting import CONSOLE

logger = structlog.get_logger()

COMING = ("email", "feishu", "slack", "telegram", "wecom", "web")
"""Kinds of channels that a configuration may name already."""

TURN_GRACE = timedelta(seconds=5)  # for turns that are nearly done; the others go on at the next start
SEND_GRACE = timedelta(seconds=5)
HOUSEKEEPING = timedelta(hours=1)
STATUS_EVERY = timedelta(seconds=5)


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
        self.outbox = Outbox(self.database, clock, self._spawn, hold=config.outbox.ambiguous == "hold")
        self.say = Speaker(self.database, self.outbox, clock)
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
        self.chats = Chats(self.database)
        self.access = Access(config.channels, self.chats.present)
        self.bus = Bus(self.database, clock, self.lanes)
        self.cron = CronService(
            store=self.store,
            database=self.database,
            bus=self.bus,
            clock=clock,
            default_target=target_of(config),
            left_words=self._look,
            settle=self.handler.settle,
        )
        self.book = JobBook(
            self.store,
            jobs_per_owner=config.limits.jobs_per_owner,
            members_edit=config.cron.group_edit == "members",
        )
        self.loop = self._agent_loop(config, clock)
        self.supervisor = Supervisor(self.bus, self.outbox, clock, access=self.access, moved=self._move_chat)
        self.presence = Presence(self._sign, clock)
        self.neighbours = Neighbours(
            database=self.database, clock=clock, bus=self.bus, outbox=self.outbox, cancel=self.loop.cancel
        )
        self.database.on_change = self._look
        self._intake: list[asyncio.Task[None]] = []

    def _agent_loop(self, config: Config, clock: Clock) -> AgentLoop:
        def zone(address: ChatAddress) -> str:
            return self.chats.zone(address) or zone_of(config, address)

        def words(message: InboundMessage) -> UserText:
            return prompt.words(message, zone(message.address))

        engine = TurnEngine(self._model, self.database, clock, max_steps=config.agent.max_steps)
        rules = Rules(
            languages=config.languages,
            min_interval=config.cron.min_interval,
            at_min_lead=config.cron.at_min_lead,
            zone_is_default=config.timezone is None,
            console_target=target_of(config),
        )
        cron_tool = CronTool(
            store=self.store,
            book=self.book,
            database=self.database,
            clock=clock,
            rules=rules,
            states=self.handler,
            changed=self.cron.reload,
            run_now=self.cron.run_now,
            is_admin=self._is_admin,
        )
        return AgentLoop(
            words=words,
            database=self.database,
            clock=clock,
            engine=engine,
            sessions=Sessions(self.database, budget=config.agent.context_tokens, words=words),
            say=self.say,
            tools=[MessageTool(self.say), cron_tool, *self._setup.tools],
            due=self.handler,
            zone_of=zone,
            limits=Limits(timeout=config.agent.timeout),
        )

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
        await self._start_channels()
        await self.lanes.start()
        loops = [self.neighbours.run, self.presence.run, self._keep_house, self._tell_status]
        if self._setup.scheduler:
            loops += [self.cron.run, self.cron.watch]
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
        await self._model.close()
        await self.database.stop()

    async def _work(self, claim: Claim) -> None:
        if isinstance(claim.message.occasion, Due):
            await self.loop.work(claim)  # nobody waits for it
            return
        with self.presence.working(claim.turn, claim.message.address):
            await self.loop.work(claim)

    async def _sign(self, address: ChatAddress) -> None:
        channel = self._setup.channels.get(address.channel)
        if isinstance(channel, Signing):
            await channel.sign(address)

    async def _move_chat(self, channel: str, chat: str, to: str) -> None:
        if await self.chats.move(channel, chat, to):
            jobs = await asyncio.to_thread(self.book.move, channel, chat, to)
            logger.info("a chat has another id", channel=channel, chat=chat, now=to, jobs=jobs)
            await self.cron.reload()

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
        channel = turn.address.channel
        return channel == CONSOLE or self.access.is_owner(channel, turn.sender_id)

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


# -- parts by the configuration ---------------------------------------------------------------------------------


def database_path(home: Home, config: Config) -> Path:
    """The file of the embedded database; ConfigError for engines that are not built yet."""
    scheme, _, rest = config.database.url.partition("://")
    if scheme != "sqlite":
        raise ConfigError(f"database.url: {scheme} is not built yet; use sqlite:///gateway.db")
    return home.file(rest.removeprefix("/"))


def database_of(home: Home, config: Config) -> Callable[[], Driver]:
    path = database_path(home, config)
    return lambda: SqliteDriver(path)


def store_of(home: Home, config: Config) -> JobStore:
    if config.cron.store != "json":
        raise ConfigError('cron.store: "sql" is not built yet; use "json"')
    return JsonFileStore(home.file(config.cron.store_path), tz=config.zone)


def model_of(config: Config) -> ModelClient:
    """The configured model; heavy ones are imported here, when they are asked for."""
    section = config.model
    if section.provider == "offline":
        from gateway.agent.models.offline import OfflineModel

        return OfflineModel(phrases.find)
    from gateway.agent.models.hosted import HostedSettings, create

    return create(
        HostedSettings(
            provider=section.provider,
            name=section.name,
            base_url=section.base_url,
            api_key=section.api_key,
            idle_timeout=config.agent.idle_timeout,
        )
    )


def channels_of(config: Config, clock: Clock) -> dict[str, Channel]:
    """The enabled channels of the configuration, besides the console."""
    found: dict[str, Channel] = {}
    for name, section in config.channels.items():
        kind = config.kind_of(name)
        if section.enabled and kind in COMING and kind not in plugins.offered("channels"):
            logger.warning(
                "configuration", note=f"channels.{name}: the channel {kind} is not built yet; it stays off"
            )
        elif section.enabled and kind != CONSOLE:
            module = plugins.find("channels", kind)
            found[name] = module.create(name, config, clock)
    return found


def tasks_of(config: Config) -> list[Task]:
    """The declared jobs that can be run; the configuration has warned about the others."""
    return [
        Task(
            draft=Draft(
                name=task.name,
                schedule=task.schedule,
                prompt=task.prompt or None,
                say=task.text or None,
                tz=task.tz or None,
                description=task.description or None,
            ),
            enabled=task.enabled,
        )
        for task in config.cron.tasks
        if task.action != "shell"
    ]


def maker_of(config: Config, clock: Clock) -> Maker:
    """The operator, who makes the declared jobs."""
    return Maker(
        now=clock.now(),
        zone=config.zone,
        languages=config.languages,
        min_interval=config.cron.min_interval,
        at_min_lead=config.cron.at_min_lead,
    )


def owners_of(config: Config) -> dict[str, tuple[str, ...]]:
    """Whom each channel can tell about itself."""
    return {name: section.owners for name, section in config.channels.items()}


def target_of(config: Config) -> ChatAddress | None:
    """`cron.default_target` as an address."""
    channel, _, chat = config.cron.default_target.partition(":")
    return ChatAddress(channel=channel, chat=chat) if chat else None


def zone_of(config: Config, address: ChatAddress) -> str:
    """The zone of a chat: the configured one; else the machine's for the console, and UTC."""
    if config.timezone is None and address.channel == CONSOLE:
        return zones.machine()
    return config.zone


def retention_of(config: Config) -> Retention:
    section = config.retention
    return Retention(
        runs_per_job=section.runs_per_job,
        history=timedelta(days=section.days),
        sessions_isolated=section.sessions_isolated,
        dedupe=section.dedupe,
    )

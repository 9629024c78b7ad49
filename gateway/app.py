"""Builds the parts and hands them to each other; the only file that knows concrete ones."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog

from channels.base import Closing
from channels.log import LogChannel
from channels.supervisor import Supervisor
from cron.endings.purse import OwnerPurse
from cron.endings.witness import Witness
from cron.service import CronService
from cron.store import JobStore
from cron.target import LOG
from cron.tool import CronTool
from cron.tools.catalogue import toolbox
from cron.tools.reminder import ReminderTool
from gateway import inbox
from gateway.agent import prompt
from gateway.agent.journal import Claim
from gateway.agent.lanes import Lanes
from gateway.agent.loop import AgentLoop, Limits
from gateway.agent.model import UserText
from gateway.agent.models.watched import WatchedModel
from gateway.agent.sessions import Sessions
from gateway.agent.turn import TurnEngine
from gateway.background import Background
from gateway.bus import Bus
from gateway.callbacks.sender import Sender
from gateway.chats import Chats
from gateway.clock import Clock
from gateway.commands import routing
from gateway.commands.desk import Desk
from gateway.config import Config
from gateway.database.reserve import Reserve
from gateway.database.schema import migrate, take_over
from gateway.database.writer import Database
from gateway.filing import Filing
from gateway.flow import Flow
from gateway.heartbeat import Heartbeat, Life
from gateway.messages import ChatAddress, Due, InboundMessage, Json
from gateway.moves import Moves
from gateway.neighbours import Neighbours
from gateway.outbox.delivery import Outbox
from gateway.outbox.records import MessageRecord
from gateway.outgoing.client import WebClient
from gateway.parts import (
    database_of,
    listener_of,
    model_of,
    owners_of,
    retention_of,
    webhook_secret_of,
    zone_of,
)
from gateway.people import People
from gateway.reception import commands_of
from gateway.retention import forget
from gateway.scheduling import Scheduling
from gateway.setup import Setup
from gateway.status import Status, to_json, write_status
from gateway.tools.base import Turn
from gateway.tools.message import MessageTool, Speaker
from gateway.tools.web_fetch import WebFetchTool
from gateway.undelivered import Undelivered

logger = structlog.get_logger()

TURN_GRACE = timedelta(seconds=5)  # for turns that are nearly done; the others go on at the next start
SEND_GRACE = timedelta(seconds=5)
HOUSEKEEPING = timedelta(hours=1)
STATUS_EVERY = timedelta(seconds=5)


class Gateway:
    """The whole, running inside a task group."""

    def __init__(self, setup: Setup, tasks: asyncio.TaskGroup) -> None:
        config, clock, home = setup.config, setup.clock, setup.home
        self._setup = setup
        self._tasks = tasks
        self._clock = clock
        self._background = Background(tasks, clock)
        self._connect = setup.connect or database_of(home, config)
        self.database = Database(self._connect, clock, reserve=Reserve(home.path / "gateway.reserve"))
        self.chats = Chats(self.database)
        self.outbox = Outbox(self.database, clock, self._spawn, hold=config.outbox.ambiguous == "hold")
        self.say = Speaker(self.database, self.outbox, clock, present=self.chats.address)
        self._witness = Witness(setup.meter, setup.tracer)
        self.filing = Filing(setup)
        self._undelivered = Undelivered(self.say, owners_of(config), self._spawn)
        self.outbox.settled = self._settled
        self.web = WebClient(config.http.allowed, clock)
        self.callbacks = Sender(
            self.database,
            clock,
            self.web,
            secret=webhook_secret_of(home, config),
            spawn=self._spawn,
            tried=self._witness.called,
        )
        self.flow = Flow(
            setup,
            database=self.database,
            outbox=self.outbox,
            chats=self.chats,
            say=self.say,
            spawn=self._spawn,
        )
        self.lanes = Lanes(
            self.database,
            clock,
            self._spawn,
            self._work,
            slots={"person": config.agent.max_turns, "due": config.cron.max_concurrent},
        )
        self.people = People(setup, database=self.database, chats=self.chats, say=self.say)
        self.bus = Bus(self.database, clock, self.lanes, route=routing.routed)
        self.scheduling = Scheduling(
            setup,
            database=self.database,
            bus=self.bus,
            chats=self.chats,
            witness=self._witness,
            look=self._look,
            cancel=self._cancel,
            admits=self.people.admits,
            manages=self.people.admins.manages,
        )
        model = setup.model or model_of(config, setup.home.workspace)
        self._model = WatchedModel(model, setup.meter, setup.tracer)
        self._engine = TurnEngine(
            self._model, self.database, clock, max_steps=config.agent.max_steps, tracer=setup.tracer
        )
        self.loop = self._agent_loop(config, clock)
        self.desk = self._desk(config, clock)
        life = Life(self.database, clock, lambda: self.cron.heartbeat)
        self.heartbeat = Heartbeat(config.heartbeat, clock, life.lacks)
        self.moves = Moves(
            chats=self.chats,
            outbox=self.outbox,
            clock=clock,
            jobs=self.scheduling.move,
            background=self._background.begin,
        )
        self.supervisor = Supervisor(
            self.bus,
            self.outbox,
            clock,
            access=self.people.access,
            moved=self.moves.move,
            knocked=self.people.door.knock,
            exchanges=self.people.exchanges,
            commands=self.desk.infos,
        )
        self.neighbours = Neighbours(
            database=self.database,
            clock=clock,
            bus=self.bus,
            outbox=self.outbox,
            cancel=self.loop.cancel,
            refresh=[self.people.door.refresh],
        )
        self.database.on_change = self._changed_elsewhere
        self._began = clock.now()
        self.listener = listener_of(
            setup.home, config, clock, setup.channels, health=lambda: to_json(self.status()), meter=setup.meter
        )

    @property
    def store(self) -> JobStore:
        """Where the jobs are kept."""
        return self.scheduling.store

    @property
    def cron(self) -> CronService:
        """The clock over the jobs."""
        return self.scheduling.cron

    def _zone(self, address: ChatAddress) -> str:
        return self.chats.zone(address) or zone_of(self._setup.config, address)

    def _agent_loop(self, config: Config, clock: Clock) -> AgentLoop:
        def words(message: InboundMessage) -> UserText:
            return prompt.words(message, self._zone(message.address))

        cron_tool = CronTool(self.scheduling.clerk, states=self.scheduling.handler, is_admin=self._is_admin)
        return AgentLoop(
            words=words,
            database=self.database,
            clock=clock,
            engine=self._engine,
            sessions=Sessions(
                self.database,
                budget=config.agent.context_tokens,
                words=words,
                begins=self.chats.begins,
                overhearing=self.people.overhearing(self._zone),
            ),
            say=self.flow.drafts.say,
            toolbox=toolbox(
                cron_tool,
                [
                    MessageTool(self.flow.drafts.say, self.filing.spool),
                    ReminderTool(self.scheduling.reminders),
                    WebFetchTool(self.web, clock),
                    *self._setup.tools,
                ],
                aliases=config.tools.aliases,
            ),
            due=self.scheduling.handler,
            zone_of=self._zone,
            limits=Limits(timeout=config.agent.timeout),
            around=self.flow.around(
                waiting=self.lanes,
                arrivals=self.filing.receiver,
                words=words,
                until_written=self._engine.until_written,
            ),
            purse=OwnerPurse(self.scheduling.spend, self.database, clock),
        )

    def _desk(self, config: Config, clock: Clock) -> Desk:
        return Desk(
            commands_of(
                config,
                database=self.database,
                chats=self.chats,
                lanes=self.lanes,
                scheduling=self.scheduling,
                people=self.people,
                cancel=self._cancel,
                status=self.status,
                look=self._look,
            ),
            clock=clock,
            say=self.say,
            until_written=self._engine.until_written,
            zone_of=self._zone,
            is_owner=self.people.is_owner,
        )

    # -- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything, go on with what was left, start the channels; StoreError if that cannot be."""
        if self.listener is not None:
            self._background.begin(self.listener.run)
        await asyncio.to_thread(self._prepare)
        await self.database.start()
        await self.database.write(take_over)
        await self.chats.start()
        await self.people.start()
        await self.neighbours.start()
        await self.bus.start()
        await self.scheduling.start()
        await self.moves.start()
        await self._start_channels()
        await self.lanes.start()
        loops = [self.neighbours.run, *self.flow.loops, self.callbacks.run, self._keep_house, self._tell_status]
        if self._setup.scheduler:
            loops.append(self.heartbeat.run)
        for loop in (*self.scheduling.loops(), *loops):
            self._background.begin(loop)
        if self.listener is not None:
            self.listener.open()

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
            self._background.begin(lambda channel=channel, event=event: self.supervisor.run(channel, event))  # type: ignore[misc]
            begun.append(event)
        for event in begun:
            await event.wait()

    async def stop(self) -> None:
        """Close the intake, let what is nearly done end, keep the rest for the next start."""
        if self.listener is not None:
            await self.listener.stop()
        await self._background.stop()
        await self.lanes.stop(grace=TURN_GRACE)
        await self.outbox.stop(grace=SEND_GRACE)
        await self.callbacks.stop(grace=SEND_GRACE)
        for channel in self._setup.channels.values():
            if isinstance(channel, Closing):
                await channel.close()
        await self._model.close()
        await self.database.stop()

    def _settled(self, record: MessageRecord, state: str) -> None:
        self._undelivered.settled(record, state)
        self._witness.delivered(record, state)

    async def _work(self, claim: Claim) -> None:
        kind, message = inbox.kind_of(claim.message), claim.message
        self._setup.meter.turn(kind)
        with self._setup.tracer.span("turn", trace_id=message.trace_id, turn=claim.turn, kind=kind):
            await self._worked(claim)

    async def _worked(self, claim: Claim) -> None:
        if routing.is_command(claim.message.session_key):
            await self.desk.work(claim)
            return
        if isinstance(claim.message.occasion, Due):
            await self.loop.work(claim)  # nobody waits for it
            return
        with self.flow.working(claim):
            await self.lanes.commands_before(claim)
            await self.loop.work(claim)

    def _changed_elsewhere(self) -> None:
        self.scheduling.dispatch.refresh()
        self._look()

    def _cancel(self, run: str) -> bool:
        return self.loop.cancel(run)

    def _look(self) -> None:
        self.neighbours.look()
        self.callbacks.look()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def _is_admin(self, turn: Turn) -> bool:
        return self.people.is_owner(turn.address, turn.sender_id)

    # -- thin loops ---------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        rules = retention_of(self._setup.config)
        while True:
            work = partial(forget, rules=rules, now=self._clock.now())
            while await self.database.write(work):
                await self._clock.sleep(timedelta())
            await asyncio.to_thread(self.filing.keep_house, self._clock.now())
            await self._clock.sleep(HOUSEKEEPING)

    async def _tell_status(self) -> None:
        while True:
            await asyncio.to_thread(write_status, self._setup.home, self.status())
            await self._clock.sleep(STATUS_EVERY)

    def _metrics(self) -> dict[str, Json]:
        self._setup.meter.levels(
            {
                "turns_running": len(self.lanes.running),
                "turns_waiting": self.lanes.waiting,
                "runs_waiting": len(self.scheduling.dispatch.places.waiting),
                "jobs": len(self.cron.jobs),
            }
        )
        return self._setup.meter.document()

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
            trouble=[*([self.database.trouble] if self.database.trouble else []), *self.scheduling.trouble],
            since=self._began,
            errors=self._setup.errors(),
            metrics=self._metrics(),
            web=self.listener.about if self.listener else None,
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

"""Supervisor: runs channels, each by itself; one that fails is started again and never stops another."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels.base import Channel
from gateway.access import Access, Refused
from gateway.bus import Bus, forged
from gateway.clock import Clock
from gateway.commands import routing
from gateway.commands.base import CommandInfo
from gateway.errors import CredentialsRefusedError, ReadingError, UserError
from gateway.exchanges import Exchanges
from gateway.inbox import Accepted
from gateway.messages import InboundMessage
from gateway.outbox.delivery import Outbox
from gateway.outbox.line import Line

logger = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
STRANGERS = 1_000  # of whom it is remembered that the log has named them

Moved = Callable[[str, str, str], Awaitable[None]]
"""Channel, chat, its new id: what belongs to the chat moves along."""

Knocked = Callable[[InboundMessage], Awaitable[None]]
"""Somebody who is not known has written in a private chat, and may be told how an owner lets them in."""


@dataclass(slots=True)
class ChannelState:
    """How a channel is, for status and logs."""

    name: str
    state: str = "starting"  # starting, running, retrying, closed, stopped
    reason: str = ""
    last_alive: datetime | None = None
    heard_every: timedelta | None = None


class _Inlet:
    """What one channel is given."""

    def __init__(self, channel: Channel, state: ChannelState, line: Line, house: "Supervisor") -> None:
        self._channel = channel
        self._state = state
        self._line = line
        self._request = line.asking()
        self._bus = house.bus
        self._clock = house.clock
        self._access = house.access
        self._moved = house.moved
        self._knocked = house.knocked
        self._exchanges = house.exchanges
        self._strangers: set[tuple[str, str]] = set()
        self.commands = house.commands
        self.owners = house.access.owners(channel.name)

    async def receive(self, message: InboundMessage) -> None:
        name = self._state.name
        if self._channel.operated or forged(name, message):  # what is forged, the bus refuses and audits
            await self._publish(message)
            return
        if message.bot or self._exchanges is None:
            await self._take(message)
            return
        async with self._exchanges.interrupted(message.address):
            await self._take(message)

    async def _take(self, message: InboundMessage) -> None:
        admitted = self._access.admit(message)
        if isinstance(admitted, Refused):
            self._tell_of(message, admitted)
            if admitted.knocks and self._knocked is not None:
                await self._knocked(message)
        elif admitted.bot:
            await self._receive_from_bot(admitted)
        else:
            await self._publish(admitted)

    async def _receive_from_bot(self, message: InboundMessage) -> None:
        """Another bot is answered a few times and gives no commands; what it says to others is only kept."""
        if not message.addressed:
            await self._publish(message)
            return
        if self._exchanges is None or routing.split(message.text) is not None:
            return
        if not self._exchanges.begin(message.address):
            return
        try:
            accepted = await self._publish(message)
        except BaseException:
            self._exchanges.taken_back(message.address)  # it comes again
            raise
        if accepted is None:
            self._exchanges.taken_back(message.address)
        else:
            await self._exchanges.kept(message.address)

    async def _publish(self, message: InboundMessage) -> Accepted | None:
        try:
            return await self._bus.receive(self._state.name, message)
        except UserError as error:  # a forged sender: refused and audited, and no reason to bring it again
            logger.warning("a message was refused", channel=self._state.name, error=str(error))
            return None

    async def room(self) -> None:
        if self._bus.full:
            self._state.state, self._state.reason = "waiting", "many messages wait; no more are read"
            await self._bus.room()
            self._state.last_alive = self._clock.now()  # nothing was asked meanwhile, so silence counts from here

    def alive(self) -> None:
        if self._state.state in {"starting", "retrying"}:
            logger.info("the channel is connected", channel=self._state.name)
        self._state.state, self._state.reason = "running", ""
        self._state.last_alive = self._clock.now()
        self._line.answered(self._request)
        self._request = self._line.asking()  # what is heard next was asked for after this

    async def moved(self, chat: str, to: str) -> None:
        await self._moved(self._state.name, chat, to)

    def _tell_of(self, message: InboundMessage, refused: Refused) -> None:
        """The log is where an operator finds the ids to list; each is named once."""
        who = (message.sender_id, message.address.chat)
        if not refused.stranger or who in self._strangers:
            return
        if len(self._strangers) >= STRANGERS:
            self._strangers.clear()
        self._strangers.add(who)
        logger.warning(
            "somebody who is not allowed has written",
            channel=self._state.name,
            reason=refused.reason,
            user=message.sender_id,
            name=message.sender_name,
            chat=message.address.chat,
        )


class Supervisor:
    """Keeps channels running."""

    def __init__(
        self,
        bus: Bus,
        outbox: Outbox,
        clock: Clock,
        *,
        access: Access,
        moved: Moved,
        knocked: Knocked | None = None,
        exchanges: Exchanges | None = None,
        commands: Sequence[CommandInfo] = (),
    ) -> None:
        """Without `knocked` strangers are told nothing; without `exchanges` no bot is answered."""
        self.bus = bus
        self.clock = clock
        self.access = access
        self.moved = moved
        self.knocked = knocked
        self.exchanges = exchanges
        self.commands = tuple(commands)
        self.states: dict[str, ChannelState] = {}
        self._outbox = outbox

    async def run(self, channel: Channel, begun: asyncio.Event) -> None:
        """Run the channel until cancelled. `begun` is set once it was started, whether it works or not."""
        try:
            state = ChannelState(channel.name, heard_every=channel.heard_every)
            self.states[channel.name] = state
            line = await self._outbox.connect(channel.name, channel)
        except BaseException:
            begun.set()  # nobody waits for ever for a channel that cannot even be begun
            raise
        inlet, pauses = _Inlet(channel, state, line, self), _Pauses()
        asyncio.get_running_loop().call_soon(begun.set)
        while True:
            began = self.clock.monotonic()
            longest, at_least = LONGEST_PAUSE, timedelta()
            try:
                await channel.run(inlet)
            except CredentialsRefusedError as error:
                self._refused(state, line, str(error))
                return
            except ReadingError as error:
                longest, at_least = error.longest, error.pause
                self._interrupted(state, str(error))
            except Exception as error:
                state.state, state.reason = "retrying", str(error) or type(error).__name__
                logger.exception("the channel failed and is started again", channel=channel.name)
            else:
                state.state, state.reason = "closed", "there is nothing more to read"
                return
            ran = timedelta(seconds=self.clock.monotonic() - began)
            await self.clock.sleep(pauses.after(ran, longest=longest, at_least=at_least))

    def _refused(self, state: ChannelState, line: Line, reason: str) -> None:
        state.state, state.reason = "stopped", reason
        line.halted = reason
        logger.error("the channel is stopped: its credentials are refused", channel=state.name, error=reason)

    def _interrupted(self, state: ChannelState, reason: str) -> None:
        """Said once, not at every try of an outage that lasts for hours."""
        if (state.state, state.reason) != ("retrying", reason):
            logger.warning("the channel cannot read and is started again", channel=state.name, error=reason)
        state.state, state.reason = "retrying", reason


class _Pauses:
    """How long to wait before a channel is started again: twice as long each time, until it has worked."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def after(self, ran: timedelta, *, longest: timedelta, at_least: timedelta) -> timedelta:
        if ran > longest:
            self._next = FIRST_PAUSE  # it had worked for a while
        pause = max(min(self._next, longest), at_least)
        self._next = pause * 2
        return pause

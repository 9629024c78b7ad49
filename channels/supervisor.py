"""Supervisor: runs channels, each by itself; one that fails is started again and never stops another."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels.base import Channel
from gateway.bus import Bus
from gateway.clock import Clock
from gateway.errors import CredentialsRefusedError, UserError
from gateway.messages import InboundMessage
from gateway.outbox.delivery import Outbox
from gateway.outbox.line import Line

logger = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)


@dataclass(slots=True)
class ChannelState:
    """How a channel is, for status and logs."""

    name: str
    state: str = "starting"  # starting, running, retrying, closed, stopped
    reason: str = ""
    last_alive: datetime | None = None


class _Inlet:
    """What one channel is given."""

    def __init__(self, state: ChannelState, line: Line, bus: Bus, clock: Clock) -> None:
        self._state = state
        self._line = line
        self._bus = bus
        self._clock = clock

    async def receive(self, message: InboundMessage) -> None:
        try:
            await self._bus.receive(self._state.name, message)
        except UserError as error:  # a forged sender: refused and audited, and no reason to bring it again
            logger.warning("a message was refused", channel=self._state.name, error=str(error))

    async def room(self) -> None:
        await self._bus.room()

    def alive(self) -> None:
        self._state.state, self._state.reason = "running", ""
        self._state.last_alive = self._clock.now()
        self._line.answered()


class Supervisor:
    """Keeps channels running."""

    def __init__(self, bus: Bus, outbox: Outbox, clock: Clock) -> None:
        self._bus = bus
        self._outbox = outbox
        self._clock = clock
        self.states: dict[str, ChannelState] = {}

    async def run(self, channel: Channel, begun: asyncio.Event) -> None:
        """Run the channel until cancelled. `begun` is set once it was started, whether it works or not."""
        state = self.states[channel.name] = ChannelState(channel.name)
        line = await self._outbox.connect(channel.name, channel)
        inlet = _Inlet(state, line, self._bus, self._clock)
        pause = FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            asyncio.get_running_loop().call_soon(begun.set)
            try:
                await channel.run(inlet)
            except CredentialsRefusedError as error:
                state.state, state.reason = "stopped", str(error)
                line.halted = str(error)
                logger.exception("the channel is stopped: its credentials are refused", channel=channel.name)
                return
            except Exception as error:
                state.state, state.reason = "retrying", str(error) or type(error).__name__
                logger.exception("the channel failed and is started again", channel=channel.name, pause=str(pause))
            else:
                state.state, state.reason = "closed", "there is nothing more to read"
                return
            if self._clock.monotonic() - began > LONGEST_PAUSE.total_seconds():
                pause = FIRST_PAUSE  # it had worked for a while
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

"""Outbox: what the agent says, delivered in order per chat: one lane a chat."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from gateway.clock import Clock
from gateway.database.writer import Database
from gateway.messages import ChatAddress, OutboundMessage, Part
from gateway.outbox import records
from gateway.outbox.lane import Lane
from gateway.outbox.ledger import Settled
from gateway.outbox.line import Line
from gateway.outbox.port import Carrier

logger = structlog.get_logger()


class Outbox:
    """The lanes of all chats of all channels."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        *,
        hold: bool = False,
    ) -> None:
        """`hold`: never repeat what may have arrived. `spawn`: starts a task that somebody looks after."""
        self._database = database
        self._clock = clock
        self._spawn = spawn
        self._hold = hold
        self.settled: Settled = lambda _record, _state: None
        self.moved: dict[tuple[str, str], str] = {}  # chats that have another id now
        self.held: set[tuple[str, str]] = set()  # chats that somebody else delivers to for the moment
        self._lines: dict[str, Line] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    # -- channels come and go -----------------------------------------------------------------------------

    @property
    def lines(self) -> Mapping[str, Line]:
        return self._lines

    async def connect(self, name: str, carrier: Carrier) -> Line:
        """Deliver for this channel from now on, beginning with what is waiting for it."""
        line = self._lines[name] = Line(name, carrier, self._clock)
        await self.refresh()
        return line

    async def refresh(self) -> None:
        """Look for rows that others have written: other processes, or an earlier life."""
        for channel, chat in await self._database.read(records.open_chats):
            if to := self.moved.get((channel, chat)):  # from who did not know of the move
                await self._database.write(partial(records.move, channel=channel, chat=chat, to=to))
            if lane := self._lane(channel, chat):
                lane.more = True
                self._work_on(lane)

    async def stop(self, *, grace: timedelta) -> None:
        """Let requests that are under way end; what is not sent by then is kept."""
        self._closing = True
        for lane in self._lanes.values():
            lane.close()
        if self._tasks:
            tasks = set(self._tasks)
            _, late = await asyncio.wait(tasks, timeout=grace.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def knows(self, channel: str, chat: str) -> bool:
        """Whether something is being sent to this chat, or waits for it, at this moment."""
        return (channel, chat) in self._lanes

    def move(self, channel: str, chat: str, to: str) -> None:
        """The chat has another id, and its rows have it already: its lane and its silence go along."""
        self.moved[channel, chat] = to
        if line := self._lines.get(channel):
            line.move(chat, to)
        lane = self._lanes.pop((channel, chat), None)
        if lane is not None:
            lane.move(to)
            self._lanes[channel, to] = lane

    # -- for `say` ----------------------------------------------------------------------------------------

    def render(self, message: OutboundMessage) -> Sequence[Part]:
        """The parts, or nothing when the channel is off: then they are rendered once it is on."""
        line = self._lines.get(message.address.channel)
        if line is None or line.halted:
            return ()
        try:
            return line.carrier.render(message)
        except Exception:
            # It is kept, and its lane decides: who speaks is not to blame for how a channel renders.
            logger.exception("a message cannot be rendered", delivery=message.delivery_id)
            return ()

    def reserve(self, address: ChatAddress) -> bool:
        """Whether the next message may be sent as soon as it is committed; then the lane is kept for it."""
        lane = self._lane(address.channel, address.chat)
        if lane is None or self._closing:
            return False
        if not lane.reserve():
            self._work_on(lane)  # or forget it, where nothing waits
            return False
        return True

    def release(self, address: ChatAddress) -> None:
        """The reserved message was not written after all."""
        if lane := self._lane(address.channel, address.chat):
            lane.release()
            self._work_on(lane)

    def accept(self, seq: int, message: OutboundMessage, parts: Sequence[Part], *, reserved: bool) -> None:
        """A message was committed: send it, or queue it."""
        if lane := self._lane(message.address.channel, message.address.chat):
            lane.take(seq, message, parts, reserved=reserved)
            self._work_on(lane)

    def retouch(self, message: OutboundMessage) -> bool:
        """Edit what was sent, at this moment or not at all; False if the chat or the account has no room for it.

        `message.edits` is the delivery id of what is replaced; only the first part of the message is used.
        """
        parts = self.render(message)
        lane = self._lane(message.address.channel, message.address.chat) if parts else None
        if lane is None or self._closing:
            return False
        if not lane.reserve():
            self._work_on(lane)
            return False
        self._begin(self._retouch(lane, message, parts[0]))
        return True

    # -- the lanes ----------------------------------------------------------------------------------------

    def _lane(self, channel: str, chat: str) -> Lane | None:
        """The lane of the chat; None while its channel is off, or somebody else delivers to it."""
        chat = self.moved.get((channel, chat), chat)
        key = (channel, chat)
        lane = self._lanes.get(key)
        if lane is None and key not in self.held and (line := self._lines.get(channel)) is not None:
            lane = self._lanes[key] = Lane(
                line, chat, self._database, self._clock, hold=self._hold, settled=self._settle
            )
        return lane

    def _settle(self, record: records.MessageRecord, state: str) -> None:
        self.settled(record, state)

    def _work_on(self, lane: Lane) -> None:
        if lane.busy or self._closing or lane.line.halted:
            return
        if not lane.waiting:
            self._lanes.pop((lane.line.name, lane.chat), None)  # nothing is kept for a quiet chat
            return
        lane.busy = True
        self._begin(self._work(lane))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retouch(self, lane: Lane, message: OutboundMessage, part: Part) -> None:
        try:
            await lane.retouch(message, part)
        except Exception:
            logger.exception("a growing answer could not be shown", delivery=message.delivery_id)
        finally:
            lane.release()
        self._work_on(lane)

    async def _work(self, lane: Lane) -> None:
        try:
            await lane.drain()
        except Exception:
            # One chat must not stop the others; its rows are in the table and are looked at again.
            logger.exception("delivery stopped", channel=lane.line.name, chat=lane.chat)
            await lane.start_over()
        finally:
            lane.busy = False
        self._work_on(lane)

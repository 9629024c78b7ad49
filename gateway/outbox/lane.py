"""Lane: what one chat is to hear, in order, one request at a time.

`sending` is on the disk before a request is made, `sent` only with the platform's id; both are one commit where
one part follows the other.
"""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta

import structlog

from gateway.clock import Clock
from gateway.database.writer import Database
from gateway.errors import AmbiguousDeliveryError, DeliveryError, TransientDeliveryError
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox import records
from gateway.outbox.closing import Closing
from gateway.outbox.failures import Failures, repeat_of
from gateway.outbox.ledger import Ledger, Settled
from gateway.outbox.line import Line
from gateway.outbox.policy import PATIENCE, STORE_PAUSE
from gateway.outbox.port import Repeat
from gateway.outbox.records import MessageRecord, PartRecord

logger = structlog.get_logger()

IN_MEMORY = 100  # messages of one chat; the rest stays in the table until their turn
RESERVED = "reserved"  # `sending` in the table by our own hand, and no request made yet: only in memory


class Lane:
    """The queue of one chat, and the one who works on it."""

    def __init__(
        self, line: Line, chat: str, database: Database, clock: Clock, *, hold: bool, settled: Settled
    ) -> None:
        self.line = line
        self.chat = chat
        self.more = False  # there are rows in the table that are not in the queue
        self.busy = False  # a task works on it, or its next message is being committed
        self._queue: deque[MessageRecord] = deque()
        self._highest = 0  # the last row that is or was in the queue: no row comes twice
        self._placed = False  # the next request has its place among those of the account
        self._clock = clock
        self._closing = Closing()
        self._ledger = Ledger(database, clock, settled)
        self._hold = hold

    @property
    def waiting(self) -> bool:
        return self.more or bool(self._queue)

    # -- messages come in ---------------------------------------------------------------------------------

    def reserve(self) -> bool:
        """Keep the lane for a message that is sent as soon as it is committed; False if it would have to wait."""
        if self.busy or self.waiting or self.line.halted or self.line.closed_for(self.chat) is not None:
            return False
        self.busy = self._placed = self.line.take_place()
        return self.busy

    def release(self) -> None:
        """The message that it was kept for was not written after all."""
        self.busy = False
        self._give_back_place()

    def take(self, seq: int, message: OutboundMessage, parts: Sequence[Part], *, reserved: bool) -> None:
        """A message was committed; `reserved`: its first part as `sending`."""
        if reserved:
            self.busy = False
        elif seq <= self._highest:
            return  # read from the table before we were told of it
        elif self.more or len(self._queue) >= IN_MEMORY:
            self.more = True  # it is in the table, behind others
            return
        self._highest = max(self._highest, seq)
        found = [PartRecord(n, part, "pending") for n, part in enumerate(parts)]
        if reserved:
            found[0].state = RESERVED
        said_at = self._clock.now()
        self._queue.append(MessageRecord(seq, records.addressed(message, self.chat), found, said_at=said_at))

    async def retouch(self, message: OutboundMessage, part: Part) -> None:
        """Edit what was sent, once, in the lane that was reserved for it; nothing is written down, or missed."""
        sent_as = await self._ledger.sent_as(message.edits)
        if not sent_as:
            return
        parcel = Parcel(
            id=f"{message.delivery_id}/0",
            address=message.address,
            payload=part.payload,
            edits=sent_as,
            passing=True,
        )
        request = self.line.asking()
        try:
            await self._carried(parcel)
        except TransientDeliveryError as error:
            if error.retry_after is not None:
                self.line.close_for(self.chat, error.retry_after)
        except DeliveryError as error:
            logger.debug("a growing answer was not shown", delivery=message.delivery_id, error=str(error))
        else:
            self.line.answered(request)

    def move(self, chat: str) -> None:
        """The chat has another id; what waits for it is sent there."""
        self.chat = chat
        for record in self._queue:
            record.message = records.addressed(record.message, chat)

    def close(self) -> None:
        """End after the request that is under way."""
        self._closing.set()

    # -- and go out ---------------------------------------------------------------------------------------

    async def start_over(self) -> None:
        """Forget what is in memory; the table knows."""
        self._queue.clear()
        self._ledger.forget()
        self.more = True
        await self._pause(STORE_PAUSE)

    async def drain(self) -> None:
        """Send part after part until nothing is left; what one came to is written with the next's beginning."""
        try:
            while self.waiting and not self._closing and not self.line.halted:
                await self._step()
            await self._ledger.write()
        finally:
            self._give_back_place()

    async def _step(self) -> None:
        if not self._queue:
            await self._ledger.write()
            await self._load()
        elif (rest := self.line.closed_for(self.chat)) is not None:
            await self._ledger.write()
            await self._pause(rest)
        else:
            record = self._queue[0]
            await self._send_next(record)
            if record.over:
                self._queue.popleft()

    async def _load(self) -> None:
        found = await self._ledger.open_messages(self.line.name, self.chat, limit=IN_MEMORY)
        self.more = len(found) == IN_MEMORY
        self._queue.extend(found)
        self._highest = max([self._highest, *(record.seq for record in found)])
        asked = [record.not_before for record in found if record.not_before is not None]
        if asked and (rest := max(asked) - self._clock.now()) > timedelta():
            # Asked of an earlier life. A wall clock that was set since must not silence the chat for ever.
            self.line.close_for(self.chat, min(rest, PATIENCE))

    async def _send_next(self, record: MessageRecord) -> None:
        part = await self._next_part(record)
        if part is None:
            return
        try:
            if part.state == "sending":
                record.unclear_since = record.unclear_since or record.failing_since or record.said_at
                raise AmbiguousDeliveryError("the gateway ended while this was being sent")
            if self._may_double(record, part):
                raise AmbiguousDeliveryError("it may have arrived so long ago that a repeat is not known as one")
            part.state, request = "sending", self.line.asking()
            sent_as = await self._request(record, part)
        except DeliveryError as error:
            await self._failed(record, part, error)
        except Exception as error:
            logger.exception("a channel failed in a way of its own", channel=self.line.name)
            await self._failed(record, part, AmbiguousDeliveryError(f"{self.line.name}: {error!r}"))
        else:
            self.line.answered(request)
            self._ledger.arrived(record, part, sent_as)

    async def _next_part(self, record: MessageRecord) -> PartRecord | None:
        """The part to send, durably marked as being sent; None if there is none any more, or not now."""
        fresh: Sequence[Part] = ()
        if not record.parts:
            fresh = self._rendered(record)
            record.parts = [PartRecord(n, part, "pending") for n, part in enumerate(fresh)]
        part = record.next_part()
        if part is None:
            await self._ledger.end(record, PartRecord(0, Part(payload={})), "dead", "it cannot be rendered")
            return None
        if part.state == "sending":
            await self._ledger.write()
            return part
        if not await self._place():
            return None
        return await self._taken(record, part, fresh)

    async def _taken(self, record: MessageRecord, part: PartRecord, fresh: Sequence[Part]) -> PartRecord | None:
        if part.state == RESERVED:
            await self._ledger.write()
            return part
        if await self._ledger.write(records.taking(record, part, fresh)):
            part.state = RESERVED
            return part
        record.over = True  # dropped by the operator, or printed by a terminal that waits for it
        return None

    def _may_double(self, record: MessageRecord, part: PartRecord) -> bool:
        """Whether an earlier request may have arrived, and this one would not be known as its repeat."""
        if record.unclear_since is None or part.repeats:
            return False
        return repeat_of(record, self.line, self._clock.now()) is Repeat.MARKED

    def _rendered(self, record: MessageRecord) -> Sequence[Part]:
        try:
            return self.line.carrier.render(record.message)
        except Exception:
            # A message that its channel cannot render must not keep the others of the chat from arriving.
            logger.exception("a message cannot be rendered", delivery=record.message.delivery_id)
            return ()

    async def _request(self, record: MessageRecord, part: PartRecord) -> str:
        return await self._carried(await self._ledger.parcel(record, part))

    async def _carried(self, parcel: Parcel) -> str:
        self._placed = False  # it is used now
        self.line.begin()
        try:
            return await self.line.carrier.send(parcel)
        finally:
            self.line.end(self.chat)

    async def _failed(self, record: MessageRecord, part: PartRecord, error: DeliveryError) -> None:
        self._give_back_place()  # what follows may take long
        failures = Failures(self.line, self._ledger, self._clock, self._closing, hold=self._hold)
        await failures.handle(record, part, error)

    # -- its place among the requests of the account ------------------------------------------------------

    async def _place(self) -> bool:
        """Have one for the next request, waiting for it if need be; False if the lane is closed before."""
        if not self._placed and not self.line.take_place():
            await self._ledger.write()
            if not await self._closing.unless(self.line.next_place()):
                return False
        self._placed = True
        return True

    def _give_back_place(self) -> None:
        if self._placed:
            self._placed = False
            self.line.give_back_place()

    async def _pause(self, duration: timedelta) -> None:
        await self._closing.unless(self._clock.sleep(duration))

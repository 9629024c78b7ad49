"""Lane: what one chat is to hear, in order, one request at a time.

`sending` is on the disk before a request is made, `sent` only with the platform's id; both are one commit where
one part follows the other.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar

import structlog

from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import AmbiguousDeliveryError, DeliveryError, StoreError, TransientDeliveryError
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox import policy, records
from gateway.outbox.line import Line
from gateway.outbox.port import Repeat, Searchable
from gateway.outbox.records import MessageRecord, PartRecord

logger = structlog.get_logger()
T = TypeVar("T")

IN_MEMORY = 100  # messages of one chat; the rest stays in the table until their turn
STORE_PAUSE = timedelta(seconds=2)  # between two attempts to write when the database refuses
RESERVED = "reserved"  # `sending` in the table by our own hand, and no request made yet: only in memory

Settled: TypeAlias = Callable[[MessageRecord, str], None]
"""Told when a message is over: the record, and sent, unknown or dead."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What a request came to, still to be written; `record` when that ends the message."""

    work: Work[None]
    record: MessageRecord | None = None
    state: str = "sent"


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
        self._done: _Done | None = None
        self._database = database
        self._clock = clock
        self._hold = hold
        self._settled = settled
        self._closing = asyncio.Event()

    @property
    def waiting(self) -> bool:
        return self.more or bool(self._queue)

    @property
    def idle(self) -> bool:
        """Whether a message that came now could be sent at once."""
        return not (self.busy or self.waiting or self.line.halted or self.line.closed_for(self.chat))

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
        self._queue.append(MessageRecord(seq, message, found))

    def close(self) -> None:
        """End after the request that is under way."""
        self._closing.set()

    async def start_over(self) -> None:
        """Forget what is in memory; the table knows."""
        self._queue.clear()
        self._done = None
        self.more = True
        await self._pause(STORE_PAUSE)

    async def drain(self) -> None:
        """Send part after part until nothing is left; what one came to is written with the next's beginning."""
        while self.waiting and not self._closing.is_set() and not self.line.halted:
            if not self._queue:
                await self._write()
                await self._load()
            elif (rest := self.line.closed_for(self.chat)) is not None:
                await self._write()
                await self._pause(rest)
            else:
                await self._send_next(self._queue[0])
        await self._write()

    async def _load(self) -> None:
        found = await self._database.read(
            lambda transaction: records.open_messages(transaction, self.line.name, self.chat, limit=IN_MEMORY)
        )
        self.more = len(found) == IN_MEMORY
        self._queue.extend(found)
        self._highest = max([self._highest, *(record.seq for record in found)])

    async def _send_next(self, record: MessageRecord) -> None:
        part = await self._next_part(record)
        if part is None:
            return
        try:
            if part.state == "sending":
                raise AmbiguousDeliveryError("the gateway ended while this was being sent")
            part.state = "sending"
            sent_as = await self.line.carrier.send(await self._parcel(record, part))
        except DeliveryError as error:
            await self._failed(record, part, error)
        except Exception as error:
            logger.exception("a channel failed in a way of its own", channel=self.line.name)
            await self._failed(record, part, AmbiguousDeliveryError(f"{self.line.name}: {error!r}"))
        else:
            self.line.answered()
            self._arrived(record, part, sent_as)

    async def _next_part(self, record: MessageRecord) -> PartRecord | None:
        """The part to send, durably marked as being sent; None if there is none any more."""
        fresh: Sequence[Part] = ()
        if not record.parts:
            fresh = self._rendered(record)
            record.parts = [PartRecord(n, part, "pending") for n, part in enumerate(fresh)]
        part = record.next_part()
        if part is None:
            await self._end(record, PartRecord(0, Part(payload={})), "dead", "it cannot be rendered")
            return None
        if part.state != "pending":
            await self._write()
            return part
        if not await self._write(records.taking(record, part, fresh)):
            self._queue.popleft()  # dropped by the operator, or printed by a terminal that waits for it
            return None
        part.state = RESERVED
        return part

    def _rendered(self, record: MessageRecord) -> Sequence[Part]:
        try:
            return self.line.carrier.render(record.message)
        except Exception:
            # A message that its channel cannot render must not keep the others of the chat from arriving.
            logger.exception("a message cannot be rendered", delivery=record.message.delivery_id)
            return ()

    async def _parcel(self, record: MessageRecord, part: PartRecord) -> Parcel:
        message = record.message
        edits = message.replaces if part.n == 0 else ""
        if message.edits:
            edits = await self._database.read(
                lambda transaction: records.platform_id(transaction, message.edits, part.n)
            )
        return Parcel(
            id=f"{message.delivery_id}/{part.n}",
            address=message.address,
            payload=part.part.payload,
            repeat=part.repeats > 0,
            edits=edits,
        )

    def _arrived(self, record: MessageRecord, part: PartRecord, sent_as: str) -> None:
        """To be written with the beginning of the next part."""
        part.state, part.platform_id = "sent", sent_as
        record.failures, record.failing_since = 0, None
        if record.next_part() is not None:
            self._done = _Done(records.marking(record, part))
        else:
            self._queue.popleft()
            self._done = _Done(records.ending(record, part, "sent", "", to_text(self._clock.now())), record)

    # -- when it does not arrive --------------------------------------------------------------------------

    async def _failed(self, record: MessageRecord, part: PartRecord, error: DeliveryError) -> None:
        self.line.last_error = str(error)
        if not isinstance(error, AmbiguousDeliveryError | TransientDeliveryError):
            self.line.answered()
        logger.warning(
            "a message did not arrive",
            channel=self.line.name,
            delivery=record.message.delivery_id,
            error=str(error),
        )
        now = self._clock.now()
        record.failing_since = record.failing_since or now
        history = policy.History(
            failures=record.failures,
            failing_since=record.failing_since,
            repeats=part.repeats,
            has_plain=part.part.plain is not None,
        )
        match policy.judge(error, history, now=now, repeat=self.line.carrier.repeat, hold=self._hold):
            case policy.Later(delay):
                await self._later(record, part, error, delay)
            case policy.Plain():
                part.state, part.part = "pending", Part(payload=part.part.plain or {})
                await self._write(records.plainly(record, part))
            case policy.Settle(delay):
                if delay:
                    await self._note(record, part, error, delay)
                await self._settle(record, part, error, delay)
            case policy.Halt():
                self.line.halted = str(error)
                await self._mark(record, part, "pending")
            case policy.End(state):
                await self._end(record, part, state, str(error))

    async def _later(
        self, record: MessageRecord, part: PartRecord, error: DeliveryError, delay: timedelta
    ) -> None:
        asked = isinstance(error, TransientDeliveryError) and error.retry_after is not None
        if asked:
            self.line.answered()
        else:
            delay *= random.uniform(0.9, 1.1)  # noqa: S311 - spreads chats, keeps no secret
        part.state = "pending"
        await self._note(record, part, error, delay)

    async def _note(self, record: MessageRecord, part: PartRecord, error: DeliveryError, delay: timedelta) -> None:
        """It has failed once more: the chat is left alone for `delay`, and a later process knows since when."""
        record.failures += 1
        self.line.close_for(self.chat, delay)
        await self._write(records.noting(record, part, str(error)))

    async def _settle(
        self, record: MessageRecord, part: PartRecord, error: DeliveryError, delay: timedelta
    ) -> None:
        """It may have arrived: once the channel answers again, look for it, or send it once more."""
        if not await self._unless_closed(self.line.next_answer()):
            return
        carrier = self.line.carrier
        if isinstance(carrier, Searchable) and carrier.repeat is Repeat.SEARCHABLE:
            try:
                found = await carrier.find(await self._parcel(record, part))
            except TransientDeliveryError as trouble:
                self.line.close_for(self.chat, trouble.retry_after or delay)
                return  # still `sending`: this is asked again
            except DeliveryError as blind:
                error = blind  # it cannot be told: as on a channel that cannot be searched
            else:
                await self._found(record, part, found)
                return
        if carrier.repeat is Repeat.DEDUPED:
            await self._mark(record, part, "pending")
        elif self._hold or part.repeats:
            await self._end(record, part, "unknown", str(error))
        else:
            part.repeats += 1
            await self._mark(record, part, "pending")

    async def _found(self, record: MessageRecord, part: PartRecord, found: str | None) -> None:
        if found is None:
            await self._mark(record, part, "pending")
        else:
            self._arrived(record, part, found)

    async def _mark(self, record: MessageRecord, part: PartRecord, state: str) -> None:
        part.state = state
        await self._write(records.marking(record, part))

    async def _end(self, record: MessageRecord, part: PartRecord, state: str, error: str) -> None:
        self._queue.popleft()
        at = to_text(self._clock.now())
        self._done = _Done(records.ending(record, part, state, error, at), record, state)
        await self._write()

    # -- waiting and writing ------------------------------------------------------------------------------

    async def _pause(self, duration: timedelta) -> None:
        await self._unless_closed(self._clock.sleep(duration))

    async def _unless_closed(self, what: Coroutine[None, None, None]) -> bool:
        """Wait for it with nothing under way; False if the lane is closed before."""
        waiting = asyncio.ensure_future(what)
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            waiting.cancel()
        return not self._closing.is_set()

    async def _write(self, work: Work[T] | None = None) -> T | None:
        """Write it, together with what the last request came to; a database that refuses is asked again."""
        done, self._done = self._done, None
        result: T | None = None
        if done is None and work is None:
            return None
        while True:
            try:
                result = await self._database.write(_both(done, work), essential=True)
            except StoreError as error:
                logger.exception("the outbox cannot be written", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
            else:
                break
        if done is not None and done.record is not None:
            self._settled(done.record, done.state)
        return result


def _both(done: _Done | None, work: Work[T] | None) -> Work[T | None]:
    def write(transaction: Transaction) -> T | None:
        if done is not None:
            done.work(transaction)
        return work(transaction) if work is not None else None

    return write

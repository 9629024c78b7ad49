"""Ledger: how a lane reads and writes its rows.

What a request came to is written with the beginning of the next one: both are one commit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import structlog

from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import Parcel
from gateway.outbox import records
from gateway.outbox.policy import STORE_PAUSE
from gateway.outbox.records import MessageRecord, PartRecord

logger = structlog.get_logger()
T = TypeVar("T")

Settled: TypeAlias = Callable[[MessageRecord, str], None]
"""Told when a message is over: the record, and sent, unknown or dead."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What a request came to, still to be written; `record` when that ends the message."""

    work: Work[None]
    record: MessageRecord | None = None
    state: str = "sent"


class Ledger:
    """The rows of one chat."""

    def __init__(self, database: Database, clock: Clock, settled: Settled) -> None:
        self._database = database
        self._clock = clock
        self._settled = settled
        self._done: _Done | None = None

    async def open_messages(self, channel: str, chat: str, *, limit: int) -> list[MessageRecord]:
        """The next messages of the chat, in order."""
        return await self._database.read(
            lambda transaction: records.open_messages(transaction, channel, chat, limit=limit)
        )

    async def parcel(self, record: MessageRecord, part: PartRecord) -> Parcel:
        """The part as its channel is asked to deliver it."""
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
            said_at=record.said_at,
        )

    def arrived(self, record: MessageRecord, part: PartRecord, sent_as: str) -> None:
        """To be written with the beginning of the next part."""
        part.state, part.platform_id = "sent", sent_as
        record.failures, record.failing_since, record.unclear_since = 0, None, None
        if record.next_part() is not None:
            self._done = _Done(records.marking(record, part))
        else:
            self._over(record, part, "sent", "")

    async def mark(self, record: MessageRecord, part: PartRecord, state: str) -> None:
        """The part is in this state now."""
        part.state = state
        await self.write(records.marking(record, part))

    async def end(self, record: MessageRecord, part: PartRecord, state: str, error: str) -> None:
        """The message is over without having been sent: unknown or dead."""
        record.error = error
        self._over(record, part, state, error)
        await self.write()

    async def drop(self, record: MessageRecord) -> None:
        """The message is over, and is not missed."""
        record.over = True
        self._done = _Done(records.dropping(record))
        await self.write()

    async def sent_as(self, delivery_id: str) -> str:
        """The platform's id of the first part of a message; empty if it was not sent, or nobody knows."""
        return await self._database.read(lambda transaction: records.platform_id(transaction, delivery_id, 0))

    def _over(self, record: MessageRecord, part: PartRecord, state: str, error: str) -> None:
        record.over = True
        at = to_text(self._clock.now())
        self._done = _Done(records.ending(record, part, state, error, at), record, state)

    def forget(self) -> None:
        """What the last request came to is not written: the table says that it was being made."""
        self._done = None

    async def write(self, work: Work[T] | None = None) -> T | None:
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

"""Failures: what is done about a part that did not arrive, or may not have; `policy` decides, this does."""

import random
from datetime import datetime, timedelta

import structlog

from gateway.clock import Clock
from gateway.errors import AmbiguousDeliveryError, DeliveryError, TransientDeliveryError
from gateway.messages import Part
from gateway.outbox import policy, records
from gateway.outbox.closing import Closing
from gateway.outbox.ledger import Ledger
from gateway.outbox.line import Line
from gateway.outbox.port import Remembering, Repeat, Searchable
from gateway.outbox.records import MessageRecord, PartRecord

logger = structlog.get_logger()


class Failures:
    """What went wrong in one chat. Afterwards the part is pending again, or its message is over."""

    def __init__(self, line: Line, ledger: Ledger, clock: Clock, closing: Closing, *, hold: bool) -> None:
        """`hold`: never repeat what may have arrived."""
        self._line = line
        self._ledger = ledger
        self._clock = clock
        self._closing = closing
        self._hold = hold

    async def handle(self, record: MessageRecord, part: PartRecord, error: DeliveryError) -> None:
        """A request for this part failed."""
        self._notice(record, error)
        now = self._clock.now()
        record.failing_since = record.failing_since or now
        if isinstance(error, AmbiguousDeliveryError):
            record.unclear_since = record.unclear_since or now
        history = policy.History(
            failures=record.failures,
            failing_since=record.failing_since,
            repeats=part.repeats,
            has_plain=part.part.plain is not None,
            passing=record.message.passing,
        )
        match policy.judge(
            error, history, now=now, repeat=repeat_of(record, self._line, self._clock.now()), hold=self._hold
        ):
            case policy.Later(delay):
                await self._later(record, part, error, delay)
            case policy.Plain():
                part.state, part.part = "pending", Part(payload=part.part.plain or {})
                await self._ledger.write(records.plainly(record, part))
            case policy.Settle(delay):
                if delay:
                    await self._note(record, part, error, delay)
                await self._settle(record, part, error, delay)
            case policy.Halt():
                self._line.halted = str(error)
                await self._ledger.mark(record, part, "pending")
            case policy.Drop():
                if silence := _asked(error):
                    self._line.close_for(record.message.address.chat, silence)
                await self._ledger.drop(record)
            case policy.End(state):
                if silence := _asked(error):
                    self._line.close_for(record.message.address.chat, silence)
                await self._ledger.end(record, part, state, str(error))

    def _notice(self, record: MessageRecord, error: DeliveryError) -> None:
        self._line.last_error = str(error)
        unreached = isinstance(error, AmbiguousDeliveryError | TransientDeliveryError)
        if not unreached or _asked(error) is not None:
            self._line.answered()
        log = logger.debug if record.message.passing else logger.warning
        log(
            "a message did not arrive",
            channel=self._line.name,
            delivery=record.message.delivery_id,
            error=str(error),
        )

    async def _later(
        self, record: MessageRecord, part: PartRecord, error: DeliveryError, delay: timedelta
    ) -> None:
        until = None
        if _asked(error) is not None:
            until = self._clock.now() + delay
        else:
            delay *= random.uniform(0.9, 1.1)  # noqa: S311 - spreads chats, keeps no secret
        part.state = "pending"
        await self._note(record, part, error, delay, until=until)

    async def _note(
        self,
        record: MessageRecord,
        part: PartRecord,
        error: DeliveryError,
        delay: timedelta,
        *,
        until: datetime | None = None,
    ) -> None:
        """It has failed once more: the chat is left alone for `delay`, and a later process knows since when.

        `until`: the platform asked for this delay, so that a later process keeps to it too.
        """
        record.failures += 1
        record.not_before = until
        self._line.close_for(record.message.address.chat, delay)
        await self._ledger.write(records.noting(record, part, str(error)))

    async def _settle(
        self, record: MessageRecord, part: PartRecord, error: DeliveryError, delay: timedelta
    ) -> None:
        """It may have arrived: once the channel answers again, look for it, or send it once more."""
        if not await self._closing.unless(self._line.next_answer()):
            return
        carrier, repeat = (
            self._line.carrier,
            repeat_of(record, self._line, self._clock.now()),
        )  # of now: an outage may have been long
        if isinstance(carrier, Searchable) and repeat is Repeat.SEARCHABLE:
            try:
                found = await carrier.find(await self._ledger.parcel(record, part))
            except TransientDeliveryError as trouble:
                self._line.close_for(record.message.address.chat, trouble.retry_after or delay)
                return  # still `sending`: this is asked again
            except DeliveryError as blind:
                error = blind  # it cannot be told: as on a channel that cannot be searched
            else:
                await self._found(record, part, found)
                return
        if repeat is Repeat.DEDUPED:
            await self._ledger.mark(record, part, "pending")
        elif record.message.passing:
            await self._ledger.drop(record)
        elif self._hold or part.repeats:
            await self._ledger.end(record, part, "unknown", str(error))
        else:
            part.repeats += 1
            await self._ledger.mark(record, part, "pending")

    async def _found(self, record: MessageRecord, part: PartRecord, found: str | None) -> None:
        if found is None:
            await self._ledger.mark(record, part, "pending")
        else:
            self._ledger.arrived(record, part, found)


def repeat_of(record: MessageRecord, line: Line, now: datetime) -> Repeat:
    """What can be done at this moment about a part that may have arrived."""
    carrier, age = line.carrier, now - (record.unclear_since or now)
    forgotten = isinstance(carrier, Remembering) and age >= carrier.remembers
    return Repeat.MARKED if forgotten and carrier.repeat is Repeat.DEDUPED else carrier.repeat


def _asked(error: DeliveryError) -> timedelta | None:
    """The silence that the platform asked for."""
    return error.retry_after if isinstance(error, TransientDeliveryError) else None

"""Bus: the one door to the inbox, the outbox and the events. Publishing is durable; consuming is immediate."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import structlog

from gateway import audit, events, inbox
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import UserError
from gateway.events import Happened
from gateway.inbox import Accepted
from gateway.messages import SYSTEM, InboundMessage, Person, Press

logger = structlog.get_logger()

FULL = 1_000  # waiting messages: then a channel that can wait stops reading
BREATH = timedelta(milliseconds=50)
RESERVED_SENDERS = ("cron:", "event:", "xin:")


class Consumer(Protocol):
    """Who works the inbox off: the lanes of the agent."""

    @property
    def people_waiting(self) -> int:
        """How many messages of people wait."""

    def offer(self, kind: str, session: str) -> "Offer | None":
        """A place for a message that is about to be written, if it could be worked on at once."""

    def enqueue(self, accepted: Accepted) -> None:
        """A message was written; it has to wait. Known ones are ignored."""


class Offer(Protocol):
    """A place in a lane, kept while a message is being written."""

    def begin(self, transaction: Transaction, accepted: Accepted) -> None:
        """In the same transaction: the turn begins."""

    def take(self, accepted: Accepted, message: InboundMessage) -> None:
        """It is written: work."""

    def withdraw(self) -> None:
        """It was not written."""


class Bus:
    """Publish and subscribe. A message that was published is worked on, whatever happens to this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        consumer: Consumer,
        *,
        route: Callable[[InboundMessage], InboundMessage] = lambda message: message,
    ) -> None:
        """`route`: the session that what an adapter has read belongs into, where it is not the address's own."""
        self._database = database
        self._clock = clock
        self._consumer = consumer
        self._route = route
        self._subscribers: list[Callable[[InboundMessage], None]] = []
        self._listeners: list[Callable[[Happened], None]] = []
        self._last_event: int | None = None  # that listeners have heard of; None: nobody listens yet

    async def start(self) -> None:
        """Listeners hear of events from now on."""
        self._last_event = await self._database.read(events.newest)

    def subscribe(self, listener: Callable[[InboundMessage], None]) -> None:
        """Tell `listener` of every message that was published by this process; it must not wait."""
        self._subscribers.append(listener)

    def listen(self, listener: Callable[[Happened], None]) -> None:
        """Tell `listener` of every event, whichever process wrote it down, in order; it must not wait.

        It hears of them while it listens; who must not miss any keeps the number of the last one itself.
        """
        self._listeners.append(listener)

    async def publish(self, message: InboundMessage) -> Accepted | None:
        """Write the message and wake the agent; None if it is a redelivery. Durable on return."""
        # Shielded: what was ordered from the database happens, so somebody must work on it.
        return await asyncio.shield(self._publish(message))

    async def _publish(self, message: InboundMessage) -> Accepted | None:
        offer = self.offer(inbox.kind_of(message), message.session_key) if message.addressed else None
        state = "taken" if offer else "waiting" if message.addressed else "done"  # overheard: kept, not answered

        def write(transaction: Transaction) -> Accepted | None:
            accepted = inbox.accept(transaction, message, state=state)
            if accepted is not None and offer is not None:
                offer.begin(transaction, accepted)
            return accepted

        accepted: Accepted | None = None
        try:
            accepted = await self._database.write(write)
        finally:
            if accepted is None and offer is not None:
                offer.withdraw()
        if accepted is None:
            logger.debug("dropped a message that was here before", keys=message.dedupe_keys)
            return None
        if message.addressed:
            self.announce(accepted, message, offer)
        return accepted

    async def receive(self, channel: str, message: InboundMessage) -> Accepted | None:
        """Publish what an adapter has read; UserError, audited, if it claims to be somebody it cannot be."""
        if forged(channel, message):
            await self._audit(channel, message)
            raise UserError(f"channel {channel}: refused a message from {message.channel}, {message.sender_id}")
        return await self.publish(self._route(message))

    def offer(self, kind: str, session: str) -> Offer | None:
        """A place for a message that somebody's own transaction is about to write; `announce` takes it.

        It is withdrawn if that transaction has not begun the turn with it.
        """
        return self._consumer.offer(kind, session)

    def announce(self, accepted: Accepted, message: InboundMessage, offer: Offer | None = None) -> None:
        """A message was written in somebody's own transaction (a due job's, with its claim)."""
        self._tell(message)
        if offer is not None:
            offer.take(accepted, message)
        else:
            self._consumer.enqueue(accepted)

    async def refresh(self) -> None:
        """Look for messages and events that other processes, or transactions of other parts, have written."""
        for accepted in await self._database.read(inbox.waiting):
            self._consumer.enqueue(accepted)
        if self._listeners and self._last_event is not None:
            await self._tell_events(self._last_event)

    async def _tell_events(self, last: int) -> None:
        for happened in await self._database.read(lambda transaction: events.since(transaction, last)):
            self._last_event = happened.seq
            for listener in self._listeners:
                try:
                    listener(happened)
                except Exception:
                    logger.exception(
                        "a listener failed at an event; the others hear of it", event_kind=happened.kind
                    )

    @property
    def full(self) -> bool:
        """Whether a channel that can wait should read no further."""
        return self._consumer.people_waiting >= FULL

    async def room(self) -> None:
        """Return when a channel that can wait may go on reading."""
        while self.full:
            await self._clock.sleep(BREATH)

    def _tell(self, message: InboundMessage) -> None:
        for listener in self._subscribers:
            listener(message)

    async def _audit(self, channel: str, message: InboundMessage) -> None:
        refused = audit.Entry(
            at=self._clock.now(),
            who=f"channel:{channel}",
            what="bus.refused",
            subject=f"{message.channel} {message.sender_id}"[:200],
            after=message.text[:200],
        )
        await self._database.write(lambda transaction: audit.write(transaction, refused))


def forged(channel: str, message: InboundMessage) -> bool:
    """Whether an adapter hands in what only the gateway itself may say."""
    return (
        message.channel != channel
        or message.address.channel != channel
        or channel == SYSTEM
        or message.sender_id.startswith(RESERVED_SENDERS)
        or message.session != ""
        or not isinstance(message.occasion, Person | Press)
    )

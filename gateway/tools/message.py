"""The message tool: the only way to reach a person. Every word that any part says goes through `say`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, Protocol

from pydantic import BaseModel, Field

from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox import writer
from gateway.outbox.delivery import Outbox
from gateway.tools.base import Effect, Turn

LONGEST = 100_000  # characters of one message: some fifty pages


class Say(Protocol):
    """Say something in a chat: durable on return, delivered as soon as the chat's lane allows."""

    def __call__(self, message: OutboundMessage, *, along: Work[None] | None = None) -> Awaitable[bool]:
        """Returns False, and says nothing, if this delivery id was said before.

        `along` is done in the same transaction, in either case.
        """


class Speaker:
    """`Say` for a running gateway."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        *,
        present: Callable[[ChatAddress], ChatAddress] = lambda address: address,
    ) -> None:
        """`present`: the address that a chat has now, if its platform has given it another."""
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._present = present

    async def __call__(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        # Shielded: what was ordered from the database happens, so its delivery must be seen to as well.
        return await asyncio.shield(self._put(message, along))

    async def _put(self, message: OutboundMessage, along: Work[None] | None) -> bool:
        message = self._addressed(message)
        parts = self._outbox.render(message)
        reserved = bool(parts) and self._outbox.reserve(message.address)
        at = to_text(self._clock.now())

        def write(transaction: Transaction) -> int | None:
            seq = writer.enqueue(transaction, message, parts, at=at, sending=reserved)
            if along is not None:
                along(transaction)
            return seq

        try:
            seq = await self._database.write(write, essential=True)
        except BaseException:
            if reserved:
                self._outbox.release(message.address)
            raise
        if seq is not None:
            self._outbox.accept(seq, message, parts, reserved=reserved)
        elif reserved:
            self._outbox.release(message.address)
        return seq is not None

    def _addressed(self, message: OutboundMessage) -> OutboundMessage:
        address = self._present(message.address)
        return message if address == message.address else replace(message, address=address)


def leave(transaction: Transaction, message: OutboundMessage, *, at: str) -> bool:
    """Say something from another process: written down here, delivered by the gateway when it next looks.

    False if this delivery id was said before. `at`: RFC 3339.
    """
    return writer.enqueue(transaction, message, (), at=at) is not None


class MessageArguments(BaseModel):
    """Send a message to the chat that this turn belongs to. It is the only way to reach a person."""

    text: str = Field(min_length=1, max_length=LONGEST, description="What to say, in Markdown.")


class MessageTool:
    """The model's own use of `say`."""

    name: ClassVar[str] = "message"
    arguments: ClassVar[type[BaseModel]] = MessageArguments
    effect: ClassVar[Effect] = Effect.ALONG  # the call id is the delivery id
    example: ClassVar[str] = '{"text": "The build is green again."}'

    def __init__(self, say: Say) -> None:
        self._say = say

    async def call(self, arguments: MessageArguments, turn: Turn) -> str:
        message = OutboundMessage(
            delivery_id=turn.call_id,
            address=turn.address,
            caller=Caller.MODEL,
            text=arguments.text,
            turn=turn.id,
            run=turn.run,
            trace_id=turn.trace_id,
        )
        await self._say(message, along=turn.along)
        return "queued for delivery"

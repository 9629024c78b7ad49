"""The message tool: the only way to reach a person. Every word that any part says goes through `say`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, Field, model_validator

from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import UserError
from gateway.messages import Attachment, Caller, ChatAddress, Json, OutboundMessage
from gateway.outbox import writer
from gateway.outbox.delivery import Outbox
from gateway.tools.base import Effect, Turn

LONGEST = 100_000  # characters of one message: some fifty pages


class Say(Protocol):
    """Say something in a chat: durable on return, delivered as soon as the chat's lane allows."""

    def __call__(self, message: OutboundMessage, *, along: Work[None] | None = None) -> Awaitable[bool]:
        """Returns False, and says nothing, if this delivery id was said before.

        So it is for one that is `passing` and cannot be said at once; it is cut to its first part.

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
        if message.passing and message.edits:
            return self._outbox.retouch(message)  # decoration: the end of the turn is what is kept
        parts = self._outbox.render(message)
        reserved = bool(parts) and self._outbox.reserve(message.address)
        if message.passing and not reserved:
            return False
        parts = parts[:1] if message.passing else parts
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


class Files(Protocol):
    """Where the files are that a message may bring."""

    async def attached(self, paths: Sequence[str], delivery: str, *, owner: str) -> tuple[Attachment, ...]:
        """The files at these paths as they are now, for the message of this delivery id in a chat of this owner.

        UserError if one is not there to be sent.
        """


class MessageArguments(BaseModel):
    """Send a message to the chat that this turn belongs to. It is the only way to reach a person."""

    text: str = Field(default="", max_length=LONGEST, description="What to say, in Markdown.")
    files: list[str] = Field(
        default=[], description="Files to send along: paths in the workspace, such as report.pdf."
    )

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, given: Any) -> Any:
        """Files under any name that models use for them; a text is one file."""
        if not isinstance(given, dict):
            return given
        named = [path for key in FILE_KEYS for path in _paths(given.get(key))]
        rest = {key: value for key, value in given.items() if key not in FILE_KEYS and value is not None}
        return {**rest, "files": named}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text.strip() and not self.files:
            raise ValueError("text: say something, or name files")
        return self


FILE_KEYS = ("files", "file", "path", "paths", "media", "attachment", "attachments", "filePath", "file_path")


def _paths(given: Json) -> list[Json]:
    given = _path(given)
    found = [_path(one) for one in (given if isinstance(given, list) else [given])]
    return [path for path in found if path is not None and path != ""]


def _path(given: Json) -> Json:
    return given.get("path") or given.get("file") if isinstance(given, dict) else given


class MessageTool:
    """The model's own use of `say`."""

    name: ClassVar[str] = "message"
    arguments: ClassVar[type[BaseModel]] = MessageArguments
    effect: ClassVar[Effect] = Effect.ALONG  # the call id is the delivery id
    example: ClassVar[str] = '{"text": "The build is green again."}'

    def __init__(self, say: Say, files: Files | None = None) -> None:
        """`files`: None sends none."""
        self._say = say
        self._files = files

    async def call(self, arguments: MessageArguments, turn: Turn) -> str:
        message = OutboundMessage(
            delivery_id=turn.call_id,
            address=turn.address,
            caller=Caller.MODEL,
            text=arguments.text,
            turn=turn.id,
            run=turn.run,
            trace_id=turn.trace_id,
            attachments=await self._attached(list(dict.fromkeys(arguments.files)), turn),
        )
        await self._say(message, along=turn.along)
        return "queued for delivery"

    async def _attached(self, paths: Sequence[str], turn: Turn) -> tuple[Attachment, ...]:
        if not paths:
            return ()
        if self._files is None:
            raise UserError("no files can be sent here")
        return await self._files.attached(paths, turn.call_id, owner=turn.address.owner)

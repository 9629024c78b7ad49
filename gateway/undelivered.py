"""What follows when a message could not be delivered: the owners of the channel are tried until one is told.

A file that could not be sent is said where it was to be sent: its chat may well be there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

import structlog

from gateway.errors import StoreError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox.records import MessageRecord
from gateway.tools.message import Say

logger = structlog.get_logger()

DEAD = ".dead"  # the end of the delivery id of what owners are told
FILE = ".file"  # and of what a chat is told that did not get a file
LONGEST_REASON = 300


class Undelivered:
    """Told by the outbox of every message that is over."""

    def __init__(
        self,
        say: Say,
        owners: Mapping[str, Sequence[str]],
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        """`owners`: the chats of each channel's owners, in the order in which they are tried."""
        self._say = say
        self._owners = owners
        self._spawn = spawn

    def settled(self, record: MessageRecord, state: str) -> None:
        """A message is sent, unknown or dead; when it is dead, an owner is told, or who did not get the file."""
        message = record.message
        if state != "dead":
            return
        logger.error("a message is undeliverable", delivery=message.delivery_id, address=str(message.address))
        if files := lost_files(record):
            self._spawn(self._tell(file_notice(record, files)))
            return
        chat = next_owner(message, self._owners.get(message.address.channel, ()))
        if chat is not None:
            self._spawn(self._tell(notice_of(message, chat)))

    async def _tell(self, notice: OutboundMessage) -> None:
        try:
            await self._say(notice)
        except StoreError as error:
            logger.exception("nobody could be told; the outbox and `status` show it", error=str(error))


def lost_files(record: MessageRecord) -> list[str]:
    """The names of the files that did not arrive, if it was one of them that could not be sent, not the words."""
    unsent = [part for part in record.parts if part.state != "sent"]
    if not unsent or "file" not in unsent[0].part.payload:
        return []
    lost = [part.part.payload for part in unsent if "file" in part.part.payload]
    # A part may hold several: what goes along is in `more`.
    return [str(file["name"]) for payload in lost for file in (payload["file"], *payload.get("more", ()))]


def file_notice(record: MessageRecord, files: Sequence[str]) -> OutboundMessage:
    """What the chat is told that did not get these files; when that fails too, an owner is."""
    message = record.message
    why = f": {' '.join(record.error.split())[:LONGEST_REASON].rstrip('.')}" if record.error else ""
    return OutboundMessage(
        delivery_id=f"{message.delivery_id}{FILE}",
        address=message.address,
        caller=Caller.NOTICE,
        text=f"I could not send {_listed(files)}{why}.",
    )


def next_owner(message: OutboundMessage, owners: Sequence[str]) -> str | None:
    """The chat of the owner to be told that this was not delivered; None when no owner is left.

    The first one whose own chat is not the one that failed; for what an owner was to be told, the one after them.
    """
    failed = message.address.chat
    if _tells_an_owner(message):
        owners = owners[owners.index(failed) + 1 :] if failed in owners else ()  # ends: each owner is tried once
    return next((chat for chat in owners if chat != failed), None)


def notice_of(message: OutboundMessage, chat: str) -> OutboundMessage:
    """What the owner in this chat is told."""
    return OutboundMessage(
        delivery_id=f"{message.delivery_id}{DEAD}",
        address=ChatAddress(channel=message.address.channel, chat=chat),
        caller=Caller.NOTICE,
        text=message.text if _tells_an_owner(message) else _sentence(message),
    )


def _sentence(message: OutboundMessage) -> str:
    files = f" with {_listed([one.name for one in message.attachments])}" if message.attachments else ""
    told = f"A message to {message.address}{files} could not be delivered; `tocsin outbox list` has it."
    # A notice or an alert says what nobody else will say: it is passed on whole.
    return f"{told} It says:\n\n{message.text}" if message.caller in {Caller.NOTICE, Caller.ALERT} else told


def _listed(names: Sequence[str]) -> str:
    """File names in a sentence; in Markdown, where an underscore would be a mark, as they are."""
    return ", ".join(f"`{name}`" for name in names)


def _tells_an_owner(message: OutboundMessage) -> bool:
    return message.caller is Caller.NOTICE and message.delivery_id.endswith(DEAD)

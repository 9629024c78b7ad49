"""What follows when a message could not be delivered: the owners of the channel are tried until one is told."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

import structlog

from gateway.errors import StoreError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox.records import MessageRecord
from gateway.tools.message import Say

logger = structlog.get_logger()

DEAD = ".dead"  # the end of the delivery id of what owners are told


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
        """A message is sent, unknown or dead; when it is dead, an owner is told."""
        message = record.message
        if state != "dead":
            return
        logger.error("a message is undeliverable", delivery=message.delivery_id, address=str(message.address))
        chat = next_owner(message, self._owners.get(message.address.channel, ()))
        if chat is not None:
            self._spawn(self._tell(notice_of(message, chat)))

    async def _tell(self, notice: OutboundMessage) -> None:
        try:
            await self._say(notice)
        except StoreError as error:
            logger.exception("nobody could be told; the outbox and `status` show it", error=str(error))


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
    told = f"A message to {message.address} could not be delivered; `tocsin outbox list` has it."
    # A notice or an alert says what nobody else will say: it is passed on whole.
    return f"{told} It says:\n\n{message.text}" if message.caller in {Caller.NOTICE, Caller.ALERT} else told


def _tells_an_owner(message: OutboundMessage) -> bool:
    return message.caller is Caller.NOTICE and message.delivery_id.endswith(DEAD)

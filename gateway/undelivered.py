"""What follows when a message could not be delivered: an owner of the channel is told, once."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

import structlog

from gateway.errors import StoreError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox.records import MessageRecord
from gateway.tools.message import Say

logger = structlog.get_logger()


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
        """A message is sent, unknown or dead. A notice never causes a notice."""
        message = record.message
        if state != "dead" or message.caller is Caller.NOTICE:
            return
        logger.error("a message is undeliverable", delivery=message.delivery_id, address=str(message.address))
        if self._owners.get(message.address.channel):
            self._spawn(self._tell(message))

    async def _tell(self, message: OutboundMessage) -> None:
        channel = message.address.channel
        notice = OutboundMessage(
            delivery_id=f"{message.delivery_id}.dead",
            address=ChatAddress(channel=channel, chat=self._owners[channel][0]),
            caller=Caller.NOTICE,
            text=f"A message to {message.address} could not be delivered; `tocsin outbox list` has it.",
        )
        try:
            await self._say(notice)
        except StoreError as error:
            logger.exception("nobody could be told; the outbox and `status` show it", error=str(error))

"""The channel of jobs that have no chat: what they say is a line in the log."""

import asyncio
from datetime import timedelta
from typing import ClassVar

import structlog

from channels.base import Inlet
from channels.files import is_wordless, listed
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat

logger = structlog.get_logger()


class LogChannel:
    """Always there, reads nothing."""

    repeat = Repeat.MARKED
    operated: ClassVar[bool] = True
    heard_every: ClassVar[timedelta | None] = None

    def __init__(self, name: str = "log") -> None:
        self.name = name

    async def run(self, inlet: Inlet) -> None:
        inlet.alive()
        await asyncio.Event().wait()

    def render(self, message: OutboundMessage) -> list[Part]:
        text = "" if is_wordless(message) else message.text
        return [Part(payload={"text": "\n".join(filter(None, [text, listed(message)]))})]

    async def probe(self) -> None:
        """A log answers always."""

    async def send(self, parcel: Parcel) -> str:
        logger.info("said to nobody", job=parcel.address.chat, text=parcel.payload["text"], repeat=parcel.repeat)
        return parcel.id

"""Shows a chat that its turn is being worked on, while that takes longer than a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from gateway.clock import Clock
from gateway.errors import DeliveryError
from gateway.messages import ChatAddress

logger = structlog.get_logger()

MOMENT = timedelta(seconds=1)  # an answer that comes sooner needs no sign
EVERY = timedelta(seconds=4)  # Telegram shows "typing" for five seconds
PATIENCE = timedelta(seconds=2)  # with one sign: the others of all chats are waiting for it

Sign = Callable[[ChatAddress], Awaitable[None]]
"""Show it once; DeliveryError if that did not work, which harms nobody."""


@dataclass(slots=True)
class _Working:
    address: ChatAddress
    due: float  # when the next sign is due, monotonic


class Presence:
    """One for all chats: its only work for a turn that ends at once is to remember and to forget it."""

    def __init__(self, sign: Sign, clock: Clock) -> None:
        self._sign = sign
        self._clock = clock
        self._working: dict[str, _Working] = {}
        self._some = asyncio.Event()

    @contextmanager
    def working(self, turn: str, address: ChatAddress) -> Iterator[None]:
        """Inside, the turn is being worked on."""
        self._working[turn] = _Working(address, self._clock.monotonic() + MOMENT.total_seconds())
        self._some.set()
        try:
            yield
        finally:
            del self._working[turn]

    async def run(self) -> None:
        """Show signs, for ever; nothing happens while nobody works."""
        while True:
            await self._some.wait()
            await self._clock.sleep(MOMENT)
            await self._show()
            if not self._working:
                self._some.clear()

    async def _show(self) -> None:
        now = self._clock.monotonic()
        due = [one for one in self._working.values() if one.due <= now]
        for one in due:
            one.due = now + EVERY.total_seconds()
        await asyncio.gather(*(self._try(address) for address in {one.address for one in due}))

    async def _try(self, address: ChatAddress) -> None:
        try:
            async with self._clock.timeout(PATIENCE):
                await self._sign(address)
        except (DeliveryError, TimeoutError) as error:
            logger.debug(
                "a chat could not be shown that it is being answered", chat=str(address), error=str(error)
            )

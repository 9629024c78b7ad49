"""How the people of the soak reach Telegram: one call after the other, and none while the network is cut."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.servers.telegram_control import Control

T = TypeVar("T")
MARGIN = 1.0  # seconds until the server listens again for sure


class Phone:
    """Keeps what people say out of the outages that are meant for the bot: what they said was certainly said."""

    def __init__(self, telegram: Control) -> None:
        self.url = telegram.url
        self._telegram = telegram
        self._free = asyncio.Lock()

    async def ask(self, call: Callable[[Control], Awaitable[T]]) -> T:
        """One call."""
        async with self._free:
            return await call(self._telegram)

    async def cut(self, seconds: float) -> None:
        """Nobody reaches Telegram for so long, the bot least of all."""
        async with self._free:
            await self._telegram.refuse(seconds)
            await asyncio.sleep(seconds + MARGIN)

"""Closing: the one moment after which nobody waits any more."""

import asyncio
from collections.abc import Coroutine


class Closing:
    """Ends waits early. What is under way is not disturbed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether it has come."""
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def unless(self, what: Coroutine[None, None, None]) -> bool:
        """Wait for it with nothing under way; False if the closing comes before."""
        waiting = asyncio.ensure_future(what)
        closing = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            waiting.cancel()
        return not self

"""Queues: what comes at the same time for one chat is taken one after another, the earliest first."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Queues:
    """One for each chat in which something is being taken. Chats do not wait for each other."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, int, asyncio.Future[None]]]] = {}
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def turn(self, chat: str, number: int) -> AsyncIterator[None]:
        """Inside, nothing else of the chat is taken; of those that wait the smallest number is next."""
        waiting = self._waiting.get(chat)
        if waiting is None:
            self._waiting[chat] = []
        else:
            await self._gate(chat, waiting, number)
        try:
            yield
        finally:
            self._next(chat)

    async def _gate(self, chat: str, waiting: list[tuple[int, int, asyncio.Future[None]]], number: int) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(waiting, (number, next(self._arrivals), gate))
        try:
            await gate
        except asyncio.CancelledError:
            if not gate.cancelled():  # it was our turn already
                self._next(chat)
            raise

    def _next(self, chat: str) -> None:
        waiting = self._waiting[chat]
        while waiting:
            _, _, gate = heapq.heappop(waiting)
            if not gate.done():
                gate.set_result(None)
                return
        del self._waiting[chat]

"""Moves: a chat that has another id on its platform keeps its settings, its words and its jobs."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial

import structlog

from gateway.chats import Chats
from gateway.clock import Clock
from gateway.errors import StoreError, UserError
from gateway.outbox.delivery import Outbox

logger = structlog.get_logger()

STORE_PAUSE = timedelta(seconds=2)  # before jobs that could not be moved are tried again


class Moves:
    """What belongs to a chat lies in several places; here it is moved in all of them."""

    def __init__(
        self,
        *,
        chats: Chats,
        outbox: Outbox,
        clock: Clock,
        jobs: Callable[[str, str, str], Awaitable[None]],
        background: Callable[[Callable[[], Coroutine[None, None, None]]], None],
    ) -> None:
        """`jobs` moves the jobs of a chat, and may be called twice; `background` lets something be done later."""
        self._chats = chats
        self._outbox = outbox
        self._clock = clock
        self._jobs = jobs
        self._background = background

    async def start(self) -> None:
        """Do again what is known of all moves: a crash may have come between the chat's move and its jobs'."""
        for channel, chat, to in self._chats.moves():
            self._outbox.moved[channel, chat] = to
            await self.move(channel, chat, to)

    async def move(self, channel: str, chat: str, to: str) -> None:
        """The chat has the id `to` from now on. Twice is once."""
        words = not self._outbox.knows(channel, to)  # else two lanes would tell the same: the old one ends its own
        if await self._chats.move(channel, chat, to, words=words):
            logger.info("a chat has another id", channel=channel, chat=chat, now=to)
            if words:
                self._outbox.move(channel, chat, to)
        if not await self._jobs_moved(channel, chat, to):
            self._background(partial(self._jobs_later, channel, chat, to))

    async def _jobs_moved(self, channel: str, chat: str, to: str) -> bool:
        try:
            await self._jobs(channel, chat, to)
        except (StoreError, UserError) as error:
            logger.error("the jobs of a chat that has another id stay behind for now", chat=chat, error=str(error))
            return False
        return True

    async def _jobs_later(self, channel: str, chat: str, to: str) -> None:
        await self._clock.sleep(STORE_PAUSE)
        while not await self._jobs_moved(channel, chat, to):
            await self._clock.sleep(STORE_PAUSE)

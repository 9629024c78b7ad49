"""What other processes, or transactions of other parts, have put into the tables: taken up within a second."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from gateway import requests, waiting
from gateway.bus import Bus
from gateway.clock import Clock
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.outbox.delivery import Outbox
from gateway.waiting import CONSOLE

logger = structlog.get_logger()

STORE_PAUSE = timedelta(seconds=1)


class Neighbours:
    """Looks when it is told that something was written: new messages, words, requests, waiting terminals."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        bus: Bus,
        outbox: Outbox,
        cancel: Callable[[str], bool],
        refresh: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """`cancel` ends the turn or run of an id, if it is being worked on here.

        `refresh`: other parts that read anew what was written.
        """
        self._database = database
        self._clock = clock
        self._bus = bus
        self._outbox = outbox
        self._cancel = cancel
        self._refresh = tuple(refresh)
        self._looking = asyncio.Event()
        self._last_request = 0
        self._next_look: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Something was written."""
        self._looking.set()

    async def start(self) -> None:
        """Requests that were made before this start are answered by it; terminals may wait already."""
        self._last_request = await self._database.read(requests.newest)
        await self._note_waiters()

    async def run(self) -> None:
        """Take up what was written, for ever."""
        while True:
            await self._looking.wait()
            self._looking.clear()
            try:
                await self._take_up()
            except StoreError as error:
                logger.error("the tables cannot be read; trying again", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
                self._looking.set()

    async def _take_up(self) -> None:
        await self._note_waiters()  # first: a question that came with one is answered into its hands
        await self._cancel_what_was_asked()
        for refresh in self._refresh:
            await refresh()
        await self._bus.refresh()
        await self._outbox.refresh()

    async def _note_waiters(self) -> None:
        now = self._clock.now()
        chats = await self._database.read(lambda transaction: waiting.held(transaction, now=now))
        self._outbox.held = {(CONSOLE, chat) for chat in chats}
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if chats:  # a terminal that was killed tells nobody
            delay = waiting.LEASE.total_seconds()
            self._next_look = asyncio.get_running_loop().call_later(delay, self.look)

    async def _cancel_what_was_asked(self) -> None:
        since = self._last_request
        for seq, name in await self._database.read(lambda t: requests.cancellations(t, since=since)):
            self._last_request = max(self._last_request, seq)
            self._cancel(name)

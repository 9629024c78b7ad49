"""Background: loops that run as long as the gateway does; one that fails takes no other with it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta

import structlog

from gateway.clock import Clock

logger = structlog.get_logger()

Loop = Callable[[], Coroutine[None, None, None]]

PAUSE = timedelta(seconds=1)  # before a part that failed is started again


class Background:
    """Tasks of a group, known by name to nobody: they are ended together."""

    def __init__(self, tasks: asyncio.TaskGroup, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock
        self._running: list[asyncio.Task[None]] = []

    def begin(self, work: Loop) -> None:
        """Run it until it returns; if it fails in a way of its own, again."""
        self._running.append(self._tasks.create_task(self._again(work)))

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _again(self, work: Loop) -> None:
        while True:
            try:
                await work()
            except Exception:
                logger.exception("a part of the gateway failed and is started again", part=repr(work))
                await self._clock.sleep(PAUSE)
            else:
                return

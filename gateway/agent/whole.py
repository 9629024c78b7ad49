"""Doing something to its end, also when who waits for it is told to stop."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[None, None, T]) -> T:
    """The outcome of the work. A cancellation waits until it is done: it must be short."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at: who is cancelled has no use for it
        raise

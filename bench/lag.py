"""How late the timers of the event loop are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PERIOD = 0.001


@asynccontextmanager
async def lags() -> AsyncIterator[list[float]]:
    """While the block runs: by how many milliseconds each of a chain of 1 ms timers was late."""
    found: list[float] = []
    ticker = asyncio.create_task(_tick(found))
    try:
        yield found
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def _tick(found: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(PERIOD)
        found.append(max(loop.time() - began - PERIOD, 0.0) * 1000)

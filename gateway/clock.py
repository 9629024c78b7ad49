"""The only reader of the time, and the only sleeper."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for measuring, and waiting."""

    def now(self) -> datetime:
        """The wall time: aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, also when the wall clock is set."""

    async def sleep(self, duration: timedelta) -> None:
        """Wait by monotonic time; zero gives way to other tasks once."""

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        """TimeoutError when what is inside takes longer."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(duration.total_seconds())


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: sorts as text in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The inverse of `to_text`; any RFC 3339 instant with an offset is understood."""
    return datetime.fromisoformat(text).astimezone(UTC)

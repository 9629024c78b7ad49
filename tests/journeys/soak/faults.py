"""What goes wrong during the soak, one thing after the other."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.journeys.soak.life import Life
from tests.journeys.soak.phone import Phone
from tests.servers.telegram import TOKEN
from tests.servers.telegram_faults import Kind

OUTAGE = 3.0  # seconds of a network that loses things; whole, as networks are: a repeat waits until it is over
SHUT = 5.0  # seconds without a Telegram, and of a rival
DOWN = 1.0  # seconds between a kill and the next start


@dataclass(slots=True)
class Faults:
    """The rotation. What was done is counted by its name."""

    phone: Phone
    life: Life
    done: Counter[str] = field(default_factory=Counter)
    _next: int = 0

    async def strike(self) -> None:
        """The next one of the rotation; returns when it is over, or under way at Telegram's end."""
        # The sends that hang are given up after 20 s, when the next fault comes: that must be one in which a
        # repeat arrives. Two lost attempts are one too many, by design.
        rotation: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("connections dropped", self._dropped),
            ("connections refused", self._refused),
            ("502", self._bad_gateway),
            ("429, retry after 3 s", self._flood),
            ("answers lost", self._lost),
            ("rival poller", self._rival),
            ("requests that hang", self._hang),
            ("slow answers", self._slow),
        )
        name, fault = rotation[self._next % len(rotation)]
        self._next += 1
        self.done[name] += 1
        await fault()

    async def kill(self) -> None:
        """SIGKILL, and a new life."""
        self.done["SIGKILL"] += 1
        await self.life.kill()
        await asyncio.sleep(DOWN)
        await self.life.start()

    async def _fault(self, kind: Kind, **details: Any) -> None:
        await self.phone.ask(lambda telegram: telegram.fault(kind, **details))

    async def _dropped(self) -> None:
        await self._fault("drop", seconds=OUTAGE)

    async def _refused(self) -> None:
        await self.phone.cut(SHUT)

    async def _bad_gateway(self) -> None:
        await self._fault("status", status=502, seconds=OUTAGE)

    async def _flood(self) -> None:
        await self._fault("flood", method="sendMessage", retry_after=3, times=20)

    async def _lost(self) -> None:
        await self._fault("lost", seconds=OUTAGE)

    async def _hang(self) -> None:
        await self._fault("hang", seconds=OUTAGE / 3)

    async def _slow(self) -> None:
        await self._fault("slow", delay=2.0, seconds=OUTAGE)

    async def _rival(self) -> None:
        """Somebody else asks for the updates, too; it confirms none."""
        until = time.monotonic() + SHUT
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < until:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.post(f"{self.phone.url}/bot{TOKEN}/getUpdates", json={"timeout": 1}) as got:
                        await got.read()

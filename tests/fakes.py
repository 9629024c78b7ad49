"""Fakes that we own: a clock that a test moves, and a channel that remembers."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from channels.base import Inlet
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time stands still until `advance`; wall and monotonic time can be moved apart by `set`."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._monotonic = 1_000.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def set(self, moment: datetime) -> None:
        """Set the wall clock, as an administrator does; no time passes."""
        self._now = moment

    async def sleep(self, duration: timedelta) -> None:
        if duration <= timedelta():
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._at(duration, woken.set)
        await woken.wait()

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        return self._timeout(duration)

    @asynccontextmanager
    async def _timeout(self, duration: timedelta) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as limit:
            open_ = True

            def expire() -> None:
                if open_ and not limit.expired():
                    limit.reschedule(asyncio.get_running_loop().time())

            self._at(duration, expire)
            try:
                yield
            finally:
                open_ = False

    def _at(self, duration: timedelta, callback: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._timers, (self._monotonic + duration.total_seconds(), self._count, callback))

    async def advance(self, duration: timedelta) -> None:
        """Let the time pass, waking everybody whose time comes, in order, and let them work."""
        goal = self._monotonic + duration.total_seconds()
        await settle()
        while self._timers and self._timers[0][0] <= goal:
            at, _, callback = heapq.heappop(self._timers)
            self._move(at)
            callback()
            await settle()
        self._move(goal)
        await settle()

    def _move(self, monotonic: float) -> None:
        step = max(monotonic - self._monotonic, 0.0)
        self._monotonic += step
        self._now += timedelta(seconds=step)


ORDERED: list[object] = []
"""What databases were asked and have not answered yet; `tests.parts.open_database` keeps it."""


async def settle(rounds: int = 30) -> None:
    """Let tasks and the database's threads do what they can do now, however slow the disk is."""
    for _ in range(rounds):
        await asyncio.sleep(0)
    await asyncio.sleep(0.002)
    for _ in range(rounds):
        await asyncio.sleep(0)
    for _ in range(1_000):
        if not ORDERED:
            break
        await asyncio.sleep(0.001)
        for _ in range(rounds):
            await asyncio.sleep(0)


async def until(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Wait, in real time, until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


class RecordingChannel:
    """A platform in memory: remembers what it was asked to send, and fails when it is told to."""

    operated: ClassVar[bool] = True
    heard_every: ClassVar[timedelta | None] = None

    def __init__(self, name: str = "test", *, repeat: Repeat = Repeat.MARKED, longest: int = 4_000) -> None:
        self.name = name
        self.repeat = repeat
        self.longest = longest
        self.sent: list[Parcel] = []
        self.tried: list[Parcel] = []
        self.faults: list[Exception | None] = []  # for the next sends, in order; None: this one works
        self.arrives_anyway = False  # a send that fails with an ambiguous error has arrived all the same
        self.gate = asyncio.Event()
        self.gate.set()
        self.probes = 0
        self._inlet: Inlet | None = None
        self._started = asyncio.Event()

    async def run(self, inlet: Inlet) -> None:
        self._inlet = inlet
        inlet.alive()
        self._started.set()
        await asyncio.Event().wait()

    def render(self, message: OutboundMessage) -> list[Part]:
        text = message.text
        pieces = [text[i : i + self.longest] for i in range(0, len(text), self.longest)] or [""]
        return [Part(payload={"text": f"*{piece}*"}, plain={"text": piece}) for piece in pieces]

    async def send(self, parcel: Parcel) -> str:
        self.tried.append(parcel)
        await self.gate.wait()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            if self.arrives_anyway:
                self.sent.append(parcel)
            raise fault
        self.sent.append(parcel)
        return f"m{len(self.sent)}"

    async def probe(self) -> None:
        self.probes += 1

    async def say(
        self, text: str, *, chat: str = "1", thread: str = "", sender: str = "anna", key: str | None = None
    ) -> None:
        """Somebody writes; safe on return."""
        await self._started.wait()
        assert self._inlet is not None
        self._count = getattr(self, "_count", 0) + 1
        await self._inlet.receive(
            InboundMessage(
                channel=self.name,
                sender_id=sender,
                dedupe_keys=(key or f"{self.name}:{self._count}",),
                address=ChatAddress(channel=self.name, chat=chat, thread=thread),
                text=text,
                received_at=NOON,
            )
        )

    def texts(self, chat: str | None = None) -> list[str]:
        """What arrived, without the marks of formatting."""
        return [
            ("↻ " if parcel.repeat else "") + str(parcel.payload["text"]).strip("*")
            for parcel in self.sent
            if chat is None or parcel.address.chat == chat
        ]

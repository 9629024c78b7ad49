"""Fakes that we own: a clock that a test moves, and a channel that remembers."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, ClassVar

from channels.base import Inlet
from channels.files import file_parts, is_wordless
from gateway.errors import PermanentDeliveryError
from gateway.messages import Attachment, ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
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
        words = [Part(payload={"text": f"*{piece}*"}, plain={"text": piece}) for piece in pieces]
        return [*([] if is_wordless(message) else words), *file_parts(message)]

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
        self,
        text: str,
        *,
        chat: str = "1",
        thread: str = "",
        sender: str = "anna",
        key: str | None = None,
        **more: Any,
    ) -> None:
        """Somebody writes; safe on return. `more`: further fields of the message."""
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
                **more,
            )
        )

    def texts(self, chat: str | None = None) -> list[str]:
        """What arrived, without the marks of formatting."""
        return [
            ("↻ " if parcel.repeat else "") + _words(parcel)
            for parcel in self.sent
            if chat is None or parcel.address.chat == chat
        ]


class EditingChannel(RecordingChannel):
    """A platform whose messages can be edited: remembers what its readers see."""

    edits_every: timedelta = timedelta(seconds=1)

    def __init__(self, name: str = "test", *, repeat: Repeat = Repeat.MARKED, longest: int = 4_000) -> None:
        super().__init__(name, repeat=repeat, longest=longest)
        self.gone: set[str] = set()  # messages that somebody has deleted
        self.states: dict[str, list[str]] = {}  # of each message, by its id here: its texts so far

    async def send(self, parcel: Parcel) -> str:
        known = parcel.edits if parcel.edits in self.states and parcel.edits not in self.gone else ""
        if parcel.passing and not known:
            raise PermanentDeliveryError("it is gone")
        sent_as = known or await super().send(parcel)
        if known:
            await super().send(parcel)
        text = str(parcel.payload["text"]).strip("*")
        self.states.setdefault(sent_as, []).append(text)
        return sent_as

    @property
    def screen(self) -> list[str]:
        """What stands in the chats, in the order in which it came."""
        return [texts[-1] for message, texts in self.states.items() if message not in self.gone]


def _words(parcel: Parcel) -> str:
    """The text of a part, or the name of its file in brackets."""
    file = parcel.payload.get("file")
    return f"[{file['name']}]" if file else str(parcel.payload["text"]).strip("*")


class FilingChannel(RecordingChannel):
    """A platform on which files lie, by their handles; a fault in the place of a file is raised."""

    def __init__(self, name: str = "test", **options: Any) -> None:
        super().__init__(name, **options)
        self.files: dict[str, list[bytes | Exception]] = {}  # for the next fetches, in order; the last one stays
        self.fetched: list[str] = []
        self.fetching = 0
        self.most_at_once = 0
        self.door = asyncio.Event()  # a fetch waits before it
        self.door.set()

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        self.fetched.append(source)
        self.fetching += 1
        self.most_at_once = max(self.most_at_once, self.fetching)
        try:
            await self.door.wait()
            found = self.files[source]
            content = found.pop(0) if len(found) > 1 else found[0]
            if isinstance(content, Exception):
                raise content
            for at in range(0, len(content), 1_000):
                sink.write(content[at : at + 1_000])
        finally:
            self.fetching -= 1

    async def bring(self, *files: Attachment, text: str = "", chat: str = "1", album: str = "") -> None:
        """Somebody sends files; safe on return."""
        await self._started.wait()
        assert self._inlet is not None
        self._count = getattr(self, "_count", 0) + 1
        await self._inlet.receive(
            InboundMessage(
                channel=self.name,
                sender_id="anna",
                dedupe_keys=(f"{self.name}:{self._count}",),
                address=ChatAddress(channel=self.name, chat=chat),
                text=text,
                received_at=NOON,
                attachments=files,
                album=album,
            )
        )

"""A platform in two files: what people have said, and what arrived. It outlives every gateway that uses it."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from channels.base import Inlet
from gateway.clock import Clock
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat

NAME = "file"
LAG = 10  # messages


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as its readers see it."""

    id: str
    chat: str
    text: str
    repeat: bool


class Platform:
    """Both files. Lines are appended in one piece, so that a reader sees all of one or nothing."""

    def __init__(self, folder: Path) -> None:
        self._said = folder / "said.jsonl"
        self._arrived = folder / "arrived.jsonl"
        self._acknowledged = folder / "acknowledged"

    def say(self, key: str, chat: str, text: str) -> None:
        """A person writes."""
        append(self._said, [key, chat, text])

    def said(self) -> list[tuple[str, str, str]]:
        return [(key, chat, text) for key, chat, text in read(self._said)]

    def acknowledge(self) -> None:
        """The next message was taken."""
        with self._acknowledged.open("ab") as file:
            file.write(b".")

    def acknowledged(self) -> int:
        return self._acknowledged.stat().st_size if self._acknowledged.exists() else 0

    def deliver(self, arrival: Arrival) -> None:
        append(self._arrived, [arrival.id, arrival.chat, arrival.text, arrival.repeat])

    def arrived(self) -> list[Arrival]:
        return [Arrival(*fields) for fields in read(self._arrived)]


class FileChannel:
    """A channel to that platform. After a start it brings the last messages again, as one whose offset lags."""

    name = NAME
    operated: ClassVar[bool] = True
    heard_every: ClassVar[timedelta | None] = None

    def __init__(self, platform: Platform, clock: Clock, *, repeat: Repeat = Repeat.MARKED) -> None:
        self.repeat = repeat
        self.accepted = max(0, platform.acknowledged() - LAG)  # how many messages were handed in
        self._platform = platform
        self._clock = clock

    async def run(self, inlet: Inlet) -> None:
        while True:
            inlet.alive()
            said = self._platform.said()
            for key, chat, text in said[self.accepted :]:
                await inlet.receive(_message(key, chat, text, self._clock.now()))
                self.accepted += 1
                if self.accepted > self._platform.acknowledged():
                    self._platform.acknowledge()
            await asyncio.sleep(0.005)

    def render(self, message: OutboundMessage) -> list[Part]:
        return [Part(payload={"text": message.text})]

    async def send(self, parcel: Parcel) -> str:
        text = str(parcel.payload["text"])
        self._platform.deliver(Arrival(parcel.id, parcel.address.chat, text, parcel.repeat))
        return f"at {parcel.id}"

    async def probe(self) -> None:
        """It always answers."""


class EditingFileChannel(FileChannel):
    """The same, where a message can be edited: what arrives under a known id is its new text."""

    edits_every: timedelta = timedelta(seconds=1)

    async def send(self, parcel: Parcel) -> str:
        if not parcel.edits:
            return await super().send(parcel)
        first = parcel.edits.removeprefix("at ")
        text = str(parcel.payload["text"])
        self._platform.deliver(Arrival(first, parcel.address.chat, text, parcel.repeat))
        return parcel.edits


def append(path: Path, line: object) -> None:
    """One write of one line."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[list[Any]]:
    """The whole lines of a file."""
    if path.exists():
        for line in path.read_text().split("\n")[:-1]:
            yield json.loads(line)


def _message(key: str, chat: str, text: str, at: datetime) -> InboundMessage:
    return InboundMessage(
        channel=NAME,
        sender_id="anna",
        dedupe_keys=(f"{NAME}:{key}",),
        address=ChatAddress(channel=NAME, chat=chat),
        text=text,
        received_at=at,
    )

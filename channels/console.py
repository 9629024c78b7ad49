"""A terminal as a channel: works without any account."""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from channels.base import Inlet
from gateway.clock import Clock
from gateway.errors import TransientDeliveryError
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat

SESSION = "terminal"
"""The chat of the terminal that the gateway itself was started in."""

OPERATOR = "operator"
"""Who types there: whoever may start the gateway."""

LONGEST_LINE = 100_000


class ConsoleChannel:
    """Reads lines, prints answers. The end of the input closes the reading, not the printing."""

    repeat = Repeat.MARKED

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        source: TextIO | None = None,
        sink: TextIO | None = None,
        chat: str = SESSION,
    ) -> None:
        """`source` and `sink`: standard input and output unless given. `chat`: whose lines they are."""
        self.name = name
        self._clock = clock
        self._source = source if source is not None else sys.stdin
        self._sink = sink if sink is not None else sys.stdout
        self._chat = chat
        self._interactive = self._source.isatty() and self._sink.isatty()

    async def run(self, inlet: Inlet) -> None:
        inlet.alive()
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        _read_in_thread(self._source, asyncio.get_running_loop(), lines.put_nowait)
        self._invite()
        while (line := await lines.get()) is not None:
            await inlet.room()
            if text := line.strip()[:LONGEST_LINE]:
                await inlet.receive(self._message(text))
            else:
                self._invite()

    def render(self, message: OutboundMessage) -> list[Part]:
        return [Part(payload={"text": message.text})]

    async def send(self, parcel: Parcel) -> str:
        mark = "↻ " if parcel.repeat else ""
        whose = "" if parcel.address.chat == self._chat else f"[{parcel.address.chat}] "
        try:
            self._print(f"{whose}{mark}{parcel.payload['text']}")
        except (OSError, ValueError) as error:  # a closed pipe; a closed file
            raise TransientDeliveryError(f"{self.name}: the output is closed") from error
        return f"{self._clock.now().timestamp():.6f}"

    async def probe(self) -> None:
        """A terminal answers as long as it is there."""
        if self._sink.closed:
            raise TransientDeliveryError(f"{self.name}: the output is closed")

    def _message(self, text: str) -> InboundMessage:
        return InboundMessage(
            channel=self.name,
            sender_id=OPERATOR,
            dedupe_keys=(),  # a line is read once
            address=ChatAddress(channel=self.name, chat=self._chat),
            text=text,
            received_at=self._clock.now(),
        )

    def _print(self, text: str) -> None:
        # On a terminal the answer takes the place of the prompt that waits, and a new one follows.
        self._sink.write(f"\r{text}\n> " if self._interactive else f"{text}\n")
        self._sink.flush()

    def _invite(self) -> None:
        if self._interactive:
            self._sink.write("> ")
            self._sink.flush()


def _read_in_thread(source: TextIO, loop: asyncio.AbstractEventLoop, put: Callable[[str | None], None]) -> None:
    """Lines from a blocking source. A thread of its own that ends with the process: nothing can interrupt it."""

    def read() -> None:
        try:
            for line in iter(source.readline, ""):
                loop.call_soon_threadsafe(put, line)
            loop.call_soon_threadsafe(put, None)
        except (RuntimeError, ValueError, OSError):
            return  # the loop or the terminal is gone: nobody is left to be told

    threading.Thread(target=read, name="console", daemon=True).start()

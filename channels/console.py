"""A terminal as a channel: works without any account."""

import asyncio
import io
import os
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, TextIO

import structlog

from channels.base import Inlet
from channels.files import is_wordless, listed
from gateway.clock import Clock
from gateway.commands.text import as_shown
from gateway.errors import StoreError, TransientDeliveryError
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage, Parcel, Part
from gateway.outbox.port import Repeat

logger = structlog.get_logger()

SESSION = "terminal"
"""The chat of the terminal that the gateway itself was started in."""

OPERATOR = "operator"
"""Who types there: whoever may start the gateway."""

LONGEST_LINE = 100_000
STORE_PAUSE = timedelta(seconds=2)  # before a line that could not be kept is handed in again


class ConsoleChannel:
    """Reads lines, prints answers. The end of the input closes the reading, not the printing."""

    repeat = Repeat.MARKED
    operated: ClassVar[bool] = True
    heard_every: ClassVar[timedelta | None] = None

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
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()  # what was typed outlives a run that failed
        self._reading = False
        self._printer = _Printer(self._sink)
        self._interactive = self._source.isatty() and self._sink.isatty()

    async def run(self, inlet: Inlet) -> None:
        inlet.alive()
        self._start_reading()
        while (line := await self._lines.get()) is not None:
            await inlet.room()
            if text := _readable(line).strip()[:LONGEST_LINE]:
                await self._hand_in(inlet, self._message(text))
            else:
                self._invite()
        if self._interactive:
            self._printer.put("\r\x1b[K(The console is closed; the gateway goes on. Ctrl-C ends it.)\n")

    def render(self, message: OutboundMessage) -> list[Part]:
        # Only commands escape what others have written; the words of a reminder are exact.
        text = as_shown(message.text) if message.caller is Caller.COMMAND else message.text
        pieces = ["" if is_wordless(message) else text, listed(message), message.hint]
        return [Part(payload={"text": "\n".join(filter(None, pieces))})]

    async def send(self, parcel: Parcel) -> str:
        mark = "↻ " if parcel.repeat else ""
        whose = "" if parcel.address.chat == self._chat else f"[{parcel.address.chat}] "
        try:
            await self._print(f"{whose}{mark}{parcel.payload['text']}")
        except (OSError, ValueError) as error:  # a closed pipe; a closed file
            raise TransientDeliveryError(f"{self.name}: the output is closed") from error
        return f"{self._clock.now().timestamp():.6f}"

    async def probe(self) -> None:
        """A terminal answers as long as it is there."""
        if self._sink.closed:
            raise TransientDeliveryError(f"{self.name}: the output is closed")

    def _start_reading(self) -> None:
        if not self._reading:  # once: two threads would share the lines between them
            self._reading = True
            _read_in_thread(self._source, asyncio.get_running_loop(), self._lines.put_nowait)

    async def _hand_in(self, inlet: Inlet, message: InboundMessage) -> None:
        """Return when the line is safe: unlike a platform, a terminal does not bring it again."""
        told = False
        while True:
            try:
                return await inlet.receive(message)
            except StoreError as error:
                if not told:  # a full disk is not filled further
                    logger.warning(
                        "a line could not be kept and is tried again", channel=self.name, error=str(error)
                    )
                told = True
            await self._clock.sleep(STORE_PAUSE)

    def _message(self, text: str) -> InboundMessage:
        return InboundMessage(
            channel=self.name,
            sender_id=OPERATOR,
            dedupe_keys=(),  # a line is read once
            address=ChatAddress(channel=self.name, chat=self._chat),
            text=text,
            received_at=self._clock.now(),
        )

    async def _print(self, text: str) -> None:
        # On a terminal the answer takes the place of the prompt that waits, and a new one follows.
        await asyncio.wrap_future(self._printer.put(f"\r\x1b[K{text}\n> " if self._interactive else f"{text}\n"))

    def _invite(self) -> None:
        if self._interactive:
            self._printer.put("> ")  # nobody waits for it: what is typed is read, shown or not


class _Printer:
    """Prints in a thread of its own, in order: whoever stops reading (a pager, Ctrl-S) holds up nothing else."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self._texts: queue.SimpleQueue[tuple[str, Future[None]]] = queue.SimpleQueue()
        self._started = False

    def put(self, text: str) -> Future[None]:
        """Done when the text is out, or with what went wrong. Cancelled before its turn, it is not printed."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name="console-printer", daemon=True).start()
        printed: Future[None] = Future()
        self._texts.put((text, printed))
        return printed

    def _work(self) -> None:
        while True:
            text, printed = self._texts.get()
            if not printed.set_running_or_notify_cancel():
                continue
            try:
                _write(self._sink, text)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for it; the next text may go through
                printed.set_exception(error)
            else:
                printed.set_result(None)


def _write(sink: TextIO, text: str) -> None:
    try:
        number = sink.fileno()
    except io.UnsupportedOperation:  # not a file
        sink.write(text)
        sink.flush()
        return
    # Past the buffer: its lock, held by a write that hangs, would abort the process at its end.
    rest = text.encode(sink.encoding or "utf-8", "replace")
    while rest:
        rest = rest[os.write(number, rest) :]


def _readable(line: str) -> str:
    """Without lone surrogates, which stand for bytes that are no text and cannot be stored."""
    return line.encode(errors="replace").decode()


def _read_in_thread(source: TextIO, loop: asyncio.AbstractEventLoop, put: Callable[[str | None], None]) -> None:
    """Lines from a blocking source, then None. A thread that ends with the process: nothing can interrupt it."""

    def tell(line: str | None) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody is left to be told
            loop.call_soon_threadsafe(put, line)

    def read() -> None:
        try:
            if isinstance(source, io.TextIOWrapper):
                source.reconfigure(errors="replace")  # a byte that is no text spoils itself, not the reading
            for line in iter(source.readline, ""):
                tell(line)
        except (ValueError, OSError) as error:
            logger.warning("the terminal cannot be read any more", error=str(error))
        finally:
            tell(None)

    threading.Thread(target=read, name="console", daemon=True).start()

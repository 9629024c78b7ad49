"""A terminal, a pipe or a file as a channel."""

import asyncio
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

import pytest

from channels.console import LONGEST_LINE, STORE_PAUSE, ConsoleChannel
from gateway.errors import StoreError, TransientDeliveryError
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage, Parcel
from tests.fakes import NOON, FakeClock, until


class Inlet:
    """Takes lines; a full one lets nobody on."""

    def __init__(self) -> None:
        self.received: list[InboundMessage] = []
        self.refused: list[str] = []
        self.faults: list[Exception] = []  # for the next lines, in order
        self.free = asyncio.Event()
        self.free.set()

    async def receive(self, message: InboundMessage) -> None:
        if self.faults:
            self.refused.append(message.text)
            raise self.faults.pop(0)
        self.received.append(message)

    def texts(self) -> list[str]:
        return [message.text for message in self.received]

    async def room(self) -> None:
        await self.free.wait()

    async def moved(self, chat: str, to: str) -> None:
        raise AssertionError(f"{chat} has not moved to {to}")

    def alive(self) -> None:
        """Nobody looks."""


class Screen(io.StringIO):
    """A terminal that remembers what it shows."""

    def isatty(self) -> bool:
        return True


class Keyboard(io.StringIO):
    """A terminal's keys."""

    def isatty(self) -> bool:
        return True


class Frozen(io.StringIO):
    """Output that nobody reads for a while, half a second at most."""

    def __init__(self) -> None:
        super().__init__()
        self.read_on = threading.Event()

    def write(self, text: str) -> int:
        self.read_on.wait(0.5)
        return super().write(text)


@contextmanager
def piped(written: bytes, *, errors: str) -> Iterator[TextIO]:
    """Standard input with these bytes in it."""
    reading, writing = os.pipe()
    os.write(writing, written)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors=errors) as source:
        yield source


def parcel(text: str, *, chat: str = "terminal") -> Parcel:
    return Parcel(id="d/0", address=ChatAddress(channel="console", chat=chat), payload={"text": text})


async def test_each_line_is_a_message_of_the_terminals_own_chat() -> None:
    inlet, source = Inlet(), io.StringIO("hello\n  how are you?  \n")
    channel = ConsoleChannel("console", FakeClock(), source=source, sink=io.StringIO())

    await channel.run(inlet)  # the end of the input ends the reading

    assert [message.text for message in inlet.received] == ["hello", "how are you?"]
    (first, _) = inlet.received
    assert first.address == ChatAddress(channel="console", chat="terminal")
    assert first.received_at == NOON
    assert first.dedupe_keys == ()  # the same words again are said again


async def test_empty_lines_are_nothing_that_was_said() -> None:
    inlet = Inlet()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO("\n   \n\n"), sink=io.StringIO())

    await channel.run(inlet)

    assert inlet.received == []


async def test_an_endless_line_is_cut() -> None:
    inlet = Inlet()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO("x" * 1_000_000), sink=io.StringIO())

    await channel.run(inlet)

    assert [len(message.text) for message in inlet.received] == [LONGEST_LINE]


async def test_reading_waits_while_there_is_no_room() -> None:
    inlet = Inlet()  # P-54
    inlet.free.clear()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO("one\ntwo\n"), sink=io.StringIO())
    reading = asyncio.create_task(channel.run(inlet))
    await asyncio.sleep(0.02)
    while_full = list(inlet.received)

    inlet.free.set()
    await reading

    assert while_full == []
    assert [message.text for message in inlet.received] == ["one", "two"]


async def test_answers_are_lines_without_decoration_in_a_pipe() -> None:
    sink = io.StringIO()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)

    await channel.send(parcel("hello"))
    await channel.send(parcel("two\nlines"))

    assert sink.getvalue() == "hello\ntwo\nlines\n"


async def test_answers_to_other_chats_name_them() -> None:
    sink = io.StringIO()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)

    await channel.send(parcel("hello", chat="work"))

    assert sink.getvalue() == "[work] hello\n"


async def test_a_terminal_shows_a_prompt_after_each_answer_and_says_what_the_end_of_its_input_means() -> None:
    screen = Screen()
    channel = ConsoleChannel("console", FakeClock(), source=Keyboard("hi\n"), sink=screen)

    await channel.run(Inlet())
    await channel.send(parcel("hello"))

    closed = "(The console is closed; the gateway goes on. Ctrl-C ends it.)"
    assert screen.getvalue() == f"\r\x1b[K{closed}\n\r\x1b[Khello\n> "


async def test_what_cannot_be_shown_is_not_sent_and_may_be_tried_again() -> None:
    sink = io.StringIO()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)
    sink.close()

    with pytest.raises(TransientDeliveryError, match="output is closed"):
        await channel.send(parcel("hello"))


async def test_two_answers_have_two_ids() -> None:
    clock = FakeClock()
    channel = ConsoleChannel("console", clock, source=io.StringIO(), sink=io.StringIO())

    first = await channel.send(parcel("one"))
    await clock.advance(timedelta(milliseconds=1))
    second = await channel.send(parcel("two"))

    assert first != second


async def test_the_end_of_the_input_is_not_the_end_of_the_output() -> None:
    sink = io.StringIO()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(""), sink=sink)
    await channel.run(Inlet())

    await channel.send(parcel("later"))

    assert sink.getvalue() == "later\n"


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
async def test_a_byte_that_is_no_text_spoils_only_itself(errors: str) -> None:
    inlet = Inlet()
    with piped(b"caf\xe9\nnext\n", errors=errors) as source:
        channel = ConsoleChannel("console", FakeClock(), source=source, sink=io.StringIO())

        async with asyncio.timeout(0.5):
            await channel.run(inlet)

    assert inlet.texts() == ["caf\N{REPLACEMENT CHARACTER}", "next"]


async def test_half_a_character_is_not_handed_on() -> None:
    inlet = Inlet()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO("caf\udce9\n"), sink=io.StringIO())

    await channel.run(inlet)

    assert inlet.texts() == ["caf?"]


async def test_a_terminal_that_goes_away_ends_the_reading() -> None:
    inlet, source = Inlet(), io.StringIO("never read\n")
    channel = ConsoleChannel("console", FakeClock(), source=source, sink=io.StringIO())
    source.close()

    async with asyncio.timeout(0.5):
        await channel.run(inlet)

    assert inlet.texts() == []


async def test_a_line_that_could_not_be_kept_is_handed_in_again_and_the_next_ones_follow() -> None:
    clock, inlet = FakeClock(), Inlet()
    inlet.faults = [StoreError("disk I/O error"), StoreError("disk I/O error")]
    channel = ConsoleChannel("console", clock, source=io.StringIO("one\ntwo\n"), sink=io.StringIO())
    reading = asyncio.create_task(channel.run(inlet))
    await until(lambda: inlet.refused or reading.done())

    await clock.advance(2 * STORE_PAUSE)

    async with asyncio.timeout(0.5):
        await reading
    assert inlet.refused == ["one", "one"]
    assert inlet.texts() == ["one", "two"]
    assert inlet.received[0].received_at == NOON  # when it was typed


async def test_what_was_typed_before_a_run_that_failed_is_read_by_the_next() -> None:
    inlet = Inlet()
    inlet.faults = [RuntimeError("a fault of ours")]
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO("one\ntwo\nthree\n"), sink=io.StringIO())
    with pytest.raises(RuntimeError):
        await channel.run(inlet)

    async with asyncio.timeout(0.5):
        await channel.run(inlet)

    assert inlet.texts() == ["two", "three"]


async def test_output_that_nobody_reads_holds_up_only_its_sender() -> None:
    sink = Frozen()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)
    sending = asyncio.create_task(channel.send(parcel("hello")))

    await asyncio.sleep(0.02)
    while_frozen = sending.done()
    sink.read_on.set()
    await sending

    assert not while_frozen
    assert sink.getvalue() == "hello\n"


async def test_a_send_that_is_given_up_before_its_turn_is_not_printed() -> None:
    sink = Frozen()
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)
    first, second = (asyncio.create_task(channel.send(parcel(text))) for text in ("one", "two"))
    await asyncio.sleep(0.02)

    second.cancel()
    await asyncio.sleep(0)
    sink.read_on.set()
    await first
    await channel.send(parcel("three"))

    assert sink.getvalue() == "one\nthree\n"


async def test_a_prompt_that_cannot_be_shown_keeps_no_line_from_being_read() -> None:
    inlet, screen = Inlet(), Screen()
    channel = ConsoleChannel("console", FakeClock(), source=Keyboard("hello\n"), sink=screen)
    screen.close()

    await channel.run(inlet)

    assert inlet.texts() == ["hello"]


async def test_a_text_larger_than_a_pipe_arrives_whole() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as screen, os.fdopen(writing, "w") as sink:
        channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)
        reader = asyncio.create_task(asyncio.to_thread(screen.readline))

        await channel.send(parcel("x" * 200_000))

        assert await reader == "x" * 200_000 + "\n"


async def test_a_pipe_whose_reader_has_left_may_be_tried_again() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as sink:
        channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)

        with pytest.raises(TransientDeliveryError, match="output is closed"):
            await channel.send(parcel("hello"))


async def test_a_character_that_the_output_cannot_show_is_replaced() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as screen, os.fdopen(writing, "w", encoding="ascii") as sink:
        channel = ConsoleChannel("console", FakeClock(), source=io.StringIO(), sink=sink)

        await channel.send(parcel("caf\N{LATIN SMALL LETTER E WITH ACUTE}"))

        assert screen.readline() == "caf?\n"


FROZEN_PROCESS = """
import asyncio, io
from channels.console import ConsoleChannel
from gateway.messages import ChatAddress, Parcel
from tests.fakes import FakeClock

async def main():
    channel = ConsoleChannel("console", FakeClock(), source=io.StringIO())
    address = ChatAddress(channel="console", chat="terminal")
    parcel = Parcel(id="d/0", address=address, payload={"text": "x" * 999_999})
    sending = asyncio.create_task(channel.send(parcel))
    await asyncio.sleep(0.05)
    assert not sending.done()

asyncio.run(main())
"""


def test_a_process_whose_output_nobody_reads_ends_in_order() -> None:
    # The parent keeps the pipe open and does not read.
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN_PROCESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as it:
        try:
            ended = it.wait(10)
        finally:
            it.kill()
        assert it.stderr is not None
        said = it.stderr.read()

    assert (ended, said) == (0, b"")


@pytest.mark.parametrize(
    ("caller", "shown"), [(Caller.COMMAND, "milk & eggs"), (Caller.REMINDER, "milk \\& eggs")]
)
def test_only_answers_of_commands_are_freed_of_their_backslashes(caller: Caller, shown: str) -> None:
    """What a reminder says is exact; what a command says is Markdown, which a terminal does not render."""
    address = ChatAddress(channel="console", chat="terminal")
    message = OutboundMessage(delivery_id="d", address=address, caller=caller, text="milk \\& eggs")

    (part,) = ConsoleChannel("console", FakeClock()).render(message)

    assert part.payload["text"] == shown

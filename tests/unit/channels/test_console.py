"""A terminal, a pipe or a file as a channel."""

import asyncio
import io
from datetime import timedelta

import pytest

from channels.console import LONGEST_LINE, ConsoleChannel
from gateway.errors import TransientDeliveryError
from gateway.messages import ChatAddress, InboundMessage, Parcel
from tests.fakes import NOON, FakeClock


class Inlet:
    """Takes lines; a full one lets nobody on."""

    def __init__(self) -> None:
        self.received: list[InboundMessage] = []
        self.free = asyncio.Event()
        self.free.set()

    async def receive(self, message: InboundMessage) -> None:
        self.received.append(message)

    async def room(self) -> None:
        await self.free.wait()

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


async def test_a_terminal_shows_a_prompt_before_each_line_and_after_each_answer() -> None:
    screen = Screen()
    channel = ConsoleChannel("console", FakeClock(), source=Keyboard("hi\n"), sink=screen)

    await channel.run(Inlet())
    await channel.send(parcel("hello"))

    assert screen.getvalue() == "> \rhello\n> "


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

"""What every channel keeps to: those that need no account, the platforms, and the one that tests look into.

What a whole gateway does over each platform is in the folder `channels` beside this file.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from channels.base import Channel, Closing, Surroundings
from channels.console import ConsoleChannel
from channels.log import LogChannel
from gateway.bus import forged
from gateway.commands.base import CommandInfo
from gateway.config import Config
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage, Parcel
from gateway.outbox.port import Repeat
from tests.contract.rigs.base import Who
from tests.contract.rigs.platforms import FIRST, PUSHED, opener_of
from tests.fakes import FakeClock, RecordingChannel, until


@dataclass
class Inlet:
    """Takes what a channel hands in."""

    commands: Sequence[CommandInfo] = ()
    owners: Sequence[str] = ()
    received: list[InboundMessage] = field(default_factory=list)
    lives: int = 0

    async def receive(self, message: InboundMessage) -> None:
        self.received.append(message)

    async def room(self) -> None:
        await asyncio.sleep(0)

    async def moved(self, chat: str, to: str) -> None:
        raise AssertionError(f"{chat} has not moved to {to}")

    def alive(self) -> None:
        self.lives += 1


@dataclass
class Rig:
    """A channel, a way to write to it as a person does (None: it reads nothing), and what it has shown."""

    channel: Channel
    write: Callable[[str], object] | None
    shown: Callable[[], str]
    chat: str = "terminal"  # one that is there


@contextmanager
def console() -> Iterator[Rig]:
    source, keyboard = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
    screen, sink = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
    os.set_blocking(screen.fileno(), False)

    def write(text: str) -> None:
        keyboard.write(f"{text}\n")
        keyboard.flush()

    yield Rig(ConsoleChannel("console", FakeClock(), source=source, sink=sink), write, lambda: screen.read() or "")
    for file in (keyboard, sink, screen, source):  # the reader ends with the keyboard
        file.close()


@contextmanager
def log() -> Iterator[Rig]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield Rig(LogChannel(), None, lambda: "\n".join(_as_text(line) for line in lines))


def _as_text(line: "structlog.types.EventDict") -> str:
    return f"{'↻ ' if line['repeat'] else ''}{line['text']}"


@contextmanager
def recording() -> Iterator[Rig]:
    channel = RecordingChannel()

    def write(text: str) -> None:
        asyncio.get_running_loop().call_soon(lambda: waiting.append(asyncio.ensure_future(channel.say(text))))

    waiting: list[asyncio.Future[None]] = []
    yield Rig(channel, write, lambda: "\n".join(channel.texts()))


def connected(name: str) -> "Opener":
    """A channel at a server that is as strict as its platform."""

    @asynccontextmanager
    async def opener() -> AsyncIterator[Rig]:
        async with opener_of(name) as platform:
            config = Config.layered(environment={}, file={"channels": {platform.name: platform.settings}})
            channel = platform.channel(config, FakeClock(), Surroundings(workspace=Path("workspace")))
            place = platform.people.private(Who.ANNA)
            write = None if name in PUSHED else lambda text: platform.people.say(text, Who.ANNA)
            yield Rig(channel, write, lambda: "\n".join(platform.screen.texts(place)), chat=place.chat)
            if isinstance(channel, Closing):
                await channel.close()

    return opener


Opener = Callable[[], AbstractContextManager[Rig] | AbstractAsyncContextManager[Rig]]

CHANNELS: dict[str, Opener] = {
    "console": console,
    "log": log,
    "recording": recording,
    **{name: connected(name) for name in (*FIRST, *PUSHED)},
}


@pytest.fixture(params=CHANNELS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    opened = CHANNELS[request.param]()
    if isinstance(opened, AbstractAsyncContextManager):
        async with opened as found:
            yield found
    else:
        with opened as found:
            yield found


def message(rig: Rig, text: str = "hello") -> OutboundMessage:
    address = ChatAddress(channel=rig.channel.name, chat=rig.chat)
    return OutboundMessage(delivery_id="d1", address=address, caller=Caller.REPLY, text=text)


def parcel(rig: Rig, text: str = "hello", *, repeat: bool = False) -> Parcel:
    said = message(rig, text)
    (part,) = rig.channel.render(said)
    return Parcel(id="d1/0", address=said.address, payload=part.payload, repeat=repeat)


@pytest.mark.parametrize("text", ["hello", "two\nlines", "*odd* _marks_ `", "你好", "x" * 9_000, " "])
def test_a_message_is_rendered_into_parts_that_can_be_stored(rig: Rig, text: str) -> None:
    parts = rig.channel.render(message(rig, text))

    assert parts
    assert all(json.loads(json.dumps(dict(part.payload))) == part.payload for part in parts)
    assert parts == rig.channel.render(message(rig, text))


def test_a_channel_says_what_it_can_do_about_a_lost_answer(rig: Rig) -> None:
    assert rig.channel.repeat in Repeat


async def test_what_is_sent_is_shown_and_has_an_id(rig: Rig) -> None:
    sent_as = await rig.channel.send(parcel(rig))

    assert isinstance(sent_as, str)
    assert sent_as
    assert "hello" in rig.shown()


async def test_a_repeat_is_shown_as_one_to_the_reader(rig: Rig) -> None:
    await rig.channel.send(parcel(rig, repeat=True))

    assert "↻ hello" in rig.shown()


async def test_a_first_send_is_not_shown_as_a_repeat(rig: Rig) -> None:
    await rig.channel.send(parcel(rig))

    assert "↻" not in rig.shown()


async def test_what_a_person_writes_is_handed_in_under_the_channels_own_name(rig: Rig) -> None:
    if rig.write is None:
        pytest.skip("this channel reads nothing")
    inlet = Inlet()
    reading = asyncio.create_task(rig.channel.run(inlet))
    await until(lambda: inlet.lives)

    rig.write("good morning")
    await until(lambda: inlet.received)
    reading.cancel()

    (received,) = inlet.received
    assert received.text == "good morning"
    assert not forged(rig.channel.name, received)


async def test_a_channel_that_runs_says_that_it_is_alive_and_ends_when_it_is_cancelled(rig: Rig) -> None:
    inlet = Inlet()
    reading = asyncio.create_task(rig.channel.run(inlet))
    await until(lambda: inlet.lives)

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading

"""What the outbox knows of one connected channel."""

import asyncio
from datetime import timedelta

import pytest

from gateway.errors import TransientDeliveryError
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox.line import Line
from gateway.outbox.port import Repeat
from tests.fakes import FakeClock, RecordingChannel

SECOND = timedelta(seconds=1)


class Mute:
    """A carrier that cannot be asked whether it works."""

    repeat = Repeat.MARKED

    def render(self, message: OutboundMessage) -> list[Part]:
        return [Part(payload={"text": message.text})]

    async def send(self, parcel: Parcel) -> str:
        return parcel.id


class Unreachable(RecordingChannel):
    """Answers from the third question on."""

    async def probe(self) -> None:
        await super().probe()
        if self.probes < 3:
            raise TransientDeliveryError("no route")


async def test_a_chat_is_left_alone_until_its_pause_is_over() -> None:
    clock = FakeClock()
    line = Line("test", Mute(), clock)

    line.close_for("1", 120 * SECOND)
    at_once, elsewhere = line.closed_for("1"), line.closed_for("2")
    await clock.advance(119 * SECOND)
    nearly = line.closed_for("1")
    await clock.advance(SECOND)

    assert (at_once, elsewhere, nearly) == (120 * SECOND, None, SECOND)  # P-60
    assert line.closed_for("1") is None


async def test_the_next_answer_of_a_channel_that_cannot_be_asked_is_waited_for() -> None:
    line = Line("test", Mute(), FakeClock())
    line.answered()
    waiting = asyncio.create_task(line.next_answer())
    await asyncio.sleep(0)
    before = waiting.done()

    line.answered()
    await waiting

    assert not before


async def test_a_channel_that_can_be_asked_is_asked_with_growing_pauses_until_it_answers() -> None:
    clock, channel = FakeClock(), Unreachable()
    line = Line("test", channel, clock)
    waiting = asyncio.create_task(line.next_answer())

    asked = []
    for _ in range(7):
        await clock.advance(SECOND)
        asked.append(channel.probes)
    await waiting

    assert asked == [1, 1, 2, 2, 2, 2, 3]
    assert line.last_error == "no route"


async def test_other_traffic_answers_before_the_channel_is_asked() -> None:
    clock, channel = FakeClock(), RecordingChannel()
    line = Line("test", channel, clock)
    waiting = asyncio.create_task(line.next_answer())
    await asyncio.sleep(0)

    line.answered()
    await asyncio.wait_for(waiting, 1)

    assert channel.probes == 0


async def test_nobody_waits_any_more_after_a_cancellation() -> None:
    line = Line("test", Mute(), FakeClock())
    waiting = asyncio.create_task(line.next_answer())
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting

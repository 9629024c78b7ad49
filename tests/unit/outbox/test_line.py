"""What the outbox knows of one connected channel."""

import asyncio
from datetime import timedelta

import pytest

from gateway.errors import TransientDeliveryError
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox.line import Line
from gateway.outbox.pace import MARGIN, Rate, paces_of
from gateway.outbox.port import Repeat
from tests.fakes import FakeClock, RecordingChannel

SECOND = timedelta(seconds=1)
START = 1_000.0  # what the clock's monotonic time begins with


class Mute:
    """A carrier that cannot be asked whether it works."""

    repeat = Repeat.MARKED

    def render(self, message: OutboundMessage) -> list[Part]:
        return [Part(payload={"text": message.text})]

    async def send(self, parcel: Parcel) -> str:
        return parcel.id


class Strict(Mute):
    """A carrier whose platform counts."""

    def __init__(self, rate: Rate) -> None:
        self.paces = paces_of(rate)


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


async def speak(line: Line, clock: FakeClock, chat: str, began: list[tuple[str, float]], times: int = 1) -> None:
    """Send so many messages to a chat as its lane does; each send takes no time."""
    for _ in range(times):
        while rest := line.closed_for(chat):
            await clock.sleep(rest)
        if not line.take_place():
            await line.next_place()
        began.append((chat, clock.monotonic() - START))
        line.begin()
        line.end(chat)


async def test_two_hundred_chats_share_an_account_in_the_order_of_asking() -> None:
    clock = FakeClock()
    line = Line("test", Strict(Rate(per_second=30, per_chat=1)), clock)
    began: list[tuple[str, float]] = []

    async with asyncio.TaskGroup() as tasks:
        for n in range(200):
            tasks.create_task(speak(line, clock, f"{n}", began))
        await clock.advance(10 * SECOND)

    assert [chat for chat, _ in began] == [f"{n}" for n in range(200)]
    assert [at for _, at in began] == pytest.approx([n // 30 * MARGIN for n in range(200)], abs=0.001)


async def test_a_busy_chat_delays_others_by_no_more_than_the_accounts_own_window() -> None:
    clock = FakeClock()
    line = Line("test", Strict(Rate(per_second=2, per_chat=2)), clock)  # the busy chat alone fills the account
    busy: list[tuple[str, float]] = []
    others: list[tuple[str, float]] = []

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(line, clock, "busy", busy, times=100))
        for n in range(20):
            await clock.advance(timedelta(seconds=n * 2.5 + 0.3) - timedelta(seconds=clock.monotonic() - START))
            tasks.create_task(speak(line, clock, f"{n}", others))
        await clock.advance(100 * SECOND)

    assert len(busy) == 100
    assert all(at - (int(chat) * 2.5 + 0.3) <= MARGIN + 0.001 for chat, at in others)


async def test_a_place_is_free_again_when_whoever_waited_for_it_goes_away() -> None:
    clock = FakeClock()
    line = Line("test", Strict(Rate(per_second=1)), clock)
    began: list[tuple[str, float]] = []
    await speak(line, clock, "1", began)
    gone = asyncio.create_task(line.next_place())
    stays = asyncio.create_task(speak(line, clock, "2", began))
    await clock.advance(0.5 * SECOND)

    gone.cancel()
    await clock.advance(SECOND)
    await stays

    assert began == [("1", 0.0), ("2", pytest.approx(MARGIN, abs=0.001))]


async def test_nobody_overtakes_those_who_wait_for_a_place() -> None:
    clock = FakeClock()
    line = Line("test", Strict(Rate(per_second=1)), clock)
    first = line.take_place()
    waiting = asyncio.create_task(line.next_place())
    await asyncio.sleep(0)
    line.give_back_place()

    overtaken = line.take_place()
    await clock.advance(2 * SECOND)
    await waiting

    assert (first, overtaken) == (True, False)


async def test_a_channel_without_limits_has_a_place_for_everybody() -> None:
    line = Line("test", Mute(), FakeClock())

    places = [line.take_place() for _ in range(10_000)]
    line.begin()
    line.end("1")

    assert all(places)
    assert line.closed_for("1") is None


async def test_an_answer_to_a_request_that_began_before_says_nothing() -> None:
    line = Line("test", Mute(), FakeClock())
    earlier = line.asking()
    waiting = asyncio.create_task(line.next_answer())
    await asyncio.sleep(0)

    line.answered(earlier)  # it was on its way when the outage began
    for _ in range(5):
        await asyncio.sleep(0)
    after_the_earlier = waiting.done()
    line.answered(line.asking())
    await waiting

    assert not after_the_earlier

"""A lane on a channel whose platform counts: when it sends, and what it keeps to after a restart."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.clock import from_text
from gateway.errors import PermanentDeliveryError, TransientDeliveryError
from gateway.messages import Parcel
from gateway.outbox.pace import Rate, paces_of
from tests.fakes import NOON, FakeClock, RecordingChannel, until
from tests.parts import rows
from tests.unit.outbox.desk import Desk, open_desk

SECOND = timedelta(seconds=1)


class Strict(RecordingChannel):
    """A platform that counts, and a look at when it was asked."""

    def __init__(self, clock: FakeClock, rate: Rate, *, longest: int = 4_000) -> None:
        super().__init__(longest=longest)
        self.paces = paces_of(rate, is_group=lambda chat: chat.startswith("-"))
        self.moments: list[float] = []
        self._clock = clock
        self._start = clock.monotonic()

    async def send(self, parcel: Parcel) -> str:
        self.moments.append(self._clock.monotonic() - self._start)
        return await super().send(parcel)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def states(desk: Desk) -> list[str]:
    return [state for (state,) in await rows(desk.database, "SELECT state FROM parts ORDER BY message, n")]


async def until_states(desk: Desk, wanted: list[str]) -> None:
    """Wait, without letting time pass, until the table says so."""
    found: list[str] = []
    for _ in range(500):
        if (found := await states(desk)) == wanted:
            break
        await desk.clock.advance(timedelta())
    assert found == wanted


async def test_parts_edits_and_messages_of_a_chat_keep_their_distance(path: Path, clock: FakeClock) -> None:
    channel = Strict(clock, Rate(per_chat=1), longest=2)
    async with open_desk(path, channel, clock=clock) as desk:  # P-61
        await desk.say("aabb", id="d1")
        await desk.say("cc", id="d2", edits="d1")
        while len(desk.ended) < 2:
            await clock.advance(0.25 * SECOND)

    assert channel.texts() == ["aa", "bb", "cc"]
    assert all(late - early > 1.049 for early, late in pairwise(channel.moments))


async def test_a_message_is_not_marked_as_being_sent_while_its_chat_has_to_wait(
    path: Path, clock: FakeClock
) -> None:
    channel = Strict(clock, Rate(per_chat=1))
    async with open_desk(path, channel, clock=clock) as desk:
        await desk.say("one")
        await desk.over(1)
        await desk.say("two")
        await until_states(desk, ["sent", "pending"])
        await clock.advance(0.5 * SECOND)

        assert await states(desk) == ["sent", "pending"]
        assert channel.texts() == ["one"]


async def test_a_message_is_not_marked_as_being_sent_while_the_account_has_to_wait(
    path: Path, clock: FakeClock
) -> None:
    channel = Strict(clock, Rate(per_second=1))
    async with open_desk(path, channel, clock=clock) as desk:
        await desk.say("one", chat="1")
        await desk.over(1)
        await desk.say("two", chat="2")
        await desk.say("three", chat="3")
        await clock.advance(0.5 * SECOND)
        early = await states(desk)
        await clock.advance(SECOND)
        await desk.over(2)
        await clock.advance(SECOND)
        await desk.over(3)

        assert early == ["sent", "pending", "pending"]
        assert channel.texts() == ["one", "two", "three"]


async def test_a_place_that_is_not_used_is_left_to_others(path: Path, clock: FakeClock) -> None:
    channel = Strict(clock, Rate(per_second=1))
    async with open_desk(path, channel, clock=clock) as desk:
        await desk.say("one", chat="1", id="d")
        await desk.over(1)
        await clock.advance(2 * SECOND)

        again = await desk.say("one", chat="1", id="d")  # it has a place at once, and was said before
        await desk.say("two", chat="2")
        await desk.over(2)

        assert not again
        assert channel.texts() == ["one", "two"]


async def test_a_chat_that_cannot_be_reached_uses_no_more_places_than_it_has_requests(
    path: Path, clock: FakeClock
) -> None:
    channel = Strict(clock, Rate(per_second=2))
    channel.faults = [PermanentDeliveryError("blocked")]
    async with open_desk(path, channel, clock=clock) as desk:
        for chat in ("1", "2"):
            await desk.say(f"to {chat}", chat=chat)
        await desk.over(2)
        await clock.advance(2 * SECOND)
        await desk.say("to 3", chat="3")
        await desk.say("to 4", chat="4")
        await desk.over(4)

    assert [state for _, state in desk.ended] == ["dead", "sent", "sent", "sent"]


async def test_a_gateway_that_ends_does_not_wait_for_a_place(path: Path, clock: FakeClock) -> None:
    channel = Strict(clock, Rate(per_second=1))
    async with open_desk(path, channel, clock=clock) as desk:
        for chat in ("1", "2", "3"):
            await desk.say(f"to {chat}", chat=chat)
        await desk.over(1)

        await desk.outbox.stop(grace=5 * SECOND)

        assert await states(desk) == ["sent", "pending", "pending"]


@pytest.mark.parametrize("asked", [1, 30, 120])
async def test_a_silence_that_a_platform_asked_for_outlives_the_process(
    path: Path, clock: FakeClock, asked: int
) -> None:
    first = RecordingChannel()
    first.faults = [TransientDeliveryError("429", retry_after=asked * SECOND)]
    async with open_desk(path, first, clock=clock) as desk:  # P-60
        await desk.say("one")
        await desk.say("elsewhere", chat="2")
        await desk.over(1)
        await until_noted(desk)
    later = RecordingChannel()
    async with open_desk(path, later, clock=clock) as desk:
        await desk.say("two")
        await clock.advance((asked - 0.1) * SECOND)
        early = later.texts()
        for _ in range(20):  # on a slow disk the lane may begin to wait only now
            await clock.advance(0.1 * SECOND)
        await desk.over(2)

    assert early == []
    assert later.texts() == ["one", "two"]


async def until_noted(desk: Desk) -> None:
    """Wait until the silence is on the disk."""
    found = []
    for _ in range(500):
        if found := await rows(desk.database, "SELECT not_before FROM outbox WHERE not_before IS NOT NULL"):
            break
        await desk.clock.advance(timedelta())
    assert len(found) == 1


async def test_a_silence_of_which_no_platform_spoke_ends_with_the_process(path: Path, clock: FakeClock) -> None:
    first = RecordingChannel()
    first.faults = [TransientDeliveryError("no connection")]
    async with open_desk(path, first, clock=clock) as desk:
        await desk.say("one")
        await until(lambda: first.tried)
    later = RecordingChannel()
    async with open_desk(path, later, clock=clock) as desk:
        await desk.over(1)

    assert later.texts() == ["one"]
    assert clock.now() == NOON


async def test_a_clock_that_was_set_back_silences_a_chat_for_a_day_at_most(path: Path, clock: FakeClock) -> None:
    first = RecordingChannel()
    first.faults = [TransientDeliveryError("429", retry_after=10 * SECOND)]
    async with open_desk(path, first, clock=clock) as desk:
        await desk.say("one")
        await until_noted(desk)
    clock.set(from_text("2020-01-01T00:00:00Z"))
    later = RecordingChannel()
    async with open_desk(path, later, clock=clock) as desk:
        await clock.advance(timedelta(hours=23))
        early = later.texts()
        for _ in range(10):  # on a slow disk the lane may begin to wait only now
            await clock.advance(timedelta(hours=3))
        await desk.over(1)

    assert early == []
    assert later.texts() == ["one"]


async def test_a_message_that_is_given_up_leaves_the_silence_that_was_asked_for(
    path: Path, clock: FakeClock
) -> None:
    channel = RecordingChannel()
    channel.faults = [
        TransientDeliveryError("refused", retry_after=timedelta(hours=24)),
        TransientDeliveryError("429", retry_after=60 * SECOND),
    ]
    async with open_desk(path, channel, clock=clock) as desk:  # P-60
        await desk.say("one")
        await desk.say("two")
        await until(lambda: channel.tried)
        await clock.advance(timedelta(hours=24, seconds=1))
        await desk.over(1)
        await clock.advance(58 * SECOND)
        early = channel.texts()
        await clock.advance(2 * SECOND)
        await desk.over(2)

    assert desk.ended == [("one", "dead"), ("two", "sent")]
    assert early == []

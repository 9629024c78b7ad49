"""One chat's lane: order, repeats, resumption at the part that failed; on a real table and a channel in memory."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.clock import to_text
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Caller, ChatAddress, OutboundMessage, Parcel
from gateway.outbox.port import Repeat
from gateway.tools.message import leave
from tests.fakes import NOON, FakeClock, RecordingChannel, until
from tests.parts import rows
from tests.unit.outbox.desk import open_desk

SECOND = timedelta(seconds=1)
LOST = AmbiguousDeliveryError("no answer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
def channel() -> RecordingChannel:
    return RecordingChannel()


async def test_what_is_said_arrives_and_the_platforms_id_of_it_is_kept(
    path: Path, channel: RecordingChannel
) -> None:
    async with open_desk(path, channel) as desk:
        said = await desk.say("hello")
        await desk.over(1)

        assert said
        assert channel.texts() == ["hello"]
        assert await desk.parts() == [(0, "sent", 0, "m1")]
        assert await desk.state_of("hello") == "sent"


async def test_the_same_delivery_id_is_said_once(path: Path, channel: RecordingChannel) -> None:
    async with open_desk(path, channel) as desk:
        first, again = await desk.say("hello"), await desk.say("hello")
        await desk.over(1)

        assert (first, again) == (True, False)
        assert channel.texts() == ["hello"]


async def test_messages_of_a_chat_arrive_in_order(path: Path, channel: RecordingChannel) -> None:
    async with open_desk(path, channel) as desk:  # P-50
        channel.gate.clear()
        for n in range(150):  # more than a lane keeps in memory
            await desk.say(f"{n}")
        channel.gate.set()
        await desk.over(150)

        assert channel.texts() == [f"{n}" for n in range(150)]


async def test_a_chat_that_waits_does_not_keep_others_waiting(path: Path, channel: RecordingChannel) -> None:
    channel.faults = [TransientDeliveryError("429", retry_after=100 * SECOND)]
    async with open_desk(path, channel) as desk:  # P-60
        await desk.say("slow", chat="1")
        await until(lambda: channel.tried)

        await desk.say("quick", chat="2")
        await desk.over(1)
        await desk.clock.advance(99 * SECOND)
        early = channel.texts()
        await desk.clock.advance(2 * SECOND)
        await desk.over(2)

        assert early == ["quick"]
        assert channel.texts() == ["quick", "slow"]


async def test_a_long_message_goes_on_at_the_part_that_failed(path: Path) -> None:
    channel = RecordingChannel(longest=2)
    channel.faults = [None, TransientDeliveryError("refused"), None]
    async with open_desk(path, channel) as desk:
        await desk.say("aabbcc")
        await until(lambda: len(channel.tried) == 2)
        await desk.clock.advance(2 * SECOND)
        await desk.over(1)

        assert [parcel.id[-1] for parcel in channel.tried] == ["0", "1", "1", "2"]
        assert channel.texts() == ["aa", "bb", "cc"]


async def test_parts_that_arrived_stay_sent_when_the_rest_never_can(path: Path) -> None:
    channel = RecordingChannel(longest=2)
    channel.faults = [None, PermanentDeliveryError("blocked")]
    async with open_desk(path, channel) as desk:  # P-59
        await desk.say("aabbcc")
        await desk.over(1)

        assert desk.ended == [("aabbcc", "dead")]
        assert [state for _, state, _, _ in await desk.parts()] == ["sent", "dead", "dead"]
        assert len(channel.tried) == 2


async def test_refused_formatting_is_sent_plainly_at_once_and_only_once(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [FormattingRefusedError("odd")]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await desk.over(1)

        assert [parcel.payload["text"] for parcel in channel.tried] == ["*hello*", "hello"]


async def test_plain_text_that_is_refused_too_is_dead(path: Path, channel: RecordingChannel) -> None:
    channel.faults = [FormattingRefusedError("odd"), FormattingRefusedError("still odd")]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await desk.over(1)

        assert desk.ended == [("hello", "dead")]


async def test_a_lost_answer_is_repeated_once_marked_after_the_channel_has_answered(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [LOST]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        waiting = len(channel.tried)
        await desk.clock.advance(SECOND)
        await desk.over(1)

        assert waiting == 1
        assert channel.probes == 1
        assert channel.texts() == ["↻ hello"]


async def test_a_lost_answer_to_a_repeat_is_unknown_and_never_sent_a_third_time(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [LOST, LOST]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        await desk.clock.advance(SECOND)
        await desk.over(1)
        await desk.clock.advance(100 * SECOND)

        assert desk.ended == [("hello", "unknown")]
        assert len(channel.tried) == 2


async def test_a_lost_answer_is_held_where_the_configuration_says_so(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [LOST]
    async with open_desk(path, channel, hold=True) as desk:
        await desk.say("hello")
        await desk.over(1)

        assert desk.ended == [("hello", "unknown")]
        assert len(channel.tried) == 1


async def test_a_platform_that_drops_repeats_gets_the_same_id_again(path: Path) -> None:
    channel = RecordingChannel(repeat=Repeat.DEDUPED)
    channel.faults = [LOST, LOST, LOST]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        while not desk.ended:
            await desk.clock.advance(SECOND)

        assert {parcel.id for parcel in channel.tried} == {"d-hello/0"}
        assert channel.texts() == ["hello"]


async def test_a_lost_answer_waits_longer_each_time_before_it_is_repeated(path: Path) -> None:
    channel = RecordingChannel(repeat=Repeat.DEDUPED)
    channel.faults = [LOST] * 3
    seen: list[float] = []
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        while not desk.ended:
            seen += [desk.clock.monotonic()] * (len(channel.tried) - len(seen))
            await desk.clock.advance(0.25 * SECOND)
        seen += [desk.clock.monotonic()] * (len(channel.tried) - len(seen))

    pauses = [after - before for before, after in pairwise(seen)]
    assert len(pauses) == 3
    assert all(pause >= due - 0.25 for pause, due in zip(pauses, (1, 2, 4), strict=True))  # as finely as we look


async def test_a_message_whose_answers_are_lost_for_a_day_is_unknown_also_after_a_restart(path: Path) -> None:
    clock = FakeClock()
    first = RecordingChannel(repeat=Repeat.DEDUPED)
    first.faults = [LOST]
    async with open_desk(path, first, clock=clock) as desk:
        await desk.say("hello")
        await until(lambda: first.tried)
        async with asyncio.timeout(5):
            while await rows(desk.database, "SELECT failures, failing_since FROM outbox") != [(1, to_text(NOON))]:
                await clock.advance(timedelta())
    await clock.advance(timedelta(hours=25))

    later = RecordingChannel(repeat=Repeat.DEDUPED)
    async with open_desk(path, later, clock=clock) as desk:
        await desk.over(1)

        assert desk.ended == [("hello", "unknown")]
        assert later.tried == []


class Searched(RecordingChannel):
    """A channel in whose chat one can look for what was sent."""

    def __init__(self) -> None:
        super().__init__(repeat=Repeat.SEARCHABLE)

    async def find(self, parcel: Parcel) -> str | None:
        return next((f"found {one.id}" for one in self.sent if one.id == parcel.id), None)


@pytest.mark.parametrize(("arrived", "tries"), [(True, 1), (False, 2)])
async def test_a_lost_answer_is_looked_for_in_the_chat_where_that_is_possible(
    path: Path, arrived: bool, tries: int
) -> None:
    channel = Searched()
    channel.faults, channel.arrives_anyway = [LOST], arrived
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        while not desk.ended:
            await desk.clock.advance(SECOND)

        assert len(channel.tried) == tries
        assert channel.texts() == ["hello"]
        assert desk.ended == [("hello", "sent")]


async def test_a_refused_token_stops_the_channel_and_keeps_what_it_has_to_send(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [CredentialsRefusedError("401")]
    async with open_desk(path, channel) as desk:
        await desk.say("one")
        await until(lambda: desk.outbox.lines["test"].halted)
        await desk.say("two", chat="2")
        await desk.clock.advance(SECOND)

        assert len(channel.tried) == 1
        assert [await desk.state_of(text) for text in ("one", "two")] == ["open", "open"]

    later = RecordingChannel()
    async with open_desk(path, later) as desk:
        await desk.over(2)

    assert sorted(later.texts()) == ["one", "two"]


async def test_an_error_of_a_channels_own_is_taken_for_a_lost_answer(
    path: Path, channel: RecordingChannel
) -> None:
    channel.faults = [KeyError("a bug in the adapter")]
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        await desk.clock.advance(SECOND)
        await desk.over(1)

        assert channel.texts() == ["↻ hello"]


async def test_a_message_is_given_up_after_a_day_of_refusals(path: Path, channel: RecordingChannel) -> None:
    channel.faults = [
        TransientDeliveryError("refused"),
        TransientDeliveryError("refused", retry_after=24 * 3600 * SECOND),
    ]
    channel.faults.append(TransientDeliveryError("refused"))
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        await desk.clock.advance(2 * SECOND)
        await until(lambda: len(channel.tried) == 2)
        await desk.clock.advance(timedelta(hours=24, seconds=5))
        await desk.over(1)

        assert desk.ended == [("hello", "dead")]


async def test_what_another_process_has_left_is_rendered_and_sent_when_it_is_looked_for(
    path: Path, channel: RecordingChannel
) -> None:
    async with open_desk(path, channel) as desk:
        message = OutboundMessage(
            delivery_id="d", address=ChatAddress(channel="test", chat="1"), caller=Caller.OPERATOR, text="hi"
        )
        await desk.database.write(lambda t: leave(t, message, at="2026-03-02T12:00:00Z"))
        before = channel.texts()

        await desk.outbox.refresh()
        await desk.over(1)

        assert before == []
        assert channel.texts() == ["hi"]


async def test_what_was_being_sent_when_the_process_ended_is_sent_again_marked(
    path: Path, channel: RecordingChannel
) -> None:
    channel.gate.clear()
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)

    later = RecordingChannel()
    async with open_desk(path, later) as desk:
        await desk.clock.advance(2 * SECOND)
        await desk.over(1)

    assert later.texts() == ["↻ hello"]


async def test_an_edit_names_the_platforms_id_of_what_it_replaces(path: Path, channel: RecordingChannel) -> None:
    async with open_desk(path, channel) as desk:
        await desk.say("draft", id="d1")
        await desk.over(1)
        await desk.say("final", id="d2", edits="d1")
        await desk.over(2)

        assert [parcel.edits for parcel in channel.sent] == ["", "m1"]


async def test_messages_for_a_channel_that_is_off_wait_for_it(path: Path, channel: RecordingChannel) -> None:
    async with open_desk(path) as desk:
        await desk.say("hello")
        off = await desk.state_of("hello")

        await desk.outbox.connect("test", channel)
        await desk.over(1)

        assert off == "open"
        assert channel.texts() == ["hello"]


async def test_a_chat_that_somebody_else_delivers_to_is_left_to_them(
    path: Path, channel: RecordingChannel
) -> None:
    async with open_desk(path, channel) as desk:
        desk.outbox.held = {("test", "1")}
        await desk.say("held")
        await desk.say("free", chat="2")
        await desk.over(1)
        meanwhile = channel.texts()

        desk.outbox.held = set()
        await desk.outbox.refresh()
        await desk.over(2)

        assert meanwhile == ["free"]
        assert channel.texts() == ["free", "held"]

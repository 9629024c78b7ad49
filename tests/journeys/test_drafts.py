"""Answers that grow before their reader's eyes, long turns that say so, and how both end: with one answer."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import HANG, Growing, Line, calls
from gateway.errors import (
    AmbiguousDeliveryError,
    ErrorClass,
    ModelError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress
from gateway.outbox.pace import Rate, paces_of
from tests.fakes import EditingChannel, settle, until
from tests.journeys.conftest import Opener, World
from tests.journeys.test_joining import HOSTED, SlowTool
from tests.parts import rows

STREAM: dict[str, Any] = {"agent": {"stream": True}, **HOSTED}
SECOND = timedelta(seconds=1)


class Pieces:
    """Answers whose pieces are let out one by one."""

    def __init__(self) -> None:
        self._go = asyncio.Semaphore(0)

    def __call__(self, *pieces: str, answer: Any = None) -> Growing:
        async def wait() -> None:
            await self._go.acquire()

        return Growing(pieces=pieces, wait=wait, answer=answer)

    def next(self, count: int = 1) -> None:
        for _ in range(count):
            self._go.release()


async def passes(world: World, seconds: float) -> None:
    """Let the time pass in the steps in which drafts are looked at."""
    for _ in range(int(seconds / 0.5)):
        await world.clock.advance(timedelta(seconds=0.5))


async def shows(world: World, *texts: str) -> None:
    """Let the time pass until just these stand in the chats: a busy machine may need more of it."""
    async with asyncio.timeout(10):
        while channel_of(world).screen != list(texts):
            await passes(world, 0.5)


def channel_of(world: World) -> EditingChannel:
    assert isinstance(world.channel, EditingChannel)
    return world.channel


async def unsent(world: World) -> list[Any]:
    return await rows(world.gateway.database, "SELECT id, state FROM outbox WHERE state <> 'sent'")


async def test_an_answer_grows_in_one_message_and_ends_there(open_world: Opener) -> None:
    pieces = Pieces()
    async with open_world([pieces("Good", " morning", ", Anna.")], channel=EditingChannel(), **STREAM) as world:
        channel = channel_of(world)
        await channel.say("hello", message_id="m7")
        await world.model.asked(1)
        await shows(world, "Good …")
        pieces.next()
        await shows(world, "Good morning …")
        pieces.next(2)
        await until(lambda: channel.screen == ["Good morning, Anna."])
        async with asyncio.timeout(5):
            while await unsent(world):  # what has arrived is written down a moment later
                await settle()

        assert len(channel.states) == 1


async def test_an_answer_that_is_complete_at_once_is_sent_once(open_world: Opener) -> None:
    async with open_world(["hello Anna"], channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("hello")
        await until(lambda: world.channel.texts() == ["hello Anna"])

        counts = "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM parts), (SELECT count(*) FROM steps)"
        assert await rows(world.gateway.database, counts) == [(1, 1, 1)]  # no write more than without


async def test_a_channel_that_does_not_stream_gets_the_whole_answer(open_world: Opener) -> None:
    pieces = Pieces()
    settings = {**STREAM, "channels": {"test": {"stream": False}}}
    async with open_world([pieces("Good", " morning")], channel=EditingChannel(), **settings) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        await passes(world, 5)
        pieces.next(2)
        await until(lambda: world.channel.texts() == ["Good morning"])

        assert len(channel_of(world).states) == 1


async def test_edits_keep_the_pace_of_the_channel(open_world: Opener) -> None:
    channel = EditingChannel()
    channel.edits_every = 3 * SECOND
    pieces = Pieces()
    async with open_world([pieces(*"abcdefghijkl")], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        for _ in range(11):
            await passes(world, 1)
            pieces.next()
        await settle()
        shown = channel.states["m1"]
        pieces.next()
        await until(lambda: channel.screen == ["abcdefghijkl"])

        assert 3 <= len(shown) <= 5  # within 11 s


class PacedChannel(EditingChannel):
    """The same, with one message in two seconds in a chat."""

    paces = paces_of(Rate(per_chat=0.5))


async def test_edits_leave_half_of_what_a_chat_is_allowed(open_world: Opener) -> None:
    channel = PacedChannel()
    channel.edits_every = 0.1 * SECOND
    pieces = Pieces()
    async with open_world([pieces(*("a" * 24))], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        for _ in range(23):
            await passes(world, 1)
            pieces.next()
        await settle()
        shown = list(channel.states["m1"])
        pieces.next()
        await passes(world, 3)
        await until(lambda: channel.screen == ["a" * 24])

        assert 4 <= len(shown) <= 6  # within 23 s: every four


async def test_only_the_first_part_of_a_long_answer_grows(open_world: Opener) -> None:
    channel = EditingChannel(longest=200)
    pieces = Pieces()
    long = [f"{n:03} " * 10 for n in range(20)]
    async with open_world([pieces(*long)], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        for _ in range(19):
            await passes(world, 1)
            pieces.next()
        growing = list(channel.screen)
        pieces.next()
        await until(lambda: "".join(channel.screen).split() == "".join(long).split())

        assert len(growing) == 1
        assert growing[0].endswith(" …")
        assert 100 < len(growing[0]) <= 200
        assert len(channel.screen) == 4


async def test_two_topics_that_stream_at_once_keep_their_texts_apart(open_world: Opener) -> None:
    one, two = Pieces(), Pieces()
    answers = {"one": one("1", "1", "1"), "two": two("2", "2", "2")}

    def script(prompt: Prompt) -> Line:
        said = prompt.items[-1]
        assert isinstance(said, UserText)
        return answers[said.text]

    async with open_world(script, channel=EditingChannel(), **STREAM) as world:
        channel = channel_of(world)
        await channel.say("one", thread="t1")
        await channel.say("two", thread="t2")
        await world.model.asked(2)
        for _ in range(3):
            await passes(world, 2)
            one.next()
            two.next()
        await until(lambda: sorted(channel.screen) == ["111", "222"])

        for states in channel.states.values():
            assert len(set("".join(states)) & set("12")) == 1
        assert {parcel.address.thread for parcel in channel.sent} == {"t1", "t2"}


async def test_words_of_the_message_tool_take_the_place_of_what_stands(open_world: Opener) -> None:
    pieces = Pieces()
    script = [pieces("Let me see", answer=calls(("message", {"text": "One moment."}))), pieces("It is", " nine.")]
    async with open_world(script, channel=EditingChannel(), **STREAM) as world:
        channel = channel_of(world)
        await channel.say("what time is it?")
        await world.model.asked(1)
        await shows(world, "Let me see …")
        pieces.next()
        await world.model.asked(2)
        await shows(world, "One moment.", "It is …")
        pieces.next(2)
        await until(lambda: channel.screen == ["One moment.", "It is nine."])


async def test_what_was_said_already_is_not_said_again_by_a_draft(open_world: Opener) -> None:
    pieces = Pieces()
    script = [calls(("message", {"text": "Nine."})), pieces("Nine", ".")]
    async with open_world(script, channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("what time is it?")
        await world.model.asked(2)
        await passes(world, 2)
        pieces.next(2)
        await until(lambda: channel_of(world).screen[1:] == ["(done)"])

        assert channel_of(world).screen == ["Nine.", "(done)"]


async def test_an_answer_that_reads_as_its_draft_did_is_not_taken_for_said(open_world: Opener) -> None:
    pieces = Pieces()
    script = [calls(("message", {"text": "Nine."})), pieces("Or ten", " …")]
    async with open_world(script, channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("what time is it?")
        await world.model.asked(2)
        await shows(world, "Nine.", "Or ten …")
        pieces.next(2)
        await until(lambda: len(world.channel.sent) == 3)

        assert channel_of(world).screen == ["Nine.", "Or ten …"]  # and not "(done)"


async def test_a_turn_that_fails_apologises_in_the_place_of_what_stands(open_world: Opener) -> None:
    pieces = Pieces()
    failure = ModelError("the model is away", ErrorClass.PERMANENT)
    async with open_world([pieces("Good", answer=failure)], channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        pieces.next()
        await until(lambda: "could not finish" in channel_of(world).screen[0])

        assert len(channel_of(world).screen) == 1  # P-89


async def test_a_stopped_answer_says_that_it_was_stopped(open_world: Opener) -> None:
    async with open_world([Pieces()("Good", " morning")], channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        await world.channel.say("/stop")
        await until(lambda: channel_of(world).screen[:1] == ["Good\n\n(stopped)"])

        assert await rows(world.gateway.database, "SELECT state FROM turns ORDER BY seq LIMIT 1") == [
            ("cancelled",)
        ]


async def test_a_draft_that_somebody_deleted_is_not_drawn_again_and_the_answer_comes(open_world: Opener) -> None:
    pieces = Pieces()
    channel = EditingChannel()
    async with open_world([pieces("Good", " morning", "!")], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        channel.gone.add("m1")
        pieces.next()
        await passes(world, 4)
        meanwhile = list(channel.screen)
        pieces.next(2)
        await until(lambda: channel.screen == ["Good morning!"])

        assert meanwhile == []


@pytest.mark.parametrize(
    "fault",
    [
        PermanentDeliveryError("no"),
        AmbiguousDeliveryError("perhaps"),
        TransientDeliveryError("later", retry_after=SECOND),
    ],
    ids=["never", "perhaps", "later"],
)
async def test_a_draft_that_cannot_be_sent_is_dropped_without_a_word(open_world: Opener, fault: Exception) -> None:
    pieces = Pieces()
    channel = EditingChannel()
    channel.faults = [fault]
    settings = {**STREAM, "channels": {"test": {"owners": ["9"]}}}
    async with open_world([pieces("Good", " morning")], channel=channel, **settings) as world:
        await channel.say("hello")
        await world.model.asked(1)
        await passes(world, 4)
        dropped = await unsent(world)
        pieces.next(2)
        await passes(world, 4)
        await until(lambda: channel.screen == ["Good morning"])

        assert dropped == []
        assert len(channel.tried) == 2  # no edit of what is not there, no notice to the owner


async def test_an_edit_that_fails_harms_nothing(open_world: Opener) -> None:
    pieces = Pieces()
    channel = EditingChannel()
    channel.faults = [
        None,
        AmbiguousDeliveryError("perhaps"),
        TransientDeliveryError("slow", retry_after=2 * SECOND),
    ]
    async with open_world([pieces(*"abcdef")], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        for _ in range(5):
            await passes(world, 1.5)
            pieces.next()
        pieces.next()
        await passes(world, 3)
        await until(lambda: channel.screen == ["abcdef"])

        assert len(channel.states) == 1


async def test_the_end_comes_after_an_edit_that_is_under_way(open_world: Opener) -> None:
    pieces = Pieces()
    channel = EditingChannel()
    async with open_world([pieces("a", "b", "c")], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        channel.gate.clear()
        pieces.next()
        await passes(world, 2)
        pieces.next(2)
        await passes(world, 1)
        held = list(channel.screen)
        channel.gate.set()
        await until(lambda: channel.screen == ["abc"])

        assert held == ["a …"]
        assert channel.states["m1"] == ["a …", "ab …", "abc"]


async def test_a_long_turn_says_that_it_works_and_its_answer_takes_the_place(open_world: Opener) -> None:
    tool = SlowTool()
    parts = {"tools": [tool]}
    async with open_world(
        [calls(("look_up", {})), "found it"], channel=EditingChannel(), parts=parts, **HOSTED
    ) as world:
        channel = channel_of(world)
        await channel.say("look")
        await tool.began.wait()
        await passes(world, 14)
        quiet = list(channel.screen)
        await passes(world, 2)
        first = list(channel.screen)
        await passes(world, 15)
        second = list(channel.screen)
        tool.goes_on.set()
        await until(lambda: channel.screen == ["found it"])

        assert quiet == []
        assert first == ["⏳ working: look_up … (15 s)"]
        assert second == ["⏳ working: look_up … (30 s)"]


async def test_progress_can_be_switched_off(open_world: Opener) -> None:
    settings = {**HOSTED, "agent": {"progress": False}}
    async with open_world([HANG], channel=EditingChannel(), **settings) as world:
        await world.channel.say("look")
        await world.model.asked(1)
        await passes(world, 20)
        shown = list(channel_of(world).screen)
        await world.channel.say("/stop")
        await until(lambda: channel_of(world).screen)

        assert shown == []


async def test_a_model_that_is_asked_again_begins_its_text_again(open_world: Opener) -> None:
    pieces = Pieces()
    away = ModelError("away", ErrorClass.SERVER_ERROR)
    async with open_world(
        [pieces("Good mor", answer=away), pieces("Good", " morning")], channel=EditingChannel(), **STREAM
    ) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        pieces.next()
        await passes(world, 3)
        pieces.next(2)
        await until(lambda: channel_of(world).screen == ["Good morning"])

        assert len(channel_of(world).states) == 1


async def test_a_draft_of_an_earlier_life_becomes_the_answer(open_world: Opener) -> None:
    pieces = Pieces()
    channel = EditingChannel()
    async with open_world([pieces("Good", " morning")], channel=channel, **STREAM) as world:
        await channel.say("hello")
        await world.model.asked(1)
        await passes(world, 2)
        stop = asyncio.create_task(world.gateway.lanes.stop(grace=timedelta()))
        await stop
    standing = list(channel.screen)
    channel._started = asyncio.Event()

    async with open_world(["Good evening"], channel=channel, **STREAM):
        await until(lambda: channel.screen == ["Good evening"])

    assert standing == ["Good …"]


async def test_nothing_grows_on_a_channel_that_cannot_edit(open_world: Opener) -> None:
    pieces = Pieces()
    async with open_world(lambda _: pieces("Good", " morning"), **STREAM) as world:
        for chat in range(5):
            await world.channel.say("look", chat=str(chat))
        await world.model.asked(5)
        await passes(world, 20)
        tried = list(world.channel.tried)
        pieces.next(10)
        await until(lambda: len(world.channel.sent) == 5)

        assert tried == []


async def test_a_draft_that_finds_no_room_leaves_nothing_behind(open_world: Opener) -> None:
    pieces = Pieces()
    async with open_world([pieces("Good", " morning")], channel=EditingChannel(), **STREAM) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        world.gateway.outbox.lines["test"].close_for("1", 60 * SECOND)
        await passes(world, 2)

        assert not world.gateway.outbox.knows("test", "1")


async def test_a_chat_that_has_chosen_a_model_is_answered_by_it(open_world: Opener) -> None:
    settings = {"model": {**HOSTED["model"], "choices": ["large"]}}
    async with open_world(["hi", "hi"], **settings) as world:
        await world.gateway.chats.choose_model(ChatAddress(channel="test", chat="1"), "large")
        await world.channel.say("hello")
        await world.channel.say("hello", chat="2")
        await until(lambda: len(world.channel.sent) == 2)

        assert sorted(prompt.model for prompt in world.model.prompts) == ["", "large"]

"""A message is acknowledged by a small sign under it when its turn begins; its answer never waits for that."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import PermanentDeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress
from gateway.outbox.pace import Paces, Window
from tests.fakes import EditingChannel, settle, until
from tests.journeys.conftest import Opener
from tests.journeys.test_drafts import Pieces

SECOND = timedelta(seconds=1)


class ReactingChannel(EditingChannel):
    """The same, where a message can be acknowledged; it fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []
        self.refuses: Exception | None = None

    async def react(self, address: ChatAddress, message_id: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.seen.append((address.chat, message_id))


REACTS: dict[str, Any] = {"channels": {"test": {"react": True}}}


async def test_a_message_is_acknowledged_by_a_sign_when_its_turn_begins(open_world: Opener) -> None:
    channel = ReactingChannel()
    pieces = Pieces()
    async with open_world([pieces("Good", " morning")], channel=channel, **REACTS) as world:
        await channel.say("hello", message_id="m7")
        await world.model.asked(1)
        await until(lambda: channel.seen == [("1", "m7")])
        pieces.next(2)
        await until(lambda: channel.screen == ["Good morning"])


@pytest.mark.parametrize("fault", [PermanentDeliveryError("no"), KeyError("a bug")], ids=["refused", "broken"])
async def test_a_sign_that_cannot_be_given_harms_nothing(open_world: Opener, fault: Exception) -> None:
    channel = ReactingChannel()
    channel.refuses = fault
    async with open_world(["hi"], channel=channel, **REACTS):
        await channel.say("hello", message_id="m7")
        await until(lambda: channel.screen == ["hi"])


async def test_a_chat_that_is_to_be_left_alone_gets_no_sign(open_world: Opener) -> None:
    channel = ReactingChannel()
    async with open_world(["hi", "hi"], channel=channel, **REACTS) as world:
        await until(lambda: "test" in world.gateway.outbox.lines)
        world.gateway.outbox.lines["test"].close_for("1", SECOND)
        await channel.say("hello", message_id="m7")
        await channel.say("hello", chat="2", message_id="m8")
        await until(lambda: channel.seen)
        await settle()

        assert channel.seen == [("2", "m8")]


async def test_signs_have_their_place_among_the_calls_of_the_account_and_words_come_first(
    open_world: Opener,
) -> None:
    class Slow(ReactingChannel):
        paces = Paces(account=(Window(2, 60.0),))

    channel = Slow()
    async with open_world(["hi", "hi"], channel=channel, **REACTS) as world:
        await channel.say("hello", message_id="m1")
        await until(lambda: channel.seen == [("1", "m1")] and channel.screen == ["hi"])  # two calls

        await channel.say("hello", chat="2", message_id="m2")
        await world.model.asked(2)
        await settle()
        early = list(channel.screen)
        await world.clock.advance(70 * SECOND)
        await until(lambda: channel.screen == ["hi", "hi"])

        assert early == ["hi"]
        assert channel.seen == [("1", "m1")]


async def test_the_silence_that_a_sign_is_asked_for_is_kept(open_world: Opener) -> None:
    channel = ReactingChannel()
    channel.refuses = TransientDeliveryError("slower", retry_after=30 * SECOND)
    pieces = Pieces()
    async with open_world([pieces("hi")], channel=channel, **REACTS) as world:
        await channel.say("hello", message_id="m7")
        await world.model.asked(1)
        await settle()
        pieces.next(1)
        await settle()
        before = list(channel.tried)
        await world.clock.advance(31 * SECOND)
        await until(lambda: channel.screen == ["hi"])

        assert before == []


async def test_a_sign_that_hangs_keeps_nobody_from_stopping(open_world: Opener) -> None:
    hangs = asyncio.Event()

    class Hanging(ReactingChannel):
        async def react(self, address: ChatAddress, message_id: str) -> None:
            hangs.set()
            await asyncio.Event().wait()

    channel = Hanging()
    async with asyncio.timeout(5):
        async with open_world(["hi"], channel=channel, **REACTS):
            await channel.say("hello", message_id="m7")
            await until(lambda: channel.screen == ["hi"])
            await hangs.wait()


async def test_nobody_gets_a_sign_who_has_not_asked_for_one(open_world: Opener) -> None:
    channel = ReactingChannel()
    async with open_world(["hi"], channel=channel):
        await channel.say("hello", message_id="m7")
        await until(lambda: channel.screen == ["hi"])

    assert channel.seen == []

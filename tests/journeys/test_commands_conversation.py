"""/new and /stop: what a conversation knows, and what ends."""

import time

from gateway.agent.model import ModelReply, UserText
from tests.fakes import until
from tests.journeys.asking import answer, busy
from tests.journeys.conftest import Opener
from tests.journeys.steps import rows


async def test_a_new_conversation_knows_nothing_of_the_old_one(open_world: Opener) -> None:
    async with open_world(["hello Anna", "who?"]) as world:
        await answer(world, "I am Anna")
        begun = await answer(world, "/new")
        await answer(world, "who am I?")

        (said,) = world.model.prompts[-1].items

        assert begun.startswith("A new conversation begins here.")
        assert isinstance(said, UserText)
        assert said.text == "who am I?"

    async with open_world(["nobody"]) as world:
        await answer(world, "and now?", key="after the restart")
        seen = [item.text for item in world.model.prompts[-1].items if isinstance(item, UserText | ModelReply)]

    assert seen == ["who am I?", "who?", "and now?"]


async def test_a_turn_that_was_under_way_is_no_part_of_the_new_conversation(open_world: Opener) -> None:
    async with busy(open_world) as world:
        begun = await answer(world, "/new")
        await answer(world, "/stop")
        await world.channel.say("fresh")
        await world.model.asked(2)

        (said,) = world.model.prompts[-1].items

        assert "/stop ends it" in begun
        assert isinstance(said, UserText)
        assert said.text == "fresh"


async def test_stop_ends_the_turn_of_its_chat_within_two_seconds_and_what_waits_goes_on(
    open_world: Opener,
) -> None:
    async with busy(open_world) as world:
        await world.channel.say("and another")
        turn = world.gateway.lanes.running["test:1"]
        began = time.monotonic()

        said = await answer(world, "/stop")
        await until(lambda: turn not in world.gateway.lanes.running.values())
        took = time.monotonic() - began
        await world.model.asked(2)

        assert took < 2
        assert said.splitlines() == [
            "Stopped. What was done already stays done.",
            "1 message that waits is answered next; /stop stops each in its turn.",
        ]
        assert await rows(world, "SELECT state FROM turns WHERE id = ?", turn) == [("cancelled",)]


async def test_stop_ends_nothing_in_another_chat_or_thread(open_world: Opener) -> None:
    async with busy(open_world) as world:
        said = [await answer(world, "/stop", chat="2"), await answer(world, "/stop", thread="9")]

        assert said == ["I am not working on anything here."] * 2
        assert "test:1" in world.gateway.lanes.running

"""Commands that were accepted are answered once, also after a restart or a crash."""

import pytest

from gateway import inbox
from gateway.commands.routing import routed
from gateway.errors import PermanentDeliveryError
from gateway.messages import InboundMessage
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE, add_job, hears, history, jobs, rows


def command(text: str) -> InboundMessage:
    return InboundMessage(
        channel="test",
        sender_id="anna",
        dedupe_keys=(f"update:{text}",),
        address=HERE,
        text=text,
        received_at=NOON,
    )


async def test_a_command_that_was_accepted_before_a_restart_is_answered_after_it(open_world: Opener) -> None:
    async with open_world() as world:  # as in the last moment of a life: accepted, and not begun
        await world.gateway.database.write(lambda t: inbox.accept(t, routed(command("/remind in 5 minutes tea"))))

    async with open_world() as world:
        (said,) = await hears(world, 1)
        assert said.startswith("Scheduled **tea**")

    async with open_world() as world:
        await world.channel.say("/remind in 5 minutes tea", key="update:/remind in 5 minutes tea")
        assert await hears(world, 0) == []
        assert len(jobs(world)) == 1


async def as_if_killed(world: World) -> None:
    """Put the rows back, as if the process had been killed between each command's work and its answer."""
    await until(lambda: not world.gateway.lanes.running)
    for change in (
        "DELETE FROM outbox WHERE caller = 'command'",
        "UPDATE turns SET state = 'running' WHERE session LIKE 'command:%'",
        "UPDATE inbox SET state = 'taken' WHERE session LIKE 'command:%'",
    ):
        await world.gateway.database.write(lambda t, change=change: t.execute(change).rowcount)


@pytest.mark.parametrize(
    ("words", "first", "again"),
    [
        ("/remind in 5 minutes tea", "Scheduled **tea**", "Scheduled **tea**"),
        ("/cron run pills", "Started **pills**", "Started **pills**"),
        ("/cron remove pills", "Removed **pills**", "It is removed: there is no job `pills` here any more."),
    ],
)
async def test_a_command_that_is_worked_again_after_a_crash_does_its_work_once(
    open_world: Opener, words: str, first: str, again: str
) -> None:
    async with open_world() as world:
        await add_job(world, name="pills", say="pills", every="3600")
        await world.channel.say(words)
        await until(lambda: any(text.startswith(first) for text in world.channel.texts()))
        await as_if_killed(world)
        before = (jobs(world), len(await history(world)))

    async with open_world() as world:
        await until(world.channel.texts)

        assert (jobs(world), len(await history(world))) == before
        assert world.channel.texts()[0].startswith(again)


async def test_a_message_that_is_sent_once_more_is_not_missed_by_the_command_after_a_crash(
    open_world: Opener,
) -> None:
    channels = {"test": {"kind": "telegram", "owners": ["99"], "enabled": False}}
    async with open_world(["hello"], channels=channels) as world:
        world.channel.faults = [PermanentDeliveryError("403: the bot was blocked")]
        await world.channel.say("hi", chat="5")
        await hears(world, 1)  # the owner is told that it was not delivered
        ((lost,),) = await rows(world, "SELECT id FROM outbox WHERE state = 'dead'")
        await world.channel.say(f"/outbox retry {lost}", sender="99")
        await until(lambda: "hello" in world.channel.texts())
        await hears(world, 3)
        await as_if_killed(world)

    async with open_world(channels=channels) as world:
        assert await hears(world, 1) == [f"It is done: there is no unsent message `{lost}` any more."]

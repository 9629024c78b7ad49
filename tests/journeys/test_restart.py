"""What was begun before a restart goes on, in its order, beside what arrives while the gateway starts."""

from datetime import timedelta

import pytest

from channels.base import Inlet
from gateway import inbox
from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import HANG, Line
from gateway.messages import ChatAddress, InboundMessage, Person
from gateway.tools.base import Turn
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys.conftest import Opener
from tests.journeys.steps import add_job, hears, jump_to, rows, runs_that_ended


class EagerChannel(RecordingChannel):
    """A platform that has something to say the moment it is connected."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self._texts = texts

    async def run(self, inlet: Inlet) -> None:
        for text in self._texts:
            await inlet.receive(_message(text))
        await super().run(inlet)


def _message(text: str) -> InboundMessage:
    return InboundMessage(
        channel="test",
        sender_id="anna",
        dedupe_keys=(f"eager:{text}",),
        address=ChatAddress(channel="test", chat="1"),
        text=text,
        received_at=NOON,
    )


def _echo(prompt: Prompt) -> Line:
    said = prompt.items[-1]
    assert isinstance(said, UserText)
    return f"heard {said.text}"


async def test_a_message_that_arrives_during_the_start_is_answered_after_those_from_before(
    open_world: Opener,
) -> None:
    async with open_world() as world:
        for text in ("one", "two"):  # as another process writes them just before the end
            await world.gateway.database.write(
                lambda transaction, text=text: inbox.accept(transaction, _message(text))
            )

    async with open_world(_echo, channel=EagerChannel("three", "four")) as world:
        heard = await hears(world, 4)

    assert heard == ["heard one", "heard two", "heard three", "heard four"]  # P-50


@pytest.mark.nightly  # each stop waits its five seconds for the model
async def test_an_orderly_stop_counts_against_no_turn(open_world: Opener) -> None:
    for _ in range(5):
        async with open_world(lambda _: HANG) as world:
            if not await rows(world, "SELECT 1 FROM inbox"):
                await world.channel.say("one")
            await until(lambda world=world: world.model.prompts)

    async with open_world(_echo) as world:
        heard = await hears(world, 1)

    assert heard == ["heard one"]


async def test_a_call_that_is_replayed_after_its_job_has_run_makes_no_second_job(open_world: Opener) -> None:
    async with open_world() as world:
        tool = world.gateway.loop.toolbox.tools["cron"]
        turn = Turn(
            id="t",
            call_id="t.1.0",
            session="test:1",
            address=ChatAddress(channel="test", chat="1"),
            sender_id="anna",
            occasion=Person(),
            zone="UTC",
            now=world.clock.now(),
        )
        wanted = tool.arguments.model_validate(
            {"action": "add", "say": "tea", "when": "in 5 minutes", "name": "tea"}
        )
        first = await tool.call(wanted, turn)
        await jump_to(world, world.clock.now() + timedelta(minutes=5))
        await runs_that_ended(world, 1)

        again = await tool.call(wanted, turn)

        assert first.startswith('Scheduled "tea"')
        assert again.startswith('Scheduled "tea"')
        assert "has run" in again
        assert world.gateway.store.load() == {}


async def test_a_run_that_a_chat_asked_for_is_not_repeated_by_a_replay(open_world: Opener) -> None:
    async with open_world() as world:
        job = await add_job(world, name="pills", say="take your pills", at="2026-03-02T12:30")
        tool = world.gateway.loop.toolbox.tools["cron"]
        turn = Turn(
            id="t",
            call_id="t.1.0",
            session="test:1",
            address=ChatAddress(channel="test", chat="1"),
            sender_id="anna",
            occasion=Person(),
            zone="UTC",
            now=world.clock.now(),
        )
        wanted = tool.arguments.model_validate({"action": "run", "job_id": "pills"})
        first = await tool.call(wanted, turn)
        await runs_that_ended(world, 1)
        if job.uid in world.gateway.store.load():
            world.gateway.store.remove(job.uid)

        again = await tool.call(wanted, turn)

        assert again == first
        assert await hears(world, 1) == ["take your pills"]

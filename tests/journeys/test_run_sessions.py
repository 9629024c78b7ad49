"""What a scheduled turn knows of what was said before, and what its chat knows of it afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from cron.run import RunStatus
from gateway.agent.model import ModelReply, Prompt, ToolResult, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.agent.sessions import tokens_of
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE, add_job, go_to, hears, rows, runs_that_ended

HOUR = timedelta(hours=1)


def texts(items: Any) -> list[str]:
    return [item.text for item in items if isinstance(item, UserText | ModelReply) and item.text]


async def fire(world: World, n: int) -> None:
    """The n-th hour comes, and the run that is due then ends."""
    await go_to(world, NOON + n * HOUR)
    await runs_that_ended(world, n)


# -- what a run sees ---------------------------------------------------------------------------------------------


async def test_an_isolated_run_begins_a_session_of_its_own_each_time(open_world: Opener) -> None:
    """HP-07, NOX-10, OC-15, PRX-73"""
    async with open_world(["Noted.", "one", "two"]) as world:
        await world.channel.say("my cat is called Mia")
        await hears(world, 1)
        await add_job(world, prompt="look", every="3600")

        await fire(world, 1)
        await fire(world, 2)

        sessions = [session for (session,) in await rows(world, "SELECT session FROM turns ORDER BY seq")]
        assert len(set(sessions)) == 3
        assert [len(prompt.items) for prompt in world.model.prompts[1:]] == [1, 1]


async def test_a_silent_isolated_run_leaves_the_chat_as_it_was(open_world: Opener) -> None:
    """OC-30"""
    async with open_world(["Noted.", "found nothing", "Mia"]) as world:
        await world.channel.say("my cat is called Mia")
        await hears(world, 1)
        await add_job(world, prompt="look", every="3600")
        await fire(world, 1)

        await world.channel.say("what is she called?")
        await hears(world, 2)

        assert texts(world.model.prompts[2].items) == ["my cat is called Mia", "Noted.", "what is she called?"]


@pytest.mark.parametrize("count", [0, 1, 5, 50])
async def test_an_isolated_run_is_given_exactly_as_many_messages_of_its_chat_as_it_asks_for(
    open_world: Opener, count: int
) -> None:
    """OC-17"""
    async with open_world(["a", "b", "c", "d", "looked"]) as world:
        for n in range(4):
            await world.channel.say(f"question {n}")
            await hears(world, n + 1)
        await add_job(world, prompt="look", every="3600", context_messages=count)

        await fire(world, 1)

        *context, _task = world.model.prompts[4].items
        history = ["question 0", "a", "question 1", "b", "question 2", "c", "question 3", "d"]
        assert texts(context) == (history[-count:] if count else [])


async def test_a_run_of_the_main_session_is_part_of_what_is_said_there(open_world: Opener) -> None:
    """OC-14, NOX-11, NOX-12, C-07"""
    async with open_world(["Noted.", "Mia is fine.", "Yes."]) as world:
        await world.channel.say("my cat is called Mia")
        await hears(world, 1)
        await add_job(world, prompt="look after the cat", every="3600", session="main")
        await fire(world, 1)

        await world.channel.say("did you look?")
        await hears(world, 2)

        run, person = world.model.prompts[1:]
        assert texts(run.items)[:2] == ["my cat is called Mia", "Noted."]
        assert "look after the cat" in texts(person.items)
        assert "Mia is fine." in texts(person.items)
        ((session,),) = await rows(world, "SELECT DISTINCT session FROM turns")
        assert session == HERE.session


async def test_runs_with_one_session_key_see_each_other(open_world: Opener) -> None:
    """OC-16, HP-22"""
    async with open_world(["first of a", "first of b", "second of a"]) as world:
        await add_job(world, prompt="a", every="7200", session="session:diary", name="a")
        await world.clock.advance(timedelta(seconds=1))
        await add_job(world, prompt="b", at="2026-03-02T15:00:00Z", session="session:diary", name="b")

        await go_to(world, NOON + 2 * HOUR)
        await runs_that_ended(world, 1)
        await go_to(world, NOON + 3 * HOUR)
        await runs_that_ended(world, 2)
        await go_to(world, NOON + 4 * HOUR)
        await runs_that_ended(world, 3)

        assert {"first of a", "first of b"} <= set(texts(world.model.prompts[2].items))


async def test_a_system_event_is_put_into_its_session_and_then_there_is_a_turn(open_world: Opener) -> None:
    """OC-23, C-25"""
    async with open_world(["handled", "It was full."]) as world:
        await add_job(world, event="The disk is full.", every="3600", session="main")
        await fire(world, 1)

        await world.channel.say("what happened?")
        await hears(world, 1)

        run, person = world.model.prompts
        assert "<system-event>\nThe disk is full.\n</system-event>" in run.items[-1].text
        assert [(item.text, item.system) for item in person.items if isinstance(item, UserText)] == [
            ("The disk is full.", True),
            ("what happened?", False),
        ]
        assert ModelReply(text="handled") in person.items


@pytest.mark.parametrize("session", ["isolated", "main", "session:ops"])
async def test_a_system_event_runs_in_a_session_of_each_kind(open_world: Opener, session: str) -> None:
    """OC-24, C-25"""
    async with open_world(["handled"]) as world:
        await add_job(world, event="Back up C:\\Important\\ now.", every="3600", session=session)

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert run.status is RunStatus.SUCCEEDED
        assert "C:\\Important\\ now." in world.model.prompts[0].items[-1].text  # OC-28


# -- what the chat knows afterwards ------------------------------------------------------------------------------


async def test_a_person_can_speak_of_what_an_isolated_run_has_said_to_them(open_world: Opener) -> None:
    """C-01, OC-30"""
    report = calls(("message", {"text": "Sales rose by 4 %."}))
    async with open_world(["Hi.", report, "my notes on it", "Because of the cats."]) as world:
        await world.channel.say("hello")
        await hears(world, 1)
        job = await add_job(world, prompt="report", every="3600")
        await fire(world, 1)
        await hears(world, 2)

        await world.channel.say("why?")
        await hears(world, 3)

        items = list(world.model.prompts[-1].items)
        spoken = [call.arguments for item in items if isinstance(item, ModelReply) for call in item.calls]
        assert texts(items) == [
            "hello",
            "Hi.",
            f"A scheduled run (cron:{job.id}) has sent to this chat what follows.",
            "why?",
        ]
        assert spoken == ['{"text":"Sales rose by 4 %."}']
        assert "my notes on it" not in str(items)


async def test_a_person_can_speak_of_a_reminder_also_after_a_restart(open_world: Opener) -> None:
    async with open_world([]) as world:
        await add_job(world, say="Call Bob.", at="2026-03-02T13:00:00Z")
        await fire(world, 1)
        await hears(world, 1)

    async with open_world(["Bob."], clock=world.clock) as later:
        await later.channel.say("whom?")
        await hears(later, 1)

        assert "Call Bob." in str(later.model.prompts[0].items)


async def test_a_run_in_the_chats_own_session_is_not_told_there_twice(open_world: Opener) -> None:
    said = calls(("message", {"text": "Done."}))
    async with open_world([said, "", "You are welcome."]) as world:
        await add_job(world, prompt="report", every="3600", session="main")
        await fire(world, 1)

        await world.channel.say("thanks")
        await hears(world, 2)

        assert str(world.model.prompts[-1].items).count("Done.") == 1


# -- what it costs -----------------------------------------------------------------------------------------------


class Diarist:
    """A model that keeps a state and says something in each run, of the same length whatever it is given."""

    def __init__(self) -> None:
        self.job = ""
        self.sizes: list[int] = []

    def __call__(self, prompt: Prompt) -> Line:
        if isinstance(prompt.items[-1], ToolResult):
            return "The entry of this run is written; nothing else was to be done."
        self.sizes.append(_size(prompt))
        kept = {"action": "set_state", "job_id": self.job, "state": {"entries": 100 + len(self.sizes)}}
        return calls(("message", {"text": "A new entry."}), ("cron", kept))


def _size(prompt: Prompt) -> int:
    """All that the model is sent, in tokens."""
    standing = prompt.instructions + "".join(f"{tool.description}{tool.schema}" for tool in prompt.tools)
    return sum(tokens_of(item) for item in (UserText(standing), *prompt.items))


async def _sizes(open_world: Opener, session: str, runs: int) -> list[int]:
    diarist = Diarist()
    async with open_world(diarist) as world:
        diarist.job = (await add_job(world, prompt="Write the diary.", every="3600", session=session)).id
        for n in range(1, runs + 1):
            await fire(world, n)
    return diarist.sizes


@pytest.mark.parametrize("session", ["isolated", "session:diary"])
async def test_the_prompt_of_a_later_run_is_as_large_as_that_of_the_second(
    open_world: Opener, session: str
) -> None:
    sizes = await _sizes(open_world, session, 12)

    assert sizes[-1] == pytest.approx(sizes[1], rel=0.05)
    assert len(set(sizes[2:])) == 1  # from the third on they tell the same things


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("session", ["isolated", "main", "session:diary"])
async def test_the_prompt_of_run_300_is_within_5_percent_of_that_of_run_2(
    open_world: Opener, session: str
) -> None:
    sizes = await _sizes(open_world, session, 300)

    assert sizes[299] == pytest.approx(sizes[1], rel=0.05)

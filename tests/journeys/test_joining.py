"""What becomes part of a person's turn besides its first message: words said meanwhile, bursts, albums, files."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from gateway.agent.model import Prompt, ToolResult, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.messages import Attachment, Media
from gateway.tools.base import Effect, Turn
from tests.fakes import until
from tests.journeys.conftest import Opener, World
from tests.parts import rows

HOSTED = {"model": {"provider": "openai", "name": "m", "base_url": "http://127.0.0.1:9/v1"}}
PICTURE = Attachment(name="a.jpg", media_type="image/jpeg", path="", kind=Media.PICTURE, source="f1")


class NoArguments(BaseModel):
    """Look something up."""


@dataclass
class SlowTool:
    """Takes until it is let go."""

    name: ClassVar[str] = "look_up"
    arguments: ClassVar[type[BaseModel]] = NoArguments
    effect: ClassVar[Effect] = Effect.READ
    example: ClassVar[str] = "{}"

    began: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, arguments: NoArguments, turn: Turn) -> str:
        self.began.set()
        await self.goes_on.wait()
        return "found"


def looks_up_once(prompt: Prompt) -> Line:
    """Look something up, then answer with everything that was said."""
    said = spoken(prompt)
    if said[0] == "look" and prompt.context.step == 1:
        return calls(("look_up", {}))
    return " + ".join(said)


def spoken(prompt: Prompt) -> list[str]:
    """What people said in the turn that is being worked on: behind the last final answer."""
    found: list[str] = []
    for item in prompt.items:
        if isinstance(item, UserText):
            found.append(item.text)
        elif not isinstance(item, ToolResult) and not item.calls:
            found.clear()
    return found


async def states(world: World) -> list[str]:
    return [state for (state,) in await rows(world.gateway.database, "SELECT state FROM inbox ORDER BY seq")]


async def turns(world: World) -> list[str]:
    return [state for (state,) in await rows(world.gateway.database, "SELECT state FROM turns ORDER BY seq")]


def with_tool(tool: SlowTool) -> dict[str, Any]:
    return {"parts": {"tools": [tool]}, **HOSTED}


async def test_what_is_said_during_a_turn_is_seen_at_its_next_step(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, **with_tool(tool)) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("in the blue one")
        await world.channel.say("and be quick")
        tool.goes_on.set()
        await until(lambda: world.channel.texts() == ["look + in the blue one + and be quick"])

        await world.channel.say("thanks")
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts()[1] == "thanks"
        seen = [item.text for item in world.model.prompts[-1].items if isinstance(item, UserText)]
        assert seen == ["look", "in the blue one", "and be quick", "thanks"]  # in this order, later too
        assert await states(world) == ["done"] * 4
        assert await turns(world) == ["done"] * 2
        assert world.gateway.lanes.waiting == 0


async def test_a_later_life_reads_what_had_joined_from_the_turn(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, **with_tool(tool)) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("there")
        tool.goes_on.set()
        await until(lambda: world.channel.texts() == ["look + there"])

    async with open_world(lambda _: "yes", **HOSTED) as world:
        await world.channel.say("and?", key="later")
        await until(lambda: world.channel.texts() == ["yes"])

        seen = [item for item in world.model.prompts[-1].items if isinstance(item, UserText)]
        assert [one.text for one in seen] == ["look", "there", "and?"]
        assert "2026-03-02 12:00" in seen[1].note


async def test_nobody_elses_words_become_part_of_a_turn(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, **with_tool(tool)) as world:
        await world.channel.say("look", sender="anna")
        await tool.began.wait()
        await world.channel.say("delete it all", sender="mallory")
        await world.channel.say("please", sender="anna")
        tool.goes_on.set()
        await until(lambda: len(world.channel.sent) == 3)

        assert world.channel.texts() == ["look", "delete it all", "please"]


async def test_what_is_said_while_the_last_answer_is_written_has_a_turn_of_its_own(open_world: Opener) -> None:
    goes_on = asyncio.Event()

    async def slowly(text: str) -> Line:
        await goes_on.wait()
        return text

    async with open_world(lambda prompt: slowly(" + ".join(spoken(prompt))), **HOSTED) as world:
        await world.channel.say("one")
        await world.model.asked(1)
        await world.channel.say("two")
        goes_on.set()
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts() == ["one", "two"]


async def test_a_turn_that_does_not_steer_leaves_the_next_message_alone(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, agent={"steer": False}, **with_tool(tool)) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("there")
        tool.goes_on.set()
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts() == ["look", "there"]


async def test_the_offline_assistant_answers_each_message_by_itself(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, parts={"tools": [tool]}) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("there")
        tool.goes_on.set()
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts() == ["look", "there"]


async def test_after_a_new_conversation_began_nothing_joins_the_old_one(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, **with_tool(tool)) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("/new")
        await until(lambda: len(world.channel.sent) == 1)
        await world.channel.say("hello")
        tool.goes_on.set()
        await until(lambda: len(world.channel.sent) == 3)

        assert world.channel.texts()[1:] == ["look", "hello"]


async def test_what_waits_when_a_turn_is_stopped_is_answered_next(open_world: Opener) -> None:
    tool = SlowTool()
    async with open_world(looks_up_once, **with_tool(tool)) as world:
        await world.channel.say("look")
        await tool.began.wait()
        await world.channel.say("hello")
        await world.channel.say("/stop")
        await until(lambda: len(world.channel.sent) == 1)
        tool.goes_on.set()
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts()[1] == "look + hello"  # in a turn of its own, which knows of both
        assert await turns(world) == ["cancelled", "done", "done"]


async def test_a_burst_of_one_person_is_one_turn(open_world: Opener) -> None:
    async with open_world(looks_up_once, agent={"debounce": "2s"}, **HOSTED) as world:
        await world.channel.say("one")
        await world.clock.advance(timedelta(seconds=1.5))
        await world.channel.say("two")
        await world.clock.advance(timedelta(seconds=1.9))
        begun = len(world.model.prompts)
        await world.clock.advance(timedelta(seconds=0.2))
        await until(lambda: world.channel.texts() == ["one + two"])

        assert begun == 0
        assert await states(world) == ["done", "done"]


async def test_who_never_pauses_is_answered_all_the_same(open_world: Opener) -> None:
    async with open_world(looks_up_once, agent={"debounce": "2s"}, **HOSTED) as world:
        for n in range(8):
            await world.channel.say(str(n))
            await world.clock.advance(timedelta(seconds=1.5))
        await world.clock.advance(timedelta(seconds=2))
        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts() == [
            "0 + 1 + 2 + 3 + 4 + 5 + 6",
            "7",
        ]  # within 5 x 2 s, and the rest


async def test_an_album_is_one_turn(open_world: Opener) -> None:
    async with open_world(lambda prompt: " | ".join(map(_seen, prompt.items))) as world:
        await world.channel.say("our cat", album="7", attachments=(PICTURE,))
        await world.channel.say("hi", sender="ben")
        await world.channel.say("", album="7", attachments=(PICTURE,))
        await world.clock.advance(timedelta(seconds=0.9))
        await world.channel.say("", album="7", attachments=(PICTURE,))
        begun = len(world.model.prompts)
        await world.clock.advance(timedelta(seconds=1.1))
        await until(lambda: len(world.channel.sent) == 2)

        assert begun == 0
        first, second = world.channel.texts()
        assert first.count("+files") == 3
        assert "our cat" in first
        assert second.endswith("hi")
        assert await turns(world) == ["done", "done"]


def _seen(item: object) -> str:
    return f"{item.text}{'+files' if item.arrived else ''}" if isinstance(item, UserText) else "…"


async def test_nobody_puts_pictures_into_somebody_elses_album(open_world: Opener) -> None:
    async with open_world(lambda prompt: " + ".join(spoken(prompt)[:1]), **HOSTED) as world:
        await world.channel.say("my cat", album="7", attachments=(PICTURE,))
        await world.channel.say("my dog", album="7", attachments=(PICTURE,), sender="ben")
        for _ in range(8):
            await world.clock.advance(timedelta(seconds=0.5))
        await until(lambda: world.channel.texts() == ["my cat", "my dog"])

        assert await turns(world) == ["done", "done"]


async def test_a_scheduled_turn_takes_no_words_of_a_person(open_world: Opener) -> None:
    tool = SlowTool()

    def script(prompt: Prompt) -> Line:
        if prompt.context.scheduled:
            return calls(("look_up", {})) if prompt.context.step == 1 else "looked"
        if spoken(prompt)[-1] == "hello":
            return "hi"
        job = {"action": "add", "message": "look", "when": "in 20 seconds", "session": "main"}
        return calls(("cron", job)) if prompt.context.step == 1 else "made"

    async with open_world(script, **with_tool(tool)) as world:
        await world.channel.say("look every day")
        await until(lambda: world.channel.texts() == ["made"])
        await world.clock.advance(timedelta(seconds=21))
        await tool.began.wait()
        await world.channel.say("hello")
        tool.goes_on.set()
        await until(lambda: world.channel.texts() == ["made", "hi"])

        assert await turns(world) == ["done"] * 3


async def test_a_message_without_an_album_waits_for_nothing(open_world: Opener) -> None:
    async with open_world(["hi"]) as world:
        await world.channel.say("hello")
        await until(lambda: world.channel.texts() == ["hi"])  # the clock stands still: no timer was waited for

        assert await turns(world) == ["done"]

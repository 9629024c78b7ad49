"""Commands: answered at once, without a model, whatever the agent is doing."""

import re
import time
from pathlib import Path

import pytest

from gateway.agent.model import ModelReply, UserText
from gateway.errors import PermanentDeliveryError
from tests.command_line import CommandLine
from tests.fakes import RecordingChannel
from tests.journeys.asking import answer, busy
from tests.journeys.conftest import Opener
from tests.journeys.steps import callers, hears

ID = re.compile(r"\b[0-9a-f]{8}\b")
PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


# -- at once ------------------------------------------------------------------------------------------------------


async def test_commands_are_answered_while_every_turn_hangs_in_the_model(open_world: Opener) -> None:
    async with busy(open_world) as world:  # CARD-09
        await world.channel.say("hi", chat="2")  # no slot is left for it
        began = time.monotonic()

        answers = [await answer(world, text, chat=chat) for chat in "12" for text in ("/help", "/cron", "/status")]

        assert time.monotonic() - began < 2
        assert answers[0].startswith("- /cron: ")
        assert (
            answers[1]
            == answers[4]
            == "Nothing is scheduled here. `/remind in 20 minutes to stretch` makes" + (" a reminder.")
        )
        assert "I am working on a message here." in answers[2]
        assert "I work on nothing here, and 1 more wait." in answers[5]
        assert len(world.model.prompts) == 1
        assert await callers(world) == {"command": 6}


async def test_commands_are_no_part_of_a_conversation(open_world: Opener) -> None:
    async with open_world(["hello", "again"]) as world:
        await answer(world, "one")
        await answer(world, "/remind in 20 minutes to stretch")
        await answer(world, "two")

        seen = [item.text for item in world.model.prompts[-1].items if isinstance(item, UserText | ModelReply)]

    assert seen == ["one", "hello", "two"]


async def test_a_text_that_is_a_path_is_for_the_agent(open_world: Opener) -> None:
    async with open_world(["a list of names"]) as world:
        assert await answer(world, "/etc/hosts is what?") == "a list of names"


async def test_a_command_that_a_platform_brings_twice_is_answered_once(open_world: Opener) -> None:
    async with open_world() as world:
        for _ in range(2):
            await world.channel.say("/whoami", key="update:1")

        assert len(await hears(world, 1)) == 1


async def test_a_channel_is_given_the_commands_for_its_menu(open_world: Opener) -> None:
    async with open_world() as world:
        await answer(world, "/help")
        assert world.channel._inlet is not None

        offered = {info.name: info for info in world.channel._inlet.commands}

        assert set(offered) == {
            *("help", "remind", "done", "snooze", "cron", "new", "stop", "status", "timezone", "whoami"),
            *("outbox", "start", "schedule", "model", "usage", "pair"),
        }
        assert [name for name, info in offered.items() if info.owners_only] == ["outbox", "pair"]
        assert all(3 <= len(info.summary) <= 80 and name.islower() for name, info in offered.items())


# -- who may ------------------------------------------------------------------------------------------------------


async def test_only_owners_see_the_outbox_and_the_gateway(open_world: Opener) -> None:
    channels = {"test": {"kind": "telegram", "owners": ["99"], "enabled": False}}
    async with open_world(channels=channels) as world:
        world.channel.faults = [PermanentDeliveryError("403: the bot was blocked")]
        await world.channel.say("/help", chat="5")
        await hears(world, 1)  # the owner is told that it was not delivered

        refused = await answer(world, "/outbox")
        status = await answer(world, "/status")
        listed = await answer(world, "/outbox", sender="99")
        whole = await answer(world, "/status", sender="99")

        assert refused == "Only an owner of this bot may use /outbox."
        assert "The gateway" not in status
        assert re.search(r"- `\w+\.final` to `test:5`, dead, 0 s old: 403: the bot was blocked", listed)
        assert "- outbox: 0 to send, 0 unknown, 1 dead" in whole
        assert "- test: running" in whole


async def test_a_model_that_was_taken_out_of_the_choices_is_not_asked_any_more(open_world: Opener) -> None:
    hosted = {"provider": "openai", "name": "small", "api_key": "sk-test"}
    channel = RecordingChannel()
    async with open_world(["hi"], channel=channel, model={**hosted, "choices": ["large"]}) as world:
        await answer(world, "/model large")
        await answer(world, "hello")
        chosen = world.model.prompts[0].model

    async with open_world(["hi"], channel=channel, model={**hosted, "choices": ["medium"]}) as world:
        await answer(world, "hello again")

        assert (chosen, world.model.prompts[0].model) == ("large", "")
        assert "Here answers `small`" in await answer(world, "/model")


# -- a terminal ---------------------------------------------------------------------------------------------------


def test_a_terminal_has_commands_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tocsin = CommandLine(tmp_path / "home", capsys, monkeypatch)

    helped = tocsin("chat", "/help")
    unknown = tocsin("chat", "/frob")
    made = tocsin("chat", "/remind in 20 minutes to stretch")
    owner = tocsin("chat", "/outbox")

    assert helped.status == 0
    assert "- /cron: " in helped.out
    assert "- /outbox: " in helped.out
    assert unknown.out.strip() == "There is no command /frob. /help lists them."
    assert made.out.startswith("Scheduled **stretch**")
    assert owner.out.strip() == "Everything was sent."


# -- the page about them ------------------------------------------------------------------------------------------


async def test_every_example_of_the_documentation_is_answered_as_it_says(open_world: Opener) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^```chat\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert examples
    async with open_world(timezone="Europe/Berlin") as world:
        for example in examples:
            said = ""
            for typed, expected in re.findall(r"^> (.*)\n((?:(?!> ).*\n)*)", example, re.MULTILINE):
                ids = ID.findall(said)  # the job of the answer before is the one that the page names
                said = await answer(world, ID.sub(ids[0], typed) if ids else typed)
                assert ID.sub("…", said) == ID.sub("…", expected.strip()), typed

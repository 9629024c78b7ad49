"""Commands: answered at once, without a model, whatever the agent is doing; once, also after a restart."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.job import JobStatus
from gateway import inbox
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import HANG, Line
from gateway.commands.routing import routed
from gateway.errors import PermanentDeliveryError
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Press
from gateway.outbox.records import decode_message
from tests.command_line import CommandLine
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE, add_job, callers, go_to, hears, history, jobs, rows

ID = re.compile(r"\b[0-9a-f]{8}\b")
PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


class Buttons(RecordingChannel):
    """A platform with buttons."""

    async def press(self, data: str, *, message_id: str = "m1", sender: str = "anna") -> None:
        await self._started.wait()
        assert self._inlet is not None
        self._count = getattr(self, "_count", 0) + 1
        await self._inlet.receive(
            InboundMessage(
                channel=self.name,
                sender_id=sender,
                dedupe_keys=(f"{self.name}:{self._count}",),
                address=HERE,
                text=data,
                received_at=NOON,
                occasion=Press(message_id=message_id),
            )
        )


async def answer(world: World, text: str, **who: str) -> str:
    """Say something that is answered with one message, in the chat that it was said in."""
    count = len(world.channel.sent)
    await world.channel.say(text, **who)
    await until(lambda: len(world.channel.sent) == count + 1)
    return world.channel.texts()[-1]


async def outbox(world: World) -> list[OutboundMessage]:
    return [decode_message(text) for (text,) in await rows(world, "SELECT message FROM outbox ORDER BY seq")]


def hanging(prompt: Prompt) -> Line:
    return HANG


@asynccontextmanager
async def busy(open_world: Opener, **settings: Any) -> AsyncIterator[World]:
    """A gateway whose only slot hangs in the model with a question of chat 1."""
    script: Callable[[Prompt], Line] = hanging
    async with open_world(script, agent={"max_turns": 1}, **settings) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        yield world
        for turn in list(world.gateway.lanes.running.values()):
            world.gateway.loop.cancel(turn)


# -- at once ----------------------------------------------------------------------------------------------------


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
            *("help", "remind", "cron", "new", "stop", "status", "timezone", "whoami", "outbox", "start")
        }
        assert [name for name, info in offered.items() if info.owners_only] == ["outbox"]
        assert all(3 <= len(info.summary) <= 80 and name.islower() for name, info in offered.items())


# -- once, also after a restart ---------------------------------------------------------------------------------


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


@pytest.mark.parametrize("words", ["/remind in 5 minutes tea", "/cron run pills"])
async def test_a_command_that_is_worked_again_after_a_crash_does_its_work_once(
    open_world: Opener, words: str
) -> None:
    async with open_world() as world:
        await add_job(world, name="pills", say="pills", every="3600")
        await world.channel.say(words)
        await until(lambda: any("tea" in text or "Started" in text for text in world.channel.texts()))
        await until(lambda: not world.gateway.lanes.running)
        before = (jobs(world), len(await history(world)))
        # as if the process had been killed between the work and its answer
        for change in (
            "DELETE FROM outbox WHERE caller = 'command'",
            "UPDATE turns SET state = 'running' WHERE session LIKE 'command:%'",
            "UPDATE inbox SET state = 'taken' WHERE session LIKE 'command:%'",
        ):
            await world.gateway.database.write(lambda t, change=change: t.execute(change).rowcount)

    async with open_world() as world:
        await until(world.channel.texts)
        again = world.channel.texts()

        assert (jobs(world), len(await history(world))) == before
        assert again[0].startswith(("Scheduled **tea**", "Started **pills**"))


# -- the conversation -------------------------------------------------------------------------------------------


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


# -- time zones -------------------------------------------------------------------------------------------------


async def test_a_chosen_zone_holds_for_new_jobs_and_leaves_old_ones_alone(open_world: Opener) -> None:
    async with open_world(timezone="UTC") as world:
        old = await answer(world, "/remind every day at 9am old")
        # sent in one go: what is said after a command means what it has changed
        await world.channel.say("/timezone Asia/Tokyo")
        new = await answer(world, "/remind every day at 9am new")
        await until(lambda: len(world.channel.sent) == 3)

        assert "(UTC)" in old
        assert "(Asia/Tokyo)" in (new + world.channel.texts()[-1])
        assert {job.name: job.tz for job in jobs(world)} == {"old": "UTC", "new": "Asia/Tokyo"}

        await go_to(world, NOON + timedelta(hours=12))  # 09:00 in Tokyo
        await until(lambda: world.channel.texts()[-1] == "new")
        await go_to(world, NOON + timedelta(hours=21))  # 09:00 in UTC
        await until(lambda: world.channel.texts()[-1] == "old")


# -- jobs -------------------------------------------------------------------------------------------------------


async def test_pages_are_turned_by_buttons_in_place(open_world: Opener) -> None:
    channel = Buttons()
    async with open_world(channel=channel) as world:
        for n in range(12):
            await add_job(world, name=f"job {n:02}", say="hi", every="3600")
        await answer(world, "/cron")
        (first,) = await outbox(world)
        data = first.buttons[-1][0].data
        await channel.press(data, message_id="m1")
        await until(lambda: len(channel.sent) == 2)

        second = (await outbox(world))[-1]

        assert data == "/cron list 2"
        assert (first.replaces, second.replaces, second.asker) == ("", "m1", "anna")
        assert second.buttons[-1][0].label == "‹ 1/2"
        shown = [re.findall(r"\*\*(job \d+)\*\*", one.text) for one in (first, second)]
        assert [len(names) for names in shown] == [10, 2]
        assert set(shown[0]).isdisjoint(shown[1])


async def test_a_job_is_made_paused_run_and_removed_by_commands_alone(open_world: Opener) -> None:
    channel = Buttons()
    async with open_world(channel=channel) as world:
        await answer(world, "/cron add every weekday at 9am say write the report")
        (job,) = jobs(world)
        await channel.press(f"/cron pause {job.id}")
        await until(lambda: jobs(world)[0].status is JobStatus.DISABLED)
        await channel.press(f"/cron resume {job.id}")
        await until(lambda: jobs(world)[0].status is JobStatus.ENABLED)
        await channel.press(f"/cron run {job.id}")
        await until(lambda: "write the report" in channel.texts())
        await channel.press(f"/cron remove {job.id} ?")
        await until(lambda: channel.texts()[-1].endswith("for good?"))
        await channel.press(f"/cron remove {job.id}")
        await until(lambda: jobs(world) == [])

        assert world.model.prompts == []
        assert [run.job_id for run in await history(world)] == [job.id]


async def test_a_foreign_job_and_an_unknown_one_are_answered_in_the_same_words(open_world: Opener) -> None:
    async with open_world() as world:  # P-72
        foreign = await add_job(
            world, owner=ChatAddress(channel="test", chat="2"), say="hi", every="3600", name="secret"
        )

        same = {
            (await answer(world, f"/cron remove {reference}")).replace(reference, "…")
            for reference in (foreign.id, "secret", "0f0f0f0f")
        }

        assert same == {"There is no job '…' here; list shows those that there are"}
        assert jobs(world) == [foreign]


async def test_names_and_texts_of_jobs_format_nothing(open_world: Opener) -> None:
    async with open_world() as world:
        await answer(world, "/remind in 5 minutes [win](http://evil) *now* @anna")

        listed = await answer(world, "/cron list")

        assert "[win](" not in listed
        assert r"\[win\](http://evil) \*now\*" in listed
        assert "@anna" not in listed


# -- who may ----------------------------------------------------------------------------------------------------


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


# -- a terminal -------------------------------------------------------------------------------------------------


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


# -- the page about them ----------------------------------------------------------------------------------------


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

"""Who may talk to a running gateway: strangers, people who were let in, owners, admins of groups, other bots."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from cron.job import JobStatus
from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.clock import SystemClock
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys import processes
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import callers, go_to, history, jobs, rows

MINUTE = timedelta(minutes=1)
SECTION: dict[str, Any] = {
    "kind": "telegram",
    "token": "1:a",
    "allow": ["1", "2"],
    "owners": ["9"],
    "groups": {"-5": {"context": 5, "allow": ["1", "2", "30"]}},
}
CHANNELS = {"test": SECTION}
GROUP = "-5"
NUMBERS = itertools.count(1)  # of messages, whichever life of the gateway reads them


class Square(RecordingChannel):
    """A platform where strangers can write, with groups whose admins it knows."""

    operated: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.admins: set[str] = set()
        self.asked: list[str] = []

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        self.asked.append(user)
        return user in self.admins

    async def write(self, text: str, user: str, *, chat: str = "", thread: str = "", **more: Any) -> None:
        """Somebody writes, alone with the bot unless a chat is named; safe on return."""
        await self._started.wait()
        assert self._inlet is not None
        number = next(NUMBERS)
        message = InboundMessage(
            channel=self.name,
            sender_id=user,
            sender_name=f"Person {user}",
            dedupe_keys=(f"test:{number}",),
            address=ChatAddress(channel=self.name, chat=chat or user, thread=thread),
            text=text,
            received_at=NOON,
            message_id=f"m{number}",
            group=bool(chat),
        )
        await self._inlet.receive(replace(message, **more))


def echo(prompt: Prompt) -> Line:
    item = prompt.items[-1]
    return f"I heard: {item.text}" if isinstance(item, UserText) else ""


async def hears(world: World, count: int) -> list[str]:
    """Wait until the chats have heard so many messages in all, and no more follow at once."""
    await until(lambda: len(world.channel.sent) >= count)
    await world.clock.advance(timedelta())
    assert len(world.channel.sent) == count, world.channel.texts()
    return world.channel.texts()


async def code_for(world: World, square: Square, user: str) -> str:
    """A stranger writes and is told a code."""
    count = len(square.sent)
    await square.write("hello", user)
    text = (await hears(world, count + 1))[-1]
    return text.split("`")[1]


# -- pairing -----------------------------------------------------------------------------------------------------


async def test_a_stranger_is_let_in_by_an_owner_and_heard_from_then_on(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-64
        code = await code_for(world, square, "7")
        await square.write("answer me", "7")
        by_stranger, asked_before = await hears(world, 1), len(world.model.prompts)

        await square.write(f"/pair approve {code}", "9")
        await hears(world, 3)
        await square.write("thank you", "7")
        await hears(world, 4)

        assert by_stranger[0].startswith("I do not know you yet")
        assert asked_before == 0
        assert "may talk to me now" in square.texts("9")[0]
        assert square.texts("7")[1:] == [
            "You may talk to me now. What can I do for you? /help shows what there is.",
            "I heard: thank you",
        ]
        assert len(world.model.prompts) == 1  # what they wrote before is not answered
        assert await callers(world) == {"command": 3, "reply": 1}


async def test_a_code_is_approved_by_an_owner_only_and_in_a_private_chat_only(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:
        code = await code_for(world, square, "7")
        for user, chat in (("1", ""), ("7", ""), ("9", GROUP)):
            await square.write(f"/pair approve {code}", user, chat=chat)

        texts = await hears(world, 3)

        assert "Only an owner of this bot may use /pair." in texts
        assert any("ask me in a private chat" in text for text in texts)
        assert await rows(world, "SELECT * FROM paired") == []


async def test_who_was_let_in_has_no_more_rights_in_a_group_than_before(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-66
        await square.write(f"/pair approve {await code_for(world, square, '7')}", "9")
        await hears(world, 3)

        await square.write("hello", "7", chat=GROUP)
        await square.write("hello", "30")  # whom the group allows
        await hears(world, 4)
        await square.write("hello", "7")
        await hears(world, 5)

        assert square.texts(GROUP) == []
        assert square.texts("30")[0].startswith("I do not know you yet")
        assert square.texts("7")[-1] == "I heard: hello"


async def test_who_is_revoked_is_not_answered_any_more_and_a_restart_changes_nothing(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:
        await square.write(f"/pair approve {await code_for(world, square, '7')}", "9")
        await hears(world, 3)

    async with open_world(echo, channel=(square := Square()), channels=CHANNELS) as world:
        await square.write("still here", "7")
        kept = await hears(world, 1)
        await square.write("/pair revoke 7", "9")
        await hears(world, 2)
        await square.write("and now", "7")
        await hears(world, 3)

        assert kept == ["I heard: still here"]
        assert square.texts("7")[-1].startswith("I do not know you yet")
        assert len(world.model.prompts) == 1


async def test_a_flood_of_strangers_makes_neither_turns_nor_more_than_twenty_answers(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-64
        for n in range(200):
            await square.write("hello", f"{1_000 + n % 50}")

        await hears(world, 20)

        assert world.model.prompts == []
        assert await rows(world, "SELECT count(*) FROM inbox") == [(0,)]


async def test_without_pairing_strangers_hear_nothing(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels={"test": {**SECTION, "pairing": False}}) as world:
        await square.write("hello", "7")
        await square.write("hello", "1")

        assert await hears(world, 1) == ["I heard: hello"]


async def test_a_running_gateway_hears_within_a_second_of_an_approval_in_another_process(
    open_world: Opener,
) -> None:
    square = Square()
    async with open_world(echo, clock=SystemClock(), channel=square, channels=CHANNELS) as world:
        await square.write("hello", "7")
        await until(lambda: len(square.sent) == 1)
        code = square.texts("7")[0].split("`")[1]

        for arguments, paired in ((("approve", code), True), (("revoke", "7"), False)):
            command = processes.command(world.home.path, "pair", *arguments)
            child = await asyncio.create_subprocess_exec(*command, env=processes.environment())
            assert await child.wait() == 0
            await until(
                lambda paired=paired: bool(world.gateway.people.door.paired("test", "7")) is paired, seconds=1
            )

        await until(lambda: len(square.sent) == 2)
        assert square.texts("7")[1].startswith("You may talk to me now.")


# -- rights ------------------------------------------------------------------------------------------------------


async def test_the_jobs_of_who_was_revoked_are_paused_when_they_are_due(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-67
        await square.write(f"/pair approve {await code_for(world, square, '7')}", "9")
        await hears(world, 3)
        await square.write("/cron add every 1h say drink", "7")
        await square.write("/cron add every 1h say eat", "1")
        await hears(world, 5)
        await square.write("/pair revoke 7", "9")
        await hears(world, 6)

        for hour in (1, 2, 3):
            await go_to(world, NOON + timedelta(hours=hour, seconds=1))
            await until(lambda hour=hour: square.texts("1").count("eat") == hour)

        drink, eat = sorted(jobs(world), key=lambda job: job.name)
        assert (drink.status, eat.status) == (JobStatus.PAUSED, JobStatus.ENABLED)
        assert drink.status_reason == "7, who has made it, may not talk to this bot here any more"
        assert "drink" not in square.texts("7")
        assert [run.status.value for run in await history(world, drink)] == ["abandoned"]
        await until(lambda: "It is paused" in square.texts("7")[-1])


async def test_who_was_revoked_is_not_reminded_again_of_what_they_left_undone(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-67
        await square.write(f"/pair approve {await code_for(world, square, '7')}", "9")
        await hears(world, 3)
        for user in ("7", "1"):
            await square.write("/remind in 5 minutes to take pills | nag 10m", user)
        await hears(world, 5)
        await go_to(world, NOON + timedelta(minutes=6))
        await until(lambda: "pills" in square.texts("1")[-1] and "pills" in square.texts("7")[-1])
        await square.write("/pair revoke 7", "9")
        await hears(world, 8)
        before = len(square.texts("7"))

        await go_to(world, NOON + timedelta(minutes=16))
        await world.clock.advance(MINUTE)  # who nags has a clock of its own
        await until(lambda: square.texts("1").count("take pills") >= 2)
        await world.clock.advance(MINUTE)

        assert len(square.texts("7")) == before


async def test_a_run_of_an_agent_for_who_was_revoked_asks_no_model(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-67
        await square.write(f"/pair approve {await code_for(world, square, '7')}", "9")
        await hears(world, 3)
        await square.write("/cron add every 1h do look at the build", "7")
        await hears(world, 4)
        await square.write("/pair revoke 7", "9")
        await hears(world, 5)

        await go_to(world, NOON + timedelta(hours=1, seconds=1))
        await until(lambda: jobs(world)[0].status is JobStatus.PAUSED)

        assert world.model.prompts == []


async def test_an_admin_of_the_group_changes_the_job_of_another_and_no_member_does(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:
        square.admins = {"2"}
        await square.write("/remind every weekday at 9 tea", "1", chat=GROUP)
        await hears(world, 1)
        (job,) = jobs(world)

        await square.write("/cron list", "2", chat=GROUP)
        await square.write("/cron pause tea", "1", chat=GROUP)
        await hears(world, 3)
        asked_for_nothing = list(square.asked)
        await square.write("/cron resume tea", "30", chat=GROUP)
        refused = (await hears(world, 4))[-1]
        await square.write("/cron remove tea", "2", chat=GROUP)
        removed = (await hears(world, 5))[-1]

        assert asked_for_nothing == []  # reading, and one's own jobs, need nobody's word
        assert "made by somebody else here; they, an admin of this group or an owner" in refused
        assert removed == f"Removed **tea** (`{job.id}`). It will not fire any more."
        assert square.asked == ["30", "2"]


async def test_a_model_changes_the_job_of_another_for_an_admin_only(open_world: Opener) -> None:
    square = Square()
    script = [
        calls(("cron", {"action": "disable", "job_id": "tea"})),
        "no",
        calls(("cron", {"action": "disable", "job_id": "tea"})),
        "yes",
    ]
    async with open_world(script, channel=square, channels=CHANNELS) as world:
        square.admins = {"2"}
        await square.write("/remind every weekday at 9 tea", "1", chat=GROUP)
        await hears(world, 1)

        await square.write("stop that", "30", chat=GROUP)
        await hears(world, 2)
        by_member = jobs(world)[0].status
        await square.write("stop that", "2", chat=GROUP)
        await hears(world, 3)

        assert (by_member, jobs(world)[0].status) == (JobStatus.ENABLED, JobStatus.DISABLED)


async def test_a_job_made_at_the_top_of_a_group_speaks_there_and_one_of_a_thread_in_it(open_world: Opener) -> None:
    square = Square()
    script = [calls(("cron", {"action": "add", "say": "told", "every": "3600", "name": "told"})), "done"]
    async with open_world(script, channel=square, channels=CHANNELS) as world:  # AB-45, CARD-08, NOX-17
        here = {"chat": GROUP, "thread": "q1"}
        await square.write("tell us every hour", "1", **here, message_id="q1")  # it opens its thread
        await square.write("/remind every weekday at 9 top", "1", chat=GROUP, thread="q2", message_id="q2")
        await square.write("/remind every weekday at 9 inside", "1", **here)
        await hears(world, 3)

        made = {job.name: job.address.thread for job in jobs(world) if job.address}

        assert made == {"told": "", "top": "", "inside": "q1"}
        assert {parcel.address.thread for parcel in square.sent} == {"q1", "q2"}
        assert {job.owner for job in jobs(world)} == {"test:-5"}


# -- groups ------------------------------------------------------------------------------------------------------


async def test_a_turn_in_a_group_sees_what_was_said_there_since_the_last_one(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-52
        for n in range(7):
            await square.write(f"between us {n}", "2", chat=GROUP, addressed=False)
        await square.write("not of this group", "77", chat=GROUP, addressed=False)
        await square.write("what do you think?", "1", chat=GROUP)
        await hears(world, 1)
        await square.write("more talk", "2", chat=GROUP, addressed=False)
        await square.write("and now?", "1", chat=GROUP)
        await hears(world, 2)

        first, second = [
            [item for item in prompt.items if isinstance(item, UserText)] for prompt in world.model.prompts
        ]
        assert [line.rpartition(" ")[2] for line in first[0].text.splitlines()] == ["2", "3", "4", "5", "6"]
        assert "between us 6" in first[0].text
        assert [item.text for item in first[1:]] == ["what do you think?"]
        assert second[: len(first)] == first
        assert "more talk" in second[2].text
        assert world.gateway.bus.full is False


async def test_two_bots_in_a_group_stop_after_three_exchanges(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:  # P-51
        for n in range(1, 4):
            await square.write(f"my turn {n}", "30", chat=GROUP, bot=True)
            await hears(world, n)

    async with open_world(echo, channel=square, channels=CHANNELS) as world:
        for n in range(4, 9):
            await square.write(f"my turn {n}", "30", chat=GROUP, bot=True)
        await hears(world, 3)
        await square.write("go on, you two", "1", chat=GROUP)
        await square.write("my turn 9", "30", chat=GROUP, bot=True)

        assert (await hears(world, 5))[-1] == "I heard: my turn 9"


async def test_what_is_not_said_to_the_bot_costs_no_turn_and_is_no_waiting_message(open_world: Opener) -> None:
    square = Square()
    async with open_world(echo, channel=square, channels=CHANNELS) as world:
        for n in range(100):
            await square.write(f"talk {n}", "2", chat=GROUP, addressed=False)
        await world.clock.advance(MINUTE)

        assert world.model.prompts == []
        assert world.gateway.lanes.waiting == 0
        assert await rows(world, "SELECT state, count(*) FROM inbox GROUP BY state") == [("done", 100)]

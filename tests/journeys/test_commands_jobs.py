"""/cron, /remind and /timezone: the jobs of a chat by commands and buttons alone."""

import re
from datetime import timedelta

from cron.job import JobStatus
from gateway.agent.model import ToolResult
from gateway.agent.models.scripted import calls
from gateway.messages import ChatAddress, OutboundMessage
from gateway.outbox.records import decode_message
from tests.fakes import NOON, until
from tests.journeys.asking import Buttons, answer
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, go_to, history, jobs, rows


async def outbox(world: World) -> list[OutboundMessage]:
    return [decode_message(text) for (text,) in await rows(world, "SELECT message FROM outbox ORDER BY seq")]


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


async def test_times_in_utc_come_with_a_hint_until_the_chat_has_chosen_a_zone(open_world: Opener) -> None:
    add = calls(("cron", {"action": "add", "say": "by the model", "every_seconds": 3600}))
    async with open_world([add, "", add, ""]) as world:
        before = await answer(world, "/remind in 20 minutes tea")
        await world.channel.say("please")
        await world.model.asked(2)
        await answer(world, "/timezone UTC")
        after = await answer(world, "/remind in 20 minutes tea")
        await world.channel.say("please")
        await world.model.asked(4)

        told = [prompt.items[-1] for prompt in world.model.prompts[1::2]]

        assert "/timezone Europe/Berlin changes that" in before
        assert "/timezone" not in after
        assert [isinstance(item, ToolResult) and "/timezone" in item.text for item in told] == [True, False]


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

"""What people ask for becomes jobs by the calls of a model: the stories of the systems that came before."""

from datetime import timedelta
from typing import Any

import pytest

from cron.job import AgentPrompt, Job, JobStatus, Say
from cron.schedule import At, Cron, Every
from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.scripted import Line, calls
from gateway.messages import ChatAddress
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, hears, jobs, runs_that_ended

HOUR = timedelta(hours=1)


def results(prompt: Prompt) -> list[str]:
    return [item.text for item in prompt.items if isinstance(item, ToolResult)]


async def made(world: World, text: str, **who: str) -> Job:
    """Somebody asks, the model calls a tool and answers, and there is one job more."""
    before = {job.uid for job in jobs(world)}
    heard = len(world.channel.sent)
    await world.channel.say(text, **who)
    await until(lambda: len(world.channel.sent) > heard)
    (job,) = [job for job in jobs(world) if job.uid not in before]
    return job


async def test_a_reminder_in_half_an_hour_is_said_then_and_its_job_is_gone(open_world: Opener) -> None:
    """AB-03, AB-08, AB-69"""
    add = calls(("cron", {"action": "add", "say": "Drink water!", "when": "in 30 minutes"}))
    async with open_world([add, "I will remind you at 12:30."]) as world:
        job = await made(world, "remind me to drink water in 30 minutes")

        await go_to(world, NOON + timedelta(minutes=30))
        (run,) = await runs_that_ended(world, 1)

        assert (job.schedule, job.payload) == (At(NOON + timedelta(seconds=1800)), Say(text="Drink water!"))
        assert (await hears(world, 2))[1] == "Drink water!"
        assert jobs(world) == []
        assert run.job_uid == job.uid


async def test_an_interval_in_seconds_fires_after_that_time(open_world: Opener) -> None:
    """AB-05"""
    add = calls(("cron", {"action": "add", "say": "blink", "every_seconds": 300}))
    async with open_world([add, "Every five minutes."]) as world:
        job = await made(world, "blink every 5 minutes")

        await go_to(world, NOON + timedelta(seconds=299))
        before = list(world.channel.texts())
        await go_to(world, NOON + timedelta(seconds=300))

        assert job.schedule == Every(timedelta(seconds=300), NOON)
        assert (before, await hears(world, 2)) == (["Every five minutes."], ["Every five minutes.", "blink"])


async def test_a_weather_summary_comes_every_morning(open_world: Opener) -> None:
    """AB-04, AB-06, AB-70, NOX-34, NOX-35, OC-22"""
    wanted = "Look up the weather with web_fetch and send a summary."
    add = calls(("cron", {"action": "add", "message": wanted, "cron_expr": "0 9 * * *"}))
    sunny = calls(("message", {"text": "Sunny, 12 degrees."}))
    async with open_world(
        [add, "Every day at nine.", sunny, "sent", sunny, "sent"], timezone="Europe/Berlin"
    ) as world:
        job = await made(world, "every morning at 9, send me a weather summary")

        for n in (1, 2):
            await go_to(world, NOON.replace(hour=8) + n * timedelta(days=1))
            await runs_that_ended(world, n)

        assert (job.schedule, job.payload) == (Cron("0 9 * * *", "Europe/Berlin"), AgentPrompt(prompt=wanted))
        assert f"<prompt>\n{wanted}\n</prompt>" in str(world.model.prompts[2].items[-1].text)  # type: ignore[union-attr]
        assert await hears(world, 3) == ["Every day at nine.", "Sunny, 12 degrees.", "Sunny, 12 degrees."]
        assert await callers(world) == {"reply": 1, "model": 2}


async def test_every_tool_of_the_earlier_systems_answers_while_the_gateway_runs(open_world: Opener) -> None:
    """PRX-02, PRX-42, NOX-26, NOX-28, C-09"""
    wanted: list[tuple[str, Any]] = [
        ("cron_add", {"name": "a", "schedule": "0 9 * * *", "action": "agent", "prompt": "x"}),
        ("schedule", {"when": "in 30 minutes", "action": "agent", "prompt": "y"}),
        ("cron_list", {}),
        ("cron_update", {"name": "a", "description": "d"}),
        ("cron_runs", {"name": "a"}),
        ("cron_run", {"name": "b"}),
        ("cron_remove", {"name": "a"}),
        ("manage_cron_job", {"action": "list"}),
        ("cron", {"action": "list"}),
    ]
    async with open_world([calls(*wanted), "done"]) as world:
        await world.channel.say("do all of it")
        await hears(world, 1)

        answers = dict(zip([name for name, _ in wanted], results(world.model.prompts[1]), strict=True))
        shown = {tool.name for tool in world.model.prompts[0].tools}
        assert answers["cron_add"].startswith('Scheduled "a"')
        assert "Exactly: 2026-03-02T12:30:00+00:00 (UTC)." in answers["schedule"]
        assert "| a |" in answers["cron_list"]
        assert answers["cron_update"].startswith('Changed "a"')
        assert answers["cron_run"].startswith("there is no job 'b' here")
        assert answers["cron_remove"].startswith('Removed "a"')
        assert answers["manage_cron_job"].startswith("| name | id | schedule | status | next run |")
        assert answers["cron"].startswith("1 job:")
        assert shown == {"cron", "schedule", "message", "reminder", "web_fetch"}


async def test_cron_add_with_a_wrong_or_missing_schedule_is_answered_with_an_example(open_world: Opener) -> None:
    """PRX-23"""
    add = {"name": "a", "action": "agent", "prompt": "x"}
    wrong = [add, *({**add, "schedule": text} for text in ("", "every day", "61 9 * * *"))]
    async with open_world([calls(*(("cron_add", given) for given in wrong)), "tried"]) as world:
        await world.channel.say("make a job")
        await hears(world, 1)

        answers = results(world.model.prompts[1])
        assert len(answers) == 4
        assert all('"schedule": "0 9 * * *"' in answer for answer in answers)
        assert jobs(world) == []


async def test_a_configuration_can_show_the_aliases_to_the_model(open_world: Opener) -> None:
    """C-09"""
    async with open_world(["hi"], tools={"aliases": True}) as world:
        await world.channel.say("hello")
        await hears(world, 1)

        shown = {tool.name for tool in world.model.prompts[0].tools}
        assert shown >= {"cron_add", "cron_list", "cron_remove", "cron_update", "cron_run", "cron_runs"}
        assert "manage_cron_job" in shown


async def test_the_seeds_sample_call_makes_a_one_time_job_that_stays_after_its_run(open_world: Opener) -> None:
    """NOX-27, NOX-04, NOX-32, C-05"""
    wanted = {
        "action": "create",
        "name": "Standup",
        "schedule_type": "at",
        "schedule_value": "2026-03-02T13:00:00",
        "prompt": "Remind the team.",
        "execution_mode": "isolated",
    }
    async with open_world([calls(("manage_cron_job", wanted)), "made", "done"]) as world:
        await made(world, "standup at one")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        (job,) = jobs(world)
        assert (job.name, job.status) == ("Standup", JobStatus.DISABLED)
        assert "<prompt>\nRemind the team.\n</prompt>" in str(world.model.prompts[2].items[-1].text)  # type: ignore[union-attr]


async def test_a_job_of_a_chat_belongs_to_it_and_is_seen_there_only(open_world: Opener) -> None:
    """AB-34, AB-58, AB-59, AB-61, AB-62, P-72"""
    script = [
        calls(("cron", {"action": "add", "say": "tea", "every_seconds": 3600, "name": "tea"})),
        "made",
        calls(
            ("cron", {"action": "list"}),
            *[("cron", {"action": "remove", "job_id": name}) for name in ("tea", "tee")],
        ),
        "nothing",
    ]
    async with open_world(script) as world:
        job = await made(world, "tea every hour")

        await world.channel.say("what is there?", chat="2", sender="ben")
        await hears(world, 2)

        listed, foreign, unknown = results(world.model.prompts[3])
        assert job.owner == "test:1"
        assert listed == "Nothing is scheduled."
        assert foreign.replace("tea", "…") == unknown.replace("tee", "…")
        assert jobs(world) == [job]


async def test_a_job_with_leave_to_schedule_makes_other_jobs_of_its_chat(open_world: Opener) -> None:
    """C-19"""
    add = calls(("cron", {"action": "add", "say": "tea", "every_seconds": 3600, "name": "tea"}))
    async with open_world([add, "made"]) as world:
        parent = await add_job(world, prompt="plan the day", every="7200", name="plan", may_schedule=True)

        await go_to(world, NOON + 2 * HOUR)
        await runs_that_ended(world, 1)

        (child,) = [job for job in jobs(world) if job.uid != parent.uid]
        assert (child.name, child.schedule) == ("tea", Every(HOUR, NOON + 2 * HOUR))
        assert (child.owner, child.created_by, child.address) == ("test:1", "anna", parent.address)
        assert not child.may_schedule


async def test_a_run_without_a_chat_cannot_make_jobs(open_world: Opener) -> None:
    """AB-38"""
    add = calls(("cron", {"action": "add", "say": "tea", "every_seconds": 3600}))
    async with open_world([add, "tried"]) as world:
        await add_job(world, prompt="plan", every="7200", may_schedule=True, address=None)

        await go_to(world, NOON + 2 * HOUR)
        await runs_that_ended(world, 1)

        assert results(world.model.prompts[1])[0].startswith("there is no chat here that a job could belong to")
        assert len(jobs(world)) == 1


async def test_a_message_to_another_chat_goes_to_the_jobs_own(open_world: Opener) -> None:
    """P-62"""
    elsewhere = calls(("message", {"text": "report", "chat": "2", "channel": "test", "to": "test:2"}))
    async with open_world([elsewhere, "sent"]) as world:
        await add_job(world, prompt="report", every="3600")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
        await hears(world, 1)

        assert [parcel.address for parcel in world.channel.sent] == [ChatAddress(channel="test", chat="1")]


@pytest.mark.parametrize("person_first", [True, False])
async def test_what_a_scheduled_turn_may_not_do_a_persons_turn_beside_it_may(
    open_world: Opener, person_first: bool
) -> None:
    """P-69"""

    def script(prompt: Prompt) -> Line:
        if results(prompt):
            return results(prompt)[-1]
        name = "of the run" if prompt.context.scheduled else "of a person"
        return calls(("cron", {"action": "add", "say": "x", "every_seconds": 3600, "name": f"{name}"}))

    async with open_world(script) as world:
        for n in range(10):
            await add_job(world, prompt="look", cron="0 13 * * *", name=f"watch {n}")
        if person_first:
            await world.channel.say("add one", chat="2")
        await go_to(world, NOON + HOUR)
        if not person_first:
            await world.channel.say("add one", chat="2")
        runs = await runs_that_ended(world, 10)
        await hears(world, 1)

        assert all(run.output.startswith("a scheduled run may not add jobs") for run in runs)
        assert [job.name for job in jobs(world) if job.owner == "test:2"] == ["of a person"]
        assert len(jobs(world)) == 11

"""Reminders: exact words at a time, without a model; once, and then they are over."""

from datetime import timedelta

import pytest

from cron.job import Job, JobStatus
from cron.policy import AfterRun
from cron.run import DeliveryStatus, RunStatus, Trigger
from gateway.agent.models.scripted import HANG, calls
from gateway.errors import ErrorClass, ModelError
from gateway.messages import ChatAddress
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import SECOND, add_job, callers, go_to, hears, history, jobs, jump_to, runs_that_ended

HALF_HOUR = timedelta(minutes=30)
ADD = calls(("cron", {"action": "add", "say": "drink water", "when": "in 30 minutes"}))


async def test_a_reminder_made_in_a_chat_is_said_there_once_and_its_job_is_gone(open_world: Opener) -> None:
    async with open_world([ADD, "I will remind you."]) as world:  # AB-03, AB-08, AB-69
        await world.channel.say("remind me to drink water in 30 minutes")
        await hears(world, 1)
        (job,) = jobs(world)
        await go_to(world, NOON + HALF_HOUR - SECOND)
        before = world.channel.texts()  # P-02

        await go_to(world, NOON + HALF_HOUR)
        (run,) = await runs_that_ended(world, 1)
        await go_to(world, NOON + 2 * HALF_HOUR)

        assert before == ["I will remind you."]
        assert await hears(world, 2) == ["I will remind you.", "drink water"]
        assert jobs(world) == []
        assert (run.status, run.trigger, run.scheduled_at) == (
            RunStatus.SUCCEEDED,
            Trigger.SCHEDULE,
            NOON + HALF_HOUR,
        )
        (kept,) = await history(world, job)
        assert kept.delivery_status is DeliveryStatus.SENT
        assert len(world.model.prompts) == 2  # both of the turn that made it: a reminder asks no model


async def test_a_reminder_comes_although_no_model_answers(open_world: Opener) -> None:
    async with open_world([]) as world:
        await add_job(world, say="take your pills", at="2026-03-02T12:10")

        await go_to(world, NOON + timedelta(minutes=10))

        assert await hears(world, 1) == ["take your pills"]
        assert world.model.prompts == []
        assert await callers(world) == {"reminder": 1}


async def test_a_reminder_that_is_late_says_how_late_it_is(open_world: Opener) -> None:
    async with open_world([]) as world:  # P-14
        await add_job(world, say="leave for the train", at="2026-03-02T12:10")

        await jump_to(world, NOON + timedelta(hours=1, minutes=15))

        (text,) = await hears(world, 1)
        assert text.startswith("leave for the train")
        assert "late by 1 h 5 min" in text
        assert "2026-03-02 12:10 Mon" in text
        (run,) = await runs_that_ended(world, 1)
        assert run.trigger is Trigger.CATCH_UP
        assert run.late_by == timedelta(hours=1, minutes=5)


async def test_a_reminder_that_was_claimed_on_time_and_waited_says_how_late_it_is(open_world: Opener) -> None:
    async with open_world([]) as world:  # P-14
        job = await add_job(world, say="leave", at="2026-03-02T12:10")
        await world.gateway.lanes.stop(grace=timedelta())  # nobody works any more, and the scheduler still claims
        await go_to(world, NOON + timedelta(minutes=10))
        await until_claimed(world, job)
        world.clock.set(NOON + timedelta(minutes=40))

    async with open_world([], clock=world.clock) as later:
        (text,) = await hears(later, 1)

    assert world.channel.sent == []
    assert "late by 30 min" in text


async def test_a_reminder_waits_for_no_model_turn(open_world: Opener) -> None:
    async with open_world([HANG], cron={"max_concurrent": 1}) as world:
        await add_job(world, prompt="take the only slot", every="540")
        await add_job(world, say="leave", at="2026-03-02T12:10")
        await go_to(world, NOON + timedelta(minutes=9))
        await world.model.asked(1)

        await go_to(world, NOON + timedelta(minutes=10))

        assert await hears(world, 1) == ["leave"]
        (running,) = [run for run in await history(world) if run.status is RunStatus.RUNNING]
        world.gateway.loop.cancel(running.id)


async def until_claimed(world: World, job: Job) -> None:
    """Wait for a run of the job."""
    while not await history(world, job):
        await world.clock.advance(timedelta())


@pytest.mark.parametrize(("after_run", "status"), [("disable", JobStatus.DISABLED), ("keep", JobStatus.ENABLED)])
async def test_a_one_shot_is_kept_after_its_run_when_it_was_asked_for(
    open_world: Opener, after_run: str, status: JobStatus
) -> None:
    async with open_world([]) as world:  # C-05, NOX-04
        await add_job(world, say="stretch", at="2026-03-02T12:10", after_run=after_run)

        await go_to(world, NOON + timedelta(minutes=10))
        await runs_that_ended(world, 1)
        await go_to(world, NOON + timedelta(minutes=30))

        (job,) = jobs(world)
        assert job.after_run is AfterRun(after_run)
        assert job.status is status
        assert await hears(world, 1) == ["stretch"]


async def test_a_one_shot_that_fails_is_kept_disabled_and_its_chat_hears_why_without_a_model(
    open_world: Opener,
) -> None:
    refused = ModelError("the key is not valid", ErrorClass.PERMISSION)
    async with open_world([refused]) as world:
        await add_job(world, prompt="look at the weather", at="2026-03-02T12:10", name="weather")

        await go_to(world, NOON + timedelta(minutes=10))
        (run,) = await runs_that_ended(world, 1)

        (text,) = await hears(world, 1)
        (job,) = jobs(world)
        assert 'The job "weather"' in text
        assert "the key is not valid" in text
        assert await callers(world) == {"alert": 1}
        assert len(world.model.prompts) == 1
        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.PERMISSION)
        assert (job.status, job.status_reason) == (JobStatus.DISABLED, "the key is not valid")


async def test_a_reminder_for_a_group_thread_is_said_in_that_thread(open_world: Opener) -> None:
    add = calls(("cron", {"action": "add", "say": "stand-up", "cron_expr": "0 9 * * 1-5"}))
    async with open_world([add, "Every weekday at nine."]) as world:  # CARD-08, HP-42
        await world.channel.say("remind us of the stand-up", chat="-100:7", thread="42", sender="ben")
        await hears(world, 1)

        await go_to(world, NOON + timedelta(hours=21))
        await hears(world, 2)

        (job,) = jobs(world)
        reminder = world.channel.sent[1]
        assert reminder.address == ChatAddress(channel="test", chat="-100:7", thread="42")
        assert (job.owner, job.created_by) == ("test:-100%3A7", "ben")
        assert job.address == reminder.address


async def test_a_group_job_returns_to_its_thread_after_a_restart(open_world: Opener) -> None:
    group = ChatAddress(channel="test", chat="-100", thread="42")
    async with open_world([]) as world:  # NOX-17
        await add_job(world, owner=group, say="stand-up", every="1h")

    async with open_world([], clock=world.clock) as world:
        await go_to(world, NOON + timedelta(hours=1))
        await hears(world, 1)

        assert world.channel.sent[0].address == group


async def test_a_one_shot_that_passed_long_ago_is_not_said_and_its_chat_is_told(open_world: Opener) -> None:
    async with open_world([]) as world:
        await add_job(world, say="catch the train", at="2026-03-02T12:10", name="train")

    world.clock.set(NOON + timedelta(hours=25))
    async with open_world([], clock=world.clock) as world:  # P-11
        (text,) = await hears(world, 1)
        (run,) = await runs_that_ended(world, 1)
        (job,) = jobs(world)

        assert text.startswith('I was away, and it is too late now for what was due meanwhile:\n- "train" (')
        assert await callers(world) == {"notice": 1}
        assert (run.status, run.scheduled_at) == (RunStatus.MISSED, NOON + timedelta(minutes=10))
        assert job.status is JobStatus.DISABLED


async def test_a_recurring_reminder_comes_at_each_of_its_times_and_once_each(open_world: Opener) -> None:
    async with open_world([]) as world:  # AB-05
        job = await add_job(world, say="blink", every="300")

        for n in (1, 2, 3):
            await go_to(world, NOON + n * timedelta(minutes=5))
            await runs_that_ended(world, n)

        assert await hears(world, 3) == ["blink"] * 3
        found = await history(world, job)
        assert [run.scheduled_at - NOON for run in found] == [timedelta(minutes=m) for m in (15, 10, 5)]


async def test_a_job_that_is_made_while_another_is_far_away_fires_first(open_world: Opener) -> None:
    async with open_world([]) as world:  # AB-09
        await add_job(world, say="late", every="1h")
        await add_job(world, say="soon", at="2026-03-02T12:00:02")

        await world.clock.advance(timedelta(seconds=2))

        assert await hears(world, 1) == ["soon"]


async def test_a_clock_that_jumps_over_many_occurrences_makes_one_run_and_one_record_of_the_others(
    open_world: Opener,
) -> None:
    async with open_world([]) as world:  # P-04
        await add_job(world, say="tick", cron="* * * * *")

        world.clock.set(NOON + timedelta(hours=6))
        await world.clock.advance(timedelta(seconds=31))
        found = await runs_that_ended(world, 2)

        missed, ran = sorted(found, key=lambda run: run.scheduled_at)
        assert await hears(world, 1) == ["tick"]
        assert (ran.status, ran.scheduled_at) == (RunStatus.SUCCEEDED, NOON + timedelta(hours=6))
        assert (missed.status, missed.missed_count) == (RunStatus.MISSED, 359)
        assert (missed.scheduled_at, missed.missed_until) == (
            NOON + timedelta(minutes=1),
            NOON + timedelta(hours=5, minutes=59),
        )


async def test_a_clock_that_is_set_back_repeats_and_loses_nothing(open_world: Opener) -> None:
    async with open_world([]) as world:  # P-05
        await add_job(world, say="tick", every="600")
        await go_to(world, NOON + timedelta(minutes=10))
        await runs_that_ended(world, 1)

        world.clock.set(NOON - timedelta(minutes=50))
        await world.clock.advance(timedelta(seconds=31))
        again = await history(world)
        await go_to(world, NOON + timedelta(minutes=20))
        found = await runs_that_ended(world, 2)

        assert len(again) == 1
        assert [run.scheduled_at - NOON for run in found] == [timedelta(minutes=20), timedelta(minutes=10)]


async def test_a_chat_that_was_off_hears_its_reminder_when_the_channel_is_back(open_world: Opener) -> None:
    elsewhere = ChatAddress(channel="other", chat="9")
    async with open_world([]) as world:
        await add_job(world, owner=elsewhere, say="hello", at="2026-03-02T12:10")
        await go_to(world, NOON + timedelta(minutes=10))
        (run,) = await runs_that_ended(world, 1)

    async with open_world([], clock=world.clock, channel=RecordingChannel("other")) as later:
        await until(lambda: later.channel.sent)

    assert world.channel.sent == []
    assert run.delivery_status is DeliveryStatus.QUEUED
    assert later.channel.texts() == ["hello"]

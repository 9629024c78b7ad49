"""Runs that somebody ends before they begin."""

from datetime import timedelta

from cron import runs
from cron.job import JobStatus
from cron.run import RunStatus
from gateway.agent.due import Ending, EndStatus
from gateway.agent.models.scripted import HANG
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener
from tests.journeys.steps import add_job, go_to, history, jobs

TEN_PAST = "2026-03-02T12:10"
CANCELLED = Ending(status=EndStatus.CANCELLED, error="cancelled")


async def test_a_one_shot_that_is_cancelled_while_it_waits_does_not_run_and_is_over(open_world: Opener) -> None:
    async with open_world([HANG], cron={"max_concurrent": 1}) as world:  # HP-41
        first = await add_job(world, name="first", prompt="take the only slot", at=TEN_PAST)
        second = await add_job(world, name="second", prompt="wait", at=TEN_PAST)
        await go_to(world, NOON + timedelta(minutes=10))
        await world.model.asked(1)
        queued = next(run for run in await history(world) if run.status is RunStatus.QUEUED)
        running = next(run for run in await history(world) if run.status is RunStatus.RUNNING)
        now = world.clock.now()
        await world.gateway.database.write(lambda t: runs.finish(t, queued.id, CANCELLED, now=now))

        world.gateway.loop.cancel(running.id)
        await until(lambda: all(job.status is JobStatus.DISABLED for job in jobs(world)))

        assert len(world.model.prompts) == 1
        assert {run.status for run in await history(world)} == {RunStatus.CANCELLED}
        assert {job.uid for job in jobs(world)} == {first.uid, second.uid}


async def test_a_reminder_that_is_cancelled_before_it_begins_is_not_said(open_world: Opener) -> None:
    async with open_world() as world:
        job = await add_job(world, say="stretch", at=TEN_PAST)
        await world.gateway.lanes.stop(grace=timedelta())
        await go_to(world, NOON + timedelta(minutes=10))
        (queued,) = await history(world, job)
        await world.gateway.database.write(lambda t: runs.finish(t, queued.id, CANCELLED, now=NOON))

    async with open_world(clock=world.clock) as later:
        await until(lambda: [each.status for each in jobs(later)] == [JobStatus.DISABLED])

        assert later.channel.texts() == []

"""Jobs as a Go program wrote them, with its names of fields, do here what those fields say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cron.codec import Given, decode_job
from cron.job import Job
from cron.run import RunStatus
from gateway.agent.model import ModelReply
from gateway.agent.models.scripted import HANG
from gateway.errors import ErrorClass, ModelError
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import go_to, history, runs_that_ended

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


async def take(world: World, **written: Any) -> Job:
    """The job is put where jobs are kept, and taken up."""
    foreign = {"id": "0d9c4a51", "cron_expr": "0 * * * *", "prompt": "Check the build", **written}
    given = Given(uid="0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11", created_at=NOON, tz="UTC")
    job = world.gateway.store.put(replace(decode_job(foreign, given), revision=0))
    await world.gateway.cron.reload()
    return job


async def until_idle(world: World) -> None:
    """Wait until nobody is at work."""
    await until(lambda: not world.gateway.lanes.running)
    await world.clock.advance(timedelta())


async def test_the_second_run_of_a_session_key_sees_what_the_first_has_said(open_world: Opener) -> None:
    """HP-22"""
    async with open_world(["The build was red.", "It is green again."]) as world:
        await take(world, session_key="build")

        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        said = [item.text for item in world.model.prompts[1].items if isinstance(item, ModelReply)]
        assert said == ["The build was red."]


async def test_a_run_is_cancelled_after_its_timeout_in_minutes(open_world: Opener) -> None:
    """HP-28"""
    async with open_world([HANG]) as world:
        job = await take(world, timeout_mins=1, retries=0)
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)

        await world.clock.advance(MINUTE - SECOND)
        before = [run.status for run in await history(world, job)]
        await world.clock.advance(SECOND)

        (run,) = await runs_that_ended(world, 1)
        assert (before, run.status) == ([RunStatus.RUNNING], RunStatus.TIMED_OUT)


async def test_two_retries_are_three_calls(open_world: Opener) -> None:
    """HP-29"""
    busy = ModelError("come back later", ErrorClass.RATE_LIMIT, retry_after=2 * MINUTE)
    async with open_world(lambda _: busy) as world:
        job = await take(world, retries=2)

        for n in range(3):
            await go_to(world, NOON + HOUR + 2 * n * MINUTE)
            await world.model.asked(n + 1)
            await until_idle(world)
        (run,) = await runs_that_ended(world, 1)

        assert (run.job_uid, run.status, run.attempt) == (job.uid, RunStatus.FAILED, 3)
        assert len(world.model.prompts) == 3


@pytest.mark.parametrize(("silent", "tools"), [(True, 0), (False, 1)])
async def test_a_silent_job_has_no_message_tool(open_world: Opener, silent: bool, tools: int) -> None:
    """HP-37"""
    async with open_world(["looked"]) as world:
        await take(world, silent=silent)

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        (prompt,) = world.model.prompts
        assert [tool.name for tool in prompt.tools].count("message") == tools

"""The engine of runs in a whole gateway: policies as a person and a model meet them."""

import time
from datetime import timedelta
from typing import Any

import pytest

from cron.engine.places import CATCH_UPS, GAP
from cron.job import Job, Shell
from cron.run import Run, RunStatus, Trigger
from gateway.agent.model import Prompt, UserText
from gateway.agent.models.scripted import HANG, Line, calls
from gateway.errors import ErrorClass, ModelError
from tests.fakes import NOON, until
from tests.jobs import new_job
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import SECOND, add_job, go_to, hears, history, jump_to, runs_that_ended

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DOWN = ModelError("the provider is down", ErrorClass.SERVER_ERROR, retry_after=2 * MINUTE)  # not within the turn


def said_to(prompt: Prompt) -> str:
    return next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))


async def pass_until(world: World, condition: Any, *, step: timedelta = SECOND) -> None:
    """Let the time pass until something is so."""
    for _ in range(200):
        if await condition():
            return
        await world.clock.advance(step)
    raise AssertionError("it did not become so")


async def test_a_run_that_makes_way_has_ended_before_the_next_begins(open_world: Opener) -> None:
    async with open_world([HANG, "fine"]) as world:  # P-22, P-23, P-28
        await add_job(world, prompt="look", every="60", overlap="cancel_other")
        await go_to(world, NOON + MINUTE)
        await world.model.asked(1)

        await go_to(world, NOON + 2 * MINUTE)

        second, first = await runs_that_ended(world, 2)
        assert (first.status, second.status) == (RunStatus.CANCELLED, RunStatus.SUCCEEDED)
        assert first.finished_at is not None
        assert second.started_at is not None
        assert first.finished_at <= second.started_at
        assert second.started_at - (NOON + 2 * MINUTE) < 2 * SECOND


async def test_a_queued_tick_begins_within_a_second_after_the_run_before_it(open_world: Opener) -> None:
    async with open_world([HANG, "fine"]) as world:  # NOX-19, P-23
        await add_job(world, prompt="look", every="60", overlap="queue", timeout="70s", retry={"attempts": 1})
        await go_to(world, NOON + MINUTE)
        await world.model.asked(1)
        await world.clock.advance(MINUTE)
        waiting, _ = await history(world)

        await world.clock.advance(11 * SECOND)

        second, first = await runs_that_ended(world, 2)
        assert (waiting.status, waiting.started_at) == (RunStatus.QUEUED, None)
        assert (first.status, second.status) == (RunStatus.TIMED_OUT, RunStatus.SUCCEEDED)
        assert first.finished_at is not None
        assert second.started_at is not None
        assert timedelta() <= second.started_at - first.finished_at <= SECOND


async def test_a_run_whose_provider_was_down_is_tried_again_when_it_asked_for_that(open_world: Opener) -> None:
    async with open_world([DOWN, "done"]) as world:  # P-29
        job = await add_job(world, prompt="look", every="3600")
        await go_to(world, NOON + HOUR)
        await pass_until(world, lambda: _is(world, job, RunStatus.RETRY_WAIT))
        (waiting,) = await history(world)

        await go_to(world, NOON + HOUR + 2 * MINUTE + SECOND)

        (run,) = await runs_that_ended(world, 1)
        assert (run.status, run.attempt, run.error) == (RunStatus.SUCCEEDED, 2, "")
        assert waiting.retry_at is not None
        assert timedelta() <= waiting.retry_at - (NOON + HOUR + 2 * MINUTE) < SECOND
        assert len(world.model.prompts) == 2


async def test_a_run_that_has_spoken_is_not_tried_again(open_world: Opener) -> None:
    async with open_world([calls(("message", {"text": "news"})), DOWN, "never"]) as world:  # P-29, C-02
        await add_job(world, prompt="look", every="3600")

        await go_to(world, NOON + HOUR)

        (run,) = await runs_that_ended(world, 1)
        assert (run.status, run.attempt, run.error_class) == (RunStatus.FAILED, 1, ErrorClass.SERVER_ERROR)
        assert run.error == "the provider is down (not tried again: it has said or done something already)"
        assert await hears(world, 1) == ["news"]


async def test_a_permission_error_is_asked_for_once(open_world: Opener) -> None:
    async with open_world([ModelError("bad key", ErrorClass.PERMISSION), "never"]) as world:  # NOX-24
        await add_job(world, prompt="look", every="3600")

        await go_to(world, NOON + HOUR)

        (run,) = await runs_that_ended(world, 1)
        assert (run.error, len(world.model.prompts)) == ("bad key", 1)


async def test_long_runs_in_all_places_delay_no_claim(open_world: Opener) -> None:
    def script(prompt: Prompt) -> Line:
        return HANG if "slow" in said_to(prompt) else "done"

    async with open_world(script, cron={"max_concurrent": 2}) as world:  # P-24
        for n in range(2):
            await add_job(world, name=f"slow {n}", prompt="slow", at="2026-03-02T12:01", timeout="150s")
        quick = await add_job(world, name="quick", prompt="quick", cron="2-3 12 * * *", overlap="buffer_all")
        await go_to(world, NOON + MINUTE)
        await world.model.asked(2)

        await world.clock.advance(MINUTE)
        await world.clock.advance(MINUTE + SECOND)
        waiting = await history(world, quick)
        await world.clock.advance(30 * SECOND)
        await pass_until(world, lambda: _is(world, quick, RunStatus.SUCCEEDED))

        assert len(waiting) == 2
        assert all(run.late_by <= timedelta(milliseconds=100) for run in waiting)
        assert all(run.status is RunStatus.QUEUED for run in waiting)


async def test_a_chat_and_the_list_are_quick_while_many_runs_are_made_up_for(open_world: Opener) -> None:
    def script(prompt: Prompt) -> Line:
        return "hi" if "hello" in said_to(prompt) else "done"

    async with open_world(script) as world:  # P-15
        for n in range(40):
            await add_job(world, name=f"job {n}", prompt="look", every="1h")
        await jump_to(world, NOON + 80 * MINUTE)
        await world.clock.advance(30 * SECOND)
        began = time.perf_counter()

        await world.channel.say("hello")
        await until(lambda: world.channel.texts() == ["hi"])
        answered = time.perf_counter() - began
        await world.channel.say("/cron list")
        await hears(world, 2)
        listed = time.perf_counter() - began - answered

        begun = [run for run in await history(world) if run.started_at is not None]
        assert CATCH_UPS <= len(begun) <= 1 + 30 * SECOND / GAP
        assert {run.trigger for run in begun} == {Trigger.CATCH_UP}
        assert answered < 1.0
        assert listed < 1.0


async def test_a_shell_job_is_kept_and_its_runs_fail_with_the_reason(open_world: Opener) -> None:
    async with open_world([]) as world:
        job = world.gateway.store.put(
            new_job(payload=Shell(command="ls"), created_at=NOON, address=None, owner=None)
        )
        await world.gateway.cron.reload()

        await world.gateway.cron.run_now(job)

        (run,) = await runs_that_ended(world, 1)
        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.PERMISSION)
        assert run.error.startswith("shell commands wait for a sandbox")


@pytest.mark.parametrize("minutes", [1, pytest.param(10, marks=pytest.mark.nightly)])
async def test_a_run_ends_at_its_own_time_limit_else_after_ten_minutes(open_world: Opener, minutes: int) -> None:
    async with open_world([HANG]) as world:  # P-28, HP-28
        limit = {} if minutes == 10 else {"timeout": f"{minutes}m"}
        await add_job(world, prompt="look", every="3600", retry={"attempts": 1}, **limit)
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)

        await world.clock.advance(minutes * MINUTE)

        (run,) = await runs_that_ended(world, 1)
        assert run.status is RunStatus.TIMED_OUT
        assert run.started_at is not None
        assert run.finished_at is not None
        assert abs(run.finished_at - run.started_at - minutes * MINUTE) <= SECOND


async def _is(world: World, job: Job, status: RunStatus) -> bool:
    found: list[Run] = await history(world, job)
    return bool(found) and all(run.status is status for run in found)

"""The wall clock is set forward and back under a whole gateway, and the machine sleeps."""

from datetime import timedelta

import pytest

from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, go_to, history, runs_that_ended

NOTICED = timedelta(seconds=31)  # P-03: no timer is longer than 30 s
MINUTE = timedelta(minutes=1)


async def _pass_minutes(world: World, minutes: int) -> None:
    """Let minutes pass, in which each run has the time to end."""
    for _ in range(minutes):
        await go_to(world, world.clock.now() + MINUTE)
        await until(lambda: not world.gateway.lanes.running)


async def test_a_jump_of_six_hours_makes_one_run_and_one_record_of_what_was_missed(open_world: Opener) -> None:
    async with open_world() as world:
        job = await add_job(world, say="tick", cron="* * * * *")
        world.clock.set(NOON + timedelta(hours=6, seconds=5))

        await world.clock.advance(NOTICED)
        await runs_that_ended(world, 2)

        run, missed = sorted(await history(world, job), key=lambda run: run.status == "missed")
        assert (run.status, run.scheduled_at) == ("succeeded", NOON + timedelta(hours=6))  # P-04
        assert (missed.status, missed.scheduled_at) == ("missed", NOON + MINUTE)
        assert missed.missed_count == 6 * 60 - 1  # P-12
        assert world.channel.texts() == ["tick"]


async def test_a_one_shot_that_was_slept_over_runs_within_half_a_minute(open_world: Opener) -> None:
    async with open_world() as world:
        await add_job(world, say="tea", when="in 10 minutes")
        world.clock.set(NOON + timedelta(hours=2))

        await world.clock.advance(NOTICED)
        (run,) = await runs_that_ended(world, 1)

        assert run.late_by >= timedelta(hours=1, minutes=50)
        assert "late by 1 h 50 min" in world.channel.texts()[0]  # P-14


@pytest.mark.parametrize("back", [timedelta(minutes=3), timedelta(hours=1)])
async def test_a_clock_that_is_set_back_repeats_no_run_and_loses_none(open_world: Opener, back: timedelta) -> None:
    async with open_world() as world:
        job = await add_job(world, say="tick", cron="* * * * *")
        await _pass_minutes(world, 5)
        world.clock.set(world.clock.now() - back)
        await _pass_minutes(world, 2)
        while_back = len(await history(world, job))
        world.clock.set(NOON + timedelta(minutes=7))
        await _pass_minutes(world, 2)

        found = await history(world, job)

        covered = sum(run.missed_count if run.status == "missed" else 1 for run in found)
        ran = sorted(run.scheduled_at for run in found if run.status == "succeeded")
        assert while_back == 5
        assert len(set(ran)) == len(ran)  # P-05
        assert ran[:5] == [NOON + n * MINUTE for n in range(1, 6)]
        assert covered == 9  # P-12


async def test_a_clock_that_is_set_back_while_a_chat_is_talked_to_delays_no_answer(open_world: Opener) -> None:
    async with open_world(lambda _: "hello") as world:
        await world.channel.say("one")
        await until(lambda: len(world.channel.sent) == 1)
        world.clock.set(NOON - timedelta(hours=1))
        await world.channel.say("two")

        await until(lambda: len(world.channel.sent) == 2)

        assert world.channel.texts() == ["hello", "hello"]

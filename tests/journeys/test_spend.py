"""What models cost: caps that stop runs, and say so once."""

from dataclasses import replace
from datetime import timedelta

from cron.endings import spent
from cron.job import Job
from cron.policy import SpendCap
from cron.run import Run, RunStatus
from gateway.agent.model import Usage
from gateway.agent.models.scripted import calls, says
from gateway.errors import ErrorClass
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, go_to, hears, runs_that_ended

HOUR = timedelta(hours=1)
COSTLY = Usage(input_tokens=700, output_tokens=300)


async def job_with(world: World, name: str, **cap: int) -> Job:
    job = await add_job(world, name=name, prompt="What is new?", every="1h")
    changed = world.gateway.store.put(replace(job, spend=SpendCap(**cap)))
    await world.gateway.cron.reload()
    return changed


async def hourly(world: World, hours: int, *, runs: int = 1) -> list[Run]:
    """The runs of so many hours from noon on, newest first."""
    for n in range(1, hours + 1):
        await go_to(world, NOON + n * HOUR)
        found = await runs_that_ended(world, n * runs)
    return found


async def test_a_job_that_has_spent_its_day_runs_no_more_until_the_next_and_its_chat_is_told_once(
    open_world: Opener,
) -> None:
    async with open_world(lambda _: says("nothing new", usage=COSTLY)) as world:
        job = await job_with(world, "news", tokens_per_day=1_500)

        found = await hourly(world, 12)

        asked_on_the_first_day = 2
        refused = [run for run in found if run.status is RunStatus.FAILED]
        assert len(refused) == 11 - asked_on_the_first_day
        assert {run.error_class for run in refused} == {ErrorClass.PERMISSION}
        assert "the spend cap of this job, 1,500 tokens a day, is reached" in refused[0].error
        assert found[0].status is RunStatus.SUCCEEDED  # midnight
        assert len(world.model.prompts) == asked_on_the_first_day + 1
        (text,) = await hears(world, 1)
        assert text.startswith(f'The job "news" ({job.id}) does not run: the spend cap of this job')


async def test_the_jobs_of_a_chat_share_what_its_owner_may_spend(open_world: Opener) -> None:
    limits = {"tokens_per_day": 2_000}
    async with open_world(lambda _: says("nothing new", usage=COSTLY), limits=limits) as world:
        await job_with(world, "news")
        await job_with(world, "weather")

        found = await hourly(world, 2, runs=2)

        assert [run.status for run in found].count(RunStatus.SUCCEEDED) == 2
        (text,) = await hears(world, 1)
        assert "the spend cap of this chat, 2,000 tokens a day, is reached" in text
        of_owner = await world.gateway.database.read(lambda t: spent.spent_on(t, "2026-03-02", "owner:test:1"))
        assert of_owner.tokens == 2_000


async def test_a_run_is_stopped_when_it_has_spent_what_it_may(open_world: Opener) -> None:
    looking = calls(("cron", {"action": "list"}), usage=COSTLY)
    async with open_world(lambda _: looking) as world:
        await job_with(world, "news", tokens_per_run=2_500)

        (run,) = await hourly(world, 1)

        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.PERMISSION)
        assert "spend cap" in run.error
        assert (len(world.model.prompts), run.input_tokens + run.output_tokens) == (3, 3_000)


async def test_money_is_counted_by_the_configured_price(open_world: Opener) -> None:
    price = {"price": {"input": 10.0, "output": 100.0}}
    async with open_world(lambda _: says("nothing new", usage=COSTLY), model=price) as world:
        await job_with(world, "news")

        await hourly(world, 1)

        (of_job, _) = await world.gateway.database.read(lambda t: spent.report(t, "2026-03-02"))
        assert round(of_job.money, 6) == 0.037


async def test_a_conversation_draws_on_the_same_cap_and_says_when_it_is_reached(open_world: Opener) -> None:
    limits = {"tokens_per_day": 2_000}
    async with open_world(lambda _: says("hello", usage=COSTLY), limits=limits) as world:
        await job_with(world, "news")
        await hourly(world, 1)
        await world.channel.say("hello?")
        await hears(world, 1)
        await world.channel.say("still there?")
        _, refused = await hears(world, 2)

        assert refused == (
            "I could not finish this: the spend cap of this chat, 2,000 tokens a day, is reached until the end of "
            "2026-03-02 (UTC)."
        )
        assert len(world.model.prompts) == 2
        of_owner = await world.gateway.database.read(lambda t: spent.spent_on(t, "2026-03-02", "owner:test:1"))
        assert of_owner.tokens == 2_000

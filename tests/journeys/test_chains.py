"""Jobs that follow from each other."""

from dataclasses import replace
from datetime import timedelta

from cron.job import Job
from cron.policy import Then, ThenOn
from cron.run import RunStatus, Trigger
from gateway.agent.models.scripted import calls
from gateway.errors import ErrorClass, ModelError
from gateway.events import Happened
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, go_to, hears, history, runs_that_ended

HOUR = timedelta(hours=1)
REFUSED = ModelError("the key is refused", ErrorClass.PERMISSION)


async def then(world: World, job: Job, *following: Then) -> Job:
    changed = world.gateway.store.put(replace(job, then=following))
    await world.gateway.cron.reload()
    return changed


async def test_a_job_starts_the_next_one_as_soon_as_it_has_succeeded(open_world: Opener) -> None:
    script = ["fetched", calls(("message", {"text": "the report"})), "reported"]
    async with open_world(script) as world:
        report = await add_job(world, name="report", prompt="Write the report.", at="2027-01-01T00:00")
        fetch = await add_job(world, name="fetch", prompt="Fetch the numbers.", every="1h")
        await then(world, fetch, Then(job=report.uid))

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 2)

        assert await hears(world, 1) == ["the report"]
        (run,) = await history(world, report)
        (first,) = await history(world, fetch)
        assert (run.trigger, run.occurrence, run.status) == (
            Trigger.CHAIN,
            f"then:{first.id}",
            RunStatus.SUCCEEDED,
        )
        assert run.trace_id == first.trace_id
        assert report.uid in world.gateway.store.load()  # it has its own time still


async def test_what_follows_from_a_failure_needs_no_model(open_world: Opener) -> None:
    async with open_world([REFUSED, REFUSED]) as world:
        tell = await add_job(world, name="tell", say="the backup needs a hand", at="2027-01-01T00:00")
        never = await add_job(world, name="never", say="all is well", at="2027-01-01T00:00")
        backup = await add_job(world, name="backup", prompt="Make the backup.", every="1h")
        await then(world, backup, Then(on=ThenOn.FAILURE, job=tell.uid), Then(on=ThenOn.SUCCESS, job=never.uid))

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 2)

        assert await hears(world, 1) == ["the backup needs a hand"]


async def test_a_chain_of_several_jobs_runs_to_its_end(open_world: Opener) -> None:
    async with open_world(lambda _: "done") as world:
        third = await add_job(world, name="third", say="finished", at="2027-01-01T00:00")
        second = await add_job(world, name="second", prompt="Go on.", at="2027-01-01T00:00")
        first = await add_job(world, name="first", prompt="Begin.", every="1h")
        await then(world, second, Then(on=ThenOn.DONE, job=third.uid))
        await then(world, first, Then(job=second.uid))

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 3)

        assert await hears(world, 1) == ["finished"]


async def test_a_run_can_raise_an_event_that_this_process_hears_of(open_world: Opener) -> None:
    async with open_world(lambda _: "done") as world:  # NOX-46
        heard: list[Happened] = []
        world.gateway.bus.listen(heard.append)
        job = await add_job(world, name="fetch", prompt="Fetch the numbers.", every="1h")
        await then(world, job, Then(event="numbers"))

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)
        await until(lambda: heard)

        assert [(event.kind, event.subject, event.body["run"]) for event in heard] == [
            ("event", "numbers", run.id)
        ]


async def test_a_run_whose_follower_was_removed_succeeds_all_the_same(open_world: Opener) -> None:
    async with open_world(lambda _: "done") as world:
        gone = await add_job(world, name="gone", say="never", at="2027-01-01T00:00")
        job = await add_job(world, name="fetch", prompt="Fetch the numbers.", every="1h")
        await then(world, job, Then(job=gone.uid))
        world.gateway.store.remove(gone.uid)
        await world.gateway.cron.reload()

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert run.status is RunStatus.SUCCEEDED
        assert world.channel.texts() == []

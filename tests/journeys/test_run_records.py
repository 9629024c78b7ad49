"""What is recorded of runs, and shown of jobs, in a whole gateway."""

from datetime import timedelta

from cron import overview
from cron.book import OPERATOR
from cron.job import Job
from cron.overview import Facts
from gateway.agent.models.scripted import HANG, calls
from gateway.cli.cron_document import run_document
from gateway.errors import ErrorClass, ModelError
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import SECOND, add_job, go_to, history, runs_that_ended

HOUR = timedelta(hours=1)
BROKEN = ModelError("bad key", ErrorClass.PERMISSION)


async def shown(world: World, job: Job) -> Facts:
    now = world.clock.now()
    return (await world.gateway.database.read(lambda t: overview.facts_of(t, [job], now)))[job.uid]


async def test_a_run_is_recorded_with_all_that_happened_to_it(open_world: Opener) -> None:
    """HP-51, HP-52, HP-53, HP-54, HP-55, HP-56, HP-77, NOX-49, NOX-50"""
    async with open_world([HANG]) as world:
        job = await add_job(world, prompt="look", every="3600", timeout="20s", retry={"attempts": 1})
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)
        (running,) = await history(world)
        await world.clock.advance(20 * SECOND)
        await runs_that_ended(world, 1)

        (run,) = await history(world)

        document = run_document(run)
        assert run_document(running)["status"] == "running"
        assert document["id"] == running.id
        assert (document["job_id"], document["job_uid"]) == (job.id, job.uid)
        assert (document["status"], document["error_class"]) == ("timed_out", "timeout")
        assert run.started_at is not None
        assert run.finished_at is not None
        assert timedelta() <= run.finished_at - run.started_at - 20 * SECOND < SECOND
        assert document["duration_ms"] == round((run.finished_at - run.started_at).total_seconds() * 1000)


async def test_a_failure_is_recorded_and_shown_until_a_success(open_world: Opener) -> None:
    """HP-44, HP-45, HP-46, HP-51, HP-57, HP-77, NOX-51, NOX-52"""
    async with open_world([BROKEN, calls(("message", {"text": "hi"})), "the news"]) as world:
        job = await add_job(world, prompt="look", every="3600")
        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
        failed = await shown(world, job)

        await go_to(world, NOON + 2 * HOUR)
        second, first = await runs_that_ended(world, 2)
        succeeded = await shown(world, job)

        assert first.id != second.id
        assert (first.error, first.output) == ("bad key", "")
        assert (second.error, second.output) == ("", "the news")
        assert run_document(second)["error"] is None
        assert (failed.last_error, succeeded.last_error) == ("bad key", "")
        assert failed.last_run is not None
        assert succeeded.last_run is not None
        assert failed.last_run < succeeded.last_run == second.started_at
        assert succeeded.next_run == world.gateway.cron.next_fire == NOON + 3 * HOUR
        assert world.gateway.scheduling.book.find(job.id, OPERATOR).uid == job.uid

"""A scheduler that takes jobs, keeps their time and runs them; an executor that works in sessions."""

from datetime import timedelta
from pathlib import Path

from cron import runs
from cron.job import AgentPrompt
from cron.run import RunStatus
from cron.schedule import Every
from tests.engine import MINUTE, open_desk
from tests.fakes import NOON
from tests.journeys.conftest import Opener
from tests.journeys.steps import add_job, go_to, rows, runs_that_ended

HOUR = timedelta(hours=1)


async def test_the_scheduler_takes_jobs_keeps_their_time_and_runs_them(tmp_path: Path) -> None:
    """HP-02"""
    async with open_desk(tmp_path) as desk:
        job = desk.put(schedule=Every(MINUTE, NOON))
        await desk.service.reload()
        upcoming = desk.service.next_fire

        early = await desk.tick(NOON + MINUTE / 2)
        due = await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[0])
        desk.store.remove(job.uid)
        await desk.service.reload()
        gone = await desk.tick(NOON + 5 * MINUTE)

        assert upcoming == NOON + MINUTE
        assert (early, due, gone) == (0, 1, 0)
        assert await desk.states() == [RunStatus.SUCCEEDED]
        assert desk.service.next_fire is None


async def test_an_executor_is_given_the_job_its_session_its_folder_and_its_prompt(tmp_path: Path) -> None:
    """HP-76"""
    async with open_desk(tmp_path) as desk:
        job = desk.put(payload=AgentPrompt(prompt="Check the build"), session="session:ci", work_dir="reports")
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)

        (given,) = desk.published
        found = await desk.database.read(lambda t: runs.job_of(t, desk.given[0]))

        assert found is not None
        assert (given.sender_id, given.text) == (f"cron:{job.id}", "Check the build")
        assert given.session_key == f"session:{job.owner}:ci"
        assert (found[1].uid, found[1].work_dir) == (job.uid, "reports")


async def test_runs_are_worked_on_in_the_session_that_their_job_names(open_world: Opener) -> None:
    """HP-05"""
    async with open_world(["one", "two", "three"]) as world:
        job = await add_job(world, name="named", prompt="look", every="1h", session="session:ci")
        await add_job(world, name="alone", prompt="look", every="2h")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
        await go_to(world, NOON + 2 * HOUR)
        await runs_that_ended(world, 3)

        sessions = [name for (name,) in await rows(world, "SELECT session FROM turns ORDER BY seq")]
        assert sessions.count(f"session:{job.owner}:ci") == 2
        assert sum(name.startswith("cron:") for name in sessions) == 1

"""The scheduler as a whole: it registers jobs, keeps time, runs them, and stops in order."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from cron.book import OPERATOR
from cron.forms.hotplex import runs_document
from cron.job import JobStatus
from cron.making.draft import Draft, Maker
from cron.policy import Lifecycle
from cron.run import RunStatus
from cron.runs import LONGEST_OUTPUT
from cron.schedule import Cron
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import HANG, Line
from gateway.errors import ErrorClass, ModelError, NotFoundError
from gateway.events import Happened
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener
from tests.journeys.steps import HERE, add_job, go_to, history, runs_that_ended

HOUR = timedelta(hours=1)
MAKER = Maker(now=NOON, zone="UTC", owner=HERE.owner, created_by="anna", address=HERE)
HISTORY = ("gateway.db", "gateway.db-wal", "gateway.db-shm")


async def test_a_job_is_registered_runs_on_time_pauses_resumes_and_is_removed(open_world: Opener) -> None:
    """HP-01, HP-02"""
    async with open_world(lambda _: "looked") as world:
        book, cron = world.gateway.scheduling.book, world.gateway.cron
        job = await asyncio.to_thread(book.add, Draft(cron="0 * * * *", prompt="Look at the build"), MAKER)
        await cron.reload()
        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
        assert book.list(OPERATOR) == [book.find(job.id, OPERATOR)]
        assert cron.next_fire == NOON + 2 * HOUR

        book.disable(job.id, OPERATOR)
        await cron.reload()
        paused = cron.next_fire
        await go_to(world, NOON + 2 * HOUR)
        book.enable(job.id, OPERATOR, world.clock.now())
        await cron.reload()
        await go_to(world, NOON + 3 * HOUR)
        await runs_that_ended(world, 2)
        book.remove(job.id, OPERATOR)
        await cron.reload()

        times = [run.scheduled_at for run in await history(world, job) if run.status is RunStatus.SUCCEEDED]
        assert job.schedule == Cron("0 * * * *", "UTC")
        assert times == [NOON + 3 * HOUR, NOON + HOUR]
        assert [paused, cron.next_fire] == [None, None]
        with pytest.raises(NotFoundError):
            book.find(job.id, OPERATOR)


async def test_of_six_slow_runs_four_work_at_once_and_the_others_after_them(open_world: Opener) -> None:
    """HP-09"""
    free, working, most = asyncio.Event(), 0, 0

    async def slow(_prompt: Prompt) -> Line:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await free.wait()
        working -= 1
        return "done"

    async with open_world(slow) as world:  # with the places of the default configuration
        for n in range(6):
            await add_job(world, prompt="work", every="3600", name=f"job {n}")
        await go_to(world, NOON + HOUR)
        await world.model.asked(4)
        begun = sorted(run.status for run in await history(world))
        free.set()

        ended = await runs_that_ended(world, 6)

    assert begun == [RunStatus.QUEUED] * 2 + [RunStatus.RUNNING] * 4
    assert most == 4
    assert {run.status for run in ended} == {RunStatus.SUCCEEDED}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("Nothing new.", "run.completed"),  # HP-39
        (ModelError("the key is refused", ErrorClass.PERMISSION), "run.failed"),  # HP-40
    ],
)
async def test_the_end_of_a_run_is_an_event_that_listeners_of_the_bus_hear(
    open_world: Opener, answer: Line, kind: str
) -> None:
    async with open_world([answer]) as world:
        heard: list[Happened] = []
        world.gateway.bus.listen(heard.append)
        job = await add_job(world, prompt="What is new?", every="3600")
        world.gateway.store.put(replace(job, notify_on=(Lifecycle.COMPLETED, Lifecycle.FAILED)))
        await world.gateway.cron.reload()

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)
        await until(lambda: heard)

        assert [(event.kind, event.subject) for event in heard] == [(kind, run.id)]


async def test_a_record_holds_the_final_text_up_to_a_size_and_no_empty_one(open_world: Opener) -> None:
    """HP-59"""
    async with open_world(["Nothing new.", "", "x" * (LONGEST_OUTPUT + 5)]) as world:
        await add_job(world, prompt="look", every="3600")
        for n in (1, 2, 3):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        long, empty, short = cast("list[dict[str, str]]", runs_document(await history(world)))

        assert short["response"] == "Nothing new."
        assert "response" not in empty
        assert long["response"] == "x" * LONGEST_OUTPUT + "\n[cut: 5 more characters]"


async def test_jobs_fire_in_a_home_that_has_lost_its_history(open_world: Opener) -> None:
    """HP-67"""
    async with open_world(["one"]) as world:
        job = await add_job(world, prompt="look", every="3600")
        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
    for name in HISTORY:
        (world.home.path / name).unlink(missing_ok=True)

    async with open_world(lambda _: "two", clock=world.clock) as later:
        await go_to(later, NOON + 2 * HOUR)
        await until(lambda: later.model.prompts)
        await later.clock.advance(timedelta())

        assert later.gateway.cron.jobs[job.uid].status is JobStatus.ENABLED
        assert NOON + 2 * HOUR in [run.scheduled_at for run in await history(later, job)]


async def test_a_stop_waits_for_a_run_that_is_nearly_done(open_world: Opener) -> None:
    """HP-69"""
    asked, free = asyncio.Event(), asyncio.Event()

    async def slow(_prompt: Prompt) -> Line:
        asked.set()
        await free.wait()
        return "done in time"

    async with open_world(slow) as world:
        job = await add_job(world, prompt="work", every="3600")
        await go_to(world, NOON + HOUR)
        await asked.wait()
        asyncio.get_running_loop().call_later(0.1, free.set)  # while it stops

    async with open_world([], clock=world.clock) as later:
        (run,) = await history(later, job)
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "done in time")
        assert later.model.prompts == []


@pytest.mark.nightly  # a stop waits its five seconds for the model
async def test_a_run_that_a_stop_has_cut_off_goes_on_at_the_next_start(open_world: Opener) -> None:
    """HP-69"""
    async with open_world([HANG]) as world:
        job = await add_job(world, prompt="work", every="3600")
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)

    async with open_world(["done"], clock=world.clock) as later:
        await runs_that_ended(later, 1)

        (run,) = await history(later, job)
        assert (run.status, run.attempt, run.output) == (RunStatus.SUCCEEDED, 1, "done")

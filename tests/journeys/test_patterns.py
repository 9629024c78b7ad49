"""The usual patterns of jobs, from their schedule to the words in the chat, on a clock of ours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cron.job import Job, JobStatus, Say
from cron.policy import Exclude
from cron.run import Run, RunStatus
from cron.schedule import At, Cron, Every, Schedule
from cron.times.preview import fires
from cron.times.timetable import offset_of, times_of
from tests import jobs
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE, add_job, go_to, hears, history, runs_that_ended

LEFT_OUT = Exclude(weekdays=(2, 3), dates=(date(2026, 3, 6),))


async def put(world: World, schedule: Schedule, **changes: object) -> Job:
    """A job of the chat."""
    job = jobs.new_job(
        schedule=schedule,
        payload=Say(text="now"),
        address=HERE,
        owner=HERE.owner,
        created_at=world.clock.now(),
        **changes,
    )
    stored = world.gateway.store.put(job)
    await world.gateway.cron.reload()
    return stored


async def fired(world: World, job: Job, moments: list[datetime]) -> list[Run]:
    """The runs after the clock has been at each of the moments; oldest first."""
    for number, moment in enumerate(moments, 1):
        await go_to(world, moment)
        await runs_that_ended(world, number)
    return sorted(await history(world, job), key=lambda run: run.scheduled_at)


@pytest.mark.parametrize(
    ("expression", "days", "hour", "weekday"),
    [
        ("0 9 * * *", 1, 9, None),  # NOX-35: a digest every morning; PRX-51
        ("0 10 * * 1", 7, 10, 0),  # NOX-36: on Mondays
        ("0 2 * * *", 1, 2, None),  # NOX-39: an index at night
        ("0 15 * * 5", 7, 15, 4),  # NOX-40: an audit on Fridays
        ("0 1 * * *", 1, 1, None),  # NOX-41: a copy at night
    ],
)
async def test_a_job_by_the_clock_fires_at_its_hour_and_says_its_words_once(
    expression: str, days: int, hour: int, weekday: int | None, open_world: Opener
) -> None:
    async with open_world([]) as world:  # NOX-02, NOX-07
        job = await add_job(world, say="now", cron=expression)
        assert job.schedule is not None
        expected = list(fires(job.schedule, NOON, 2))

        runs = await fired(world, job, expected)

        assert [run.scheduled_at for run in runs] == expected
        assert {(run.scheduled_at.hour, run.scheduled_at.minute) for run in runs} == {(hour, 0)}
        assert weekday is None or {run.scheduled_at.weekday() for run in runs} == {weekday}
        assert runs[1].scheduled_at - runs[0].scheduled_at == timedelta(days=days)
        assert await hears(world, 2) == ["now"] * 2


async def test_a_patrol_every_thirty_minutes_fires_1800_seconds_apart(open_world: Opener) -> None:
    async with open_world([]) as world:  # NOX-37
        job = await add_job(world, say="now", every="30m")

        first, second = await fired(world, job, [NOON + timedelta(minutes=30), NOON + timedelta(hours=1)])

        assert (second.scheduled_at - first.scheduled_at).total_seconds() == 1800


@pytest.mark.parametrize("written", ["2026-03-02T12:45:00", "2026-03-02T12:45:00Z"])
async def test_a_reminder_before_a_meeting_fires_once_at_its_time(written: str, open_world: Opener) -> None:
    async with open_world([]) as world:  # NOX-03, NOX-38, AB-07
        job = await add_job(world, say="now", at=written)

        await fired(world, job, [NOON + timedelta(minutes=45)])
        await go_to(world, NOON + timedelta(days=3))

        (run,) = await history(world, job)
        assert (run.scheduled_at, run.status) == (NOON + timedelta(minutes=45), RunStatus.SUCCEEDED)
        assert await hears(world, 1) == ["now"]


@pytest.mark.parametrize(
    ("schedule", "changes"),
    [
        (Cron("30 2 * * *", "Europe/Berlin"), {"start_at": datetime(2026, 3, 28, tzinfo=UTC)}),
        (Cron("0 9 * * 1", "Europe/Berlin", 2, NOON), {"jitter": timedelta(hours=1)}),
        (Every(timedelta(hours=9), NOON), {"exclude": LEFT_OUT, "jitter": timedelta(minutes=9)}),
    ],
)
async def test_what_a_job_fires_is_what_was_previewed(
    schedule: Schedule, changes: dict[str, object], open_world: Opener
) -> None:
    async with open_world([]) as world:  # P-21, P-17
        job = await put(world, schedule, **changes)
        times = times_of(job)
        assert times is not None
        previewed = list(fires(times, NOON, 5))

        runs = await fired(world, job, previewed)

        assert [run.scheduled_at for run in runs] == previewed
        assert {run.status for run in runs} == {RunStatus.SUCCEEDED}


async def test_a_job_is_over_at_its_end_and_a_one_shot_is_moved_by_its_jitter(open_world: Opener) -> None:
    async with open_world([]) as world:
        ends = await put(world, Every(timedelta(hours=1), NOON), expires_at=NOON + timedelta(hours=2))
        once = await put(world, At(NOON + timedelta(hours=3)), jitter=timedelta(minutes=30))
        offset = offset_of(once.uid, timedelta(minutes=30))

        await fired(world, ends, [NOON + timedelta(hours=1), NOON + timedelta(hours=3) + offset])

        assert [run.scheduled_at for run in await history(world, ends)] == [NOON + timedelta(hours=1)]
        assert [run.scheduled_at for run in await history(world, once)] == [NOON + timedelta(hours=3) + offset]


async def test_a_job_with_an_expression_a_prompt_and_a_folder_is_added_and_runs(open_world: Opener) -> None:
    async with open_world(["looked", "looked"]) as world:  # HP-13, AB-06
        job = await add_job(world, prompt="look at the build", cron="*/30 * * * *", work_dir="builds")

        runs = await fired(world, job, [NOON + timedelta(minutes=30), NOON + timedelta(minutes=60)])

        assert (job.status, job.work_dir) == (JobStatus.ENABLED, "builds")
        assert [run.status for run in runs] == [RunStatus.SUCCEEDED] * 2
        assert [run.scheduled_at.minute for run in runs] == [30, 0]

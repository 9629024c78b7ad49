"""What goes wrong around the engine of runs harms no other run, and loses none."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.engine import claims
from cron.job import Job, JobStatus
from cron.policy import AfterRun, Overlap
from cron.run import Run, RunStatus, Trigger
from cron.schedule import At, Every
from gateway.agent.due import Ending, EndStatus
from gateway.errors import StoreBusyError
from tests.engine import BUSY, HOUR, MINUTE, SECOND, Desk, open_desk
from tests.fakes import NOON

BROKEN = "UPDATE runs SET job = '{\"schedule\": 7' WHERE id = ?"


async def _spoil(desk: Desk, run: str) -> None:
    await desk.database.write(lambda t: t.execute(BROKEN, (run,)))


async def test_a_run_that_waits_and_cannot_be_read_ends_and_the_others_go_on(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        for _ in range(3):
            desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        first, spoiled, last = [run.id for run in await desk.history()]
        await _spoil(desk, spoiled)

        await desk.work(first)
        await desk.work(last)

        assert await desk.states() == [RunStatus.SUCCEEDED, RunStatus.INTERRUPTED, RunStatus.SUCCEEDED]
        assert "cannot be read" in (await desk.history())[1].error
        assert not desk.dispatch.places.waiting | desk.dispatch.places.working


@pytest.mark.parametrize("places", [1, 2])
async def test_a_gateway_starts_and_works_although_an_open_run_cannot_be_read(tmp_path: Path, places: int) -> None:
    async with open_desk(tmp_path, places=places) as desk:
        desk.put()
        desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        spoiled, good = [run.id for run in await desk.history()][::-1]  # with one place it waits, else it works
        await _spoil(desk, spoiled)

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store, places=places) as later:
        later.published += desk.published
        assert (await later.handler.plan(desk.published[-1], later.due(spoiled)) if places == 2 else None) is None
        await later.work(good)

        assert await later.states() == [RunStatus.SUCCEEDED, RunStatus.INTERRUPTED]


async def test_a_run_of_another_process_that_cannot_be_read_ends_when_it_is_taken_up(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job, other = desk.put(), desk.put()
        for one in (job, other):
            due = runs.occurrence(NOON, NOON, Trigger.MANUAL)
            await desk.database.write(
                lambda t, one=one, due=due: claims.claim_elsewhere(t, one, due, NOON, default_target=None)  # type: ignore[misc]
            )
        spoiled, good = [run.id for run in await desk.history()]
        await _spoil(desk, spoiled)

        desk.dispatch.refresh()
        await desk.dispatch.step()

        assert desk.given == [good]
        assert await desk.states() == [RunStatus.INTERRUPTED, RunStatus.QUEUED]


async def test_a_run_by_hand_begins_although_whoever_asked_for_it_has_gone(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put()
        await desk.service.reload()
        asking = asyncio.create_task(desk.service.run_now(job))
        await asyncio.sleep(0)

        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        while not await desk.history():
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)

        assert desk.given == [run.id for run in await desk.history()]
        assert desk.dispatch.places.working == set(desk.given)


async def test_no_place_is_lost_when_what_follows_from_cancelled_runs_cannot_be_read(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=2) as desk:
        for _ in range(4):
            desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        first, second, *waiting = [run.id for run in await desk.history()]
        cancelled = Ending(status=EndStatus.CANCELLED, error="cancelled")
        for run in waiting:
            await desk.database.write(lambda t, run=run: runs.finish(t, run, cancelled, now=NOON))  # type: ignore[misc]
        for run in (first, second):
            await desk.begin(run)
        told: list[str] = []

        async def refuse_once(run: str) -> None:
            told.append(run)
            if len(told) == 1:
                raise StoreBusyError("held by somebody")

        desk.dispatch._ended = refuse_once
        await desk.database.write(desk.handler.ending(desk.due(first), cancelled, now=NOON))
        await desk.database.write(desk.handler.ending(desk.due(second), cancelled, now=NOON))
        await desk.handler.ended(desk.due(first), cancelled)
        await desk.handler.ended(desk.due(second), cancelled)
        with pytest.raises(StoreBusyError):
            await desk.dispatch.step()
        await desk.dispatch.step()

        assert sorted(told[1:]) == sorted(waiting)
        assert not desk.dispatch.places.waiting | desk.dispatch.places.working


async def test_a_run_that_is_tried_again_is_not_forgotten_by_who_did_not_know_it(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(schedule=Every(HOUR, NOON))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        desk.dispatch.places.drop(run)

        await desk.work(run, BUSY)
        desk.clock.set(NOON + HOUR + MINUTE)
        await desk.dispatch.step()

        assert desk.given == [run, run]


async def test_a_busy_session_does_not_keep_a_job_that_falls_back_to_an_isolated_one(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(session="session:work")
        desk.put(session="session:work", schedule=Every(2 * MINUTE, NOON), overlap=Overlap.FALLBACK_ISOLATED)
        await desk.service.reload()

        await desk.tick(NOON + MINUTE)
        await desk.tick(NOON + 2 * MINUTE)

        assert len({message.session_key for message in desk.published}) == 2


# -- jobs that are over -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_run", "left"),
    [(AfterRun.DELETE, None), (AfterRun.DISABLE, JobStatus.DISABLED), (AfterRun.KEEP, JobStatus.ENABLED)],
)
async def test_a_job_is_over_after_the_last_run_before_it_expires(
    tmp_path: Path, after_run: AfterRun, left: JobStatus | None
) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(expires_at=NOON + 2 * MINUTE + SECOND, after_run=after_run)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[-1])
        before = desk.store.load().get(job.uid)
        await desk.tick(NOON + 2 * MINUTE)
        await desk.work(desk.given[-1])

        found = desk.store.load().get(job.uid)
        assert before == job
        assert len(desk.given) == 2
        assert (found and found.status) == left


async def test_what_a_crash_left_of_a_job_that_has_expired_is_settled_at_the_start(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(expires_at=NOON + MINUTE + SECOND)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        due, done = desk.due(desk.given[0]), Ending(status=EndStatus.SUCCEEDED)
        await desk.begin(due.run)
        await desk.database.write(desk.handler.ending(due, done, now=NOON + MINUTE))

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store) as later:
        assert job.uid not in later.store.load()


async def test_a_job_that_is_resumed_before_the_scheduler_has_seen_it_has_not_expired(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(expires_at=NOON + HOUR)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        paused = desk.store.put(_changed(desk, job.uid, status=JobStatus.PAUSED))
        await desk.service.reload()
        desk.store.put(_changed(desk, paused.uid, status=JobStatus.ENABLED))

        await desk.work(desk.given[0])

        assert job.uid in desk.store.load()


def _changed(desk: Desk, uid: str, **changes: Any) -> Job:
    return replace(desk.store.load()[uid], changed_at=desk.clock.now(), **changes)


async def test_only_the_jobs_of_a_round_are_looked_at_when_one_of_them_is_over(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        kept = desk.put(schedule=At(NOON + SECOND), after_run=AfterRun.KEEP)
        desk.put(overlap=Overlap.SKIP)
        await desk.service.reload()
        await desk.tick(NOON + SECOND)
        await desk.work(desk.given[0])
        looked: list[str] = []

        async def note(run: Run) -> None:
            looked.append(run.job_uid)

        desk.service._settle = note
        await desk.tick(NOON + MINUTE)
        await desk.tick(NOON + 2 * MINUTE)  # skipped

        assert kept.uid not in looked

"""max_runs: a job that has had all its runs is over."""

from dataclasses import replace
from pathlib import Path

import pytest

from cron.job import JobStatus
from cron.policy import AfterRun, Backoff, Retry
from tests.engine import BUSY, MINUTE, SECOND, open_desk
from tests.fakes import NOON


@pytest.mark.parametrize(
    ("after_run", "left"),
    [(AfterRun.DELETE, None), (AfterRun.DISABLE, JobStatus.DISABLED), (AfterRun.KEEP, JobStatus.ENABLED)],
)
async def test_a_job_is_over_after_its_last_run(
    tmp_path: Path, after_run: AfterRun, left: JobStatus | None
) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(max_runs=2, after_run=after_run)
        await desk.service.reload()
        for n in (1, 2):
            await desk.tick(NOON + n * MINUTE)
            await desk.work(desk.given[-1])
        await desk.service.reload()
        await desk.tick(NOON + 3 * MINUTE)

        found = desk.store.load().get(job.uid)
        assert len(desk.given) == 2
        assert (found and found.status) == left
        assert desk.service.next_fire is None


async def test_max_runs_counts_no_run_by_hand_no_skipped_one_and_no_attempt_twice(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(max_runs=2, retry=Retry(backoff=Backoff.FAST))
        await desk.service.reload()
        by_hand = await desk.service.run_now(job)
        await desk.tick(NOON + MINUTE)  # skipped
        await desk.work(by_hand)
        await desk.tick(NOON + 2 * MINUTE)
        await desk.work(desk.given[-1], BUSY)
        desk.clock.set(NOON + 2 * MINUTE + SECOND)
        await desk.dispatch.step()
        await desk.work(desk.given[-1])

        assert desk.service.agenda.cursors[job.uid].runs == 1
        assert job.uid in desk.store.load()


async def test_max_runs_holds_over_a_restart_and_may_be_raised(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-18
        job = desk.put(max_runs=1, after_run=AfterRun.KEEP)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[-1])

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store) as later:
        none = await later.tick(NOON + 10 * MINUTE)
        stored = later.store.load()[job.uid]
        later.store.put(replace(stored, max_runs=2))
        await later.service.reload()
        back_dated = await later.tick(NOON + 10 * MINUTE)
        one = await later.tick(NOON + 11 * MINUTE)
        await later.work(later.given[-1])
        over = await later.tick(NOON + 12 * MINUTE)

        assert (none, back_dated, one, over) == (0, 0, 1, 0)


async def test_a_job_that_is_enabled_again_after_all_its_runs_has_them_anew(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(max_runs=1, after_run=AfterRun.DISABLE)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[-1])
        await desk.service.reload()
        stopped = desk.store.load()[job.uid]
        desk.store.put(replace(stopped, status=JobStatus.ENABLED, changed_at=desk.clock.now()))
        await desk.service.reload()

        made = [await desk.tick(NOON + n * MINUTE) for n in (1, 2)]
        await desk.work(desk.given[-1])

        assert stopped.status is JobStatus.DISABLED
        assert made == [0, 1]
        assert desk.store.load()[job.uid].status is JobStatus.DISABLED

"""Retry: a run that failed with an error that may pass is tried again."""

from pathlib import Path

import pytest

from cron import runs
from cron.forms.hotplex import runs_document
from cron.overview import facts_of
from cron.policy import Backoff, Overlap, Retry
from cron.run import RunStatus
from cron.schedule import Every
from gateway.agent.due import Ending, EndStatus
from gateway.errors import ErrorClass
from tests.engine import BUSY, HOUR, MINUTE, SECOND, open_desk
from tests.fakes import NOON
from tests.parts import rows


async def test_a_run_that_fails_is_tried_three_times_in_all_and_counted_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # NOX-21, HP-29, HP-47, HP-58
        job = desk.put(schedule=Every(HOUR, NOON), retry=Retry(backoff=Backoff.FAST))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        waits = []
        for _ in range(2):
            await desk.work(run, BUSY)
            (waiting,) = await desk.history()
            assert waiting.retry_at is not None
            waits.append((waiting.status, (waiting.retry_at - desk.clock.now()).total_seconds()))
            desk.clock.set(waiting.retry_at)
            await desk.dispatch.step()

        await desk.work(run, BUSY)

        (done,) = await desk.history()
        assert waits == [(RunStatus.RETRY_WAIT, 1), (RunStatus.RETRY_WAIT, 2)]
        assert desk.given == [run] * 3
        assert (done.status, done.attempt, done.error) == (RunStatus.FAILED, 3, "busy (tried 3 times)")
        assert done.error_class is ErrorClass.RATE_LIMIT  # NOX-25
        assert await rows(desk.database, "SELECT n, error_class FROM attempts ORDER BY n") == [
            (n, "rate_limit") for n in (1, 2, 3)
        ]
        assert await rows(desk.database, "SELECT count FROM starts") == [(1,)]
        assert desk.service.agenda.cursors[job.uid].runs == 1


async def test_a_run_that_succeeds_at_last_is_one_run_with_its_retries(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # HP-08, HP-47, HP-58
        job = desk.put(schedule=Every(HOUR, NOON), retry=Retry(attempts=4, backoff=Backoff.FAST))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        waits = []
        for _ in range(3):
            await desk.work(run, BUSY)
            (waiting,) = await desk.history()
            assert waiting.retry_at is not None
            waits.append((waiting.retry_at - desk.clock.now()).total_seconds())
            desk.clock.set(waiting.retry_at)
            await desk.dispatch.step()

        await desk.work(run)

        history = await desk.history()
        facts = await desk.database.read(lambda t: facts_of(t, [job], desk.clock.now()))
        assert waits == [1, 2, 4]
        assert [(one["status"], one["retry_count"]) for one in runs_document(history)] == [("succeeded", 3)]
        assert facts[job.uid].run_count == 1


async def test_six_attempts_come_after_the_five_standard_delays(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # NOX-22
        desk.put(schedule=Every(24 * HOUR, NOON), retry=Retry(attempts=6))
        await desk.service.reload()
        await desk.tick(NOON + 24 * HOUR)
        (run,) = desk.given
        waits = []
        for _ in range(5):
            await desk.work(run, BUSY)
            (waiting,) = await desk.history()
            assert waiting.retry_at is not None
            waits.append((waiting.retry_at - desk.clock.now()).total_seconds())
            desk.clock.set(waiting.retry_at - SECOND)
            assert await desk.dispatch.step() == 0
            desk.clock.set(waiting.retry_at)
            await desk.dispatch.step()

        await desk.work(run, BUSY)

        assert waits == [pytest.approx(due, rel=0.1) for due in (30, 60, 300, 900, 3600)]
        assert desk.given == [run] * 6
        assert await desk.states() == [RunStatus.FAILED]


async def test_each_attempt_is_a_turn_of_its_own_that_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(schedule=Every(HOUR, NOON), retry=Retry(backoff=Backoff.FAST))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        await desk.work(run, BUSY)

        desk.clock.set(NOON + HOUR + SECOND)
        await desk.dispatch.step()
        await desk.work(run)

        (done,) = await desk.history()
        assert [message.session_key for message in desk.published] == [
            f"cron:{job.id}:{run}",
            f"cron:{job.id}:{run}.2",
        ]
        assert (done.status, done.attempt, done.error) == (RunStatus.SUCCEEDED, 2, "")


async def test_a_run_that_waits_for_its_next_attempt_is_tried_after_a_restart(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-29
        desk.put(schedule=Every(HOUR, NOON), retry=Retry(backoff=(10 * SECOND,)))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        await desk.work(run, BUSY)

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store) as later:
        early = await later.dispatch.step()
        later.clock.set(NOON + HOUR + 10 * SECOND)
        await later.dispatch.step()
        await later.work(run)

        assert early == 0
        assert later.given == [run]
        assert await later.states() == [RunStatus.SUCCEEDED]


async def test_a_retry_that_would_come_after_the_next_occurrence_is_dropped(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-29
        desk.put(retry=Retry(backoff=(MINUTE,)))
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)

        await desk.work(desk.given[0], BUSY)

        (run,) = await desk.history()
        assert run.status is RunStatus.FAILED
        assert run.error == "busy (not tried again: the next occurrence comes first)"


async def test_a_run_that_waits_for_its_next_attempt_keeps_later_ones_waiting(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(schedule=Every(HOUR, NOON), overlap=Overlap.BUFFER_ONE, retry=Retry(backoff=(MINUTE,)))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        await desk.work(run, BUSY)
        other = await desk.service.run_now(job)
        await desk.dispatch.step()
        meanwhile = list(desk.given)

        desk.clock.set(NOON + HOUR + MINUTE)
        await desk.dispatch.step()
        await desk.work(run)

        assert meanwhile == [run]
        assert desk.given == [run, run, other]


async def test_a_run_that_is_cancelled_before_its_next_attempt_is_over(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(schedule=Every(HOUR, NOON), retry=Retry(backoff=(10 * SECOND,)))
        await desk.service.reload()
        await desk.tick(NOON + HOUR)
        (run,) = desk.given
        await desk.work(run, BUSY)
        ended = Ending(status=EndStatus.CANCELLED, error="cancelled")
        await desk.database.write(lambda t: runs.finish(t, run, ended, now=desk.clock.now()))
        desk.dispatch.refresh()

        desk.clock.set(NOON + HOUR + 10 * SECOND)
        await desk.dispatch.step()

        assert desk.given == [run]
        assert await desk.states() == [RunStatus.CANCELLED]
        assert not desk.dispatch.places.waiting

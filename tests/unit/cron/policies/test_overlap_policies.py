"""Overlap: what becomes of an occurrence while another run of its job is open."""

from pathlib import Path

import pytest

from cron.engine.dispatch import GRACE
from cron.policy import Misfire, Overlap, Retry
from cron.run import RunStatus
from gateway.agent.due import Ending, EndStatus
from gateway.errors import UserError
from tests.engine import BUSY, HOUR, MINUTE, SECOND, open_desk
from tests.fakes import NOON


async def test_ten_ticks_during_one_slow_run_give_one_run_by_default(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # NOX-18, NOX-45, P-23
        desk.put()
        await desk.service.reload()

        for n in range(1, 11):
            await desk.tick(NOON + n * MINUTE)

        first, *others = await desk.history()
        assert desk.given == [first.id]
        assert [run.status for run in others] == [RunStatus.SKIPPED] * 9
        assert {run.error for run in others} == {f"run {first.id} of this job is not over"}


async def test_buffer_one_keeps_one_waiting_which_begins_when_the_other_ends(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # NOX-19, P-23
        desk.put(overlap=Overlap.BUFFER_ONE)
        await desk.service.reload()
        for n in (1, 2, 3):
            await desk.tick(NOON + n * MINUTE)
        before = list(desk.given)

        await desk.work(before[0])

        first, second, third = await desk.history()
        assert before == [first.id]
        assert desk.given == [first.id, second.id]
        assert (third.status, third.error) == (RunStatus.SKIPPED, f"run {second.id} of this job waits already")


async def test_buffer_all_keeps_a_hundred_waiting_and_records_the_rest(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-23
        desk.put(overlap=Overlap.BUFFER_ALL)
        await desk.service.reload()

        for n in range(1, 104):
            await desk.tick(NOON + n * MINUTE)

        history = await desk.history()
        assert [run.status for run in history] == [RunStatus.QUEUED] * 101 + [RunStatus.SKIPPED] * 2
        assert history[-1].error == "100 runs of this job wait already"
        assert len(desk.given) == 1


async def test_cancel_other_ends_the_old_run_before_the_new_one_begins(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-23
        desk.put(overlap=Overlap.CANCEL_OTHER)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        (old,) = desk.given
        await desk.begin(old)
        desk.deaf = False
        await desk.tick(NOON + 2 * MINUTE)
        while_it_ends = (list(desk.given), list(desk.asked))

        await desk.end(old, Ending(status=EndStatus.CANCELLED, error="cancelled"))

        first, second = await desk.history()
        assert while_it_ends == ([old], [old])
        assert desk.given == [old, second.id]
        assert (first.status, second.status) == (RunStatus.CANCELLED, RunStatus.QUEUED)


async def test_cancel_other_waits_ten_seconds_for_a_run_that_does_not_end(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-23
        desk.put(overlap=Overlap.CANCEL_OTHER)
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.begin(desk.given[0])
        desk.deaf = False
        await desk.tick(NOON + 2 * MINUTE)
        await desk.clock.advance(GRACE - SECOND)
        await desk.dispatch.step()
        patient = len(desk.given)

        await desk.clock.advance(SECOND)
        await desk.dispatch.step()

        assert (patient, len(desk.given)) == (1, 2)
        assert await desk.states() == [RunStatus.CANCELLED, RunStatus.QUEUED]


async def test_cancel_other_also_ends_what_is_queued_waits_or_is_to_be_tried_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(overlap=Overlap.CANCEL_OTHER, retry=Retry(backoff=(10 * SECOND,)))
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[0], BUSY)
        retrying = await desk.states()
        await desk.tick(NOON + 2 * MINUTE)

        await desk.tick(NOON + 3 * MINUTE)

        assert retrying == [RunStatus.RETRY_WAIT]
        assert await desk.states() == [RunStatus.CANCELLED, RunStatus.CANCELLED, RunStatus.QUEUED]


async def test_allow_all_lets_runs_work_side_by_side_within_the_places(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-23
        desk.put(overlap=Overlap.ALLOW_ALL)
        await desk.service.reload()

        for n in range(1, 7):
            await desk.tick(NOON + n * MINUTE)

        assert len(desk.given) == 4
        assert await desk.states() == [RunStatus.QUEUED] * 6


async def test_fallback_isolated_begins_at_once_in_another_session(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # NOX-20, P-23
        job = desk.put(overlap=Overlap.FALLBACK_ISOLATED, session="main", created_in="test:1")
        await desk.service.reload()

        await desk.tick(NOON + MINUTE)
        await desk.tick(NOON + 2 * MINUTE)

        first, second = desk.published
        assert first.session_key == "test:1"
        assert second.session_key == f"cron:{job.id}:{desk.given[1]}"


async def test_fallback_isolated_keeps_its_session_where_nothing_is_in_its_way(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(overlap=Overlap.FALLBACK_ISOLATED, session="main", created_in="test:1")
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.work(desk.given[0])

        await desk.tick(NOON + 2 * MINUTE)

        assert [message.session_key for message in desk.published] == ["test:1", "test:1"]


async def test_the_runs_that_make_up_for_an_outage_are_all_kept_and_work_in_turn(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-10
        desk.put(misfire=Misfire.FIRE_ALL, misfire_window=HOUR)
        await desk.service.reload()

        made = await desk.tick(NOON + 5 * MINUTE)

        history = await desk.history()
        assert (made, len(desk.given)) == (5, 1)
        assert {run.status for run in history} == {RunStatus.QUEUED}


async def test_a_run_by_hand_keeps_to_the_policy_of_its_job(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-31, PRX-33
        skipping, buffering = desk.put(), desk.put(overlap=Overlap.BUFFER_ONE)
        await desk.service.reload()
        for job in (skipping, buffering):
            await desk.service.run_now(job)

        with pytest.raises(UserError, match="is running already"):
            await desk.service.run_now(skipping)
        second = await desk.service.run_now(buffering)
        with pytest.raises(UserError, match="waits already"):
            await desk.service.run_now(buffering)

        assert second not in desk.given
        assert desk.service.next_fire == NOON + MINUTE


async def test_a_run_by_hand_asked_for_twice_with_one_stamp_is_one_run_also_while_it_waits(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        first, second = desk.put(), desk.put()
        await desk.service.reload()
        await desk.service.run_now(first, "t.1.0")
        waiting = await desk.service.run_now(second, "t.2.0")

        assert await desk.service.run_now(second, "t.2.0") == waiting
        assert await desk.service.run_now(first, "t.1.0") == desk.given[0]
        await desk.work(desk.given[0])
        await desk.work(waiting)
        assert await desk.service.run_now(first, "t.1.0") == desk.given[0]

        assert desk.given == [desk.given[0], waiting]
        assert not desk.dispatch.places.working

"""Catch-up: what was missed is made up for without a stampede."""

from itertools import pairwise
from pathlib import Path

from cron.engine.places import GAP, GAP_JITTER
from cron.job import Say
from cron.schedule import Every
from tests.engine import HOUR, MINUTE, SECOND, open_desk
from tests.fakes import NOON


async def test_twenty_overdue_jobs_begin_two_at_once_and_five_seconds_apart(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-15, C-16
        for _ in range(20):
            desk.put(schedule=Every(HOUR, NOON))
        await desk.service.reload()
        await desk.tick(NOON + HOUR + 10 * MINUTE)
        moments, ended = [desk.clock.now()], 0

        while len(desk.given) < 20:
            before = len(desk.given)
            await desk.clock.advance(SECOND)
            await desk.dispatch.step()
            moments += [desk.clock.now()] * (len(desk.given) - before)
            assert len(desk.given) - ended <= 2
            if desk.clock.now() - moments[-1] >= 3 * SECOND and ended < len(desk.given):
                await desk.work(desk.given[ended])
                ended += 1

        gaps = [later - one for one, later in pairwise(moments)]
        assert min(gaps) >= GAP
        assert max(gaps) <= GAP + GAP_JITTER + SECOND


async def test_exact_words_that_are_late_are_all_said_at_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        for _ in range(20):
            desk.put(schedule=Every(HOUR, NOON), payload=Say(text="tea"))
        await desk.service.reload()

        await desk.tick(NOON + HOUR + 10 * MINUTE)

        assert len(desk.given) == 20


async def test_catch_ups_keep_their_distance_over_a_restart(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-15
        for _ in range(3):
            desk.put(schedule=Every(HOUR, NOON))
        await desk.service.reload()
        await desk.tick(NOON + HOUR + 10 * MINUTE)

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store) as later:
        at_once = await later.dispatch.step()
        await later.clock.advance(GAP - SECOND)
        soon = await later.dispatch.step()
        await later.clock.advance(SECOND)

        assert (at_once, soon, await later.dispatch.step()) == (0, 0, 1)

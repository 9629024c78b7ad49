"""Runs that ask a model begin through one place: at once, or when it is their turn; over restarts too."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.engine import claims
from cron.engine.claims import Outcome, Wanted
from cron.job import Say
from cron.policy import JobType
from cron.run import RunStatus, Trigger
from gateway.agent import journal
from gateway.agent.due import Ending, EndStatus
from gateway.clock import to_text
from gateway.database.driver import Transaction
from gateway.errors import StoreBusyError
from gateway.inbox import Accepted
from gateway.messages import InboundMessage
from tests.engine import DONE, MINUTE, open_desk
from tests.fakes import NOON, settle
from tests.parts import rows


async def test_of_six_due_jobs_four_begin_and_two_wait_and_none_is_lost(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # HP-09
        for _ in range(6):
            desk.put()
        await desk.service.reload()

        made = await desk.tick(NOON + MINUTE)
        first = list(desk.given)
        for run in first:
            await desk.work(run)
        for run in desk.given[4:]:
            await desk.work(run)

        assert (made, len(first), len(desk.given)) == (6, 4, 6)
        assert await desk.states() == [RunStatus.SUCCEEDED] * 6


async def test_what_may_begin_is_published_with_its_claim_and_what_waits_is_not(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        desk.put()
        desk.put()
        await desk.service.reload()

        await desk.tick(NOON + MINUTE)

        assert await rows(desk.database, "SELECT held, count(*) FROM runs GROUP BY held") == [(0, 1), (1, 1)]
        assert await rows(desk.database, "SELECT count(*) FROM inbox") == [(1,)]


async def test_exact_words_take_no_place_and_wait_for_nobody(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        desk.put()
        for _ in range(3):
            desk.put(payload=Say(text="tea"))
        await desk.service.reload()

        await desk.tick(NOON + MINUTE)

        assert len(desk.given) == 4


async def test_runs_that_wait_go_on_after_a_restart_in_their_order(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        for n in range(3):
            desk.put(name=f"job {n}")
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        (first,), wanted = desk.given, [run.id for run in await desk.history()]

    async with open_desk(tmp_path, clock=desk.clock, store=desk.store, places=1) as later:
        later.published += desk.published
        assert await later.dispatch.step() == 0  # the place is taken: its turn goes on
        for run in (first, *(run.id for run in (await later.history())[1:])):
            await later.work(run)

        assert [first, *later.given[1:]] == wanted
        assert await later.states() == [RunStatus.SUCCEEDED] * 3


async def test_a_run_that_was_cancelled_while_it_waited_never_begins(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        for _ in range(2):
            desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        waiting = next(run.id for run in await desk.history() if run.id not in desk.given)
        ended = Ending(status=EndStatus.CANCELLED, error="cancelled")
        await desk.database.write(lambda t: runs.finish(t, waiting, ended, now=desk.clock.now()))

        await desk.work(desk.given[0])

        assert waiting not in desk.given
        assert sorted(await desk.states()) == [RunStatus.CANCELLED, RunStatus.SUCCEEDED]


async def test_runs_that_another_process_has_claimed_are_taken_up_in_their_turn(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        mine, theirs = desk.put(), desk.put()
        await desk.service.reload()
        first = await desk.service.run_now(mine)
        due = runs.occurrence(NOON, NOON, Trigger.MANUAL)
        said = runs.message(theirs, due, None, NOON)
        wanted = Wanted(due=due, said=said, placed=False)
        done = await desk.database.write(lambda t: claims.claim_by_hand(t, theirs, wanted, now=NOON))
        desk.dispatch.refresh()
        await desk.dispatch.step()
        before = list(desk.given)

        await desk.work(first)

        assert done.outcome is Outcome.HELD
        assert (before, desk.given) == ([first], [first, due.run])


async def test_nothing_is_given_twice_when_the_database_refuses_for_a_while(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        for _ in range(2):
            desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        await desk.begin(desk.given[0])
        write = desk.database.write

        async def refuse(work: Any, **options: Any) -> Any:
            if "_release" in work.__qualname__:
                raise StoreBusyError("held by somebody")
            return await write(work, **options)

        desk.database.write = refuse  # type: ignore[method-assign]
        with pytest.raises(StoreBusyError):
            await desk.end(desk.given[0])
        desk.database.write = write  # type: ignore[method-assign]
        await desk.dispatch.step()

        assert len(desk.given) == len(set(desk.given)) == 2


async def test_the_loop_releases_what_waits_when_a_run_ends(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:  # P-24
        for _ in range(2):
            desk.put()
        await desk.service.reload()
        looping = asyncio.create_task(desk.dispatch.run())
        await desk.service.run_due(NOON + MINUTE)
        await desk.begin(desk.given[0])
        await desk.database.write(desk.handler.ending(desk.due(desk.given[0]), DONE, now=NOON))
        await desk.handler.ended(desk.due(desk.given[0]), DONE)

        await settle()

        assert len(desk.given) == 2
        looping.cancel()
        await asyncio.gather(looping, return_exceptions=True)


async def test_a_heavy_job_works_alone(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # HP-24, C-14
        desk.put(type=JobType.RESOURCE_INTENSIVE)
        desk.put(type=JobType.RESOURCE_INTENSIVE)
        desk.put()
        await desk.service.reload()

        await desk.tick(NOON + MINUTE)
        first = list(desk.given)
        await desk.work(first[0])
        second = desk.given[1:]
        await desk.work(second[0])

        assert (len(first), len(second), len(desk.given)) == (1, 1, 3)


class Offering:
    """A consumer with a free lane for everybody."""

    def __init__(self) -> None:
        self.people_waiting = 0
        self.said: list[str] = []

    def offer(self, kind: str, session: str) -> "Offering":
        self.said.append(f"offered {kind}")
        return self

    def enqueue(self, accepted: Accepted) -> None:
        self.said.append("queued")

    def begin(self, transaction: Transaction, accepted: Accepted) -> None:
        journal.begin(transaction, accepted.seq, f"turn {accepted.seq}", accepted.session, at=to_text(NOON))
        self.said.append("begun")

    def take(self, accepted: Accepted, message: InboundMessage) -> None:
        self.said.append("taken")

    def withdraw(self) -> None:
        self.said.append("withdrawn")


async def test_a_run_that_waited_is_released_and_its_turn_begun_in_one_transaction(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        desk.put()
        desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        lanes = desk.dispatch._bus._consumer = Offering()

        await desk.work(desk.given[0])

        assert lanes.said == ["offered due", "begun", "taken"]
        assert await rows(desk.database, "SELECT state FROM inbox ORDER BY seq") == [("waiting",), ("taken",)]
        assert await rows(desk.database, "SELECT count(*) FROM turns") == [(1,)]


async def test_a_lane_that_was_offered_is_given_back_when_the_run_was_cancelled_meanwhile(tmp_path: Path) -> None:
    async with open_desk(tmp_path, places=1) as desk:
        desk.put()
        desk.put()
        await desk.service.reload()
        await desk.tick(NOON + MINUTE)
        first, second = [run.id for run in await desk.history()]
        cancelled = Ending(status=EndStatus.CANCELLED, error="cancelled")
        await desk.database.write(lambda t: runs.finish(t, second, cancelled, now=NOON))
        lanes = desk.dispatch._bus._consumer = Offering()

        await desk.work(first)

        assert lanes.said == ["offered due", "withdrawn"]
        assert not desk.dispatch.places.waiting | desk.dispatch.places.working

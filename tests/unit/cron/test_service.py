"""The scheduler: claims what is due once, publishes it, and waits for nothing that a job does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.engine.agenda import SLICE
from cron.engine.dispatch import Dispatcher
from cron.job import Job, JobStatus, Say
from cron.policy import Misfire, Overlap
from cron.run import Run, RunStatus
from cron.schedule import At, Cron, Every, Schedule
from cron.service import CronService
from cron.stores.memory import MemoryStore
from gateway.agent.due import Ending, EndStatus
from gateway.bus import Bus
from gateway.database.writer import Database
from gateway.errors import StoreBusyError, UserError
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON, FakeClock, settle, until
from tests.jobs import new_job
from tests.parts import open_database, rows

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HERE = ChatAddress(channel="test", chat="1", thread="7")


@dataclass
class Nobody:
    """Takes messages and never works on them."""

    waiting: int = 0
    people_waiting: int = 0
    queued: list[Accepted] = field(default_factory=list)

    def offer(self, kind: str, session: str) -> None:
        return None

    def enqueue(self, accepted: Accepted) -> None:
        self.queued.append(accepted)


class BusyStore(MemoryStore):
    """A store that can be made to fail."""

    fault: Exception | None = None

    def recover(self) -> Any:
        if self.fault is not None:
            raise self.fault
        return super().recover()


@dataclass
class Desk:
    service: CronService
    store: BusyStore
    database: Database
    clock: FakeClock
    published: list[InboundMessage]
    settled: list[Run]
    left: list[str]

    def put(self, schedule: Schedule, **changes: Any) -> Job:
        return self.store.put(
            new_job(
                **{
                    "schedule": schedule,
                    "payload": Say(text="hi"),
                    "created_at": self.clock.now(),
                    "address": HERE,
                    "owner": HERE.owner,
                    "tz": "UTC",
                    **changes,
                }
            )
        )

    async def history(self) -> list[Run]:
        return await self.database.read(lambda t: runs.recent(t, limit=1_000))

    async def finish(self, run: str) -> None:
        ending = Ending(status=EndStatus.SUCCEEDED)
        await self.database.write(lambda t: runs.finish(t, run, ending, now=self.clock.now()))


@asynccontextmanager
async def open_desk(
    path: Path, *, clock: FakeClock | None = None, store: BusyStore | None = None
) -> AsyncIterator[Desk]:
    clock, store = clock or FakeClock(), store or BusyStore()
    async with open_database(path / "gateway.db", clock) as database:
        bus = Bus(database, clock, Nobody())
        settled: list[Run] = []
        left: list[str] = []

        async def note(run: Run) -> None:
            settled.append(run)

        async def end(run: str, ending: Ending) -> None:
            await database.write(lambda t: runs.finish(t, run, ending, now=clock.now()))

        async def ended(run: str) -> None:
            for found in await database.read(lambda t: [runs.find(t, run)]):
                settled.extend([found] if found else [])

        dispatch = Dispatcher(
            database=database,
            bus=bus,
            clock=clock,
            places=4,
            default_target=None,
            cancel=lambda run: False,
            end=end,
            ended=ended,
        )
        service = CronService(
            store=store,
            database=database,
            bus=bus,
            clock=clock,
            dispatch=dispatch,
            default_target=None,
            left_words=lambda: left.append("words"),
            settle=note,
        )
        desk = Desk(service, store, database, clock, [], settled, left)
        bus.subscribe(desk.published.append)
        yield desk


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[None]:
    await desk.service.start()
    tasks = [asyncio.create_task(desk.service.run()), asyncio.create_task(desk.service.watch())]
    await settle()
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# -- claiming ----------------------------------------------------------------------------------------------------


async def test_a_due_job_is_claimed_published_and_its_cursor_moved_together(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # CARD-02, AB-10
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()

        made = await desk.service.run_due(NOON + HOUR)

        (message,) = desk.published
        (run,) = await desk.history()
        assert made == 1
        assert (message.channel, message.sender_id, message.address) == ("system", f"cron:{job.id}", HERE)
        assert (run.status, run.scheduled_at, run.job_uid) == (RunStatus.QUEUED, NOON + HOUR, job.uid)
        assert await rows(desk.database, "SELECT handled_until, next_at FROM cursors") == [
            ("2026-03-02T13:00:00.000000Z", "2026-03-02T14:00:00.000000Z")
        ]
        assert await rows(desk.database, "SELECT kind, state FROM inbox") == [("reminder", "waiting")]


async def test_an_occurrence_is_claimed_once_however_often_it_is_looked_at(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-25
        desk.put(Every(HOUR, NOON))
        await desk.service.start()

        made = [await desk.service.run_due(NOON + HOUR) for _ in range(3)]

        assert made == [1, 0, 0]


async def test_an_occurrence_is_not_claimed_again_by_who_lost_the_cursor(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-25
        desk.put(Every(HOUR, NOON), overlap=Overlap.ALLOW_ALL)
        await desk.service.start()
        await desk.service.run_due(NOON + HOUR)
        await desk.database.write(lambda t: t.execute("DELETE FROM cursors").fetchall())

    async with open_desk(tmp_path, store=desk.store) as later:
        await later.service.start()
        made = await later.service.run_due(NOON + HOUR)

        assert made == 0
        assert len(await later.history()) == 1


async def test_what_was_due_while_nobody_ran_is_claimed_at_the_start(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # AB-81
        desk.put(Every(HOUR, NOON))
        desk.put(At(NOON + HOUR))
        desk.put(Every(HOUR, NOON), misfire=Misfire.SKIP)
        await desk.service.start()

    desk.clock.set(NOON + HOUR + 10 * MINUTE)
    async with open_desk(tmp_path, clock=desk.clock, store=desk.store) as later:
        await later.service.start()
        made = await later.service.run_due(later.clock.now())

        found = sorted(run.status for run in await later.history())
        assert made == 2
        assert found == [RunStatus.MISSED, RunStatus.QUEUED, RunStatus.QUEUED]


async def test_each_of_the_runs_that_fire_all_makes_up_for_takes_place(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-10
        desk.put(Every(MINUTE, NOON), misfire=Misfire.FIRE_ALL, misfire_window=HOUR)
        await desk.service.start()

        made = await desk.service.run_due(NOON + 15 * MINUTE)

        found = await desk.history()
        assert made == 10
        assert [run.status for run in found].count(RunStatus.QUEUED) == 10
        assert [run.missed_count for run in found if run.status is RunStatus.MISSED] == [5]


async def test_an_occurrence_is_skipped_while_a_run_is_open_and_the_next_is_not(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(Every(HOUR, NOON))
        await desk.service.start()
        await desk.service.run_due(NOON + HOUR)
        (first,) = await desk.history()
        await desk.service.run_due(NOON + 2 * HOUR)
        await desk.finish(first.id)
        await desk.service.run_due(NOON + 3 * HOUR)

        third, skipped, _ = await desk.history()
        assert (third.status, skipped.status) == (RunStatus.QUEUED, RunStatus.SKIPPED)
        assert skipped.error == f"run {first.id} of this job is not over"


async def test_missed_occurrences_of_a_job_that_does_not_run_are_told_in_its_chat_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-12
        desk.put(Every(HOUR, NOON), name="tea")
        await desk.service.start()

        await desk.service.run_due(NOON + 3 * HOUR + 40 * MINUTE)

        found = await rows(desk.database, "SELECT caller, chat, thread, message FROM outbox")
        ((caller, chat, thread, message),) = found
        assert (caller, chat, thread) == ("notice", "1", "7")
        assert '\\"tea\\"' in message
        assert "3 times" in message
        assert desk.left == ["words"]


async def test_an_outage_is_one_summary_for_a_chat_however_many_jobs_it_has(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        for n in range(2 * SLICE + 1):
            desk.put(At(NOON + HOUR), name=f"job {n}")
        await desk.service.start()

        await desk.service.run_due(NOON + 30 * HOUR)

        ((message,),) = await rows(desk.database, "SELECT message FROM outbox")
        assert message.count("job ") == 2 * SLICE + 1
        assert desk.left == ["words"]


async def test_a_summary_that_cannot_be_left_is_left_the_next_time(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(At(NOON + HOUR))
        await desk.service.start()
        write = desk.database.write
        refused: list[Any] = []

        async def refuse_words(work: Any, **options: Any) -> Any:
            if "_tell_forgone" in work.__qualname__ and not refused:
                refused.append(work)
                raise StoreBusyError("held by somebody")
            return await write(work, **options)

        desk.database.write = refuse_words  # type: ignore[method-assign]
        with pytest.raises(StoreBusyError):
            await desk.service.run_due(NOON + 30 * HOUR)
        await desk.service.run_due(NOON + 30 * HOUR)

        assert await rows(desk.database, "SELECT count(*) FROM outbox") == [(1,)]


async def test_a_one_shot_that_is_too_late_is_settled(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(At(NOON + HOUR))
        await desk.service.start()

        await desk.service.run_due(NOON + 30 * HOUR)

        (run,) = desk.settled
        assert (run.job_uid, run.status) == (job.uid, RunStatus.MISSED)


async def test_what_was_claimed_is_published_although_something_else_cannot_be_settled(tmp_path: Path) -> None:
    async def settle(_run: Run) -> None:
        raise StoreBusyError("held by somebody")

    async with open_desk(tmp_path) as desk:
        desk.put(At(NOON + HOUR))
        desk.put(Every(HOUR, NOON), misfire_window=30 * HOUR)
        await desk.service.start()
        desk.service._settle = settle

        with pytest.raises(StoreBusyError):
            await desk.service.run_due(NOON + 30 * HOUR)

        assert len(desk.published) == 1


async def test_a_one_shot_that_is_skipped_is_settled(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(At(NOON + HOUR))
        await desk.service.start()
        await desk.service.run_now(job)

        await desk.service.run_due(NOON + HOUR)

        assert [(run.job_uid, run.status) for run in desk.settled] == [(job.uid, RunStatus.SKIPPED)]


async def test_what_a_crash_left_of_a_one_shot_is_settled_at_the_start(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-09
        job = desk.put(At(NOON + HOUR))
        await desk.service.start()
        await desk.service.run_due(NOON + HOUR)
        (run,) = await desk.history()
        await desk.finish(run.id)

    async with open_desk(tmp_path, store=desk.store) as later:
        await later.service.start()

        assert [(run.job_uid, run.status) for run in later.settled] == [(job.uid, RunStatus.SUCCEEDED)]


# -- changes -----------------------------------------------------------------------------------------------------


async def test_editing_what_a_job_says_leaves_its_next_run(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        desk.clock.set(NOON + 30 * MINUTE)

        desk.store.put(replace(job, name="other", payload=Say(text="bye")))
        await desk.service.reload()
        await desk.service.run_due(NOON + HOUR)

        assert [message.text for message in desk.published] == ["bye"]


async def test_a_new_schedule_counts_from_its_change_and_the_old_one_is_forgotten(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-18
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        desk.clock.set(NOON + 30 * MINUTE)

        desk.store.put(replace(job, schedule=Cron("45 * * * *", "UTC")))
        await desk.service.reload()

        assert desk.service.next_fire == NOON + 45 * MINUTE
        assert await desk.service.run_due(NOON + 44 * MINUTE) == 0


async def test_a_stopped_job_does_not_fire_and_makes_up_for_nothing_when_it_is_started_again(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path) as desk:  # HP-36, HP-64, HP-65, P-18
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        stopped = desk.store.put(replace(job, status=JobStatus.DISABLED))
        await desk.service.reload()
        while_stopped = (desk.service.next_fire, await desk.service.run_due(NOON + 5 * HOUR))

        desk.clock.set(NOON + 5 * HOUR + MINUTE)
        desk.store.put(replace(stopped, status=JobStatus.ENABLED))
        await desk.service.reload()

        assert while_stopped == (None, 0)
        assert await desk.service.run_due(desk.clock.now()) == 0
        assert desk.service.next_fire == NOON + 6 * HOUR
        assert await desk.service.run_due(NOON + 6 * HOUR) == 1


async def test_a_removed_job_does_not_fire(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # HP-66
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()

        desk.store.remove(job.uid)
        await desk.service.reload()

        assert await desk.service.run_due(NOON + HOUR) == 0


async def test_the_cursor_of_a_removed_job_is_dropped_after_a_day(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job, _other = desk.put(Every(HOUR, NOON)), desk.put(Every(HOUR, NOON))
        await desk.service.start()
        desk.store.remove(job.uid)
        kept = []
        for moment in (NOON, NOON + 24 * HOUR, NOON + 25 * HOUR):
            desk.clock.set(moment)
            await desk.service.reload()
            kept += await rows(desk.database, "SELECT count(*) FROM cursors")

        assert kept == [(2,), (2,), (1,)]


async def test_no_cursor_is_dropped_while_jobs_may_be_in_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        desk.service.agenda.degraded = "cron.json cannot be read"
        desk.store.remove(job.uid)
        for moment in (NOON, NOON + 25 * HOUR):
            desk.clock.set(moment)
            await desk.service.reload()

        assert await rows(desk.database, "SELECT count(*) FROM cursors") == [(1,)]


@pytest.mark.parametrize("others", [0, 1])
async def test_a_job_that_comes_back_goes_on_where_it_was(tmp_path: Path, others: int) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        for _ in range(others):
            desk.put(At(NOON + 100 * HOUR))
        await desk.service.start()
        desk.clock.set(NOON + HOUR)
        await desk.service.run_due(NOON + HOUR)
        (run,) = await desk.history()
        await desk.finish(run.id)
        everything = desk.store._jobs

        desk.store._jobs = {uid: kept for uid, kept in everything.items() if uid != job.uid}
        await desk.service.reload()
        assert await desk.service.run_due(NOON + HOUR) == 0
        desk.service.next_fire  # noqa: B018 - looking forgets what was planned for it
        desk.store._jobs = everything
        await desk.service.reload()

        assert desk.service.next_fire == NOON + 2 * HOUR
        assert await desk.service.run_due(NOON + 2 * HOUR) == 1
        assert [run.status for run in await desk.history()] == [RunStatus.QUEUED, RunStatus.SUCCEEDED]


async def test_a_broken_job_is_kept_and_sleeps(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()

        desk.store._jobs = {job.uid: replace(job, schedule=None, status=JobStatus.BROKEN)}
        await desk.service.reload()

        assert desk.service.next_fire is None


async def test_reloads_and_claims_that_cross_lose_no_job(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.service.start()

        for n in range(20):
            desk.put(Every(HOUR, NOON), name=f"{n}")
            await asyncio.gather(
                desk.service.reload(), desk.service.run_due(NOON), desk.service.reload(), desk.service.reload()
            )

        assert len(desk.service.jobs) == 20
        assert await desk.service.run_due(NOON + HOUR) == 20


async def test_an_edit_that_crosses_with_its_jobs_claim_wins(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        desk.clock.set(NOON + HOUR)

        desk.store.put(replace(job, schedule=Every(10 * MINUTE, NOON)))
        await asyncio.gather(desk.service.reload(), desk.service.run_due(NOON + HOUR))

        assert desk.service.next_fire == NOON + HOUR + 10 * MINUTE
        assert await rows(desk.database, "SELECT next_at FROM cursors") == [("2026-03-02T13:10:00.000000Z",)]


async def test_starting_twice_fires_each_job_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # HP-68
        desk.put(Every(HOUR, NOON))

        await desk.service.start()
        await desk.service.start()

        assert await desk.service.run_due(NOON + HOUR) == 1


# -- by hand -----------------------------------------------------------------------------------------------------


async def test_a_run_by_hand_leaves_the_schedule_as_it_is(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # C-15, P-31
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()

        run_id = await desk.service.run_now(job)

        (run,) = await desk.history()
        assert (run.id, run.trigger) == (run_id, "manual")
        assert desk.service.next_fire == NOON + HOUR
        assert len(desk.published) == 1


async def test_a_run_by_hand_keeps_to_the_rule_of_overlap(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        first = await desk.service.run_now(job)

        with pytest.raises(UserError, match=f"is running already \\(run {first}\\)"):
            await desk.service.run_now(job)


async def test_a_run_by_hand_that_is_asked_for_again_by_the_same_call_is_the_same_run(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(Every(HOUR, NOON))
        await desk.service.start()
        first = await desk.service.run_now(job, "t.1.0")

        assert await desk.service.run_now(job, "t.1.0") == first
        await desk.finish(first)
        assert await desk.service.run_now(job, "t.1.0") == first
        assert await desk.service.run_now(job, "t.2.0") != first
        assert len(desk.published) == 2


@pytest.mark.parametrize("status", [JobStatus.DISABLED, JobStatus.PAUSED, JobStatus.PENDING_APPROVAL])
async def test_a_job_that_is_stopped_runs_by_hand_only_when_that_is_insisted_on(
    tmp_path: Path, status: JobStatus
) -> None:
    async with open_desk(tmp_path) as desk:  # AB-55, AB-56
        job = desk.put(Every(HOUR, NOON), status=status)
        await desk.service.start()

        with pytest.raises(UserError, match=f"is {status.value}"):
            await desk.service.run_now(job)
        await desk.service.run_now(job, force=True)

        assert len(await desk.history()) == 1


# -- the loop ----------------------------------------------------------------------------------------------------


async def test_jobs_fire_at_their_times_while_the_loop_runs(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, running(desk):
        desk.put(Every(20 * timedelta(seconds=1), NOON), overlap=Overlap.ALLOW_ALL)
        for n in (1, 2, 3):
            await desk.clock.advance(timedelta(seconds=20))
            await until(lambda n=n: len(desk.published) == n)

        found = await desk.history()
        assert sorted((run.scheduled_at - NOON).seconds for run in found) == [20, 40, 60]
        assert desk.service.heartbeat is not None


async def test_a_clock_that_is_set_forward_is_noticed_within_thirty_seconds(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.put(Cron("0 18 * * *", "UTC"))
        async with running(desk):
            desk.clock.set(NOON + 6 * HOUR + MINUTE)
            await desk.clock.advance(timedelta(seconds=30))

            assert len(desk.published) == 1


async def test_a_store_that_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, running(desk):
        desk.store.fault = StoreBusyError("held by somebody")
        desk.put(Every(5 * timedelta(seconds=1), NOON))
        await desk.clock.advance(timedelta(seconds=1))
        trouble = desk.service.trouble

        desk.store.fault = None
        await desk.clock.advance(timedelta(seconds=6))

        assert trouble == "held by somebody"
        assert desk.service.trouble == ""
        assert len(desk.published) == 1


async def test_a_schedule_that_cannot_be_computed_stops_no_other(tmp_path: Path) -> None:
    class Odd(Every):
        """Breaks when it is asked for what follows its first occurrence."""

        def next_after(self, moment: Any) -> Any:
            if moment >= NOON + HOUR:
                raise OverflowError("beyond the calendar")
            return super().next_after(moment)

    async with open_desk(tmp_path) as desk:
        odd, even = desk.put(Every(HOUR, NOON), name="odd"), desk.put(Every(HOUR, NOON), name="even")
        desk.store._jobs = {odd.uid: replace(odd, schedule=Odd(HOUR, NOON)), even.uid: even}
        await desk.service.start()

        assert await desk.service.run_due(NOON + HOUR) == 1


async def test_a_job_that_cannot_be_claimed_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        odd, *_ = (desk.put(Every(HOUR, NOON), name=name) for name in ("odd", "even", "prime"))
        desk.store._jobs = {**desk.store._jobs, odd.uid: replace(odd, state=object())}  # nothing can write it down
        await desk.service.start()

        assert await desk.service.run_due(NOON + HOUR) == 2
        assert {run.job_name for run in await desk.history()} == {"even", "prime"}

        desk.store._jobs = {**desk.store._jobs, odd.uid: replace(odd, state=None)}
        await desk.service.reload()
        assert await desk.service.run_due(NOON + HOUR + timedelta(seconds=10)) == 0
        assert await desk.service.run_due(NOON + HOUR + timedelta(seconds=30)) == 1


async def test_many_jobs_at_one_instant_are_all_claimed_and_other_tasks_have_their_turn(tmp_path: Path) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with open_desk(tmp_path) as desk:
        schedule = Every(HOUR, NOON)
        desk.store._jobs = {
            f"{n:08}": new_job(uid=f"{n:08}", id=f"{n:08}", schedule=schedule, created_at=NOON, revision=1)
            for n in range(300)
        }
        await desk.service.start()
        task = asyncio.create_task(other())
        began = time.perf_counter()
        made = await desk.service.run_due(NOON + HOUR)
        took = time.perf_counter() - began
        task.cancel()

        assert made == 300
        assert turns > 6
        assert took < 5

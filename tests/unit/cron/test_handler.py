"""What a due run is to do, and what follows from how it ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.endings.alerts import PAUSE_AFTER, Alerts, mark_of
from cron.endings.ending import Ended
from cron.endings.spend import Room
from cron.engine.settling import after
from cron.handler import TIMEOUT, RunHandler
from cron.job import AgentPrompt, Job, JobStatus, Say, Shell
from cron.policy import AfterRun, Delivery, DeliveryMode, Notify, OutputFormat, Overlap
from cron.run import Run, RunStatus, Trigger
from cron.schedule import At, Every
from cron.store import JobStore
from cron.stores.memory import MemoryStore
from gateway.agent.due import Assignment, Ending, EndStatus, Script
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import ErrorClass, JobChangedError, RunOverError, StoreCorruptError
from gateway.messages import ChatAddress, Due, InboundMessage
from tests.fakes import NOON, FakeClock
from tests.jobs import new_job
from tests.parts import open_database, rows

HOUR = timedelta(hours=1)
HERE = ChatAddress(channel="test", chat="1")
OK = Ending(status=EndStatus.SUCCEEDED, output="done")
BAD = Ending(status=EndStatus.FAILED, error="no key", error_class=ErrorClass.PERMISSION)


class TestStore(MemoryStore):
    """Can be made unreadable; somebody else may change a job before a write."""

    __test__ = False
    fault: Exception | None = None
    crossings = 0

    def load(self) -> Any:
        if self.fault:
            raise self.fault
        return super().load()

    def put(self, job: Job, **options: Any) -> Job:
        if job.revision and self.crossings:
            self.crossings -= 1
            raise JobChangedError("somebody was faster")
        return super().put(job, **options)


@dataclass
class Desk:
    handler: RunHandler
    store: TestStore
    database: Database
    clock: FakeClock
    left: list[str]

    def put(self, **changes: Any) -> Job:
        return self.store.put(
            new_job(
                **{
                    "schedule": Every(HOUR, NOON),
                    "payload": AgentPrompt(prompt="look"),
                    "created_at": NOON,
                    "address": HERE,
                    "owner": "test:1",
                    **changes,
                }
            )
        )

    async def claim(self, job: Job) -> tuple[InboundMessage, Due]:
        moment = job.schedule.instant if isinstance(job.schedule, At) else NOON + HOUR
        occurrence = runs.occurrence(moment, moment, Trigger.SCHEDULE)
        said = runs.message(job, occurrence, None, moment)
        await self.database.write(lambda t: runs.claim(t, job, occurrence, said))
        assert isinstance(said.occasion, Due)
        return said, said.occasion

    async def end(self, due: Due, ending: Ending) -> None:
        await self.database.write(self.handler.starting(due, now=NOON))
        await self.database.write(self.handler.ending(due, ending, now=NOON))
        await self.handler.ended(due, ending)


@asynccontextmanager
async def open_desk(path: Path, **options: Any) -> AsyncIterator[Desk]:
    clock, store, left = FakeClock(NOON + HOUR), TestStore(), []
    async with open_database(path / "gateway.db", clock) as database:
        typed: JobStore = store
        handler = RunHandler(
            store=typed,
            database=database,
            clock=clock,
            left_words=lambda: left.append("words"),
            unsettled=lambda: left.append("unsettled"),
            **{"consequences": [Alerts(default_target=None)], **options},
        )
        yield Desk(handler, store, database, clock, left)


# -- plans -------------------------------------------------------------------------------------------------------


async def test_a_reminder_is_a_script_and_a_prompt_is_an_assignment(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        said = await desk.handler.plan(*await desk.claim(desk.put(payload=Say(text="tea"))))
        job = desk.put(timeout=timedelta(minutes=3))
        assigned = await desk.handler.plan(*await desk.claim(job))

        assert said == Script(text="tea")
        assert isinstance(assigned, Assignment)
        assert (assigned.job, assigned.timeout) == (job.uid, timedelta(minutes=3))
        assert "<prompt>\nlook\n</prompt>" in assigned.prompt


@pytest.mark.parametrize(
    ("notify", "silent", "must_speak"),
    [(Notify.AUTO, False, False), (Notify.ALWAYS, False, True), (Notify.NEVER, True, False)],
)
async def test_an_assignment_speaks_as_its_job_says(
    tmp_path: Path, notify: Notify, silent: bool, must_speak: bool
) -> None:
    async with open_desk(tmp_path) as desk:
        plan = await desk.handler.plan(*await desk.claim(desk.put(notify=notify)))

        assert isinstance(plan, Assignment)
        assert (plan.silent, plan.must_speak, plan.timeout) == (silent, must_speak, TIMEOUT)


async def test_a_run_has_its_own_copy_of_the_job_and_the_present_state(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(payload=AgentPrompt(prompt="as it was"))
        claimed = await desk.claim(job)
        desk.store.put(replace(job, payload=AgentPrompt(prompt="as it is")))
        desk.store.set_state(job.uid, {"n": 7}, expected=0, stamp="s")

        plan = await desk.handler.plan(*claimed)

        assert isinstance(plan, Assignment)
        assert "as it was" in plan.prompt
        assert '{"n":7}' in plan.prompt
        assert desk.handler.expected_state(claimed[1].run) == 1


async def test_a_run_of_a_job_that_was_removed_meanwhile_still_takes_place(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put()
        claimed = await desk.claim(job)
        desk.store.remove(job.uid)

        assert isinstance(await desk.handler.plan(*claimed), Assignment)


async def test_a_run_takes_place_although_the_jobs_cannot_be_read(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        claimed = await desk.claim(desk.put())
        desk.store.fault = StoreCorruptError("cron.json cannot be read")

        assert isinstance(await desk.handler.plan(*claimed), Assignment)


async def test_a_run_that_is_over_has_no_plan(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        claimed = await desk.claim(desk.put())
        await desk.end(claimed[1], replace(OK, status=EndStatus.CANCELLED))

        assert await desk.handler.plan(*claimed) is None


async def test_a_run_that_waited_knows_how_late_it_is_by_now(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        claimed = await desk.claim(desk.put(payload=Say(text="tea")))  # P-14
        desk.clock.set(NOON + HOUR + timedelta(minutes=20))

        plan = await desk.handler.plan(*claimed)

        assert isinstance(plan, Script)
        assert "late by 20 min" in plan.text


# -- ends --------------------------------------------------------------------------------------------------------


async def test_a_one_shot_that_succeeded_is_removed_and_its_run_stays(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # AB-08
        job = desk.put(schedule=At(NOON + HOUR))
        _, due = await desk.claim(job)

        await desk.end(due, OK)

        (run,) = await desk.database.read(lambda t: runs.recent(t, job=job.uid))
        assert desk.store.load() == {}
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "done")


async def test_a_one_shot_that_failed_is_disabled_and_alerts_in_the_same_transaction(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # C-05
        job = desk.put(schedule=At(NOON + HOUR))
        _, due = await desk.claim(job)

        await desk.end(due, BAD)

        kept = desk.store.load()[job.uid]
        assert (kept.status, kept.status_reason) == (JobStatus.DISABLED, "no key")
        assert await rows(desk.database, "SELECT id, caller, chat FROM outbox") == [
            (f"{due.run}.alert", "alert", "1")
        ]
        assert desk.left == ["words"]


async def test_an_end_that_is_recorded_twice_alerts_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        _, due = await desk.claim(desk.put(schedule=At(NOON + HOUR)))

        await desk.end(due, BAD)
        with pytest.raises(RunOverError):
            await desk.end(due, BAD)

        assert await rows(desk.database, "SELECT count(*) FROM outbox") == [(1,)]


async def test_a_recurring_job_that_fails_goes_on(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put()
        _, due = await desk.claim(job)

        await desk.end(due, BAD)

        assert desk.store.load()[job.uid] == job
        assert await rows(desk.database, "SELECT count(*) FROM outbox") == [(0,)]


async def test_a_job_that_ends_the_process_again_and_again_is_paused_and_said_to_be(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put()
        _, due = await desk.claim(job)

        await desk.end(due, Ending(status=EndStatus.ABANDONED, error="given up"))

        kept = desk.store.load()[job.uid]
        assert (kept.status, kept.status_reason) == (JobStatus.PAUSED, "given up")
        assert await rows(desk.database, "SELECT caller FROM outbox") == [("alert",)]


async def test_settling_goes_on_when_somebody_changes_the_job_meanwhile(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(schedule=At(NOON + HOUR), after_run=AfterRun.DISABLE)
        _, due = await desk.claim(job)
        desk.store.crossings = 2

        await desk.end(due, OK)

        assert desk.store.load()[job.uid].status is JobStatus.DISABLED


ONCE = new_job(uid="u", id="u", schedule=At(NOON), revision=1)
RUN = Run(
    id="r",
    job_uid="u",
    job_id="u",
    job_name="n",
    occurrence="o",
    status=RunStatus.SUCCEEDED,
    trigger=Trigger.SCHEDULE,
    scheduled_at=NOON,
    trace_id="t",
)


@pytest.mark.parametrize(
    ("job", "run", "following"),
    [
        (ONCE, RUN, None),
        (replace(ONCE, after_run=AfterRun.KEEP), RUN, JobStatus.ENABLED),
        (replace(ONCE, after_run=AfterRun.DISABLE), RUN, JobStatus.DISABLED),
        (ONCE, replace(RUN, trigger=Trigger.CATCH_UP), None),
        (ONCE, replace(RUN, status=RunStatus.FAILED, error="no"), JobStatus.DISABLED),
        (ONCE, replace(RUN, status=RunStatus.MISSED), JobStatus.DISABLED),
        (ONCE, replace(RUN, status=RunStatus.SKIPPED), JobStatus.DISABLED),
        # not yet over, by hand, or by another time than the present one
        (ONCE, replace(RUN, status=RunStatus.QUEUED), JobStatus.ENABLED),
        (ONCE, replace(RUN, trigger=Trigger.MANUAL), JobStatus.ENABLED),
        (ONCE, replace(RUN, scheduled_at=NOON - HOUR), JobStatus.ENABLED),
        # recurring
        (replace(ONCE, schedule=Every(HOUR, NOON)), RUN, JobStatus.ENABLED),
        (replace(ONCE, schedule=Every(HOUR, NOON)), replace(RUN, status=RunStatus.FAILED), JobStatus.ENABLED),
        (replace(ONCE, schedule=Every(HOUR, NOON)), replace(RUN, status=RunStatus.ABANDONED), JobStatus.PAUSED),
    ],
)
def test_each_end_of_a_run_has_its_consequence(job: Job, run: Run, following: JobStatus | None) -> None:
    job_after = after(job, run)  # C-05

    assert (job_after.status if job_after else None) == following


# -- what may not begin ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"payload": Shell(command="ls")}, {"check": "test -e x"}])
async def test_what_needs_a_shell_fails_at_once_as_permission(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with open_desk(tmp_path) as desk:
        claimed = await desk.claim(desk.put(**changes))

        plan = await desk.handler.plan(*claimed)
        assert isinstance(plan, Ending)
        await desk.end(claimed[1], plan)

        (run,) = await desk.database.read(runs.recent)
        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.PERMISSION)
        assert run.error == "shell commands wait for a sandbox, which this version does not have"


async def test_a_run_that_may_spend_nothing_does_not_begin(tmp_path: Path) -> None:
    async with open_desk(
        tmp_path, room=lambda t, run, job, now: Room(tokens=0, refusal="the cap is reached")
    ) as desk:
        plan = await desk.handler.plan(*await desk.claim(desk.put()))

        assert plan == Ending(
            status=EndStatus.FAILED, error="the cap is reached", error_class=ErrorClass.PERMISSION, capped=True
        )


async def test_an_assignment_is_filled_from_its_job(tmp_path: Path) -> None:
    async with open_desk(tmp_path, room=lambda t, run, job, now: Room(tokens=500)) as desk:
        there = ChatAddress(channel="test", chat="2")
        job = desk.put(
            tools=("web_fetch",),
            model="small",
            context_messages=7,
            work_dir="reports",
            notify=Notify.NEVER,
            delivery=Delivery(mode=DeliveryMode.CHANNEL, address=there),
            output_format=OutputFormat.JSON,
        )
        claimed = await desk.claim(job)

        plan = await desk.handler.plan(*claimed)

        assert isinstance(plan, Assignment)
        assert (plan.tools, plan.model, plan.context_messages, plan.tokens) == (
            frozenset({"web_fetch"}),
            "small",
            7,
            500,
        )
        assert (plan.silent, plan.must_speak, claimed[0].address) == (False, True, there)
        assert (plan.job, plan.work_dir, plan.prompt != "") == (job.uid, "reports", True)  # HP-76
        assert plan.check_output is not None
        assert plan.check_output("no json") is not None


# -- what follows ------------------------------------------------------------------------------------------------


class Broken:
    """A consequence that writes something, and fails."""

    def write(self, transaction: Transaction, ended: Ended) -> None:
        transaction.execute("INSERT INTO meta (key, value) VALUES ('half', 1)")
        raise ValueError("broken")


async def test_a_consequence_that_fails_leaves_nothing_and_keeps_no_run_from_ending(tmp_path: Path) -> None:
    async with open_desk(tmp_path, consequences=[Broken(), Alerts(default_target=None)]) as desk:
        _, due = await desk.claim(desk.put(schedule=At(NOON + HOUR)))

        await desk.end(due, BAD)

        (run,) = await desk.database.read(runs.recent)
        assert run.status is RunStatus.FAILED
        assert await rows(desk.database, "SELECT 1 FROM meta WHERE key = 'half'") == []
        assert await rows(desk.database, "SELECT caller FROM outbox") == [("alert",)]


async def test_nothing_follows_from_an_attempt_that_is_not_the_last(tmp_path: Path) -> None:
    busy = replace(BAD, error_class=ErrorClass.RATE_LIMIT)
    async with open_desk(tmp_path) as desk:
        _, due = await desk.claim(desk.put(schedule=At(NOON + HOUR)))

        await desk.end(due, busy)

        (run,) = await desk.database.read(runs.recent)
        assert run.status is RunStatus.RETRY_WAIT
        assert await rows(desk.database, "SELECT count(*) FROM outbox") == [(0,)]
        assert desk.store.load()[run.job_uid].status is JobStatus.ENABLED


async def test_listeners_hear_of_a_run_once_and_one_that_fails_harms_nobody(tmp_path: Path) -> None:
    heard: list[tuple[str, RunStatus]] = []

    def fail(job: Job, run: Run) -> None:
        raise ValueError("broken")

    def hear(job: Job, run: Run) -> None:
        heard.append((job.name, run.status))

    async with open_desk(tmp_path, listeners=[fail, hear]) as desk:
        _, due = await desk.claim(desk.put())

        await desk.end(due, OK)

        assert heard == [("news", RunStatus.SUCCEEDED)]


async def test_a_job_that_failed_ten_times_in_a_row_is_paused(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put(overlap=Overlap.ALLOW_ALL)
        for n in range(PAUSE_AFTER):
            moment = NOON + n * HOUR
            occurrence = runs.occurrence(moment, moment, Trigger.SCHEDULE)
            said = runs.message(job, occurrence, None, moment)
            await desk.database.write(lambda t, due=occurrence, said=said: runs.claim(t, job, due, said))
            assert isinstance(said.occasion, Due)
            await desk.end(said.occasion, BAD)

        stored = desk.store.load()[job.uid]
        assert (stored.status, stored.status_reason) == (JobStatus.PAUSED, "it has failed 10 times in a row")


async def test_a_pause_that_a_crash_has_prevented_is_made_at_the_next_start(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = desk.put()
        row = (job.uid, mark_of(job), PAUSE_AFTER, 1, None, to_text(NOON))
        await desk.database.write(lambda t: t.execute(sql.KEEP_FAILURES, row).rowcount)

        await desk.handler.settler.settle_all()

        assert desk.store.load()[job.uid].status is JobStatus.PAUSED

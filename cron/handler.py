"""RunHandler: what a due run is to do, and what follows from how it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from cron import runs
from cron.job import AfterRun, Job, JobStatus, Notify, Run, RunStatus, Say, Trigger
from cron.notices import failure_alert
from cron.prompt import due_prompt, reminder_text
from cron.schedule import At
from cron.store import JobStore
from cron.target import address_of
from gateway.agent.due import Assignment, Ending, EndStatus, Plan, Script
from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import JobChangedError, NotFoundError, RunOverError, StoreError
from gateway.messages import ChatAddress, Due, InboundMessage
from gateway.tools import message as messages

logger = structlog.get_logger()

TIMEOUT = timedelta(minutes=10)
ATTEMPTS = 5  # to change a job that others change at the same time


class RunHandler:
    """The DueHandler of cron."""

    def __init__(
        self,
        *,
        store: JobStore,
        database: Database,
        clock: Clock,
        default_target: ChatAddress | None,
        left_words: Callable[[], None],
        unsettled: Callable[[], None],
    ) -> None:
        """`left_words`: something was put into the outbox. `unsettled`: `settle` has to be called again."""
        self._store = store
        self._database = database
        self._clock = clock
        self._default_target = default_target
        self._left_words = left_words
        self._unsettled = unsettled
        self._states: dict[str, int] = {}  # run → revision of the state that its prompt has shown

    def expected_state(self, run: str) -> int:
        """The revision of the state that the run has read, or has written since."""
        return self._states.get(run, 0)

    def wrote_state(self, run: str, revision: int) -> None:
        """The run has written its state: the next time it may build on that."""
        self._states[run] = revision

    async def plan(self, message: InboundMessage, due: Due) -> Plan | None:
        """What to do, by the run's own copy of the job; its state is the present one."""
        found = await self._database.read(lambda transaction: runs.job_of(transaction, due.run))
        if found is None or not found[0].open:
            return None
        job, due = found[1], self._late_by_now(due)
        logger.info("Cron: executing job", job=job.id, name=job.name, run=due.run)
        if isinstance(job.payload, Say):
            return Script(text=reminder_text(job, due))
        job = await self._with_present_state(job)
        self._states[due.run] = job.state_revision
        return Assignment(
            prompt=due_prompt(job, due, self._clock.now()),
            job=job.uid,
            timeout=job.timeout or TIMEOUT,
            silent=job.notify is Notify.NEVER,
            must_speak=job.notify is Notify.ALWAYS,
        )

    async def _with_present_state(self, job: Job) -> Job:
        try:
            jobs = await asyncio.to_thread(self._store.load)
        except StoreError:
            # The run goes on with the state of its claim; if that is not the present one, it cannot overwrite it.
            logger.exception("the present state of a job cannot be read", job=job.id)
            return job
        present = jobs.get(job.uid, job)
        return replace(job, state=present.state, state_revision=present.state_revision)

    def _late_by_now(self, due: Due) -> Due:
        """How late the run is when it begins: it may have been claimed on time and have waited since."""
        return replace(due, late_by=max(due.late_by, self._clock.now() - due.scheduled_for))

    def starting(self, due: Due, *, now: datetime) -> Work[None]:
        def write(transaction: Transaction) -> None:
            if not runs.is_open(transaction, due.run):
                raise RunOverError(f"run {due.run} was ended before it began")
            runs.start(transaction, due.run, now=now)

        return write

    def ending(self, due: Due, ending: Ending, *, now: datetime) -> Work[None]:
        """The run's record, and the alert where there is one: both or neither."""

        def write(transaction: Transaction) -> None:
            found = runs.job_of(transaction, due.run)
            runs.finish(transaction, due.run, ending, now=now)
            if found is not None and found[0].open and _alerts(found[1], ending):
                address = address_of(found[1], self._default_target)
                alert = failure_alert(found[1], due.run, ending, address)
                messages.leave(transaction, alert, at=to_text(now))

        return write

    async def ended(self, due: Due, ending: Ending) -> None:
        """The log's line, and what becomes of the job."""
        self._states.pop(due.run, None)
        run = await self._database.read(lambda transaction: runs.find(transaction, due.run))
        if run is None:
            return
        self._log(run)
        self._left_words()
        try:
            await self.settle(run)
        except StoreError as error:
            logger.exception("what follows from a run for its job is done later", job=run.job_id, error=str(error))
            self._unsettled()

    def _log(self, run: Run) -> None:
        logger.info(
            "Cron: run ends",
            job=run.job_id,
            run=run.id,
            status=run.status.value,
            late_ms=round(run.late_by.total_seconds() * 1000),
            error=run.error or None,
        )

    async def settle(self, run: Run) -> None:
        """What the end of a run means for its job: a one-shot is over, a job that ends the process is paused.

        Doing it twice does the same: it is done again for everything at a start.
        """
        for _ in range(ATTEMPTS):
            jobs = await asyncio.to_thread(self._store.load)
            job = jobs.get(run.job_uid)
            if job is None:
                return
            try:
                await asyncio.to_thread(self._apply, job, run)
            except JobChangedError:
                continue
            except NotFoundError:
                return
            return
        logger.error("a job is changed too often to be settled; the next start does it", job=run.job_id)

    def _apply(self, job: Job, run: Run) -> None:
        following = after(job, run)
        if following is None:
            self._store.remove(job.uid, revision=job.revision)
        elif following != job:
            self._store.put(following)


def after(job: Job, run: Run) -> Job | None:
    """The job after a run of it has ended; None: it is removed."""
    if run.status is RunStatus.ABANDONED:
        return replace(job, status=JobStatus.PAUSED, status_reason=run.error)
    by_clock = run.trigger in {Trigger.SCHEDULE, Trigger.CATCH_UP}
    if not isinstance(job.schedule, At) or not by_clock or run.status.open:
        return job
    if job.schedule.instant != run.scheduled_at:
        return job  # it has another time by now
    if run.status is not RunStatus.SUCCEEDED:
        return replace(job, status=JobStatus.DISABLED, status_reason=run.error or run.status.value)
    match job.after_run:
        case AfterRun.DELETE:
            return None
        case AfterRun.DISABLE:
            return replace(job, status=JobStatus.DISABLED, status_reason="it has run")
        case AfterRun.KEEP:
            return job


def _alerts(job: Job, ending: Ending) -> bool:
    """A one-shot that fails has no second chance, and a job that was given up gets none: somebody must know."""
    if ending.status is EndStatus.ABANDONED:
        return True
    failed = ending.status in {EndStatus.FAILED, EndStatus.TIMED_OUT}
    return failed and isinstance(job.schedule, At)

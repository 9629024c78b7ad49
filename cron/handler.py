"""RunHandler: what a due run is to do, and what is recorded when it ends."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from cron import output, runs
from cron.endings.ending import Consequence, Ended
from cron.endings.spend import Room
from cron.engine import retry
from cron.engine.settling import Settler, matters
from cron.job import Job, Say, Shell
from cron.policy import DeliveryMode, Notify
from cron.prompt import due_prompt, reminder_text
from cron.reminders import reminding
from cron.run import Run, RunStatus
from cron.store import JobStore
from gateway.agent.due import Assignment, Ending, EndStatus, Plan, Script
from gateway.clock import Clock
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import ErrorClass, RunOverError, StoreError
from gateway.messages import Due, InboundMessage

logger = structlog.get_logger()

TIMEOUT = timedelta(minutes=10)
NO_SANDBOX = "shell commands wait for a sandbox, which this version does not have"


class RunHandler:
    """The DueHandler of cron."""

    def __init__(
        self,
        *,
        store: JobStore,
        database: Database,
        clock: Clock,
        left_words: Callable[[], None],
        unsettled: Callable[[], None],
        over: Callable[[Run, bool], None] = lambda run, followed: None,
        consequences: Sequence[Consequence] = (),
        room: Callable[[Transaction, str, Job, datetime], Room] = lambda transaction, run, job, now: Room(),
        listeners: Sequence[Callable[[Job, Run], None]] = (),
        barred: Callable[[Job], str] = lambda job: "",
    ) -> None:
        """`left_words`: something was put into the outbox. `unsettled`: `settle` has to be called again.

        `over`: a run has ended or waits for its next attempt; True with it if another run may have been claimed
        in the same transaction. `room`: what a run that begins now may spend. `listeners` hear of every run that
        has ended; they must not wait. `barred`: why a job may not run any more, and is paused; empty if it may.
        """
        self.settler = Settler(store, database)
        self._store = store
        self._database = database
        self._clock = clock
        self._left_words = left_words
        self._unsettled = unsettled
        self._over = over
        self._consequences = tuple(consequences)
        self._room = room
        self._listeners = tuple(listeners)
        self._barred = barred
        self._states: dict[str, int] = {}  # run → revision of the state that its prompt has shown
        self._recorded: dict[str, tuple[Run, Job]] = {}  # ends of runs as they were written, and not told yet

    def expected_state(self, run: str) -> int:
        """The revision of the state that the run has read, or has written since."""
        return self._states.get(run, 0)

    def wrote_state(self, run: str, revision: int) -> None:
        """The run has written its state: the next time it may build on that."""
        self._states[run] = revision

    # -- before -------------------------------------------------------------------------------------------

    async def plan(self, message: InboundMessage, due: Due) -> Plan | None:
        """What to do, by the run's own copy of the job; its state is the present one."""
        now = self._clock.now()
        present: Mapping[str, Job] = {}
        reading = self._database.read(lambda transaction: self._found(transaction, due.run, now))
        if due.exact:
            found, room = await reading
        else:
            (found, room), present = await asyncio.gather(reading, self._present_jobs(due))
        if found is None or not found[0].open:
            return None
        job, due = found[1], self._late_by_now(due)
        logger.info("Cron: executing job", job=job.id, name=job.name, run=due.run)
        if reason := self._barred(job):  # not failed: it is told and paused at once
            return Ending(status=EndStatus.ABANDONED, error=reason, error_class=ErrorClass.PERMISSION)
        if isinstance(job.payload, Shell) or job.check:
            return Ending(status=EndStatus.FAILED, error=NO_SANDBOX, error_class=ErrorClass.PERMISSION)
        if isinstance(job.payload, Say):
            return _script(job, due)
        if room.refusal:
            refusal = ErrorClass.PERMISSION
            return Ending(status=EndStatus.FAILED, error=room.refusal, error_class=refusal, capped=True)
        job = _with_state_of(present.get(job.uid, job), job)
        self._states[due.run] = job.state_revision
        return _assignment(job, due, now, tokens=room.tokens)

    def _found(
        self, transaction: Transaction, run: str, now: datetime
    ) -> tuple[tuple[RunStatus, Job] | None, Room]:
        found = runs.job_of(transaction, run)
        return found, self._room(transaction, run, found[1], now) if found else Room()

    async def _present_jobs(self, due: Due) -> Mapping[str, Job]:
        try:
            return await asyncio.to_thread(self._store.load)
        except StoreError:
            # The run goes on with the state of its claim; if that is not the present one, it cannot overwrite it.
            logger.exception("the present states of jobs cannot be read", run=due.run)
            return {}

    def _late_by_now(self, due: Due) -> Due:
        """How late the run is when it begins: it may have been claimed on time and have waited since."""
        return replace(due, late_by=max(due.late_by, self._clock.now() - due.scheduled_for))

    def starting(self, due: Due, *, now: datetime) -> Work[None]:
        def write(transaction: Transaction) -> None:
            if not runs.start(transaction, due.run, now=now):
                raise RunOverError(f"run {due.run} was ended before it began")

        return write

    # -- after --------------------------------------------------------------------------------------------

    def ending(self, due: Due, ending: Ending, *, now: datetime) -> Work[None]:
        """The run's record and all that follows, or that it waits for its next attempt: all of it or nothing."""
        return self._ending(due.run, ending, now)

    async def ended(self, due: Due, ending: Ending) -> None:
        """The log's line, and what becomes of the job."""
        await self.ended_elsewhere(due.run)

    async def end(self, run: str, ending: Ending) -> None:
        """End the record of a run that nobody works on; nothing happens if it is over."""
        await self._database.write(self._ending(run, ending, self._clock.now()), essential=True)
        await self.ended_elsewhere(run)

    def _ending(self, run: str, ending: Ending, now: datetime) -> Work[None]:
        def write(transaction: Transaction) -> None:
            self._recorded.pop(run, None)
            found = runs.job_of(transaction, run)
            if found is None or not found[0].open:
                return
            job, again = found[1], _retried(transaction, found[1], run, ending, now)
            told = replace(ending, error=f"{ending.error} ({again.why_not})") if again.why_not else ending
            if again.at is not None:
                runs.wait(transaction, run, ending, now=now, until=again.at)
            else:
                runs.finish(transaction, run, told, now=now)
            recorded = runs.find(transaction, run)
            if recorded is not None:
                self._recorded[run] = recorded, job
                if again.at is None and self._consequences:
                    self._follow(transaction, Ended(job=job, run=recorded, ending=told, now=now))

        return write

    def _follow(self, transaction: Transaction, ended: Ended) -> None:
        """All together; one by one only where one of them fails, which must not keep the run from ending."""
        transaction.execute("SAVEPOINT consequences")
        try:
            for consequence in self._consequences:
                consequence.write(transaction, ended)
        except Exception:  # noqa: BLE001 - whichever it was, it fails again below, and is logged there
            # On a full disk the transaction is gone, and with it the savepoint: that error goes on from here.
            transaction.execute("ROLLBACK TO consequences")
            for consequence in self._consequences:
                _try(transaction, consequence, ended)
        transaction.execute("RELEASE consequences")

    async def ended_elsewhere(self, name: str) -> None:
        """As `ended`, for a run that was ended by others: the command line, while it waited."""
        self._states.pop(name, None)
        recorded = self._recorded.pop(name, None) or await self._database.read(lambda t: _recorded(t, name))
        if recorded is None:
            return
        run, job = recorded
        _log(run)
        self._left_words()
        self._over(run, bool(job.then))
        if run.status.open:
            return
        self._tell(job, run)
        if not matters(job, run):
            return
        try:
            await self.settle(run)
        except StoreError as error:
            logger.exception("what follows from a run for its job is done later", job=run.job_id, error=str(error))
            self._unsettled()

    def _tell(self, job: Job, run: Run) -> None:
        for listener in self._listeners:
            try:
                listener(job, run)
            except Exception:
                logger.exception("a listener failed at the end of a run; the run is recorded", run=run.id)

    async def settle(self, run: Run) -> None:
        """What the end of a run means for its job: a one-shot is over, a job that keeps failing is paused."""
        await self.settler.settle(run)


def _with_state_of(present: Job, job: Job) -> Job:
    return replace(
        job, state=present.state, state_revision=present.state_revision, state_change=present.state_change
    )


def _script(job: Job, due: Due) -> Script:
    """Exact words, and what can be answered to them."""
    text = reminder_text(job, due)
    if not reminding.asks_for_an_answer(job):
        return Script(text=text, reply_to=job.reply_to)
    return Script(text=text, buttons=reminding.buttons(due.run), hint=reminding.HINT, reply_to=job.reply_to)


def _assignment(job: Job, due: Due, now: datetime, *, tokens: int | None) -> Assignment:
    to_channel = job.delivery.mode is DeliveryMode.CHANNEL
    return Assignment(
        prompt=due_prompt(job, due, now),
        job=job.uid,
        timeout=job.timeout or TIMEOUT,
        silent=job.notify is Notify.NEVER and not to_channel,
        must_speak=job.notify is Notify.ALWAYS or to_channel,
        tools=None if job.tools is None else frozenset(job.tools),
        context_messages=job.context_messages,
        check_output=output.checker(job),
        tokens=tokens,
        model=job.model,
        work_dir=job.work_dir,
    )


def _recorded(transaction: Transaction, name: str) -> tuple[Run, Job] | None:
    run, found = runs.find(transaction, name), runs.job_of(transaction, name)
    return (run, found[1]) if run and found else None


def _try(transaction: Transaction, consequence: Consequence, ended: Ended) -> None:
    transaction.execute("SAVEPOINT consequence")
    try:
        consequence.write(transaction, ended)
    except Exception:
        transaction.execute("ROLLBACK TO consequence")
        logger.exception(
            "cron: what follows from a run has failed", run=ended.run.id, what=type(consequence).__name__
        )
    transaction.execute("RELEASE consequence")


def _retried(transaction: Transaction, job: Job, run: str, ending: Ending, now: datetime) -> retry.Verdict:
    if ending.status not in {EndStatus.FAILED, EndStatus.TIMED_OUT}:
        return retry.OVER
    cursor = runs.cursor_of(transaction, job.uid)
    return retry.verdict(
        job.retry,
        ending,
        run=run,
        attempt=runs.attempt_of(transaction, run),
        now=now,
        following=cursor.next_at if cursor else None,
    )


def _log(run: Run) -> None:
    if run.status is RunStatus.RETRY_WAIT:
        logger.warning(
            "Cron: run is tried again",
            job=run.job_id,
            run=run.id,
            attempt=run.attempt,
            at=str(run.retry_at),
            error=run.error,
        )
        return
    logger.info(
        "Cron: run ends",
        job=run.job_id,
        run=run.id,
        status=run.status.value,
        late_ms=round(run.late_by.total_seconds() * 1000),
        error=run.error or None,
    )

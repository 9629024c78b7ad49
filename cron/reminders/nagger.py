"""Nagger: says a reminder again until somebody has answered it; durable, never twice, never after Done."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from cron import planner, runs
from cron.endings.ending import Ended
from cron.job import Job, Say
from cron.reminders import answers, reminding
from cron.reminders.reminding import NAG_FOR, Nag
from cron.run import Run, RunStatus
from cron.schedule import At
from cron.target import speaks_to
from gateway.clock import Clock, to_text
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import ChatAddress
from gateway.tools import message as messages

logger = structlog.get_logger()

LONGEST_SLEEP = timedelta(seconds=30)  # a wall clock that jumps: noticed within this
STORE_PAUSE = timedelta(seconds=2)
AT_ONCE = 50  # reminders in one transaction


class NagsBegin:
    """The Consequence of a reminder with `nag`: from its end on it is said again."""

    def write(self, transaction: Transaction, ended: Ended) -> None:
        job = ended.job
        if job.nag is None or not isinstance(job.payload, Say) or ended.run.status is not RunStatus.SUCCEEDED:
            return
        answers.stop_nags_of(transaction, job.uid)  # those of an earlier time: this one is said instead
        nag = Nag(run=ended.run.id, said=0, next_at=ended.now + job.nag, until=ended.now + NAG_FOR)
        answers.begin_nag(transaction, nag, job.uid, now=ended.now)


class Nagger:
    """One task over the table of what was not answered."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        find: Callable[[str], Job | None],
        default_target: ChatAddress | None,
        left_words: Callable[[], None],
        barred: Callable[[Job], str] = lambda job: "",
    ) -> None:
        """`find` knows a present job by its uid; `left_words` is called when the outbox has something new.

        `barred`: why a job may not run any more; empty if it may.
        """
        self._database = database
        self._clock = clock
        self._find = find
        self._default_target = default_target
        self._left_words = left_words
        self._barred = barred
        self._wake = asyncio.Event()

    def heard(self, job: Job, run: Run) -> None:
        """A run has ended: if it nags, its first time may be sooner than all others."""
        if job.nag is not None:
            self._wake.set()

    async def run(self) -> None:
        """Say what is due again, for ever."""
        while True:
            self._wake.clear()
            try:
                following = await self.step(self._clock.now())
            except StoreError as error:
                logger.error("reminders cannot be said again; trying later", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
                continue
            pause = LONGEST_SLEEP if following is None else following - self._clock.now()
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(min(max(pause, timedelta(milliseconds=1)), LONGEST_SLEEP)):
                    await self._wake.wait()

    async def step(self, now: datetime) -> datetime | None:
        """Say all that is due at `now`; returns when the next is due."""
        following = await self._database.read(answers.next_nag)
        while following is not None and following <= now:
            said = await self._database.write(lambda transaction: self._say_due(transaction, now))
            if said:
                self._left_words()
            following = await self._database.read(answers.next_nag)
        return following

    def _say_due(self, transaction: Transaction, now: datetime) -> int:
        due = answers.due_nags(transaction, now, limit=AT_ONCE)
        return sum(self._say(transaction, nag, now) for nag in due)

    def _say(self, transaction: Transaction, nag: Nag, now: datetime) -> bool:
        found = runs.job_of(transaction, nag.run)
        job = found[1] if found else None
        if job is None or job.nag is None or self._barred(job) or _withdrawn(job, self._find(job.uid)):
            answers.stop_nag(transaction, nag.run)
            return False
        address = speaks_to(job, self._default_target)
        if reminding.nag_is_over(nag, now):
            answers.stop_nag(transaction, nag.run)
            return messages.leave(transaction, reminding.last_nag(job, nag, address), at=to_text(now))
        waits = answers.is_unsent(transaction, nag.run)  # one that has not arrived is enough
        said = not waits and messages.leave(transaction, reminding.nag_message(job, nag, address), at=to_text(now))
        at = reminding.following(nag, job.nag, now)
        answers.put_off_nag(transaction, nag.run, at=at, said=nag.said + int(said))
        return said


def _withdrawn(job: Job, present: Job | None) -> bool:
    """Whether a job that comes again was removed or stopped. One that is over by itself is gone too."""
    if isinstance(job.schedule, At):
        return False
    if present is None:
        return job.max_runs is None and job.expires_at is None
    return not planner.fires(present) and job.max_runs is None

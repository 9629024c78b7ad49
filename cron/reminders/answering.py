"""Reminders: what people do about one that was said: done, or once more later. Repeatable, and without a model."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from cron import runs
from cron.book import OPERATOR
from cron.clerk import Asker, Clerk
from cron.job import Job, Say
from cron.making.draft import Draft, Maker, uid_of
from cron.reminders import answers
from cron.reminders.answers import Dealt
from cron.reminders.snooze import snoozed_until
from cron.run import Run
from cron.target import speaks_to
from cron.times.schedule_text import format_duration
from gateway.clock import to_text
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError
from gateway.messages import ChatAddress

RECENT = timedelta(hours=24)  # a reminder that was said longer ago is not what "done" means
GONE = "This reminder is not known here any more."
NONE = "No reminder waits for an answer here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A reminder that was said here."""

    run: str
    job: Job  # the run's own copy
    record: Run
    dealt: Dealt
    mine: bool = False  # by this very answer, which is repeated after a crash


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """What became of an answer to a reminder."""

    reminder: Reminder
    later: Job | None = None  # what says it again

    @property
    def done_before(self) -> bool:
        """Somebody had done it already."""
        return self.reminder.dealt is Dealt.DONE and not self.reminder.mine


class Reminders:
    """Finds the reminder that is meant, and keeps what is answered to it."""

    def __init__(
        self,
        clerk: Clerk,
        *,
        default_target: ChatAddress | None = None,
        present: Callable[[ChatAddress], ChatAddress] = lambda address: address,
    ) -> None:
        """`present`: the address that a chat has now, if its platform has given it another."""
        self._clerk = clerk
        self._default_target = default_target
        self._present = present

    async def done(self, asker: Asker, run: str = "") -> Dealing:
        """Nobody is reminded of it any more; without a run it is the last one that waits for an answer here.

        One that was put off is taken back. NotFoundError if there is none, in the same words for one of another
        chat.
        """
        reminder = await self._put_off(asker, run) or await self.find(asker, run)
        await self._keep(asker, reminder, Dealt.DONE)
        if reminder.dealt is not Dealt.OPEN:
            await self._withdraw(asker, reminder)
        return Dealing(reminder=reminder)

    async def snooze(self, asker: Asker, words: str, run: str = "") -> Dealing:
        """Say it again at the time that the words name; one that was put off already stays as it is.

        ScheduleError if they name none; NotFoundError as for `done`.
        """
        reminder = await self.find(asker, run)
        if reminder.dealt is Dealt.DONE:
            return Dealing(reminder=reminder)
        stamped = replace(asker, stamp=_stamp(reminder.run))
        made = await self._clerk.make(stamped, lambda maker: self._draft(reminder, words, maker))
        await self._keep(asker, reminder, Dealt.SNOOZED)
        return Dealing(reminder=reminder, later=None if isinstance(made, Run) else made.job)

    async def find(self, asker: Asker, run: str = "") -> Reminder:
        """The reminder of this run, or the last one that waits for an answer here; NotFoundError without one."""
        found = await self._clerk.database.read(lambda transaction: self._find(transaction, asker, run))
        if found is None:
            raise NotFoundError(GONE if run else NONE)
        return found

    def _draft(self, reminder: Reminder, words: str, maker: Maker) -> Draft:
        job = reminder.job
        at = snoozed_until(
            words, meant=reminder.record.scheduled_at, now=maker.now, zone=job.tz, languages=maker.languages
        )
        return Draft(
            name=job.name,
            say=job.payload.text if isinstance(job.payload, Say) else "",
            at=to_text(at),
            tz=job.tz,
            nag=format_duration(job.nag) if job.nag else None,
        )

    async def _keep(self, asker: Asker, reminder: Reminder, what: Dealt) -> None:
        run, uid = reminder.run, reminder.job.uid
        await self._clerk.database.write(
            lambda transaction: answers.answer(transaction, run, uid, what, stamp=asker.stamp, now=asker.now)
        )

    async def _withdraw(self, asker: Asker, reminder: Reminder) -> None:
        """It was put off: what would say it again is not needed any more, whoever has put it off."""
        uid = uid_of(_stamp(reminder.run))
        try:
            await self._clerk.remove(replace(asker, viewer=OPERATOR), uid)
        except NotFoundError:  # it has been said
            await self._clerk.database.write(
                lambda transaction: answers.finish_all_of(transaction, uid, now=asker.now)
            )

    # -- which one ----------------------------------------------------------------------------------------

    async def _put_off(self, asker: Asker, run: str) -> Reminder | None:
        """The last reminder here, if it was put off and has not been said again yet."""
        if run:
            return None
        last = await self._clerk.database.read(lambda transaction: self._last(transaction, asker))
        if last is None or last.dealt is not Dealt.SNOOZED:
            return None
        jobs = await asyncio.to_thread(self._clerk.store.load)
        return last if uid_of(_stamp(last.run)) in jobs else None

    def _last(self, transaction: Transaction, asker: Asker) -> Reminder | None:
        if answers.answered_by(transaction, asker.stamp):
            return None
        (last, *_) = (*answers.latest(transaction, asker.address), None)
        return self._here(transaction, asker, last.run) if last else None

    def _find(self, transaction: Transaction, asker: Asker, run: str) -> Reminder | None:
        before = answers.answered_by(transaction, asker.stamp)
        if found := run or before:
            reminder = self._here(transaction, asker, found)
            return replace(reminder, mine=found == before) if reminder else None
        for said in answers.latest(transaction, asker.address):
            reminder = self._here(transaction, asker, said.run) if said.dealt is Dealt.OPEN else None
            if reminder is not None and asker.now - reminder.record.scheduled_at <= RECENT:
                return reminder
        return None

    def _here(self, transaction: Transaction, asker: Asker, run: str) -> Reminder | None:
        """The reminder, if it was one, and said in this chat."""
        found, record = runs.job_of(transaction, run), runs.find(transaction, run)
        if found is None or record is None or not isinstance(found[1].payload, Say):
            return None
        address = self._present(speaks_to(found[1], self._default_target))
        if address.owner != asker.address.owner:
            return None
        return Reminder(run=run, job=found[1], record=record, dealt=answers.dealt(transaction, run))


def _stamp(run: str) -> str:
    """Of the job that says a reminder again: one, however often that is asked for."""
    return f"{run}.snooze"

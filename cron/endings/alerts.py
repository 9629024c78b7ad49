"""Alerts: who is told that a job keeps failing, when, and when such a job is paused. No model is asked for it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cron.endings.ending import Ended
from cron.endings.lifecycle import COMPLETED, FAILED
from cron.endings.notices import alert, recovery
from cron.job import Job, JobStatus
from cron.run import RunStatus, Trigger
from cron.schedule import At
from cron.target import address_of
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import ChatAddress, OutboundMessage
from gateway.tools import message as messages

PAUSE_AFTER = 10  # consecutive failed runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alert is given, where the job says nothing itself."""

    after: int = 3  # consecutive failed runs
    cooldown: timedelta = timedelta(hours=1)  # between two alerts of a job that recovers and fails again


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How often a job has failed in a row, and what was told of it."""

    mark: str  # RFC 3339: the change of the job since which is counted; to resume a job is one
    count: int = 0
    alerted: bool = False  # somebody was told, and not yet that it succeeds again
    told_at: datetime | None = None  # the last alert


class Word(StrEnum):
    """What there is to say after the end of a run."""

    FAILING = "failing"
    ONCE = "once"  # a one-shot, which has no second chance
    PAUSED = "paused"
    GIVEN_UP = "given_up"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The gateway stops a job until somebody resumes it."""

    reason: str


def mark_of(job: Job) -> str:
    """When what is counted for a job began: resumed or with another schedule, it is counted anew."""
    return to_text(job.changed_at or job.created_at)


def judge(before: Failing, ended: Ended, rule: Rule) -> tuple[Failing, Word | None]:
    """What is known after the run, and what is to be said about it.

    Failed runs count; skipped, missed and cancelled ones do not, nor those that a spend cap has stopped.
    """
    mark = mark_of(ended.job)
    if before.mark > mark:
        return before, None  # a run of the job as it was before somebody changed it
    if before.mark < mark:
        before = replace(before, mark=mark, count=0)
    status = ended.run.status
    if status in COMPLETED:
        return replace(before, count=0, alerted=False), Word.RECOVERED if before.alerted else None
    if status not in FAILED or ended.ending.capped:
        return before, None
    after = replace(before, count=before.count + 1)
    word = _word(after, ended, rule)
    return (after if word is None else replace(after, alerted=True, told_at=ended.now)), word


def _word(failing: Failing, ended: Ended, rule: Rule) -> Word | None:
    """Stopping for good is always said; that it goes on failing once, and not again within the cooldown."""
    if ended.run.status is RunStatus.ABANDONED:
        return Word.GIVEN_UP
    if failing.count == PAUSE_AFTER:
        return Word.PAUSED
    if isinstance(ended.job.schedule, At) and ended.run.trigger not in {Trigger.CHAIN, Trigger.EVENT}:
        return Word.ONCE
    if failing.alerted or failing.count < rule.after:
        return None
    lately = failing.told_at is not None and abs(ended.now - failing.told_at) < rule.cooldown
    return None if lately else Word.FAILING


def verdict(job: Job, failing: Failing | None) -> Pause | None:
    """Whether the gateway pauses the job as it is now. Asked again, also after a resume, it does no harm."""
    if failing is None or failing.count < PAUSE_AFTER or job.status is not JobStatus.ENABLED:
        return None
    if mark_of(job) > failing.mark:
        return None  # resumed, or changed, since
    return Pause(reason=f"it has failed {failing.count} times in a row")


def failing(transaction: Transaction, uid: str) -> Failing | None:
    """What is known of the failures of a job; None when there were none."""
    row = transaction.execute(sql.FAILURES_OF, (uid,)).fetchone()
    if row is None:
        return None
    mark, count, alerted, told_at = row
    return Failing(mark=mark, count=count, alerted=bool(alerted), told_at=from_text(told_at) if told_at else None)


def to_be_paused(transaction: Transaction) -> list[str]:
    """The uids of jobs that have failed too often: a crash may have come before their pause."""
    return [uid for (uid,) in transaction.execute(sql.FAILING_JOBS, (PAUSE_AFTER,)).fetchall()]


def told_in(job: Job, default_target: ChatAddress | None) -> ChatAddress:
    """Where alerts of a job go: the address it names for them, else its own."""
    return job.failure_alert.address or address_of(job, default_target)


class Alerts:
    """The Consequence of `failure_alert`."""

    def __init__(self, *, default_target: ChatAddress | None, rule: Rule | None = None) -> None:
        self._default_target = default_target
        self._rule = rule or Rule()

    def write(self, transaction: Transaction, ended: Ended) -> None:
        job = ended.job
        before = failing(transaction, job.uid) or Failing(mark=mark_of(job))
        after, word = judge(before, ended, self._rule_of(job))
        if after != before:
            _keep(transaction, job.uid, after, ended.now)
        if word is not None:
            said = _message(word, after, ended, told_in(job, self._default_target))
            messages.leave(transaction, said, at=to_text(ended.now))

    def _rule_of(self, job: Job) -> Rule:
        own = job.failure_alert
        return Rule(
            after=self._rule.after if own.after is None else own.after,
            cooldown=self._rule.cooldown if own.cooldown is None else own.cooldown,
        )


def _keep(transaction: Transaction, uid: str, known: Failing, now: datetime) -> None:
    told_at = to_text(known.told_at) if known.told_at else None
    row = (uid, known.mark, known.count, int(known.alerted), told_at, to_text(now))
    transaction.execute(sql.KEEP_FAILURES, row)


def _message(word: Word, after: Failing, ended: Ended, address: ChatAddress) -> OutboundMessage:
    job, run = ended.job, ended.run
    what = f"has failed {after.count} times in a row" if after.count > 1 else "failed"
    match word:
        case Word.RECOVERED:
            return recovery(job, run.id, address)
        case Word.GIVEN_UP:
            what, follows = "was given up", "It is paused; resume it when the cause is gone."
        case Word.PAUSED:
            follows = "It is paused; resume it when the cause is gone."
        case Word.ONCE:
            what, follows = "failed", _last_chance(ended)
        case Word.FAILING:
            follows = "It goes on, and is heard of again when it succeeds."
    return alert(job, run.id, f"{what}: {run.error or run.status.value}. {follows}", address)


def _last_chance(ended: Ended) -> str:
    if ended.run.trigger is Trigger.MANUAL:
        return "That was the run asked for by hand; it is not repeated."
    return "It will not be tried again, and is kept disabled."

"""Chain: what a job says is to follow from its runs: a run of another job, or an event."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from cron import planner, runs
from cron.endings.ending import Ended
from cron.endings.lifecycle import COMPLETED, FAILED, facts
from cron.engine.claims import claim_elsewhere
from cron.job import Job
from cron.policy import Then, ThenOn
from cron.run import RunStatus, Trigger
from cron.runs import Occurrence
from gateway import audit, events
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import StoreError
from gateway.messages import ChatAddress

logger = structlog.get_logger()

DEEPEST = 20  # runs that may follow from each other
FOLLOWS = "then:"  # the beginning of an occurrence's key; the run that it follows is the rest
EVENT = "event"  # the kind of an event that `then` names; its subject is that name


def cycle(jobs: Mapping[str, Job], start: Job) -> list[str]:
    """The names on the way from `start` back to itself, it at both ends; empty when there is no such way.

    `start` counts as it is given, whatever `jobs` (by uid) holds under its uid.
    """
    known = {**jobs, start.uid: start} if start.uid else dict(jobs)
    came_from: dict[str, Job] = {}
    waiting = [start]
    while waiting:
        job = waiting.pop()
        for then in job.then:
            following = known.get(then.job) if then.job else None
            if following is None or following.uid in came_from:
                continue
            came_from[following.uid] = job
            if following.uid == start.uid:
                return _way(came_from, start)
            waiting.append(following)
    return []


def _way(came_from: Mapping[str, Job], start: Job) -> list[str]:
    names, job = [start.name], came_from[start.uid]
    while job.uid != start.uid:
        names.append(job.name)
        job = came_from[job.uid]
    return [start.name, *reversed(names)]


def follows(then: Then, status: RunStatus) -> bool:
    """Whether a run that ended so starts this."""
    match then.on:
        case ThenOn.SUCCESS:
            return status in COMPLETED
        case ThenOn.FAILURE:
            return status in FAILED
        case ThenOn.DONE:
            return status in COMPLETED | FAILED


class Chain:
    """The Consequence of `then`."""

    def __init__(self, *, find: Callable[[str], Job | None], default_target: ChatAddress | None) -> None:
        """`find`: the job of a uid as it is now; it is called on the database's thread."""
        self._find = find
        self._default_target = default_target

    def write(self, transaction: Transaction, ended: Ended) -> None:
        for then in ended.job.then:
            if not follows(then, ended.run.status):
                continue
            if then.event:
                events.publish(transaction, EVENT, then.event, facts(ended), now=ended.now)
            else:
                self._start(transaction, ended, then.job)

    def _start(self, transaction: Transaction, ended: Ended, uid: str) -> None:
        target, trouble = self._target(uid)
        if target is None or not _same_owner(ended.job, target):
            # A foreign job and one that is gone: the same words, and no row in the other's history.
            _refuse(transaction, ended, uid, trouble or "there is no such job")
            return
        due = _occurrence(ended)
        if depth(transaction, ended.run.occurrence) >= DEEPEST:
            why = f"more than {DEEPEST} runs follow from each other: a job may not start itself this way"
            _refuse(transaction, ended, uid, why)
            runs.record_skipped(transaction, target, due, why, now=ended.now)
        elif not planner.fires(target):
            why = f"the job is {target.status.value}"
            _refuse(transaction, ended, uid, why)
            runs.record_skipped(transaction, target, due, why, now=ended.now)
        else:
            claim_elsewhere(transaction, target, due, ended.now, default_target=self._default_target)

    def _target(self, uid: str) -> tuple[Job | None, str]:
        try:
            return self._find(uid), ""
        except StoreError as error:
            return None, f"the jobs cannot be read: {error}"


def depth(transaction: Transaction, occurrence: str) -> int:
    """How many runs came before the run of this occurrence, each the cause of the next; at most DEEPEST."""
    found = 0
    while found < DEEPEST and occurrence.startswith(FOLLOWS):
        found += 1
        row = transaction.execute(sql.OCCURRENCE_OF_RUN, (occurrence.removeprefix(FOLLOWS),)).fetchone()
        occurrence = row[0] if row else ""
    return found


def _occurrence(ended: Ended) -> Occurrence:
    due = runs.occurrence(ended.now, ended.now, Trigger.CHAIN)
    return replace(due, key=f"{FOLLOWS}{ended.run.id}", trace_id=ended.run.trace_id)


def _same_owner(job: Job, target: Job) -> bool:
    """The command line may start everybody's jobs; a chat its own."""
    return job.owner is None or job.owner == target.owner


def _refuse(transaction: Transaction, ended: Ended, uid: str, why: str) -> None:
    """What was to follow does not: for the audit and the log, never an error of the run."""
    logger.warning("cron: what was to follow from a run does not", run=ended.run.id, then=uid, reason=why)
    refused = audit.Entry(
        at=ended.now,
        who=f"cron:{ended.job.id}",
        what="chain.refused",
        subject=uid,
        before=ended.run.id,
        after=why,
    )
    audit.write(transaction, refused)

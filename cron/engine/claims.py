"""Claims: an occurrence becomes a run, waits, or is recorded as skipped. Each is part of a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cron import runs
from cron.audit import GATEWAY, ran
from cron.engine.overlap import Meeting, Other, Way, meet
from cron.engine.places import Beginning
from cron.job import Job, Say
from cron.policy import Overlap
from cron.run import Trigger
from cron.runs import Occurrence
from cron.target import address_of, isolated_session, session_of
from gateway import audit
from gateway.bus import Offer
from gateway.clock import from_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import UserError
from gateway.inbox import Accepted, accept
from gateway.messages import ChatAddress, InboundMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run that is to be, its message, and whether it has its place already."""

    due: Occurrence
    said: InboundMessage
    placed: bool = True
    isolated: bool = False  # its place is in a session of its own


class Outcome(StrEnum):
    """What a claim came to."""

    BEGUN = "begun"  # its message is in the inbox
    HELD = "held"  # it waits for its place, or for other runs of its job
    SKIPPED = "skipped"  # recorded as such
    KNOWN = "known"  # it was claimed before


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What became of a run that was wanted."""

    due: Occurrence
    outcome: Outcome
    row: Accepted | None = None
    said: InboundMessage | None = None


def takes_place(job: Job) -> bool:
    """Whether a run of the job asks a model. Exact words do not: they are said at once."""
    return not isinstance(job.payload, Say)


def others(transaction: Transaction, uid: str) -> list[Other]:
    """The open runs of a job, oldest first."""
    rows = transaction.execute(sql.OPEN_RUNS_OF, (uid,)).fetchall()
    return [Other(run=run, waits=bool(held)) for run, held in rows]


def meeting_of(transaction: Transaction, job: Job) -> Meeting:
    """How a new run of the job goes on. Exact words take no time: of the policies only `skip` keeps them back."""
    if job.overlap is Overlap.ALLOW_ALL or not (takes_place(job) or job.overlap is Overlap.SKIP):
        return Meeting(way=Way.AT_ONCE)
    return meet(job.overlap, others(transaction, job.uid))


def claim_due(transaction: Transaction, job: Job, wanted: Sequence[Wanted], *, now: datetime) -> list[Claimed]:
    """Claim occurrences of one job; those that make up for one outage do not stand in each other's way."""
    meeting = meeting_of(transaction, job)
    return [_claim(transaction, job, one, meeting, now=now) for one in wanted]


def claim_by_hand(
    transaction: Transaction, job: Job, wanted: Wanted, *, now: datetime, by: str = GATEWAY
) -> Claimed:
    """Claim a run that somebody asked for; UserError where the job's policy does not let it run, nor wait.

    `by`: who has asked, for the audit.
    """
    if transaction.execute(sql.RUN_STATE, (wanted.due.run,)).fetchone() is not None:
        return Claimed(due=wanted.due, outcome=Outcome.KNOWN)
    meeting = meeting_of(transaction, job)
    if meeting.way is not Way.SKIPPED:
        audit.write(transaction, ran(job, wanted.due.run, who=by, at=now))
        return _claim(transaction, job, wanted, meeting, now=now)
    if job.overlap is Overlap.SKIP:
        (other, *_) = others(transaction, job.uid)
        raise UserError(
            f'"{job.name}" ({job.id}) is running already (run {other.run}); cancel that run, or wait for it'
        )
    raise UserError(f'"{job.name}" ({job.id}) is not run now: {meeting.why}')


def claim_elsewhere(
    transaction: Transaction, job: Job, due: Occurrence, now: datetime, *, default_target: ChatAddress | None
) -> Claimed:
    """Claim a run outside of the dispatcher, which takes it up when it looks: of a chain."""
    said = runs.message(job, due, default_target, now)
    wanted = Wanted(due=due, said=said, placed=not takes_place(job))
    return _claim(transaction, job, wanted, meeting_of(transaction, job), now=now)


def _claim(transaction: Transaction, job: Job, wanted: Wanted, meeting: Meeting, *, now: datetime) -> Claimed:
    due, said = wanted.due, wanted.said
    if meeting.way is Way.SKIPPED:
        runs.record_skipped(transaction, job, due, meeting.why, now=now)
        return Claimed(due=due, outcome=Outcome.SKIPPED)
    if meeting.way is Way.AFTER_OTHERS or not wanted.placed:
        held = runs.hold(transaction, job, due)
        return Claimed(due=due, outcome=Outcome.HELD if held else Outcome.KNOWN)
    if wanted.isolated or meeting.way is Way.ISOLATED:
        said = replace(said, session=isolated_session(job, due.run))
    row = runs.claim(transaction, job, due, said)
    return Claimed(due=due, outcome=Outcome.BEGUN if row else Outcome.KNOWN, row=row, said=said if row else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open run that asks a model, as it is found in the tables."""

    run: str
    job: Job
    session: str
    catch_up: bool
    waits: bool
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Open runs, oldest first."""

    found: list[Held]
    unreadable: list[str]  # those whose copy of the job cannot be read


def open_work(transaction: Transaction, default_target: ChatAddress | None) -> Work:
    """All open runs that ask a model."""
    return _work(transaction.execute(sql.OPEN_WORK).fetchall(), default_target)


def held_runs(transaction: Transaction) -> list[str]:
    """The ids of all runs that wait, oldest first."""
    return [run for (run,) in transaction.execute(sql.HELD_RUNS).fetchall()]


def held_work(transaction: Transaction, names: Sequence[str], default_target: ChatAddress | None) -> Work:
    """Those of these runs that wait and ask a model."""
    rows = [transaction.execute(sql.HELD_RUN, (run,)).fetchone() for run in names]
    return _work([row for row in rows if row is not None], default_target)


def _work(rows: Sequence[Sequence[Any]], default_target: ChatAddress | None) -> Work:
    work = Work(found=[], unreadable=[])
    for row in rows:
        one = _held(row, default_target)
        if one is None:
            work.unreadable.append(row[0])
        elif takes_place(one.job):
            work.found.append(one)
    return work


def _held(row: Sequence[Any], default_target: ChatAddress | None) -> Held | None:
    run, text, cause, held, not_before = row
    job = runs.copy_of(text)
    if job is None:
        return None
    return Held(
        run=run,
        job=job,
        session=own_session(job, run, default_target),
        catch_up=cause == Trigger.CATCH_UP,
        waits=bool(held),
        not_before=from_text(not_before) if not_before else None,
    )


def own_session(job: Job, run: str, default_target: ChatAddress | None) -> str:
    """The session that the job's settings give the run."""
    return session_of(job, run, address_of(job, default_target))


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A run that was given to the agent."""

    row: Accepted
    said: InboundMessage
    begun: bool  # its turn has begun with it, in the lane that was offered


def release(
    transaction: Transaction,
    beginning: Beginning,
    default_target: ChatAddress | None,
    *,
    offer: Offer | None,
    now: datetime,
) -> Released | None:
    """Give a run that waits to the agent; None if it does not wait any more, or cannot be read and is over now.

    `offer`: a place in the lane of the session that the run is expected to work in.
    """
    row = transaction.execute(sql.RELEASE_RUN, (beginning.run,)).fetchone()
    job = runs.copy_of(row[1]) if row else None
    if job is None:
        if row is not None:
            runs.give_up(transaction, beginning.run, now=now)
        return None
    due, session = _released(row, beginning.run), _session(job, beginning, row[-1], default_target)
    said = runs.message(job, due, default_target, now, session=session)
    begun = offer is not None and session == beginning.session
    accepted = accept(transaction, said, state="taken" if begun else "waiting")
    if accepted is None:
        return None
    if begun and offer is not None:
        offer.begin(transaction, accepted)
    return Released(row=accepted, said=said, begun=begun)


def _released(row: Sequence[Any], run: str) -> Occurrence:
    key, _, cause, scheduled_at, late_by_ms, missed, trace_id, _ = row
    return Occurrence(
        run=run,
        key=key,
        trigger=Trigger(cause),
        scheduled_for=from_text(scheduled_at),
        late_by=timedelta(milliseconds=late_by_ms),
        missed=missed,
        trace_id=trace_id,
    )


def _session(job: Job, beginning: Beginning, attempt: int, default_target: ChatAddress | None) -> str:
    if beginning.isolated:
        return isolated_session(job, beginning.run, attempt=attempt)
    return session_of(job, beginning.run, address_of(job, default_target), attempt=attempt)

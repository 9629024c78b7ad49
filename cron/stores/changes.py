"""What a change of the stored jobs is, whatever they are stored in: the rules of the port. Pure."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from cron.codec import check_job, check_state
from cron.job import Job, JobStatus
from cron.state import change as state_change
from gateway.errors import IdTakenError, JobChangedError, NotFoundError, StateChangedError, UserError
from gateway.messages import Json

Jobs = Mapping[str, Job]
Check = Callable[[Jobs], None]


class Present(Protocol):
    """The stored jobs as a change finds them: what an index answers need not be looked for."""

    def by_uid(self, uid: str) -> Job | None: ...

    def by_id(self, short: str) -> Job | None: ...

    def by_stamp(self, stamp: str) -> Job | None: ...

    def everything(self) -> Jobs: ...


@dataclass(frozen=True, slots=True)
class Scanned:
    """Jobs that are all at hand: each question is a walk over them."""

    jobs: Jobs

    def by_uid(self, uid: str) -> Job | None:
        return self.jobs.get(uid)

    def by_id(self, short: str) -> Job | None:
        return next((job for job in self.jobs.values() if job.id == short), None)

    def by_stamp(self, stamp: str) -> Job | None:
        return next((job for job in self.jobs.values() if job.stamp == stamp), None)

    def everything(self) -> Jobs:
        return self.jobs


class Indexed:
    """Jobs that are all at hand, looked up by indexes: for many changes, which see each other, at a time."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = dict(jobs)
        self._ids = {job.id: uid for uid, job in jobs.items()}
        self._stamps = {job.stamp: uid for uid, job in jobs.items() if job.stamp}

    def by_uid(self, uid: str) -> Job | None:
        return self._jobs.get(uid)

    def by_id(self, short: str) -> Job | None:
        return self._jobs.get(self._ids.get(short, ""))

    def by_stamp(self, stamp: str) -> Job | None:
        return self._jobs.get(self._stamps.get(stamp, ""))

    def everything(self) -> Jobs:
        return self._jobs

    def write(self, job: Job) -> None:
        """The job is there now."""
        before = self._jobs.get(job.uid)
        if before is not None:
            self._ids.pop(before.id, None)
            self._stamps.pop(before.stamp, None)
        self._jobs[job.uid] = job
        self._ids[job.id] = job.uid
        if job.stamp:
            self._stamps[job.stamp] = job.uid


def all_written(jobs: Jobs, wanted: Iterable[Job]) -> list[Job]:
    """What `put_all` stores; those that are stored already are themselves."""
    present, kept = Indexed(jobs), []
    for job in wanted:
        following = written(present, job, None)
        present.write(following)
        kept.append(following)
    return kept


def written(present: Present, job: Job, check: Check | None) -> Job:
    """The job as `put` stores it; one that is stored already, itself, when there is nothing to write."""
    if job.revision == 0:
        replayed = present.by_stamp(job.stamp) if job.stamp else None
        return replayed or _new(present, job, check)
    stored = present.by_uid(job.uid)
    if stored is None:
        raise JobChangedError(f"the job {job.name!r} has been removed meanwhile; nothing was changed")
    expect_revision(stored, job.revision)
    if check is not None:
        check(present.everything())
    kept = replace(
        job,
        revision=stored.revision + 1,
        state=stored.state,
        state_revision=stored.state_revision,
        state_stamp=stored.state_stamp,
        state_change=stored.state_change,
    )
    _expect_free_id(present, kept)
    return _readable(kept)


def removed(present: Present, uid: str, revision: int | None) -> Job:
    """The job that may be removed."""
    stored = _existing(present, uid)
    if revision is not None:
        expect_revision(stored, revision)
    return stored


def with_state(present: Present, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
    """The job with another state; the stored one, itself, when this very call has written it already."""
    stored = _existing(present, uid)
    if stamp and stamp == stored.state_stamp:
        return stored
    kept = check_state(state)
    if stored.status is JobStatus.BROKEN:
        raise UserError(f"the job {stored.name!r} is broken ({stored.status_reason}); repair it first")
    if stored.state_revision != expected:
        raise StateChangedError(
            f"the state of {stored.name!r} was changed meanwhile (revision {stored.state_revision}, "
            f"not {expected}); nothing was written. Look at the current one and decide again",
            state=stored.state,
            state_revision=stored.state_revision,
        )
    changed = state_change(stored.state, kept, last=stored.state_change) if expected else None
    return replace(stored, state=kept, state_revision=expected + 1, state_stamp=stamp, state_change=changed)


def expect_revision(stored: Job, revision: int) -> None:
    if stored.revision != revision:
        raise JobChangedError(
            f"the job {stored.name!r} was changed meanwhile (revision {stored.revision}, not {revision}); "
            "nothing was written. Look at it again and repeat the change"
        )


def fresh_uid(present: Present) -> str:
    """A UUID v4 whose first 8 digits no job has."""
    while True:
        uid = str(uuid.uuid4())
        if present.by_id(uid[:8]) is None:
            return uid


def _new(present: Present, job: Job, check: Check | None) -> Job:
    if check is not None:
        check(present.everything())
    if not job.uid:
        uid = fresh_uid(present)
        job = replace(job, uid=uid, id=uid[:8])
    if present.by_uid(job.uid) is not None:
        raise JobChangedError(f"there is a job with the uid {job.uid} already; nothing was changed")
    _expect_free_id(present, job)
    return _readable(replace(job, revision=1, state=check_state(job.state)))


def _readable(job: Job) -> Job:
    if job.schedule is None or job.status is JobStatus.BROKEN:
        raise UserError(f"the job {job.name!r} is broken; give it a schedule and a status that can be kept")
    return check_job(replace(job, broken=None))


def _expect_free_id(present: Present, job: Job) -> None:
    other = present.by_id(job.id)
    if other is not None and other.uid != job.uid:
        raise IdTakenError(f"another job has the id {job.id}; make the job again with another uid")


def _existing(present: Present, uid: str) -> Job:
    stored = present.by_uid(uid)
    if stored is None:
        raise NotFoundError("there is no such job")
    return stored

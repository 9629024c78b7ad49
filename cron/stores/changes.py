"""What a change of the stored jobs is, whatever they are stored in: the rules of the port. Pure."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from cron.codec import check_job, check_state
from cron.job import Job, JobStatus
from gateway.errors import JobChangedError, NotFoundError, StateChangedError, UserError
from gateway.messages import Json

Jobs = Mapping[str, Job]
Check = Callable[[Jobs], None]


def written(jobs: Jobs, job: Job, check: Check | None) -> Job:
    """The job as `put` stores it; one that is stored already, itself, when there is nothing to write."""
    if job.revision == 0:
        replayed = _stamped(jobs, job.stamp)
        return replayed or _new(jobs, job, check)
    stored = jobs.get(job.uid)
    if stored is None:
        raise JobChangedError(f"the job {job.name!r} has been removed meanwhile; nothing was changed")
    expect_revision(stored, job.revision)
    if check is not None:
        check(jobs)
    kept = replace(
        job,
        revision=stored.revision + 1,
        state=stored.state,
        state_revision=stored.state_revision,
        state_stamp=stored.state_stamp,
    )
    _expect_free_id(jobs, kept)
    return _readable(kept)


def removed(jobs: Jobs, uid: str, revision: int | None) -> Job:
    """The job that may be removed."""
    stored = _existing(jobs, uid)
    if revision is not None:
        expect_revision(stored, revision)
    return stored


def with_state(jobs: Jobs, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
    """The job with another state; the stored one, itself, when this very call has written it already."""
    stored = _existing(jobs, uid)
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
    return replace(stored, state=kept, state_revision=expected + 1, state_stamp=stamp)


def expect_revision(stored: Job, revision: int) -> None:
    if stored.revision != revision:
        raise JobChangedError(
            f"the job {stored.name!r} was changed meanwhile (revision {stored.revision}, not {revision}); "
            "nothing was written. Look at it again and repeat the change"
        )


def fresh_uid(jobs: Jobs) -> str:
    """A UUID v4 whose first 8 digits no job has."""
    ids = {job.id for job in jobs.values()}
    while True:
        uid = str(uuid.uuid4())
        if uid[:8] not in ids:
            return uid


def _new(jobs: Jobs, job: Job, check: Check | None) -> Job:
    if check is not None:
        check(jobs)
    if not job.uid:
        uid = fresh_uid(jobs)
        job = replace(job, uid=uid, id=uid[:8])
    if job.uid in jobs:
        raise JobChangedError(f"there is a job with the uid {job.uid} already; nothing was changed")
    _expect_free_id(jobs, job)
    return _readable(replace(job, revision=1, state=check_state(job.state)))


def _readable(job: Job) -> Job:
    if job.schedule is None or job.status is JobStatus.BROKEN:
        raise UserError(f"the job {job.name!r} is broken; give it a schedule and a status that can be kept")
    return check_job(replace(job, broken=None))


def _stamped(jobs: Jobs, stamp: str) -> Job | None:
    return next((job for job in jobs.values() if job.stamp == stamp), None) if stamp else None


def _expect_free_id(jobs: Jobs, job: Job) -> None:
    if any(other.id == job.id and other.uid != job.uid for other in jobs.values()):
        raise JobChangedError(f"another job has the id {job.id}; make the job again with another uid")


def _existing(jobs: Jobs, uid: str) -> Job:
    if uid not in jobs:
        raise NotFoundError("there is no such job")
    return jobs[uid]

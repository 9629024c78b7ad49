"""Jobs that the configuration declares: it wins over what is stored, except for enabled or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cron.job import Job, JobStatus
from cron.making.draft import Draft, Maker, judge_of, moments, new_job
from cron.making.options import applied
from cron.making.rules import judged
from cron.policy import AfterRun
from cron.schedule import Every
from cron.store import JobStore, declared_among
from cron.times.timetable import times_of
from gateway.errors import JobChangedError, UserError
from gateway.messages import ChatAddress

ATTEMPTS = 5  # to change jobs that others change at the same time
GONE = "it is not in the configuration any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One [[cron.tasks]]: its name is what it is known by."""

    draft: Draft
    enabled: bool = True
    address: ChatAddress | None = None  # where it speaks; None: cron.default_target

    @property
    def name(self) -> str:
        return self.draft.name or ""


def declare(store: JobStore, tasks: Sequence[Task], maker: Maker) -> None:
    """Make the stored jobs what the configuration says: new ones are added, changed ones changed, and those that
    are not declared any more are disabled, with their history. Twice is the same as once.

    UserError, before anything is written, names the task that cannot be.
    """
    chained = any(task.draft.then is not None for task in tasks)
    for _ in range(ATTEMPTS):
        present = store.load()
        stored = {job.name: job for job in declared_among(present)}
        try:
            for job in following(stored, tasks, replace(maker, jobs=tuple(present.values()) if chained else ())):
                store.put(job)
        except JobChangedError:
            continue  # by the command line; what was written is not written again
        return
    raise UserError("the jobs of cron.tasks are being changed by others; try again")


def following(stored: Mapping[str, Job], tasks: Sequence[Task], maker: Maker) -> list[Job]:
    """The jobs that have to be written; pure."""
    wanted = {task.name: task for task in tasks}
    changed = [_declared(task, stored.get(name), maker) for name, task in wanted.items()]
    for n, job in enumerate(changed):  # one by one: each sees what follows from those before it
        changed[n] = _chained(job, wanted[job.name], changed, maker)
    changed += [
        replace(job, status=JobStatus.DISABLED, status_reason=GONE)
        for name, job in stored.items()
        if name not in wanted and job.status is not JobStatus.DISABLED
    ]
    return [job for job in changed if stored.get(job.name) != job]


def _declared(task: Task, present: Job | None, maker: Maker) -> Job:
    fresh = _fresh(task, present, maker)
    if present is None:
        return fresh if task.enabled else replace(fresh, status=JobStatus.DISABLED)
    if isinstance(fresh.schedule, Every) and isinstance(present.schedule, Every):
        anchored = replace(fresh.schedule, anchor=present.schedule.anchor)  # the same interval: the same schedule
        fresh = replace(fresh, schedule=anchored)
    moved = moments(replace(fresh, status=present.status)) != moments(present)
    job = replace(
        fresh,
        uid=present.uid,
        id=present.id,
        created_at=present.created_at,
        changed_at=maker.now if moved else present.changed_at,
        status=present.status,
        status_reason=present.status_reason,
        stamp=present.stamp,
        state=present.state,
        state_revision=present.state_revision,
        state_stamp=present.state_stamp,
        state_change=present.state_change,
        revision=present.revision,
        extra=present.extra,
    )
    if (
        task.enabled
        and _is_over(present)
        and (moved or present.status_reason == GONE or _has_more(job, present, maker.now))
    ):
        return replace(job, status=JobStatus.ENABLED, status_reason="", changed_at=maker.now)
    if present.status is JobStatus.BROKEN:
        return replace(job, status=JobStatus.ENABLED, status_reason="")
    return job


def _fresh(task: Task, present: Job | None, maker: Maker) -> Job:
    """What the task says, as if it were made now, or when the present job was: it may have ended since."""
    made = present.created_at if present is not None else maker.now
    try:
        job = new_job(replace(task.draft, then=None), replace(maker, now=made, address=task.address), ())
    except UserError as error:
        raise type(error)(f'cron.tasks "{task.name}": {error}') from error
    # Deleted after its last run, it would be made anew by the next start, and run again.
    kept = AfterRun.DISABLE if job.after_run is AfterRun.DELETE else job.after_run
    return replace(job, name=task.name, declared=True, after_run=kept)


def _is_over(job: Job) -> bool:
    """Disabled, and not by a person: it has had all its runs, or was not declared for a while."""
    return job.status is JobStatus.DISABLED and bool(job.status_reason)


def _has_more(job: Job, present: Job, now: datetime) -> bool:
    """Whether the task may now have more runs than it had, and has a time left for one."""
    if present.max_runs is None or (job.max_runs is not None and job.max_runs <= present.max_runs):
        return False
    times = times_of(job)
    return times is not None and times.next_after(now) is not None


def _chained(job: Job, task: Task, tasks: Sequence[Job], maker: Maker) -> Job:
    """With what follows it, which may be declared below it."""
    if task.draft.then is None:
        return job
    others = [other for other in maker.jobs if other.uid not in {each.uid for each in tasks}]
    judge = judge_of(replace(maker, jobs=(*others, *tasks)))
    try:
        return judged(applied(job, {"then": task.draft.then}), judge, {"then"})
    except UserError as error:
        raise type(error)(f'cron.tasks "{task.name}": {error}') from error

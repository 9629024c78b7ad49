"""Jobs that the configuration declares: it wins over what is stored, except for enabled or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cron.draft import Draft, Maker, new_job, payload_of, schedule_of
from cron.job import Job, JobStatus
from cron.schedule import Every
from cron.store import JobStore

GONE = "it is not in the configuration any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One [[cron.tasks]]: its name is what it is known by."""

    draft: Draft
    enabled: bool = True

    @property
    def name(self) -> str:
        return self.draft.name or ""


def declare(store: JobStore, tasks: Sequence[Task], maker: Maker) -> None:
    """Make the stored jobs what the configuration says: new ones are added, changed ones changed, and those that
    are not declared any more are disabled, with their history. Twice is the same as once.
    """
    stored = {job.name: job for job in store.load().values() if job.declared}
    for job in following(stored, tasks, maker):
        store.put(job)


def following(stored: Mapping[str, Job], tasks: Sequence[Task], maker: Maker) -> list[Job]:
    """The jobs that have to be written; pure."""
    wanted = {task.name: task for task in tasks}
    changed = [_declared(task, stored.get(name), maker) for name, task in wanted.items()]
    changed += [
        replace(job, status=JobStatus.DISABLED, status_reason=GONE)
        for name, job in stored.items()
        if name not in wanted and job.status is not JobStatus.DISABLED
    ]
    return [job for job in changed if stored.get(job.name) != job]


def _declared(task: Task, present: Job | None, maker: Maker) -> Job:
    if present is None:
        job = replace(new_job(task.draft, maker, ()), name=task.name, declared=True)
        return job if task.enabled else replace(job, status=JobStatus.DISABLED)
    zone = task.draft.tz or maker.zone
    schedule = schedule_of(task.draft, replace(maker, zone=zone, now=present.created_at))
    if isinstance(schedule, Every) and isinstance(present.schedule, Every):
        schedule = replace(schedule, anchor=present.schedule.anchor)  # the same interval is the same schedule
    moved = present.changed_at if (schedule, zone) == (present.schedule, present.tz) else maker.now
    job = replace(
        present,
        changed_at=moved,
        schedule=schedule,
        tz=zone,
        payload=payload_of(task.draft) or present.payload,
        description=task.draft.description or "",
    )
    back = present.status is JobStatus.DISABLED and present.status_reason == GONE and task.enabled
    if back:
        return replace(job, status=JobStatus.ENABLED, status_reason="", changed_at=maker.now)
    return job

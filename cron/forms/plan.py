"""What importing a file would do to the jobs that are there: decided before anything is written. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import count

from cron import listing
from cron.forms.reading import Document, Found, made_up_uid
from cron.job import Job
from cron.making.draft import DERIVED_NAME, LONGEST_NAME

_MOVING = {"revision": 0, "state": None, "state_revision": 0, "state_stamp": "", "state_change": None}


class Result(StrEnum):
    """What becomes of one job of the file."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OVER = "over"  # it would never run again
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One job of the file, and what becomes of it. `job` is what has to be written: of new and updated ones."""

    found: Found
    result: Result
    job: Job | None = None


def plan(document: Document, present: Mapping[str, Job], now: datetime) -> list[Step]:
    """A step for each job of the file, in its order. Importing the same file again is all unchanged."""
    names = _Names(present.values())
    ids = {job.id for job in present.values()}
    own = document.form.name == "tocsin"
    steps = []
    for found in document.found:
        step = _own_step(found, present, ids) if own else _step(found, present, ids, now)
        if step.job is not None:
            job = names.named(step.job, present.get(step.job.uid), own=own)
            step = replace(step, job=job)
            ids.add(job.id)
        steps.append(step)
    return steps


def to_write(steps: Sequence[Step]) -> list[Job]:
    return [step.job for step in steps if step.job is not None]


def _step(found: Found, present: Mapping[str, Job], ids: Set[str], now: datetime) -> Step:
    if found.job is None:
        return Step(found=found, result=Result.REFUSED)
    wanted = _with_free_id(found.job, found.key, present, ids)
    found = replace(found, job=wanted)
    stored = present.get(wanted.uid)
    if stored is not None and stored.stamp == wanted.stamp:
        return Step(found=found, result=Result.UNCHANGED)
    if found.over:
        return Step(found=found, result=Result.OVER)
    if stored is None:
        return _new(found, wanted, ids)
    moved = (stored.schedule, stored.status) != (wanted.schedule, wanted.status)
    job = replace(wanted, revision=stored.revision, changed_at=now if moved else stored.changed_at)
    return Step(found=found, result=Result.UPDATED, job=job)


def _with_free_id(job: Job, key: str, present: Mapping[str, Job], ids: Set[str]) -> Job:
    """Among 100,000 jobs two uids that begin alike are likely: the later job gets another one, always the same."""
    uids = (made_up_uid(key, attempt=attempt) for attempt in count())
    uid = next(uid for uid in uids if uid in present or uid[:8] not in ids)
    return replace(job, uid=uid, id=uid[:8])


def _own_step(found: Found, present: Mapping[str, Job], ids: Set[str]) -> Step:
    if found.job is None:
        return Step(found=found, result=Result.REFUSED)
    job = _with_free_id(found.job, found.key, present, ids) if found.key else found.job
    found, stored = replace(found, job=job), present.get(job.uid)
    if stored is None:
        return _new(found, job, ids)
    if replace(stored, **_MOVING) == replace(job, **_MOVING):  # type: ignore[arg-type]
        return Step(found=found, result=Result.UNCHANGED)
    return Step(found=found, result=Result.UPDATED, job=replace(job, revision=stored.revision))


def _new(found: Found, job: Job, ids: Set[str]) -> Step:
    if job.id in ids:
        fault = f"another job has the id {job.id} here; remove one of the two"
        return Step(found=replace(found, fault=fault), result=Result.REFUSED)
    return Step(found=found, result=Result.NEW, job=job)


class _Names:
    """The names that are taken, by owner, in small letters."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._taken: dict[str | None, set[str]] = {}
        self._numbers: Counter[tuple[str | None, str]] = Counter()  # how often a name had to be made another
        for job in jobs:
            self._taken.setdefault(job.owner, set()).add(job.name.casefold())

    def named(self, job: Job, stored: Job | None, *, own: bool) -> Job:
        """The job with a name that no other of its owner has; one of ours keeps the name that it has."""
        taken = self._taken.setdefault(job.owner, set())
        if stored is not None and stored.owner == job.owner:
            taken.discard(stored.name.casefold())
        wanted = " ".join(job.name.split())[:LONGEST_NAME] or listing.what(job, widest=DERIVED_NAME)
        name = job.name if own and job.name else self._free(job.owner, wanted, taken)
        taken.add(name.casefold())
        return replace(job, name=name)

    def _free(self, owner: str | None, wanted: str, taken: Set[str]) -> str:
        key, name = (owner, wanted.casefold()), wanted
        while name.casefold() in taken:
            self._numbers[key] += 1
            name = f"{wanted} {self._numbers[key] + 1}"
        return name

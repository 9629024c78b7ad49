"""JobStore: the port to where job definitions and their states are kept, and what it promises."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cron.job import Job
from cron.reference import Named, resolve
from gateway.messages import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """All jobs, and what had to be done to get them."""

    jobs: Mapping[str, Job]
    degraded: bool = False  # a backup, or nothing, stands in for what could not be read: somebody should look
    notes: tuple[str, ...] = ()  # sentences for the operator


@dataclass(frozen=True, slots=True)
class JobOutline:
    """What a store knows of a job without decoding it."""

    owner: str | None
    fingerprint: str  # `planner.fingerprint` of it, when it was written
    once: bool  # its schedule has one instant
    declared: bool  # made from [[cron.tasks]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What lies between two snapshots, by uid."""

    changed: Collection[str]  # new, or another than before
    gone: Collection[str]


class Snapshot(Mapping[str, Job]):
    """What `load` may return: a mapping that answers some questions without a walk over all jobs."""

    @abstractmethod
    def outline(self, uid: str) -> JobOutline:
        """KeyError for a uid that is not there."""

    @abstractmethod
    def owned_by(self, owner: str | None) -> list[Job]:
        """The jobs of an owner, oldest first."""

    @abstractmethod
    def names_of(self, owner: str | None) -> set[str]:
        """The names of an owner's jobs."""

    @abstractmethod
    def all_named(self) -> Sequence[Named]:
        """What every job is known by, oldest first."""

    @abstractmethod
    def at_hand(self) -> list[Job]:
        """The jobs that somebody has looked at; the others would have to be decoded."""

    @abstractmethod
    def since(self, before: Mapping[str, Job]) -> Difference | None:
        """What is another than in an earlier snapshot; None where that is not known any more."""


def differing(before: Mapping[str, Job], after: Mapping[str, Job]) -> Difference:
    """Which jobs are new or another, and which are gone; at once where the store knows, else by a walk."""
    if isinstance(after, Snapshot) and (known := after.since(before)) is not None:
        return known
    return Difference(
        changed=[uid for uid, job in after.items() if before.get(uid) is not job],
        gone=[uid for uid in before if uid not in after],
    )


def owned_by(jobs: Mapping[str, Job], owner: str | None) -> list[Job]:
    """The jobs of an owner; None: those of the command line."""
    if isinstance(jobs, Snapshot):
        return jobs.owned_by(owner)
    return [job for job in jobs.values() if job.owner == owner]


def names_of(jobs: Mapping[str, Job], owner: str | None) -> set[str]:
    """The names of an owner's jobs."""
    if isinstance(jobs, Snapshot):
        return jobs.names_of(owner)
    return {job.name for job in owned_by(jobs, owner)}


def find(reference: str, jobs: Mapping[str, Job]) -> Job:
    """The one job that is meant, of all that there are, by id, uid, name or the beginning of an id."""
    if isinstance(jobs, Snapshot):
        return jobs[resolve(reference, jobs.all_named()).uid]
    return resolve(reference, oldest_first(jobs.values()))


def oldest_first(jobs: Iterable[Job]) -> list[Job]:
    """In the order of a list that somebody reads."""
    return sorted(jobs, key=lambda job: (job.created_at, job.id))


def declared_among(jobs: Mapping[str, Job]) -> list[Job]:
    """The jobs made from [[cron.tasks]]."""
    if isinstance(jobs, Snapshot):
        return [jobs[uid] for uid in jobs if jobs.outline(uid).declared]
    return [job for job in jobs.values() if job.declared]


def at_hand(jobs: Mapping[str, Job]) -> list[Job]:
    """The jobs that can be looked at without a cost for each: all of them, or those that were looked at before."""
    return jobs.at_hand() if isinstance(jobs, Snapshot) else list(jobs.values())


class JobStore(Protocol):
    """Job definitions and their states. What moves (runs, next times) is elsewhere.

    Every method may raise StoreError: StoreBusyError after 5 s on a held lock, StoreCorruptError when the
    file cannot be read (nothing is touched then), StoreFullError when the disk is full (nothing is changed).
    What a method has returned is durable. The methods block, on a disk; a caller on an event loop uses a
    thread. They may be called from several threads, and several processes may share one store.
    """

    def load(self) -> Mapping[str, Job]:
        """All jobs by uid, broken ones included: a snapshot that nobody changes any more."""

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        """Write a job and return it with its new revision; its state is left as it is stored.

        `job.revision` 0 means new; its state is kept, and an empty `uid` is given one (and an `id`).
        JobChangedError if the stored revision is another (or the job is gone), or another job has the uid or
        id. A new job whose `stamp` is already there is not written: the stored one is returned.
        `check` sees all jobs under the lock and may raise to refuse (quotas, names).
        UserError for a job that could not be read again, and nothing is written.
        """

    def put_all(self, jobs: Iterable[Job]) -> list[Job]:
        """Write many jobs as `put` does, all of them or, with the error of the first that cannot be, none."""

    def remove(self, uid: str, *, revision: int | None = None) -> None:
        """Remove a job. JobChangedError if it is not at `revision` (None: any); NotFoundError if it is gone."""

    def set_state(self, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
        """Keep what a run wants to remember; StateChangedError holds the current one if it is not `expected`.

        The same stamp again changes nothing: a replayed call is recognised. The definition's `revision` is
        untouched. At most 64 KiB of JSON, 32 levels deep, finite numbers only: UserError otherwise.
        """

    def changed(self, since: Mapping[str, Job] | None = None) -> bool:
        """Whether the next `load` may differ from an earlier one (cheap: asked four times a second).

        `since` is what that one returned; without it the last one counts, whoever has made it.
        """

    def recover(self) -> Recovery:
        """All jobs, whatever it takes: for the gateway, at its start and when `load` cannot read them.

        What cannot be read is put aside under another name, never overwritten, and a backup stands in for it.
        """

"""JobStore: the port to where job definitions and their states are kept, and what it promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cron.job import Job
from gateway.messages import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """All jobs, and what had to be done to get them."""

    jobs: Mapping[str, Job]
    degraded: bool = False  # a backup, or nothing, stands in for what could not be read: somebody should look
    notes: tuple[str, ...] = ()  # sentences for the operator


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

"""Jobs in memory, for tests: the same promises as on disk, as long as the process lives."""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from cron.job import Job
from cron.store import Recovery
from cron.stores import changes
from cron.stores.changes import Scanned
from gateway.messages import Json


class MemoryStore:
    """A JobStore without a disk."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, Job] = MappingProxyType({})
        self._loaded: Mapping[str, Job] | None = None
        self._lock = threading.RLock()

    def load(self) -> Mapping[str, Job]:
        self._loaded = self._jobs
        return self._loaded

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        with self._lock:
            return self._keep(changes.written(Scanned(self._jobs), job, check))

    def put_all(self, jobs: Iterable[Job]) -> list[Job]:
        with self._lock:
            kept = changes.all_written(self._jobs, jobs)
            self._jobs = MappingProxyType({**self._jobs, **{job.uid: job for job in kept}})
            return kept

    def remove(self, uid: str, *, revision: int | None = None) -> None:
        with self._lock:
            changes.removed(Scanned(self._jobs), uid, revision)
            self._jobs = MappingProxyType({key: job for key, job in self._jobs.items() if key != uid})

    def set_state(self, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
        with self._lock:
            return self._keep(changes.with_state(Scanned(self._jobs), uid, state, expected=expected, stamp=stamp))

    def changed(self, since: Mapping[str, Job] | None = None) -> bool:
        return (self._loaded if since is None else since) is not self._jobs

    def recover(self) -> Recovery:
        return Recovery(jobs=self.load())

    def _keep(self, job: Job) -> Job:
        if self._jobs.get(job.uid) is not job:
            self._jobs = MappingProxyType({**self._jobs, job.uid: job})
        return job

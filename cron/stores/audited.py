"""A JobStore that writes what changes in the definitions of jobs into the audit, for one who changes them.

Where the jobs are in the database, a change and its row are one transaction. Where they are in a file, the row
follows at once: a crash between the two leaves the change, without its row.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol, TypeAlias, runtime_checkable

from cron.audit import change_of, entry_of
from cron.job import Job
from cron.store import JobStore, Recovery
from gateway import audit
from gateway.audit import Entry
from gateway.clock import Clock
from gateway.database.driver import Transaction, Work
from gateway.errors import JobChangedError, StoreBusyError, StoreError
from gateway.messages import Json

ATTEMPTS = 5  # to remove a job that others change at the same time

Note: TypeAlias = Callable[[Transaction, Job | None, Job | None], None]
"""Part of the transaction that changes a job: what it was and what it is; None: it is not there."""


@runtime_checkable
class Noting(Protocol):
    """A store that can note a change in the transaction that makes it."""

    def noting(self, note: Note) -> AbstractContextManager[None]:
        """Inside, every change that this thread makes is noted."""


class AuditedStore:
    """The same store, for one who is named in the audit."""

    def __init__(
        self,
        store: JobStore,
        *,
        who: str,
        clock: Clock,
        write: Callable[[Work[None]], None],
        hide: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        """`write` does a work in a transaction of its own, for stores that are not in the database.

        `hide` takes secrets out of a text. `warn` gets a sentence when a row could not be written.
        """
        self._store = store
        self._who = who
        self._clock = clock
        self._write = write
        self._hide = hide
        self._warn = warn

    def load(self) -> Mapping[str, Job]:
        return self._store.load()

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        if isinstance(self._store, Noting):
            with self._store.noting(self._note):
                return self._store.put(job, check=check)
        seen: list[Mapping[str, Job]] = []

        def look(present: Mapping[str, Job]) -> None:
            if check is not None:
                check(present)
            seen.append(present)

        kept = self._store.put(job, check=look)
        if seen:  # else it was there already, by an earlier call of the same stamp
            self._follow([(seen[0].get(kept.uid), kept)])
        return kept

    def put_all(self, jobs: Iterable[Job]) -> list[Job]:
        if isinstance(self._store, Noting):
            with self._store.noting(self._note):
                return self._store.put_all(jobs)
        present = self._store.load()
        kept = self._store.put_all(jobs)
        self._follow([(present.get(job.uid), job) for job in kept])
        return kept

    def remove(self, uid: str, *, revision: int | None = None) -> None:
        if isinstance(self._store, Noting):
            with self._store.noting(self._note):
                self._store.remove(uid, revision=revision)
            return
        self._follow([(self._removed(uid, revision), None)])

    def _removed(self, uid: str, revision: int | None) -> Job | None:
        """Remove the job as it was seen; one that others change meanwhile is looked at again."""
        for _ in range(ATTEMPTS):
            before = self._store.load().get(uid)
            expected = before.revision if before is not None and revision is None else revision
            try:
                self._store.remove(uid, revision=expected)
            except JobChangedError:
                if revision is not None:
                    raise
                continue
            return before
        raise StoreBusyError("the job is being changed by others; try again")

    def set_state(self, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
        """What a run remembers is not audited: its record says that it ran."""
        return self._store.set_state(uid, state, expected=expected, stamp=stamp)

    def changed(self, since: Mapping[str, Job] | None = None) -> bool:
        return self._store.changed(since)

    def recover(self) -> Recovery:
        return self._store.recover()

    def _note(self, transaction: Transaction, before: Job | None, after: Job | None) -> None:
        change = change_of(before, after)
        if change is not None:
            audit.write(transaction, self._hidden(entry_of(change, who=self._who, at=self._clock.now())))

    def _hidden(self, entry: Entry) -> Entry:
        before, after = (text and self._hide(text) for text in (entry.before, entry.after))
        return replace(entry, before=before, after=after)

    def _follow(self, pairs: list[tuple[Job | None, Job | None]]) -> None:
        """The rows of a change that is done: one that cannot be written undoes nothing."""

        def write(transaction: Transaction) -> None:
            for before, after in pairs:
                self._note(transaction, before, after)

        if not any(change_of(before, after) for before, after in pairs):
            return
        try:
            self._write(write)
        except StoreError as error:
            self._warn(f"what was changed is not in the audit: {error}")

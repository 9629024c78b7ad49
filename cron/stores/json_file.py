"""Jobs in cron.json: one private file, always whole, shared by the gateway and the command line.

A writer locks `cron.json.lock`, looks whether the file is still the one it knows, reads it again if not, applies
its one operation, and puts a whole new file in its place; the one before becomes `cron.json.bak`. A reader takes
no lock and changes nothing. A symbolic link under the name is refused: a new file would take the link's place.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tinydb import TinyDB

from cron.codec import encode_job
from cron.job import Job
from cron.store import Recovery
from cron.stores import changes
from cron.stores.changes import Scanned
from cron.stores.files import Files, make_folder, said_plainly
from cron.stores.json_disk import JsonDisk, Seen
from cron.stores.json_lines import TABLE, JobTable, Line, LineStorage
from cron.stores.json_lock import FileLock, pause
from gateway.clock import Clock, SystemClock
from gateway.errors import StoreCorruptError, StoreError
from gateway.messages import Json

WAIT = timedelta(seconds=5)
COMFORTABLE = 1000  # jobs
_QUIET = 1.0  # seconds without a change: nobody is in the middle of writing the file in place
_QUIET_ROUNDS = 5


class JsonFileStore:
    """A JobStore in one JSON file.

    `tz` is the zone of jobs written by hand. `warn` gets a sentence when a writer finds and repairs something
    (another user could read a file; it was edited by hand). `files`, `clock` and `wait_a_moment` are for tests.
    """

    def __init__(
        self,
        path: Path,
        *,
        tz: str = "UTC",
        warn: Callable[[str], None] | None = None,
        files: Files | None = None,
        clock: Clock | None = None,
        wait: timedelta = WAIT,
        wait_a_moment: Callable[[float], None] = pause,
    ) -> None:
        self._files = files or Files()
        clock = clock or SystemClock()
        self._disk = JsonDisk(path, tz=tz, files=self._files, clock=clock)
        self._lock = FileLock(
            path.with_name(f"{path.name}.lock"),
            files=self._files,
            clock=clock,
            wait=wait,
            wait_a_moment=wait_a_moment,
        )
        self._mutex = (
            threading.RLock()
        )  # of changing what is loaded and on the disk; nobody waits for the lock under it
        self._loaded: Seen | None = None
        self._said_crowded = False
        self._warn = warn or _log
        self._wait_a_moment = wait_a_moment
        database = TinyDB(lambda: self._disk.content, self._save, storage=LineStorage)
        self._table = JobTable(database.storage, TABLE)

    def load(self) -> Mapping[str, Job]:
        with self._mutex:
            self._disk.refresh()
            self._loaded = self._disk.seen
            return self._disk.content.jobs

    def changed(self, since: Mapping[str, Job] | None = None) -> bool:
        # Without the mutex: a writer holds it until the disk has everything, and an event loop asks here. What is
        # read is never changed, only replaced; in the middle of a save the worst answer is one look too many.
        seen, loaded = self._disk.seen, self._loaded
        known = seen is loaded if since is None else seen is not None and seen.content.jobs is since
        return seen is None or not known or self._disk.changed_since(seen)

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        with self._writing() as jobs:
            kept = changes.written(Scanned(jobs), job, check)
            return kept if jobs.get(kept.uid) is kept else self._replace(kept)

    def put_all(self, jobs: Iterable[Job]) -> list[Job]:
        with self._writing() as present:
            kept = changes.all_written(present, jobs)
            fresh = [job for job in kept if present.get(job.uid) is not job]
            if fresh:
                self._table.replace_all({job.uid: encode_job(job) for job in fresh})
            return [self._disk.content.jobs[job.uid] for job in kept]

    def remove(self, uid: str, *, revision: int | None = None) -> None:
        with self._writing() as jobs:
            changes.removed(Scanned(jobs), uid, revision)
            self._table.remove(doc_ids=[uid])  # type: ignore[list-item]  # TinyDB's hint says int

    def set_state(self, uid: str, state: Json, *, expected: int, stamp: str) -> Job:
        with self._writing() as jobs:
            kept = changes.with_state(Scanned(jobs), uid, state, expected=expected, stamp=stamp)
            return kept if jobs[uid] is kept else self._replace(kept)

    def recover(self) -> Recovery:
        """All jobs, whatever it takes: for the gateway, at its start and when the file has changed.

        A file that cannot be read is kept as `cron.json.corrupt-<UTC time>`, and the backup takes its place. One
        that was edited is kept as `cron.json.edited-<UTC time>` (the last five are), and written anew. Files and
        the folder are taken away from other users. StoreError when the format is of a later version.
        """
        notes = self._disk.repair_modes()
        try:
            jobs = self.load()
        except StoreCorruptError:
            self._wait_until_quiet()
            return self._restore(notes)
        if len(jobs) > COMFORTABLE and not self._said_crowded:
            self._said_crowded = True  # once: this is asked again after every change
            notes.append(crowded(len(jobs)))
        try:
            notes += self._settle()
        except StoreError as error:
            return Recovery(jobs=self.load(), degraded=True, notes=(*notes, str(error)))
        return Recovery(jobs=self.load(), notes=tuple(notes))

    def _settle(self) -> list[str]:
        """Write down what reading made up for jobs that were edited: ids, revisions, the canonical form."""
        if self._disk.content.settled:
            return []
        with self._writing():
            return [] if self._disk.content.settled else self._disk.save(self._disk.content.lines)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self._disk.path.parent
        with said_plainly(f"{folder} cannot be made"):
            make_folder(self._files, folder)
        with self._lock.hold(), self._mutex:
            yield

    @contextmanager
    def _writing(self) -> Iterator[Mapping[str, Job]]:
        """All jobs as they stand, under the lock."""
        with self._locked():
            self._disk.refresh()
            yield self._disk.content.jobs

    def _replace(self, job: Job) -> Job:
        self._table.replace(job.uid, encode_job(job))
        return self._disk.content.jobs[job.uid]

    def _save(self, lines: Mapping[str, Line]) -> None:
        for note in self._disk.save(lines):
            self._warn(note)

    def _wait_until_quiet(self) -> None:
        """An editor that writes in place leaves half a file for a moment; that is no reason to put it aside."""
        for _ in range(_QUIET_ROUNDS):
            before = self._disk.stamp()
            self._wait_a_moment(_QUIET)
            if before == self._disk.stamp():
                return

    def _restore(self, notes: list[str]) -> Recovery:
        with self._locked():
            try:
                self._disk.refresh()
            except StoreCorruptError as error:
                notes = [*notes, str(error), *self._disk.restore()]
                return Recovery(jobs=self.load(), degraded=True, notes=tuple(notes))
            return Recovery(jobs=self.load(), notes=tuple(notes))  # somebody has put it right meanwhile


def crowded(count: int) -> str:
    """What to say when a file holds more jobs than it is good for."""
    return (
        f"there are {count:,} jobs, and each change of one writes them all; for more than {COMFORTABLE:,} "
        'set store = "sql" in [cron], and move them with tocsin cron export and import'
    )


def _log(note: str) -> None:
    import structlog  # here: it takes longer to import than a list of jobs to read

    structlog.get_logger().warning("The job store was repaired", note=note)

"""cron.json on the disk: read when it changed, written whole, put aside when it cannot be read. No lock here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeAlias

from cron.codec import VERSION
from cron.stores.files import Files, make_private, preserve, read_file, said_plainly, sync_folder, write_file
from cron.stores.json_lines import TAIL_BYTES, Content, Line, parse, render, written
from gateway.clock import Clock
from gateway.errors import StoreCorruptError, StoreError

EDITED_KEPT = 5


Stamp: TypeAlias = tuple[int, int, int]
"""Inode, time of the last change, size."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells a file from another under its name.

    Inodes are used again, and times are as coarse as 4 ms: without the end, which holds the checksum, three
    quick saves by others could look like none.
    """

    stamp: Stamp
    end: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """A content, and the file that it was read from or written to (None: there was no file)."""

    mark: Mark | None
    content: Content


class JsonDisk:
    """The file, its backup and its copies. One thread at a time; for everything but `refresh`, under the lock."""

    def __init__(self, path: Path, *, tz: str, files: Files, clock: Clock) -> None:
        self.path = path
        self.seen: Seen | None = None
        self._backup = path.with_name(f"{path.name}.bak")
        self._tz = tz
        self._files = files
        self._clock = clock

    @property
    def content(self) -> Content:
        return self.seen.content if self.seen else Content()

    def refresh(self) -> None:
        """Read the file if it is not the one that was seen last. Changes nothing on the disk."""
        with said_plainly(f"{self.path} cannot be read"):
            end = read_file(self._files, self.path, last=TAIL_BYTES)
            if end is None:
                self._refresh_without_file()
            elif self.seen is None or self.seen.mark != _mark(*end):
                found = read_file(self._files, self.path)
                self.seen = self._understand(self.path, *found) if found else None

    def stamp(self) -> Stamp | None:
        """What one look tells about the file (None: there is no file)."""
        status = self._files.stat(self.path)
        return None if status is None else _stamp(status)

    def changed_since(self, seen: Seen) -> bool:
        """Whether the file may be another, as far as one look can tell."""
        return self.stamp() != (seen.mark and seen.mark.stamp)

    def save(self, lines: Mapping[str, Line]) -> list[str]:
        """Put a file with these lines in the place of what was seen, which becomes the backup; returns notes.

        What a person edited, or an older program wrote, is kept under another name besides.
        """
        before = self.content
        exists = self.seen is not None and self.seen.mark is not None
        with said_plainly(f"{self.path} cannot be written"):
            notes = [make_private(self._files, path) for path in (self.path.parent, self.path)]
            if exists and before.edited:
                copy = self._put_by(self.path, "edited")
                notes.append(f"{self.path} was edited by hand; it is kept as {copy.name} and written anew")
                self._forget_old_edits()
            if exists and before.version != VERSION:
                copy = self._put_by(self.path, f"version-{before.version}")
                notes.append(f"{self.path} had format {before.version}; it is kept as {copy.name}")
            self._write(lines, before, backup=self._backup if exists else None)
        return [note for note in notes if note]

    def restore(self) -> list[str]:
        """Put the backup in the place of a file that cannot be read, which is kept; returns notes."""
        with said_plainly(f"{self.path} cannot be restored"):
            notes: list[str] = []
            backup = self._read_backup(notes)
            if self._files.stat(self.path) is not None:
                copy = self._put_by(self.path, "corrupt")
                notes.append(f"it is kept as {copy.name}")
            if backup is not None:
                self._write(backup.content.lines, backup.content, backup=None)
                jobs = len(backup.content.jobs)
                return [
                    *notes,
                    f"{jobs} jobs were loaded from {self._backup.name}: the last change may be missing",
                ]
            if self._files.stat(self.path) is not None:
                self._files.unlink(self.path)
                sync_folder(self._files, self.path.parent)
            self.seen = Seen(None, Content())
            return [*notes, "there is no backup: the store begins anew, without jobs"]

    def repair_modes(self) -> list[str]:
        """Take the folder and every file of ours away from other users; returns notes."""
        with said_plainly(f"{self.path.parent} cannot be read"):
            paths = [self.path.parent, self.path, *sorted(self.path.parent.glob(f"{self.path.name}.*"))]
            notes = [make_private(self._files, path) for path in paths]
        return [note for note in notes if note]

    def _refresh_without_file(self) -> None:
        if self._files.stat(self._backup) is not None:
            raise StoreCorruptError(
                f"{self.path} is missing, but {self._backup.name} is there; start the gateway to restore it, "
                "or delete the backup too to begin anew"
            )
        if self.seen is None or self.seen.mark is not None:
            self.seen = Seen(None, Content())

    def _understand(self, path: Path, data: bytes, status: os.stat_result) -> Seen:
        moment = datetime.fromtimestamp(int(status.st_mtime), UTC)
        try:
            content = parse(data, before=self.content, tz=self._tz, moment=moment)
        except StoreError as error:
            raise type(error)(f"{path} cannot be read: {error}") from error
        return Seen(_mark(data, status), content)

    def _write(self, lines: Mapping[str, Line], before: Content, *, backup: Path | None) -> None:
        data = render(lines, before.heading)
        status = write_file(self._files, self.path, data, backup=backup)
        self.seen = Seen(_mark(data, status), written(lines, before.heading))

    def _read_backup(self, notes: list[str]) -> Seen | None:
        """The backup; if it cannot be read either, it is put aside too."""
        found = read_file(self._files, self._backup)
        if found is None:
            return None
        try:
            return self._understand(self._backup, *found)
        except StoreCorruptError as error:
            copy = self._put_by(self._backup, "corrupt")
            notes.append(f"{error}; it is kept as {copy.name}")
            self._files.unlink(self._backup)
            return None

    def _put_by(self, path: Path, why: str) -> Path:
        """Keep a file under a name that says why and when."""
        moment = f"{self._clock.now().astimezone(UTC):%Y%m%dT%H%M%SZ}"
        for number in count(1):
            copy = path.with_name(f"{path.name}.{why}-{moment}" + (f"-{number}" if number > 1 else ""))
            try:
                preserve(self._files, path, copy)
            except FileExistsError:
                continue
            make_private(self._files, copy)
            return copy
        raise AssertionError("there is always a free number")

    def _forget_old_edits(self) -> None:
        copies = sorted(self.path.parent.glob(f"{self.path.name}.edited-*"))
        for copy in copies[:-EDITED_KEPT]:
            self._files.unlink(copy)


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _mark(data: bytes, status: os.stat_result) -> Mark:
    return Mark(_stamp(status), data[-TAIL_BYTES:])

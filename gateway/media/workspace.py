"""Workspace: the folder in which all files lie that the gateway reads or writes for people; nothing outside of it.

A path is walked from folder to folder, each opened below the one before and never through a link, so that nothing
that is swapped meanwhile leads outside.
"""

import errno
import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.errors import MediaError
from gateway.media import sizes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LONGEST_PATH = 1_000  # characters
PARTLY = ".part"  # the end of the name of a file that is not whole yet

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe is not waited for
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Workspace:
    """Opens, makes and removes files by paths relative to its root. Blocking: for threads, or for small files."""

    def __init__(self, root: Path) -> None:
        """`root` may be a link itself: it is the operator's."""
        self.root = root

    def open(self, path: str) -> BinaryIO:
        """A regular file, to be read and closed; MediaError, in words, for everything else."""
        *folders, name = parts_of(path)
        with _spoken(path), self._folder(folders) as folder:
            descriptor = os.open(name, _READ, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise MediaError(f"{path}: is not a file")
            return os.fdopen(descriptor, "rb")

    def read(self, path: str, *, limit: int) -> bytes:
        """All of a file; MediaError if it is longer than `limit` bytes."""
        with self.open(path) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise MediaError(f"{path}: is too large")
        return content

    def size(self, path: str) -> int | None:
        """The length of a file in bytes; None if there is none."""
        try:
            with self.open(path) as file:
                return os.fstat(file.fileno()).st_size
        except MediaError:
            return None

    @contextmanager
    def writing(self, path: str, *, limit: int) -> Iterator[BinaryIO]:
        """A new file, private, which stands at its path when the block has ended well, whole and on the disk.

        MediaError where it cannot be written, or would be longer than `limit` bytes. Nothing is left of it then.
        """
        *folders, name = parts_of(path)
        with _spoken(path), self._folder(folders, make=True) as folder:
            partly = f"{name}{PARTLY}"
            try:
                descriptor = os.open(partly, _WRITE, FILE_MODE, dir_fd=folder)
                with Bounded(io.FileIO(descriptor, "wb"), limit, path) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(partly, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(partly, dir_fd=folder)
                raise

    def forget(self, top: str, *, before: date) -> int:
        """Remove the folders of days before this one below `top`, and nothing else; how many there were."""
        removed = 0
        with suppress(MediaError, FileNotFoundError), _spoken(top), self._folder(parts_of(top)) as folder:
            for name in os.listdir(folder):  # noqa: PTH208 - of a descriptor
                day = _day(name)
                if day is not None and day < before:
                    shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
                    removed += 1
        return removed

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        """The descriptor of a folder below the root; made on the way if `make` says so."""
        if make:
            self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                below = _below(at, name, make=make)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)


class Bounded(io.BufferedWriter):
    """A file that does not grow for ever, and that says itself why it cannot be written.

    Whoever writes into it may speak with a platform meanwhile, and take other errors for trouble with that.
    """

    def __init__(self, file: io.FileIO, limit: int, path: str) -> None:
        super().__init__(file)
        self._limit = self._room = limit
        self._path = path

    def write(self, data: "ReadableBuffer", /) -> int:
        self._room -= memoryview(data).nbytes
        if self._room < 0:
            raise MediaError(f"is too large: {sizes.words(self._limit)} at most")
        with _spoken(self._path):
            return super().write(data)


def parts_of(path: str) -> list[str]:
    """The components of a path in the workspace; MediaError if it is none, or could lead out of it."""
    if not path or len(path) > LONGEST_PATH or "\0" in path:
        raise MediaError("that is no path of a file")
    if path.startswith(("/", "~", "\\")) or "://" in path or path.lower().startswith("file:"):
        raise MediaError(f"{path[:200]}: give the path relative to the workspace, such as report.pdf")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise MediaError("that is no path of a file") from None
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        raise MediaError(f"{path[:200]}: lies outside the workspace")
    return parts


def _below(folder: int, name: str, *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


_WORDS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EISDIR: "is not a file",
    errno.ELOOP: "is a link, which is not followed",
    errno.ENXIO: "is not a file",
    errno.EACCES: "may not be read or written",
    errno.EPERM: "may not be read or written",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}


@contextmanager
def _spoken(path: str) -> Iterator[None]:
    """Errors of the system as sentences."""
    try:
        yield
    except OSError as error:
        why = _WORDS.get(error.errno or 0, error.strerror or type(error).__name__)
        raise MediaError(f"{path[:200]}: {why}") from error


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == len("2026-03-02") else None
    except ValueError:
        return None

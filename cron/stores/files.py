"""Private files, whole or not at all: what the job store asks of a file system."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import StoreError, StoreFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe under this name must not block us


class Files:
    """The operations that reach the disk: one method each, and no other way to it.

    `step` is called before every operation that can change something, with its name and its file. A test that
    overrides it can count them, raise an OSError from one (a full disk, EIO), or end the process at the n-th:
    whatever is on the disk then is what a crash leaves. `write` may be overridden too, to tear a write in two.
    """

    def step(self, operation: str, path: Path) -> None:
        """Nothing, here."""

    def create(self, path: Path, flags: int = _CREATE) -> int:
        self.step("create", path)
        return os.open(path, flags, 0o600)

    def open(self, path: Path) -> int:
        return os.open(path, _READ)

    def read(self, descriptor: int, start: int) -> bytes:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            file.seek(start)
            return file.read()

    def write(self, descriptor: int, data: bytes, path: Path) -> None:
        self.step("write", path)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def fsync(self, descriptor: int, path: Path) -> None:
        self.step("fsync", path)
        os.fsync(descriptor)

    def stat(self, path: Path) -> os.stat_result | None:
        """What stands under this name (a symbolic link itself), or None."""
        try:
            return path.lstat()
        except FileNotFoundError:
            return None

    def replace(self, source: Path, target: Path) -> None:
        self.step("replace", target)
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        self.step("link", target)
        target.hardlink_to(source)

    def unlink(self, path: Path) -> None:
        self.step("unlink", path)
        path.unlink()

    def mkdir(self, path: Path) -> None:
        self.step("mkdir", path)
        path.mkdir(mode=0o700)

    def chmod(self, path: Path, mode: int) -> None:
        self.step("chmod", path)
        path.chmod(mode)

    def lock(self, descriptor: int) -> bool:
        """Take the lock of an open file if it is free."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def said_plainly(action: str) -> Iterator[None]:
    """Turns an OSError into a StoreError that says what could not be done, and why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise StoreFullError(f"{action}: {reason}; nothing was changed. Make room and try again") from error
        raise StoreError(f"{action}: {reason}") from error


def read_file(files: Files, path: Path, *, last: int = 0) -> tuple[bytes, os.stat_result] | None:
    """The bytes of a regular file (only the `last` few) and its status at that moment; None when there is none."""
    try:
        descriptor = files.open(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} is a symbolic link; name the file itself as cron.store_path") from error
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{path} is not a file; move it away, or name another cron.store_path")
        return files.read(descriptor, max(0, status.st_size - last) if last else 0), status
    finally:
        os.close(descriptor)


def write_file(files: Files, path: Path, data: bytes, *, backup: Path | None) -> os.stat_result:
    """Put a file in the place of another, both durably; what was there becomes the backup.

    An OSError before the exchange leaves the old file as it was and no other behind.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        status = _write_new(files, temporary, data)
        if backup is not None:
            _back_up(files, path, backup)
        files.replace(temporary, path)
    except OSError:
        _drop(files, temporary)
        raise
    sync_folder(files, path.parent)
    return status


def preserve(files: Files, path: Path, target: Path) -> None:
    """Give a file a second name; a copy where the file system has no links. FileExistsError: the name is taken."""
    try:
        files.link(path, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        found = read_file(files, path)
        if found is not None:
            _write_new(files, target, found[0], fresh=True)


def sync_folder(files: Files, folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        files.fsync(descriptor, folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that does it unasked
            raise
    finally:
        os.close(descriptor)


def make_folder(files: Files, folder: Path) -> None:
    """Make a private folder, and those above it that are missing."""
    if files.stat(folder) is not None:
        return
    make_folder(files, folder.parent)
    with suppress(FileExistsError):  # another process was first
        files.mkdir(folder)
    sync_folder(files, folder.parent)


def make_private(files: Files, path: Path) -> str:
    """Take a file or folder away from other users; returns a note, which is empty if it was private."""
    status = files.stat(path)
    if status is None or stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o077:
        return ""
    mode = stat.S_IMODE(status.st_mode)
    if mode & stat.S_ISVTX:
        return f"{path} is a folder for everybody (mode {mode:04o}); keep the jobs in one of your own"
    try:
        files.chmod(path, mode & 0o700)
    except OSError as error:
        return f"{path} can be read by other users (mode {mode:04o}), and that cannot be changed: {error.strerror}"
    return f"{path} could be read by other users (mode {mode:04o}); it is private now"


def _write_new(files: Files, path: Path, data: bytes, *, fresh: bool = False) -> os.stat_result:
    """A new file, durable; one that a crash left under this name goes, unless it has to be `fresh`."""
    try:
        descriptor = files.create(path)
    except FileExistsError:
        if fresh:
            raise
        files.unlink(path)
        descriptor = files.create(path)
    try:
        files.write(descriptor, data, path)
        files.fsync(descriptor, path)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _back_up(files: Files, path: Path, backup: Path) -> None:
    """Make `backup` another name of the file: never absent in between, and never half of it."""
    current, before = files.stat(path), files.stat(backup)
    if current is None or (before is not None and os.path.samestat(current, before)):
        return
    temporary = backup.with_name(f"{backup.name}.tmp")
    try:
        try:
            preserve(files, path, temporary)
        except FileExistsError:  # left by a crash
            files.unlink(temporary)
            preserve(files, path, temporary)
        files.replace(temporary, backup)
    except OSError:
        _drop(files, temporary)
        raise


def _drop(files: Files, temporary: Path) -> None:
    with suppress(OSError):  # the first error is the one to tell; what is left over goes with the next write
        files.unlink(temporary)

"""Disk space set aside, so that what was begun can be finished when the disk is full."""

import contextlib
import errno
import os
import sys
from pathlib import Path

SIZE = 1024 * 1024  # room for a few hundred answers


class Reserve:
    """A file of `size` bytes that is given up when the disk is full and taken again when there is room."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    def hold(self) -> bool:
        """Take the space; False if there is not enough of it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _take(descriptor, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the space to whoever writes next."""
        with contextlib.suppress(OSError):  # not there, or on a disk that takes no change: nothing to give
            self._path.unlink()


def _take(descriptor: int, size: int) -> None:
    if sys.platform == "linux":
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
                raise
        else:
            return
    os.pwrite(descriptor, bytes(size), 0)  # a file system, or a system, without the call

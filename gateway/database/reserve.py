"""Disk space set aside, so that what was begun can be finished when the disk is full."""

import contextlib
import os
from pathlib import Path

SIZE = 1024 * 1024  # room for a few hundred answers


class Reserve:
    """A file of `size` bytes that is given up when the disk is full and taken again when there is room."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    def hold(self) -> bool:
        """Take the space; False if there is not enough of it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> None:
        """Give the space to whoever writes next."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

"""The lock beside cron.json: one writer at a time, and a name for whoever keeps others waiting."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from cron import json_text
from cron.stores.files import Files, make_private, said_plainly
from gateway.clock import Clock, to_text
from gateway.errors import StoreBusyError

PAUSE = 0.003  # seconds between two attempts: about as long as one save takes
_CARD_BYTES = 256  # always written whole and in place: a file that never changes its size costs no fsync
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def pause(seconds: float) -> None:
    """Block this thread for a moment."""
    threading.Event().wait(seconds)


class FileLock:
    """A lock between processes, and between threads. It is free again when its process ends, however it ends."""

    def __init__(
        self,
        path: Path,
        *,
        files: Files,
        clock: Clock,
        wait: timedelta,
        wait_a_moment: Callable[[float], None] = pause,
    ) -> None:
        self._path = path
        self._files = files
        self._clock = clock
        self._wait = wait
        self._wait_a_moment = wait_a_moment

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock inside; StoreBusyError, which names the holder, after the longest wait."""
        with said_plainly(f"{self._path} cannot be locked"):
            descriptor = self._acquire()
        try:
            self._sign(descriptor, self._card())
            yield
            self._sign(descriptor, b"")
        finally:
            os.close(descriptor)

    def _sign(self, descriptor: int, card: bytes) -> None:
        with suppress(OSError):  # a full disk: the lock holds all the same, its holder stays unnamed
            os.pwrite(descriptor, card.ljust(_CARD_BYTES), 0)

    def _acquire(self) -> int:
        deadline = self._clock.monotonic() + self._wait.total_seconds()
        while True:
            descriptor = self._files.create(self._path, _OPEN)
            try:
                while not self._files.lock(descriptor):
                    if self._clock.monotonic() >= deadline:
                        raise StoreBusyError(self._refusal(descriptor))
                    self._wait_a_moment(PAUSE)
                if self._is_current(descriptor):
                    make_private(self._files, self._path)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # somebody removed the file that we had waited for: it locks nobody out

    def _is_current(self, descriptor: int) -> bool:
        status = self._files.stat(self._path)
        return status is not None and os.path.samestat(status, os.fstat(descriptor))

    def _card(self) -> bytes:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]])[:80].encode("ascii", "replace").decode()
        return json_text.dump({"pid": os.getpid(), "command": command, "since": to_text(self._clock.now())})

    def _refusal(self, descriptor: int) -> str:
        holder = "another program that does not say its name"
        with suppress(ValueError, KeyError, TypeError):  # no card, half a card: the program stays unnamed
            card = json_text.load(os.pread(descriptor, _CARD_BYTES, 0))
            holder = f"process {card['pid']} ({card['command']}) since {card['since']}"
        seconds = self._wait.total_seconds()
        return f"{self._path} is held by {holder}; waited {seconds:g} s, nothing was changed. Try again later"

"""The home folder: where it is, that nobody else can read it, and the lock that says whose gateway runs.

Quick commands use it too, so it imports nothing heavy (gateway.clock would bring asyncio).
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.errors import ConfigError, StoreBusyError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_LOOKS = 1000


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything which belongs to one gateway."""

    path: Path

    @property
    def lock_file(self) -> Path:
        return self.path / "gateway.lock"

    @property
    def log_file(self) -> Path:
        return self.path / "logs" / "tocsin.log"

    @property
    def workspace(self) -> Path:
        """What the agent may touch."""
        return self.path / "workspace"

    def file(self, setting: str) -> Path:
        """A path as it is written in the configuration: relative to the home folder."""
        return self.path / Path(setting).expanduser()


def find(option: str | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """`--home`, else `TOCSIN_HOME`, else ~/.tocsin. Nothing is looked at or made."""
    chosen = option or environ.get("TOCSIN_HOME") or "~/.tocsin"
    return Home(Path(chosen).expanduser().absolute())


def prepare(home: Home) -> list[str]:
    """Make the folder and what belongs in it, private; return a sentence for each mode that had to be repaired.

    From here on the process makes nothing that others can read, whatever umask it was started under.
    """
    os.umask(0o077)
    try:
        for folder in (home.path, home.log_file.parent, home.workspace):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        return [_repair(path, mode) for path, mode in too_open(home)]
    except FileExistsError as error:
        raise ConfigError(f"{error.filename}: is a file where a folder should be; move it or use --home") from None
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; the home folder must be yours") from error


def too_open(home: Home) -> Iterator[tuple[Path, int]]:
    """What others could read or change, and the mode that it has. The workspace's content is the agent's own."""
    if not home.path.is_dir():
        return
    yield from _wide(home.path)
    for path in sorted(home.path.iterdir()):
        yield from _wide(path)
        if path.is_dir() and not path.is_symlink() and path != home.workspace:
            for below in sorted(path.rglob("*")):
                yield from _wide(below)


def _wide(path: Path) -> Iterator[tuple[Path, int]]:
    try:
        status = path.lstat()
    except FileNotFoundError:  # a temporary file of somebody who works here now
        return
    private = FOLDER_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISLNK(status.st_mode) and mode & ~private:
        yield path, mode


def _repair(path: Path, mode: int) -> str:
    private = FOLDER_MODE if path.is_dir() else FILE_MODE
    path.chmod(mode & private)
    return f"{path}: had mode {mode:04o}, which others could use; it is {mode & private:04o} now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds the lock."""

    pid: int | None  # None: it has only just taken it
    since: str = ""  # RFC 3339
    purpose: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "a process that has only just started"
        return f"process {self.pid} ({self.purpose}, since {self.since})"


class GatewayLock:
    """The right to work turns and to repair: one process has it, until it gives it back or ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, home: Home, now: datetime, *, purpose: str = "tocsin run") -> Self:
        """Take it at once, or StoreBusyError with its holder at once."""
        descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            _lock(descriptor, home.lock_file)
            _sign(descriptor, now, purpose)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give it back; a second time changes nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(home: Home) -> Holder | None:
    """Who holds the lock now; None when nobody does. Changes nothing."""
    try:
        descriptor = os.open(home.lock_file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _shared(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    # Somebody who looks who holds the lock shares it for some microseconds; that is no reason to give up.
    for _ in range(_LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _shared(descriptor):
                break
            os.sched_yield()
        else:
            return
    raise StoreBusyError(f"{path}: held by {_read(descriptor)}; stop it first, or use another --home")


def _shared(descriptor: int) -> bool:
    """Whether nobody holds the lock for itself."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _sign(descriptor: int, now: datetime, purpose: str) -> None:
    text = json.dumps({"pid": os.getpid(), "since": now.isoformat(timespec="seconds"), "purpose": purpose})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode() + b"\n", 0)


def _read(descriptor: int) -> Holder:
    try:
        table = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(pid=int(table["pid"]), since=str(table["since"]), purpose=str(table["purpose"]))
    except (ValueError, KeyError, TypeError):
        return Holder(pid=None)

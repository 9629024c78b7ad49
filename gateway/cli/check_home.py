"""`tocsin check`, the machine: the home folder, its disk, the clock. Everything is only looked at."""

import os
import pwd
import resource
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway import home, secrets
from gateway.cli.finding import Finding, Level
from gateway.configfile import Table
from gateway.home import Home

LITTLE_SPACE = 100_000_000
NO_SPACE = 10_000_000
FEW_FILES = 1_000
BACKWARDS = timedelta(
    minutes=2
)  # by which the newest file may be ahead of the clock: other machines' clocks differ
FEW_DESCRIPTORS = 256


def look(place: Home, now: datetime) -> Iterator[Finding]:
    """Whether the gateway can live there."""
    yield from _year(now)
    yield from _descriptors()
    if not place.path.exists():
        yield _absent(place.path)
        return
    if not place.path.is_dir():
        yield _home(Level.ERROR, f"{place.path} is not a folder; move it or use --home")
        return
    faults = [*_unusable(place.path), *_strangers(place.path), *_too_open(place), *_disk(place.path)]
    yield from faults or [_home(Level.OK, f"{place.path} is private")]
    yield from _backwards(place.path, now)
    yield _gateway(place)


def secret_files(table: Table, folder: Path, path: str = "") -> Iterator[Finding]:
    """Files with a secret, named in the configuration's own tables, that everybody on this machine can read."""
    for key, value in table.items():
        stem = key.removesuffix("_file")
        if isinstance(value, dict):
            yield from secret_files(value, folder, f"{path}{key}.")
        elif stem != key and isinstance(value, str) and secrets.is_secret(f"{path}{stem}"):
            file = folder / Path(value).expanduser()
            if file.exists() and file.stat().st_mode & stat.S_IROTH and not file.is_relative_to("/run"):
                text = f"{file} can be read by everybody on this machine; chmod 600 it"
                yield Finding(part=f"{path}{key}", level=Level.WARNING, text=text)


def _gateway(place: Home) -> Finding:
    try:
        holder = home.holder(place)
    except OSError as error:
        text = f"{place.lock_file} cannot be read: {error.strerror}"
        return Finding(part="gateway", level=Level.ERROR, text=text)
    text = f"running: {holder}" if holder else "not running"
    return Finding(part="gateway", level=Level.OK, text=text)


def _home(level: Level, text: str) -> Finding:
    return Finding(part="home", level=level, text=text)


def _absent(path: Path) -> Finding:
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        text = f"{path} is not there, and cannot be made in {above}; make it, or use --home"
        return _home(Level.ERROR, text)
    return _home(Level.OK, f"{path} is not there yet; tocsin init or tocsin run makes it")


def _unusable(path: Path) -> Iterator[Finding]:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    me = os.geteuid()
    if status.st_uid != me:
        # Root may do everything, and leaves files behind that the gateway's own user cannot write.
        level = Level.ERROR if me else Level.WARNING
        owner = _name(status.st_uid)
        yield _home(level, f"{path} belongs to {owner}, and this is {_name(me)}; use sudo -u {owner}, or chown it")
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        yield _home(Level.ERROR, f"{path} has mode {mode:04o}, so nothing can be kept there; chmod 700 it")
    elif os.statvfs(path).f_flag & os.ST_RDONLY:
        text = f"{path} is on a file system that is read-only (for systemd: StateDirectory= or ReadWritePaths=)"
        yield _home(Level.ERROR, text)
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield _home(Level.ERROR, f"{path} cannot be written by {_name(me)}")


def _strangers(path: Path) -> Iterator[Finding]:
    """Files of somebody else: what a command leaves behind that was once run as root."""
    owner = path.stat().st_uid
    for file in _files(path):
        if (found := file.lstat().st_uid) != owner:
            text = f"{file} belongs to {_name(found)}, and the folder to {_name(owner)}; chown it"
            yield _home(Level.ERROR, text)


def _files(path: Path) -> Iterator[Path]:
    """What lies in the home and its logs; the workspace's content is the agent's own."""
    for folder in (path, path / "logs"):
        if os.access(folder, os.R_OK | os.X_OK) and folder.is_dir():
            yield from sorted(folder.iterdir())


def _too_open(place: Home) -> Iterator[Finding]:
    if not os.access(place.path, os.R_OK | os.X_OK):
        return
    for path, mode in home.too_open(place):
        text = f"{path} has mode {mode:04o}, which others can use; tocsin run repairs it"
        yield _home(Level.WARNING, text)


def _disk(path: Path) -> Iterator[Finding]:
    disk = os.statvfs(path)
    yield from space(free=disk.f_bavail * disk.f_frsize, files=disk.f_files, files_free=disk.f_favail)


def space(*, free: int, files: int, files_free: int) -> Iterator[Finding]:
    """What a disk has left: bytes, and files where it counts them."""
    if free < NO_SPACE:
        yield _home(
            Level.ERROR, f"only {free / 1e6:.1f} MB are free on its disk; free some, or nothing is accepted"
        )
    elif free < LITTLE_SPACE:
        yield _home(Level.WARNING, f"less than 100 MB are free on its disk ({free / 1e6:.0f} MB)")
    if files and files_free < FEW_FILES:
        yield _home(Level.WARNING, f"its disk has room for {files_free} more files only")


def _backwards(path: Path, now: datetime) -> Iterator[Finding]:
    """A clock that was set back: what was done after now is on the disk already."""
    try:
        times = [(file.lstat().st_mtime, file.name) for file in _files(path) if file.is_file()]
    except FileNotFoundError:  # a temporary file of somebody who works here now
        return
    if not times:
        return
    seconds, name = max(times)
    ahead = datetime.fromtimestamp(seconds, UTC) - now
    if ahead > BACKWARDS:
        text = (
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, but {name} was written {_span(ahead)} later: "
            "it has gone back, and jobs wait until it is right"
        )
        yield Finding(part="clock", level=Level.WARNING, text=text)


def _span(duration: timedelta) -> str:
    hours = duration.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _year(now: datetime) -> Iterator[Finding]:
    if now.year < 2026:
        text = f"the clock says {now:%Y-%m-%d}: jobs will fire at wrong times until it is set"
        yield Finding(part="clock", level=Level.ERROR, text=text)


def _descriptors() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_DESCRIPTORS:
        text = f"a process may open {soft} files only (ulimit -n); {FEW_DESCRIPTORS} are needed in busy times"
        yield Finding(part="limits", level=Level.WARNING, text=text)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

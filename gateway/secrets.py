"""Secrets in the configuration: which keys hold one, files that hold one, and where they stand."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from gateway.configfile import Table
from gateway.errors import ConfigError

SECRET_KEY = re.compile(r"(?:^|_)(?:token|secret|password|key|webhook_url)$")

SECRET_PATHS = frozenset({"heartbeat.url"})
"""Whole keys that hold one although their name alone does not say so."""


def is_secret(path: str) -> bool:
    """Whether the key with this dotted path holds a secret."""
    return path in SECRET_PATHS or SECRET_KEY.search(path.rpartition(".")[2]) is not None


def from_files(table: Table, home: Path, where: str, path: str = "") -> Table:
    """The table with each `<key>_file` of a secret replaced by `<key>` and what the file holds."""
    resolved: Table = {}
    for key, value in table.items():
        name = f"{path}{key}"
        stem = key.removesuffix("_file")
        if isinstance(value, dict):
            resolved[key] = from_files(value, home, where, f"{name}.")
        elif stem != key and is_secret(f"{path}{stem}"):
            if table.get(stem):
                raise ConfigError(f"{where}: {name}: there is {path}{stem} too; keep one of them")
            resolved[stem] = _secret_in(home, value, f"{where}: {name}")
        else:
            resolved.setdefault(key, value)
    return resolved


def _secret_in(home: Path, value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: must be the path of a file")
    path = home / Path(value).expanduser()
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{where}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: {path} cannot be read: it is no text") from None
    if not text:
        raise ConfigError(f"{where}: {path} is empty")
    return text


def texts(value: object, *, secret: bool = False) -> Iterator[str]:
    """What is a SecretStr, or stands under a key that names a secret."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str) and secret:
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from texts(below, secret=bool(SECRET_KEY.search(key)))
    elif isinstance(value, list):
        for below in value:
            yield from texts(below, secret=secret)

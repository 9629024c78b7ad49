"""The secret that signs callbacks, where the configuration has none: a file in the home folder, made once."""

import os
from collections.abc import Callable
from pathlib import Path

from gateway.callbacks import signing
from gateway.errors import ConfigError

NAME = "webhook.secret"


def kept_secret(home: Path, *, fsync: Callable[[int], None] = os.fsync) -> str:
    """The secret in the file, which is made, 0600, if it is not there; ConfigError if it holds none.

    `fsync` is for tests.
    """
    path = home / NAME
    try:
        return _read(path) if path.exists() else _make(path, fsync)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be used: {error.strerror}") from error


def _make(path: Path, fsync: Callable[[int], None]) -> str:
    """Whole or not at all: a crash leaves no half of a secret."""
    secret = signing.new_secret()
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync(folder)  # else a crash may leave the callbacks signed by a secret that is gone
    finally:
        os.close(folder)
    return secret


def _read(path: Path) -> str:
    try:
        secret = path.read_text(encoding="ascii").strip()
        signing.key_of(secret)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; remove the file, and a new secret is made") from None
    return secret

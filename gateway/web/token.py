"""The token of the listener: the configured one, or a file in the home folder that is made once and read again."""

import hmac
import os
import secrets
from pathlib import Path

import structlog

from gateway.errors import ConfigError
from gateway.web import guard

logger = structlog.get_logger()

NAME = "web.token"
_RANDOM = 32  # bytes
_LONGEST = 4_096


class Token:
    """What opens the doors. Another token in the file counts from the next request on, and the old one does not.

    Who removes the file gets a new token. A file that cannot be read opens nothing.
    """

    def __init__(self, home: Path, configured: str = "") -> None:
        self.file = home / NAME
        self._configured = configured
        self._known: tuple[tuple[int, int, int], str] | None = None

    @property
    def place(self) -> str:
        """Where it is to be found, for people."""
        return "the configuration" if self._configured else str(self.file)

    def prepare(self, *, public: bool) -> None:
        """Make the file if there is none; ConfigError if it cannot be used.

        `public`: other machines can call, so that it has to be hard to guess.
        """
        try:
            found = self._configured or self._current()
        except OSError as error:
            raise ConfigError(f"{self.file}: cannot be used: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"{self.file}: {error}; remove the file, and a new token is made") from None
        worth = guard.bits(found)
        if public and worth < guard.TOKEN_BITS:
            cure = "leave it empty" if self._configured else f"remove {self.file}"
            raise ConfigError(
                f"web.token: is worth {worth:.0f} bits at most, and other machines can call: "
                f"{guard.TOKEN_BITS} are needed; {cure}, and one is made"
            )

    def opens(self, presented: str) -> bool:
        """Whether it is the token, compared in a time that tells nothing."""
        try:
            expected = self._configured or self._current()
        except (OSError, ValueError) as error:
            logger.warning("the token of the listener cannot be read", file=str(self.file), error=str(error))
            return False
        return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogateescape"))

    def _current(self) -> str:
        """What the file holds now; it is read only when it has changed."""
        try:
            status = self.file.stat()
        except FileNotFoundError:
            make(self.file)
            status = self.file.stat()
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._known is None or self._known[0] != mark:
            self._known = (mark, _read(self.file))
        return self._known[1]


def make(path: Path) -> None:
    """A new token in the file: 0600 from the first byte, whole or not at all."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secrets.token_urlsafe(_RANDOM)}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        token = file.read(_LONGEST).strip()
    if not token:
        raise ValueError("is empty")
    return token

"""Telegram's server for tests as a process of its own: what it knows outlives every gateway that is killed."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.servers.telegram_records import Json, Stats

REPOSITORY = Path(__file__).parents[2]
PAGE = 1_000  # of what was sent, the most that is asked for at once
MARK = "↻"  # before a message that may have arrived before


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the bot as a reader sees it."""

    chat: int
    text: str  # without the mark
    repeat: bool


@dataclass(slots=True)
class Telegram:
    """The server's verbs, for tests that do not wait in a loop."""

    url: str
    pid: int = 0
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def do(self, verb: str, **given: Any) -> Json:
        answer = self._http.post(f"{self.url}/control/{verb}", json=given).json()
        assert answer["ok"], answer
        return answer["result"]

    def say(self, text: str, user: int) -> int:
        """Somebody writes to the bot in private; returns the id of the update."""
        return int(self.do("say", text=text, user=user))

    def stats(self) -> Stats:
        return Stats(**self.do("stats"))

    def count(self) -> int:
        """How much the bot has sent so far."""
        return self.stats().sent

    def heard(self, since: int = 0) -> list[Heard]:
        """All that the bot has sent after so much, in order."""
        found: list[Heard] = []
        while page := self.do("sent", since=since + len(found), limit=PAGE):
            found += [_heard(one) for one in page]
        return found

    def close(self) -> None:
        self._http.close()


def said_again(heard: Iterable[Heard]) -> list[Heard]:
    """What was said once more without a mark, or marked for the second time; texts in a chat must differ."""
    seen: set[Heard] = set()
    wrong: list[Heard] = []
    for one in heard:
        if one in seen or (not one.repeat and replace(one, repeat=True) in seen):
            wrong.append(one)
        seen.add(one)
    return wrong


def _heard(sent: Json) -> Heard:
    text = str(sent["text"])
    return Heard(int(sent["chat"]), text.removeprefix(MARK).lstrip(), text.startswith(MARK))


@contextmanager
def telegram_process(*arguments: str) -> Iterator[Telegram]:
    """A running server, ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.servers.telegram", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().strip().partition(" ")
            assert ready == "ready", "the server did not start"
            telegram = Telegram(url, process.pid)
            yield telegram
            telegram.close()
        finally:
            process.kill()

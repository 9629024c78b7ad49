"""The servers for tests as processes of their own: what they know outlives every gateway that is killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.contract.rigs.base import UNLIMITED
from tests.servers.feishu_world import World
from tests.servers.slack_records import APP_TOKEN, BOT_TOKEN

REPOSITORY = Path(__file__).parents[3]
MARK = "↻"


class Remote(Protocol):
    """A platform in another process, as a story over kills sees it."""

    kind: str
    url: str

    def settings(self) -> dict[str, Any]:
        """The section of the channel."""

    def move_in(self, number: int) -> str:
        """Somebody new; their id."""

    def say(self, text: str, user: str) -> str:
        """Somebody writes to the bot in private; the message's id."""

    def texts(self, user: str) -> list[str]:
        """What the bot has said to them, in order."""

    def pending(self) -> int:
        """How many events are not acknowledged."""

    def acked(self, message: str) -> bool:
        """Whether the platform was told that this message is taken."""

    def misuse(self) -> list[str]:
        """What a well-behaved bot would not have done."""

    def close(self) -> None: ...


class _Asked:
    """Asks for verbs over HTTP; made anew in each process that uses it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=30, trust_env=False)

    def do(self, verb: str, **given: Any) -> Any:
        answer = self._http.post(f"{self.url}/control/{verb}", json=given).json()
        assert answer["ok"], answer
        return answer["result"]

    def close(self) -> None:
        self._http.close()


class SlackRemote(_Asked):
    """Slack, by Socket Mode."""

    kind = "slack"

    def settings(self) -> dict[str, Any]:
        return {
            "bot_token": BOT_TOKEN,
            "app_token": APP_TOKEN,
            "api_base": f"{self.url}/api",
            "allow": ["*"],
            "rate": UNLIMITED,
        }

    def move_in(self, number: int) -> str:
        self.do("patience", seconds=0.3)
        return str(self.do("person", id=f"U0P{number}", name=f"Person {number}"))

    def say(self, text: str, user: str) -> str:
        return str(self.do("say", text=text, user=user))

    def texts(self, user: str) -> list[str]:
        return list(self.do("texts", channel=self.do("im", user=user)))

    def pending(self) -> int:
        return int(self.do("stats")["pending"])

    def acked(self, message: str) -> bool:
        return all(one["acked_at"] is not None for one in self.do("deliveries", ts=message))

    def misuse(self) -> list[str]:
        return list(self.do("stats")["violations"])


class FeishuRemote(_Asked):
    """Feishu, by the long connection."""

    kind = "feishu"

    def settings(self) -> dict[str, Any]:
        app = World()
        return {
            "app_id": app.app_id,
            "app_secret": app.app_secret,
            "api_base": self.url,
            "allow": ["*"],
            "rate": UNLIMITED,
        }

    def move_in(self, number: int) -> str:
        self.do("settings", retries=[0.3] * 50)
        return str(self.do("person", id=f"ou_p{number}", name=f"Person {number}"))

    def say(self, text: str, user: str) -> str:
        return str(self.do("say", text=text, user=user))

    def texts(self, user: str) -> list[str]:
        return list(self.do("texts", chat=self.do("private", person=user)))

    def pending(self) -> int:
        return int(self.do("stats")["waiting"])

    def acked(self, message: str) -> bool:
        return bool(self.do("taken", message=message))

    def misuse(self) -> list[str]:
        return list(self.do("stats")["violations"])


KINDS: dict[str, type[SlackRemote] | type[FeishuRemote]] = {"slack": SlackRemote, "feishu": FeishuRemote}


@contextmanager
def running(kind: str) -> Iterator[Remote]:
    """A platform, ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.servers.{kind}", "--keep", "100000"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().strip().partition(" ")
            assert ready == "ready", "the server did not start"
            remote = KINDS[kind](url)
            yield remote
            remote.close()
        finally:
            process.kill()

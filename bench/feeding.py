"""The platforms of `bench.platforms` as measurements use them, and the sections of channels that speak to them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

REPOSITORY = Path(__file__).parent.parent
APP_ID = "cli_bench0000000000"
BOT = "U0BENCH"
SECRET = "0123456789abcdef0123456789abcdef"  # of every webhook
LIFTED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}
TOKENS = {
    "telegram": {"token": "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"},
    "slack": {"bot_token": "xoxb-1-bench", "app_token": "xapp-1-bench"},
    "feishu": {"app_id": APP_ID, "app_secret": "bench"},
}
CALLED = {
    "telegram": {"mode": "webhook", "webhook_secret": SECRET, "webhook_url": "http://127.0.0.1/webhooks/telegram"},
    "slack": {"mode": "http", "signing_secret": SECRET},
    "feishu": {"mode": "webhook", "encrypt_key": SECRET, "verification_token": SECRET},
}
"""What a section has besides where the platform calls."""


@contextmanager
def platform(name: str, *how: str) -> Iterator[str]:
    """A feeder of this channel; its address. With "call" it calls webhooks."""
    with served("bench.feeder", name, *how) as url:
        yield url


@contextmanager
def served(module: str, *arguments: str) -> Iterator[str]:
    """A server as a process of its own, ended with the block; the address that it prints."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().strip().partition(" ")
            assert ready == "ready", f"{module} did not start"
            yield url
        finally:
            process.kill()


def section(name: str, url: str, **more: Any) -> dict[str, Any]:
    """The section of a channel that speaks to the server there: everybody may talk to it."""
    base = f"{url}/api" if name == "slack" else url
    return {**TOKENS[name], "api_base": base, "allow": ["*"], **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acks:
    """What became of some messages."""

    milliseconds: tuple[float, ...]  # from each being brought to its ack
    missing: int


class Feeder:
    """Asks a feeder for messages: `async with Feeder(url) as feeder`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def feed(self, count: int, *, rate: float, people: int, address: str = "") -> float:
        """Bring so many messages at this pace a second; the pace that was reached. `address`: of the webhook."""
        told = await self._ask("feed", count=count, rate=rate, people=people, address=address)
        return count / float(told["seconds"])

    async def acks(self, patience: float = 30.0) -> Acks:
        """Wait for the acks of all that was brought, so many seconds at most."""
        told = await self._ask("acks", patience=patience)
        return Acks(milliseconds=tuple(told["acks"]), missing=told["missing"])

    async def sent(self) -> list[float]:
        """The moments at which the bot said something, by the clock of the feeder's."""
        return list(await self._ask("sent"))

    async def _ask(self, verb: str, **given: Any) -> Any:
        async with self._http.post(f"{self._url}/{verb}", data=orjson.dumps(given)) as answer:
            answer.raise_for_status()
            return orjson.loads(await answer.read())

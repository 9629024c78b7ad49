"""Speaks to Feishu's server for tests when it is another process: the same verbs, over HTTP."""

import base64
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from tests.servers.feishu_records import Json


class Control:
    """The server at `url`; `async with Control(url) as feishu:`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def do(self, verb: str, **given: Any) -> Json:
        """Any verb of feishu_verbs.py; LookupError, ValueError, TypeError and TimeoutError are raised here."""
        async with self._http.post(f"{self.url}/control/{verb}", data=orjson.dumps(given)) as response:
            answer = orjson.loads(await response.read())
        if answer["ok"]:
            return answer["result"]
        raise _ERRORS.get(answer["error"], RuntimeError)(answer["description"])

    async def say(self, text: str, *, user: str, **more: Any) -> str:
        """As `People.say`."""
        return str(await self.do("say", text=text, user=user, **more))

    async def file(self, name: str, data: bytes, *, user: str, **more: Any) -> str:
        """As `People.file`."""
        return str(await self.do("file", name=name, data=base64.b64encode(data).decode(), user=user, **more))

    async def texts(self, chat: str = "", root: str | None = None) -> list[str]:
        """As `World.texts`."""
        return list(await self.do("texts", chat=chat, root=root))

    async def wait_for(self, count: int, seconds: float = 5.0) -> int:
        """Until the bot has sent so many messages; how many there are."""
        return int(await self.do("wait_for", count=count, seconds=seconds))

    async def wait_acked(self, count: int, seconds: float = 5.0) -> int:
        """Until the bot has taken so many events; how many there are."""
        return int(await self.do("wait_acked", count=count, seconds=seconds))

    async def stats(self) -> dict[str, Json]:
        """The fields of `Stats`."""
        return dict(await self.do("stats"))


_ERRORS: dict[str, type[Exception]] = {
    "LookupError": LookupError,
    "KeyError": LookupError,
    "ValueError": ValueError,
    "TypeError": TypeError,
    "TimeoutError": TimeoutError,
}

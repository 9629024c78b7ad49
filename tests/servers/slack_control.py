"""Speaks to Slack's server for tests when it is another process: the same verbs, over HTTP.

async with Control(url) as slack:
    ts = await slack.say("hello", user="U0ANNA", channel="C0GENERAL", mention=True)
    await slack.wait_for(1)
    assert await slack.texts("C0GENERAL") == ["hi"]
"""

from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from tests.servers.slack_faults import Kind
from tests.servers.slack_records import Json, Sent, Stats


class Control:
    """The server at `url`; what has no method of its own is asked for with `do`."""

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
        """Any verb at all; LookupError, ValueError, TypeError and TimeoutError of the server are raised here."""
        body = orjson.dumps({name: value for name, value in given.items() if value is not None})
        async with self._http.post(f"{self.url}/control/{verb}", data=body) as response:
            answer = orjson.loads(await response.read())
        if answer["ok"]:
            return answer["result"]
        raise _ERRORS.get(answer["error"], RuntimeError)(answer["description"])

    async def say(
        self, text: str, *, user: str, channel: str = "", thread: str = "", mention: bool = False
    ) -> str:
        where = {"user": user, "channel": channel, "thread": thread, "mention": mention}
        return str(await self.do("say", text=text, **where))

    async def press(self, ts: str, button: str, *, user: str, channel: str = "") -> Json:
        return await self.do("press", ts=ts, button=button, user=user, channel=channel)

    async def slash(self, text: str = "", *, user: str, channel: str = "") -> Json:
        return await self.do("slash", text=text, user=user, channel=channel)

    async def fault(self, kind: Kind, *, method: str = "", times: int | None = 1, **details: Any) -> None:
        await self.do("fault", kind=kind, method=method, times=times, **details)

    async def sent(self, since: int = 0, limit: int = 1000) -> list[Sent]:
        """What was sent after number `since`, the oldest first."""
        found = await self.do("sent", since=since, limit=limit)
        return [Sent(**one | {"buttons": [(label, value) for label, value in one["buttons"]]}) for one in found]

    async def texts(self, channel: str, thread: str | None = None) -> list[str]:
        return list(await self.do("texts", channel=channel, thread=thread))

    async def deliveries(self, ts: str = "") -> list[Json]:
        return list(await self.do("deliveries", ts=ts))

    async def stats(self) -> Stats:
        return Stats(**await self.do("stats"))

    async def wait_for(self, count: int, seconds: float = 5.0) -> int:
        """Wait until the bot has sent so much in all, and return how much it is now."""
        return int(await self.do("wait_for", count=count, seconds=seconds))


_ERRORS: dict[str, type[Exception]] = {
    "KeyError": KeyError,
    "LookupError": LookupError,
    "ValueError": ValueError,
    "TypeError": TypeError,
    "TimeoutError": TimeoutError,
}

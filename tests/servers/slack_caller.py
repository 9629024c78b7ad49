"""Somebody who calls Slack's Web API and opens its sockets without a library in between."""

import asyncio
from typing import Any

import aiohttp
import orjson

from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

Json = Any
ANNA, BOB = "U0ANNA", "U0BOB"
GENERAL, SECRET, ELSEWHERE = "C0GENERAL", "G0SECRET", "C0ELSEWHERE"


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Caller:
    """Calls methods with forms and takes answers apart."""

    def __init__(self, server: SlackServer, wall: Wall, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.wall = wall
        self.http = http
        self.status = 0
        self.headers: Any = {}

    async def raw(self, path: str, *, token: str = BOT_TOKEN, verb: str = "POST", **options: Any) -> bytes:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        async with self.http.request(verb, self.server.url + path, headers=headers, **options) as response:
            self.status, self.headers = response.status, response.headers
            return await response.read()

    async def whole(self, method: str, *, token: str = BOT_TOKEN, **arguments: Any) -> Json:
        """The whole answer to a call with a form; structures go as JSON in text."""
        form = {
            name: value if isinstance(value, str) else orjson.dumps(value).decode()
            for name, value in arguments.items()
        }
        return orjson.loads(await self.raw(f"/api/{method}", token=token, data=form))

    async def ok(self, method: str, **arguments: Any) -> Json:
        """The answer to a call that is carried out."""
        answer = await self.whole(method, **arguments)
        assert answer["ok"] is True, answer
        return answer

    async def no(self, method: str, **arguments: Any) -> str:
        """The error of a call that is refused, always with status 200."""
        answer = await self.whole(method, **arguments)
        assert answer["ok"] is False, answer
        assert self.status == 200
        return str(answer["error"])

    async def post(self, text: str = "hello", channel: str = GENERAL, **arguments: Any) -> str:
        """The ts of a message of the bot."""
        return str((await self.ok("chat.postMessage", channel=channel, text=text, **arguments))["ts"])

    async def socket(self) -> "Line":
        """A new socket that has said hello."""
        opened = await self.ok("apps.connections.open", token=APP_TOKEN)
        line = Line(await self.http.ws_connect(opened["url"]))
        line.first = await line.next()
        return line


class Line:
    """One socket of Socket Mode, read and answered by hand."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.first: Json = None

    async def next(self, seconds: float = 2.0) -> Json:
        """The next frame that is JSON."""
        async with asyncio.timeout(seconds):
            return orjson.loads(await self.ws.receive_str())

    async def ack(self, envelope: Json, payload: Json = None) -> None:
        answer = {"envelope_id": envelope["envelope_id"]}
        await self.ws.send_str(orjson.dumps(answer if payload is None else answer | {"payload": payload}).decode())

    async def silent(self, seconds: float = 0.1) -> bool:
        """Nothing comes for a while."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False

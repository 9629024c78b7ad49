"""Somebody who calls the Bot API of Telegram's server for tests without a library in between."""

import io
from typing import Any

import aiohttp
import orjson

from tests.servers.telegram import TelegramServer

Json = Any
ANN, BOB = 11, 12
FORUM = -1001000000001
GROUP = -1001000000002


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Caller:
    """Calls methods in JSON and takes answers apart."""

    def __init__(self, server: TelegramServer, wall: Wall, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.wall = wall
        self.http = http
        self.status = 0
        self.headers: Any = {}

    async def raw(self, path: str, **options: Any) -> bytes:
        async with self.http.request(options.pop("verb", "POST"), self.server.url + path, **options) as response:
            self.status, self.headers = response.status, response.headers
            return await response.read()

    def form(self, fields: dict[str, Any]) -> aiohttp.FormData:
        """A multipart body."""
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in fields.items():
            is_file = isinstance(value, bytes)
            form.add_field(name, io.BytesIO(value) if is_file else value, filename=name if is_file else None)
        return form

    async def whole(self, method: str, **parameters: Any) -> Json:
        """The whole answer."""
        return orjson.loads(await self.raw(f"/bot{self.server.token}/{method}", json=parameters))

    async def ok(self, method: str, **parameters: Any) -> Json:
        """The result of a call that is carried out."""
        answer = await self.whole(method, **parameters)
        assert answer["ok"] is True, answer
        return answer["result"]

    async def no(self, method: str, **parameters: Any) -> str:
        """The code and description of a call that is refused."""
        answer = await self.whole(method, **parameters)
        assert answer["ok"] is False, answer
        assert answer["error_code"] == self.status
        return f"{answer['error_code']} {answer['description']}"

    async def send(self, text: str = "hello", chat: int = ANN, **parameters: Any) -> Json:
        return await self.ok("sendMessage", chat_id=chat, text=text, **parameters)

"""Somebody who calls Feishu's server for tests with nothing in between, by HTTP and over the long connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import orjson

from tests.servers.feishu import FeishuServer
from tests.servers.feishu_frames import CONTROL, Frame, decode, encode
from tests.servers.feishu_socket import SERVICE

Json = Any
ANN, BOB = "ou_ann", "ou_bob"
TEAM, FORUM = "oc_team", "oc_forum"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Caller:
    """Calls paths below /open-apis in JSON and takes answers apart."""

    def __init__(self, server: FeishuServer, wall: Wall, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.wall = wall
        self.http = http
        self.token = ""
        self.status = 0
        self.headers: Any = {}

    async def log_in(self) -> None:
        """Get a token for the calls from now on."""
        asked = {"app_id": self.server.app_id, "app_secret": self.server.app_secret}
        self.token = (await self.whole("POST", "auth/v3/tenant_access_token/internal", asked))[
            "tenant_access_token"
        ]

    async def raw(self, verb: str, path: str, **options: Any) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        address = f"{self.server.url}/open-apis/{path}"
        async with self.http.request(verb, address, headers=headers, **options) as response:
            self.status, self.headers = response.status, response.headers
            return await response.read()

    async def whole(self, verb: str, path: str, body: Json = None, **options: Any) -> Json:
        """The whole answer."""
        return orjson.loads(await self.raw(verb, path, json=body, **options))

    async def ok(self, verb: str, path: str, body: Json = None, **options: Any) -> Json:
        """The data of a call that is carried out."""
        answer = await self.whole(verb, path, body, **options)
        assert answer["code"] == 0, answer
        return answer["data"]

    async def no(self, verb: str, path: str, body: Json = None, **options: Any) -> tuple[int, int, str]:
        """The HTTP status, code and message of a call that is refused."""
        answer = await self.whole(verb, path, body, **options)
        assert answer["code"] != 0, answer
        assert answer["error"]["log_id"]
        return self.status, answer["code"], answer["msg"]

    def message(self, text: str = "hello", chat: str = TEAM, **more: Json) -> Json:
        """The body of a send."""
        return {"receive_id": chat, "msg_type": "text", "content": json({"text": text}), **more}

    async def send(self, text: str = "hello", chat: str = TEAM, **more: Json) -> Json:
        return await self.ok("POST", "im/v1/messages?receive_id_type=chat_id", self.message(text, chat, **more))

    async def refused(self, **more: Json) -> tuple[int, int, str]:
        """How a send is refused."""
        body = {**self.message(), **more}
        return await self.no("POST", "im/v1/messages?receive_id_type=chat_id", body)


class Line:
    """A long connection, frame by frame."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def frame(self) -> Frame:
        return decode(await self.ws.receive_bytes(timeout=2))

    async def event(self) -> tuple[Frame, Json]:
        frame = await self.frame()
        return frame, orjson.loads(frame.payload or b"")

    async def ack(self, frame: Frame, code: int = 200, **changed: Json) -> None:
        answer = replace(frame, payload=orjson.dumps({"code": code}), **changed)
        await self.ws.send_bytes(encode(answer))

    async def ping(self) -> Frame:
        await self.ws.send_bytes(encode(Frame(service=SERVICE, method=CONTROL, headers=(("type", "ping"),))))
        return await self.frame()


async def address_of(caller: Caller) -> str:
    """What the endpoint says."""
    asked = {"AppID": caller.server.app_id, "AppSecret": caller.server.app_secret}
    async with caller.http.post(f"{caller.server.url}/callback/ws/endpoint", json=asked) as response:
        answer = await response.json()
    assert answer["code"] == 0, answer
    return str(answer["data"]["URL"])


@asynccontextmanager
async def long_connection(caller: Caller) -> AsyncIterator[Line]:
    """A connection that is open until the end of the block."""
    async with caller.http.ws_connect(await address_of(caller)) as ws:
        yield Line(ws)


def card(*labels: str, text: str = "Choose", schema: str = "2.0") -> str:
    """The content of a card with buttons whose values are their labels in small letters."""
    buttons = [
        {
            "tag": "button",
            "text": {"tag": "plain_text", "content": label},
            "behaviors": [{"type": "callback", "value": {"do": label.lower()}}],
        }
        for label in labels
    ]
    elements = [{"tag": "markdown", "content": text}, *buttons]
    return json({"schema": schema, "body": {"elements": elements}})


def json(value: Json) -> str:
    return orjson.dumps(value).decode()

"""WeCom on loopback: one robot, its group, and the limits that the real one has."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "693a91f6-SENTINEL-4bc4-97a0-0ec2sifa5aaa"
MOST = 4_096  # bytes of Markdown


@dataclass
class WeComServer:
    """What the group has seen, and what is answered next."""

    url: str = ""
    shown: list[Any] = field(default_factory=list)  # Markdown as text, files as (name, bytes), pictures as bytes
    calls: int = 0
    brought: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    answers: list[web.Response | dict[str, Any]] = field(default_factory=list)  # instead of its own, in order
    hang_up: bool = False  # after the message was shown

    async def send(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        message = await request.json()
        if self.answers:
            return _response(self.answers.pop(0))
        if request.query.get("key") != KEY:
            return _response({"errcode": 93_000, "errmsg": "invalid webhook url, more info at …?e=93000"})
        refused = self._show(message)
        if self.hang_up:
            assert request.transport is not None
            request.transport.close()
        return _response(refused or {"errcode": 0, "errmsg": "ok"})

    def _show(self, message: dict[str, Any]) -> dict[str, Any] | None:
        kind = message["msgtype"]
        if kind == "markdown":
            return self._show_markdown(message["markdown"]["content"])
        if kind == "image":
            return self._show_picture(message["image"])
        if kind == "file" and message["file"]["media_id"] in self.brought:
            self.shown.append(self.brought[message["file"]["media_id"]])
            return None
        return {"errcode": 40_008, "errmsg": "invalid message type"}

    def _show_markdown(self, content: str) -> dict[str, Any] | None:
        if not content:
            return {"errcode": 44_004, "errmsg": "empty content"}
        if len(content.encode()) > MOST:
            return {"errcode": 40_058, "errmsg": f"markdown.content exceed max length {MOST}"}
        self.shown.append(content)
        return None

    def _show_picture(self, image: dict[str, str]) -> dict[str, Any] | None:
        content = base64.b64decode(image["base64"])
        if hashlib.md5(content).hexdigest() != image["md5"]:
            return {"errcode": 301_019, "errmsg": "md5 does not match"}
        self.shown.append(content)
        return None

    async def upload(self, request: web.Request) -> web.StreamResponse:
        if (request.query.get("key"), request.query.get("type")) != (KEY, "file"):
            return _response({"errcode": 93_000, "errmsg": "invalid webhook url"})
        if self.answers:
            return _response(self.answers.pop(0))
        media = (await request.post())["media"]
        assert isinstance(media, web.FileField)
        media_id = f"m{len(self.brought)}"
        self.brought[media_id] = (media.filename, media.file.read())
        return _response({"errcode": 0, "errmsg": "ok", "type": "file", "media_id": media_id})


def _response(answer: web.Response | dict[str, Any]) -> web.Response:
    return answer if isinstance(answer, web.Response) else web.json_response(answer)


@asynccontextmanager
async def serve_wecom() -> AsyncIterator[WeComServer]:
    server = WeComServer()
    app = web.Application(client_max_size=30_000_000)
    app.router.add_post("/cgi-bin/webhook/send", server.send)
    app.router.add_post("/cgi-bin/webhook/upload_media", server.upload)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}/cgi-bin/webhook/send?key={KEY}"
    try:
        yield server
    finally:
        await runner.cleanup()

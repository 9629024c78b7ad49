"""A transcription service on loopback, as strict as OpenAI's: a key, a model, a name that tells the format."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

KEY = "sk-voice-local-test"
FORMATS = {"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}


@dataclass
class TranscriptionServer:
    """Answers with `text`, or with `status` and `body` where they are given."""

    url: str = ""
    text: Any = "hello"
    status: int = 200
    body: bytes = b""
    heard: list[tuple[str, bytes]] = field(default_factory=list)  # the name and content of each recording
    models: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "Incorrect API key"}}, status=401)
        fields: dict[str, Any] = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            fields[part.name or ""] = (part.filename, bytes(await part.read()))
        name, recording = fields["file"]
        if name is None or name.rpartition(".")[2] not in FORMATS or not recording:
            return web.json_response({"error": {"message": "Invalid file format."}}, status=400)
        self.heard.append((name, recording))
        self.models.append(fields["model"][1].decode())
        if self.body or self.status != 200:
            return web.Response(status=self.status, body=self.body)
        return web.json_response({"text": self.text})


@asynccontextmanager
async def transcription_server() -> AsyncIterator[TranscriptionServer]:
    """A running server; its address, as it is configured, is `url`."""
    server = TranscriptionServer()
    app = web.Application(client_max_size=32 * 1024 * 1024)
    app.router.add_post("/v1/audio/transcriptions", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()

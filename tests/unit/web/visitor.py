"""A listener on a real socket for tests, and somebody who calls it, byte by byte if need be."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from channels.base import Call, Reply
from gateway.clock import Clock
from gateway.home import Home
from gateway.sections import WebSection
from gateway.web.application import Hook, Parts
from gateway.web.house import open_listener
from gateway.web.listener import HEADERS_WITHIN, Listener
from tests.fakes import FakeClock

TOKEN = "a-token-of-a-test-that-nobody-would-guess-1"
SECRET = "the-secret-of-the-platform"


async def echo(call: Call) -> Reply:
    """As a channel does: the secret first, then the body."""
    if call.headers.get("x-secret") != SECRET:
        return Reply(status=401)
    return Reply(body=await call.body(), headers={"X-Method": call.method})


@dataclass
class House:
    """A listener that answers."""

    listener: Listener
    web: httpx.AsyncClient
    clock: Clock
    file: Path  # of the token
    counted: list[int] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.address.rpartition(":")[2])

    async def get(self, path: str, *, token: str = TOKEN, **headers: str) -> httpx.Response:
        return await self.web.get(path, headers={"Authorization": f"Bearer {token}", **headers})

    async def raw(self, request: bytes) -> bytes:
        """What is answered to these bytes, until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()

    async def tried(self, request: bytes) -> bytes:
        """The status that comes at once; empty if none does: the request is not complete, or makes no sense."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            answer = await asyncio.wait_for(reader.readline(), 0.5)
        except (TimeoutError, ConnectionResetError):
            return b""
        finally:
            writer.close()
        return answer.split(b" ", 2)[1] if answer else b""


@asynccontextmanager
async def open_house(
    path: Path,
    *,
    hooks: Mapping[str, Hook] | None = None,
    clock: Clock | None = None,
    health: Callable[[], dict[str, Any]] = lambda: {"ready": True, "channels": {}},
    patience: timedelta = HEADERS_WITHIN,
    opened: bool = True,
    **section: Any,
) -> AsyncIterator[House]:
    clock = clock or FakeClock()
    counted: list[int] = []
    parts = Parts(
        health=health,
        metrics=lambda: b"tocsin_jobs 3\n",
        hooks={"bell": echo} if hooks is None else hooks,
        counted=counted.append,
    )
    settings = WebSection(**{"port": 0, "token": TOKEN, **section})
    listener = open_listener(settings, Home(path), parts, clock, patience=patience)
    running = asyncio.create_task(listener.run())
    if opened:
        listener.open()
    async with httpx.AsyncClient(base_url=listener.address, trust_env=False) as web:
        yield House(listener, web, clock, path / "web.token", counted)
    await listener.stop()
    await running

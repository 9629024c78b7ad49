"""A machine on loopback that is called over HTTP: it counts who connects, remembers what came, answers as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

import orjson

from gateway.messages import Json


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Json:
        value: Json = orjson.loads(self.body)
        return value


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What it says; `fault` is how it misbehaves instead."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    fault: str = ""  # hang | reset | half | garbage


Answering: TypeAlias = Callable[[Received], Answer]


class Machine:
    """Answers each request by `answering`."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.connections = 0
        self.received: list[Received] = []
        self.port = 0
        self.scheme = "http"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://{self.place}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = await _read(reader)
            self.received.append(request)
            await self._answer(writer, self.answering(request))
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # whoever called has gone
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        if answer.fault == "hang":
            await asyncio.Event().wait()
        if answer.fault == "garbage":
            writer.write(b"this is not HTTP\r\n\r\n")
        elif answer.fault != "reset":
            head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            body = answer.body[: len(answer.body) // 2] if answer.fault == "half" else answer.body
            writer.write(head.encode("latin-1") + b"\r\n" + body)
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method=method, path=path, headers=headers, body=body)


def in_turn(*answers: Answer) -> Answering:
    """One answer after the other; the last one again and again."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@asynccontextmanager
async def machine(
    answering: Answering | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Machine]:
    """A machine that listens on a port of its own until the end; by default it says `ok`."""
    made = Machine(answering or in_turn(Answer()))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(made.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    made.scheme = "https" if tls else "http"
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

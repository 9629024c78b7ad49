"""What a hosted model is sent: the real OpenAI client, and a server that only weighs what it is sent."""

import asyncio
import contextlib
from pathlib import Path

from bench.world import words, world
from gateway.agent.model import ModelAnswer, Prompt
from gateway.agent.models.hosted import HostedSettings, create
from gateway.errors import ModelError

REFUSAL = b'{"error": {"message": "weighed", "type": "invalid_request_error"}}'
HEAD = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n"
)


async def hello_bytes(home: Path) -> int:
    """The size of the request's body for a first "hello" in a chat."""
    prompts: list[Prompt] = []

    def keep(prompt: Prompt) -> ModelAnswer:
        prompts.append(prompt)
        return words(prompt)

    async with world(home, keep) as one:
        await one.ask("hello", "c", 1)
    return await _weigh(prompts[0])


async def _weigh(prompt: Prompt) -> int:
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        sizes.append(next(int(value) for name, _, value in fields if name == b"content-length"))
        await reader.readexactly(sizes[-1])
        writer.write(HEAD % len(REFUSAL) + REFUSAL)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        model = create(HostedSettings(provider="openai", name="gpt-5-mini", base_url=f"http://{host}:{port}/v1"))
        with contextlib.suppress(ModelError):  # the refusal; the request has been weighed
            await model.ask(prompt)
        await model.close()
    return sizes[0]

"""A strict OpenAI-compatible server on loopback that says what a test tells it, faults included.

Strict: what some real server refuses is refused here, with status 400 and the reason, so that a payload that
passes here passes there.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-local-test"

Json = Any
Reply = Callable[[web.Request, Json], Awaitable[web.StreamResponse]]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class OpenAIServer:
    """Answers with `replies` in order, the last one again and again."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[Json] = field(default_factory=list)  # the bodies that passed
    headers: list[Any] = field(default_factory=list)
    dropped: asyncio.Event = field(default_factory=asyncio.Event)  # a client hung up in the middle of an answer
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def answer_with(self, *replies: Reply) -> None:
        """Answer with these from now on, and forget what was asked."""
        self.replies = list(replies)
        self.requests.clear()
        self.headers.clear()
        self.dropped.clear()
        self.asked.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _refusal(401, "Incorrect API key provided", code="invalid_api_key")
        raw = await request.text()
        try:
            body = json.loads(raw, object_pairs_hook=_without_repeats)
            _check(body)
        except (ValueError, KeyError, TypeError) as error:
            return _refusal(400, f"{type(error).__name__}: {error}")
        self.requests.append(body)
        self.headers.append(request.headers)
        self.asked.set()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            return await reply(request, body)
        except (asyncio.CancelledError, ConnectionError):
            self.dropped.set()
            raise


@asynccontextmanager
async def openai_server(*replies: Reply) -> AsyncIterator[OpenAIServer]:
    """A running server; its address is `url`, its key is KEY."""
    server = OpenAIServer(replies=list(replies))
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", server.handle)
    # A client that hangs up cancels its handler: that is how `dropped` is known.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


# What it may say


def says(*pieces: str, finish: str | None = "stop", usage: tuple[int, int] | None = (7, 3)) -> Reply:
    """A streamed answer of words, piece by piece."""
    return streams([{"content": piece} for piece in pieces], finish=finish, usage=usage)


def calls(*wanted: Json, finish: str = "tool_calls") -> Reply:
    """A streamed answer of tool calls; each `wanted` is a `tool_calls` piece, as the protocol spells it."""
    return streams([{"tool_calls": [piece]} for piece in wanted], finish=finish)


def call(index: int | None, name: str | None, arguments: str | None, *, id: str | None = None) -> Json:  # noqa: A002
    """One piece of a tool call."""
    piece = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
    return {**piece, "type": "function"}


def streams(
    deltas: Iterable[Json],
    *,
    finish: str | None = "stop",
    usage: tuple[int, int] | None = (7, 3),
    done: bool = True,
) -> Reply:
    """A stream of these deltas, in the order that OpenAI keeps."""

    async def reply(request: web.Request, body: Json) -> web.StreamResponse:
        response = await _open(request)
        for delta in [{"role": "assistant", "content": ""}, *deltas]:
            await _event(response, _chunk(delta))
        if finish:
            await _event(response, _chunk({}, finish=finish))
        if usage and body.get("stream_options", {}).get("include_usage"):
            await _event(response, {**_chunk({}), "choices": [], "usage": _usage(*usage)})
        if done:
            await response.write(b"data: [DONE]\n\n")
        return response

    return reply


def whole(message: Json, *, finish: str = "stop") -> Reply:
    """One JSON document, as a server answers that cannot stream."""

    async def reply(_request: web.Request, _body: Json) -> web.StreamResponse:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        answer = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "local", "choices": [choice]}
        return web.json_response({**answer, "usage": _usage(7, 3)})

    return reply


def refuses(status: int, body: Json | None = None, **headers: str) -> Reply:
    """An error status; `retry_after="3"` is the header Retry-After."""

    async def reply(_request: web.Request, _body: Json) -> web.StreamResponse:
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        error = {"error": {"message": "no", "type": "x", "code": None}}
        return web.json_response(error if body is None else body, status=status, headers=spelled)

    return reply


def writes(*lines: str | bytes, end: str = "close") -> Reply:
    """A stream of raw bytes, then: "close" it in order, "cut" the connection, or "hang"."""

    async def reply(request: web.Request, _body: Json) -> web.StreamResponse:
        response = await _open(request)
        for line in lines:
            await response.write(line.encode() if isinstance(line, str) else line)
        if end == "hang":
            await asyncio.Event().wait()
        if end == "cut" and request.transport is not None:
            request.transport.abort()
        return response

    return reply


def never_answers() -> Reply:
    """Silence from the start: not even a status."""

    async def reply(_request: web.Request, _body: Json) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return reply


def event(delta: Json, *, finish: str | None = None) -> str:
    """One chunk as it travels."""
    return f"data: {json.dumps(_chunk(delta, finish=finish))}\n\n"


async def _open(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


async def _event(response: web.StreamResponse, chunk: Json) -> None:
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


def _chunk(delta: Json, *, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "local", "choices": [choice]}


def _usage(prompt: int, completion: int) -> Json:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _refusal(status: int, message: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "code": code}
    return web.json_response({"error": error}, status=status)


# What it refuses


def _without_repeats(pairs: list[tuple[str, Json]]) -> Json:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _require(fact: object, otherwise: str) -> None:
    if not fact:
        raise ValueError(otherwise)


def _check(body: Json) -> None:
    _require(body["stream"] is True, "only streams are asked for here")
    _require(isinstance(body["model"], str) and body["model"], "model")
    _require(isinstance(body["messages"], list) and body["messages"], "messages must not be empty")
    for tool in body.get("tools", []):
        _require(tool["type"] == "function", "tool type")
        _require(_NAME.fullmatch(tool["function"]["name"]), "tool name")
        _require(tool["function"]["parameters"]["type"] == "object", "parameters")
    _require("tools" not in body or body["tools"], "tools must not be empty")
    _check_messages(body["messages"])


def _check_messages(messages: list[Json]) -> None:
    open_calls: set[str] = set()
    for place, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            _require(message["tool_call_id"] in open_calls, f"message {place} answers no call")
            open_calls.remove(message["tool_call_id"])
            _require(isinstance(message["content"], str), "content")
            continue
        _require(not open_calls, f"calls without an answer before message {place}: {open_calls}")
        if role == "assistant":
            open_calls = _check_assistant(message)
        else:
            _require(role in {"system", "user"}, f"role {role}")
            _require(role == "user" or place == 0, "a system message belongs at the start")
            _require(isinstance(message["content"], str) or _is_seen(role, message["content"]), "content")
    _require(not open_calls, f"calls without an answer: {open_calls}")


_PICTURE = re.compile(r"data:image/(?:jpeg|png|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")


def _is_seen(role: str, content: Json) -> bool:
    """Whether it is words with pictures, which only a person shows."""
    _require(role == "user" and isinstance(content, list) and content, "content")
    for part in content:
        if part["type"] == "image_url":
            _require(_PICTURE.fullmatch(part["image_url"]["url"]), "image_url")
        else:
            _require(part["type"] == "text" and isinstance(part["text"], str) and part["text"], "text")
    return True


def _check_assistant(message: Json) -> set[str]:
    made = message.get("tool_calls", [])
    _require(isinstance(message["content"], str) or made, "an assistant's message says or calls something")
    for one in made:
        _require(one["type"] == "function" and 0 < len(one["id"]) <= 40, "tool call id")
        _require(_NAME.fullmatch(one["function"]["name"]), "function name")
        _require(isinstance(json.loads(one["function"]["arguments"]), dict), "arguments must be an object")
    ids = {one["id"] for one in made}
    _require(len(ids) == len(made), "two calls with one id")
    return ids

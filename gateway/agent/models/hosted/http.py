"""The HTTP client under a hosted model: bounded, without retries, and patient only where it should be."""

from collections.abc import AsyncIterator

import httpx2
import orjson

from gateway.agent.models.hosted import HostedSettings, is_loopback
from gateway.errors import ConfigError
from gateway.messages import Json

WIRE_OVERHEAD = 4
"""How many times its own size an answer may take on the wire: each token travels in some 300 bytes of JSON."""


class AnswerTooLargeError(Exception):
    """The server went on and on."""


def http_client(settings: HostedSettings, address: str, *, json_as_events: bool = False) -> httpx2.AsyncClient:
    """A client for one server.

    Silence is the caller's to limit, so only connecting has a time-out here. Redirects are not followed: the key
    would follow them. Proxies of the environment are used, as anybody behind one expects, but never for this very
    machine: a model server on loopback is not reachable through one.
    """
    limit = settings.max_answer_bytes * WIRE_OVERHEAD

    async def watch(response: httpx2.Response) -> None:
        stream = response.stream
        if not isinstance(stream, httpx2.AsyncByteStream):
            return
        response.stream = _Bounded(stream, limit)
        if json_as_events and response.is_success and _is_json(response):
            response.stream = _JsonAsEvents(response.stream)

    try:
        return httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=settings.connect_timeout.total_seconds()),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=not is_loopback(address),
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},  # what is counted is what is read
            event_hooks={"response": [watch]},
        )
    except (ImportError, ValueError) as error:  # SOCKS needs a package more; or it is no address at all
        raise ConfigError(
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY in the environment: cannot be used; write an http:// proxy"
        ) from error


def _is_json(response: httpx2.Response) -> bool:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower() == "application/json"


class _Bounded(httpx2.AsyncByteStream):
    """A body that breaks off, loudly, when it grows beyond its limit."""

    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise AnswerTooLargeError
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class _JsonAsEvents(httpx2.AsyncByteStream):
    """The answer of a server that cannot stream, as the stream that was asked for."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = b"".join([piece async for piece in self._stream])
        yield completion_as_events(body)

    async def aclose(self) -> None:
        await self._stream.aclose()


def completion_as_events(body: bytes) -> bytes:
    """A `chat.completion` as the events of a stream with one chunk; anything else travels as it is."""
    try:
        answer: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return b"data: " + b" ".join(body.splitlines()) + b"\n\n"
    if isinstance(answer, dict) and isinstance(answer.get("choices"), list):
        answer["choices"] = [_as_delta(choice) for choice in answer["choices"]]
    return b"data: " + orjson.dumps(answer) + b"\n\n"


def _as_delta(choice: Json) -> Json:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        return choice
    delta = choice.pop("message")
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        delta["tool_calls"] = [
            {**call, "index": index} for index, call in enumerate(calls) if isinstance(call, dict)
        ]
    return {**choice, "delta": delta}

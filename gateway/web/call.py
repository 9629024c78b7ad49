"""A call of a webhook as channels see it: the headers at once, the body when somebody asks for it."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.requests import Request

from gateway.clock import Clock
from gateway.errors import TocsinError, TooLargeError

LARGEST = 1_048_576
PATIENCE = timedelta(seconds=10)  # for a whole body


class SlowBodyError(TocsinError):
    """The body did not come in time."""


class HttpCall:
    """What one request says."""

    def __init__(self, request: Request, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._body: bytes | None = None

    @property
    def method(self) -> str:
        return self._request.method

    @property
    def headers(self) -> Mapping[str, str]:
        return self._request.headers

    async def body(self) -> bytes:
        """All of it. TooLargeError and SlowBodyError end the connection."""
        if self._body is None:
            if announced(self._request.headers) > LARGEST:
                raise TooLargeError(f"more than {LARGEST} bytes are announced")
            try:
                async with self._clock.timeout(PATIENCE):
                    self._body = await self._read()
            except TimeoutError:
                raise SlowBodyError("the body did not come in time") from None
        return self._body

    async def _read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self._request.stream():
            size += len(piece)
            if size > LARGEST:
                raise TooLargeError(f"more than {LARGEST} bytes came")
            pieces.append(piece)
        return b"".join(pieces)

    @property
    def leaves_much(self) -> bool:
        """Whether more may still come than is worth waiting for: the connection is better closed."""
        headers = self._request.headers
        endless = "chunked" in headers.get("transfer-encoding", "").lower()
        return self._body is None and (endless or announced(headers) > LARGEST)


def announced(headers: Mapping[str, str]) -> int:
    """How long the body is said to be; 0 if nothing readable is said."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0

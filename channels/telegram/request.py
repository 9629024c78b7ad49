"""The bot's HTTP, by aiohttp: a tenth of the processor time that the SDK's own takes for a request."""

import asyncio
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import BinaryIO

import aiohttp
import orjson
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from gateway.errors import MediaError
from gateway.media import sizes

CONNECTIONS = 64
CONNECT_TIMEOUT = timedelta(seconds=10)
CHUNK = 256 * 1024

_KNOWN = frozenset({400, 401, 403, 404, 409})
"""Refusals that the SDK tells apart; any other it takes for trouble on the way."""


class UnreachableError(NetworkError):
    """No connection: certainly nothing was sent."""


class FloodError(TelegramError):
    """Too many requests: certainly nothing was done, and nothing should be asked for before `retry_after`."""

    def __init__(self, retry_after: timedelta | None) -> None:
        super().__init__("Telegram asks for silence (429)")
        self.retry_after = retry_after


class AiohttpRequest(BaseRequest):
    """One pool of connections, opened by the first request."""

    def __init__(self, *, proxy: str, timeout: timedelta) -> None:
        """`timeout`: of a call that names none of its own."""
        self._timeout = timeout
        self._server_date = ""  # of the last answer
        self._proxy = proxy or None
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._timeout.total_seconds()

    async def initialize(self) -> None:
        """Nothing: the session belongs to the loop of the first request."""

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(  # the shape is the SDK's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = None,
        write_timeout: object = None,
        connect_timeout: object = None,
        pool_timeout: object = None,
    ) -> tuple[int, bytes]:
        total = read_timeout if isinstance(read_timeout, int | float) else self.read_timeout
        body, headers = _body(request_data)
        with _plain_errors(total):
            async with self._opened().request(
                method,
                url,
                data=body,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,  # the path holds the token
                timeout=_timeout(total),
            ) as response:
                self._server_date = response.headers.get("Date", "")
                return _telegrams(response.status, await response.read())

    async def download(self, url: str, sink: BinaryIO, *, limit: int, wait: timedelta) -> int:
        """Write a file into `sink`, and return the status: it is written if that is 200.

        MediaError when it is larger than `limit` bytes; FloodError as for any request.
        """
        total = wait.total_seconds()
        with _plain_errors(total):
            async with self._opened().get(
                url, proxy=self._proxy, allow_redirects=False, timeout=_timeout(total)
            ) as response:
                if response.status == HTTPStatus.TOO_MANY_REQUESTS:
                    raise FloodError(_asked_for(await response.read()))
                if response.status == HTTPStatus.OK:
                    await _copy(response, sink, limit)
                return response.status

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, object]:
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:
            found = _leniently(payload)
        if not isinstance(found, dict):
            raise TelegramError("it is no JSON object")
        return found

    def ahead(self, now: datetime) -> timedelta:
        """How far `now`, by our clock, is ahead of Telegram's; zero when that is not known."""
        if not self._server_date:
            return timedelta()
        return now - parsedate_to_datetime(self._server_date)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        return self._session


def _timeout(total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, connect=CONNECT_TIMEOUT.total_seconds())


@contextmanager
def _plain_errors(total: float) -> Iterator[None]:
    """Trouble on the way as the SDK's errors, without their causes: those hold the address, and so the token."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise UnreachableError(_plain(error)) from None
    except TimeoutError:
        raise TimedOut(f"no answer within {total:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NetworkError(_plain(error)) from None


def _body(given: RequestData | None) -> tuple[bytes | aiohttp.FormData, dict[str, str]]:
    """JSON; a form where files go along. Their names are written as they are: nobody there would decode them."""
    if given is None or not given.contains_files:
        return orjson.dumps(given.parameters if given else {}), {"Content-Type": "application/json"}
    form = aiohttp.FormData(quote_fields=False)
    for name, value in given.json_parameters.items():
        form.add_field(name, value)
    for name, (called, content, media_type) in given.multipart_data.items():
        form.add_field(name, content, filename=called, content_type=media_type)
    return form, {}


async def _copy(response: aiohttp.ClientResponse, sink: BinaryIO, limit: int) -> None:
    taken = response.content_length or 0
    if taken <= limit:
        taken = 0
        async for chunk in response.content.iter_chunked(CHUNK):
            taken += len(chunk)
            if taken > limit:
                break
            try:
                await asyncio.to_thread(sink.write, chunk)
            except OSError as error:  # else it would be taken for trouble on the way
                raise MediaError(error.strerror or "it cannot be written here") from error
    if taken > limit:
        raise MediaError(f"is too large: {sizes.words(limit)} at most")


def _telegrams(status: int, payload: bytes) -> tuple[int, bytes]:
    """Telegram's own answer, its refusals as those that the SDK knows.

    A page comes from a machine in between. It is not shown: it may repeat the address, and so the token.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return status, payload
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # the SDK's own error warns of its next version whenever it is made
        raise FloodError(_asked_for(payload))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise BadRequest("it is too large")  # also where a machine on the way says so, in its own form
    if not payload.lstrip().startswith(b"{"):
        words = f"a machine on the way answered {status}"
        raise NetworkError(words) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else UnreachableError(words)
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.BAD_REQUEST if refused and status not in _KNOWN else status, payload


def _asked_for(payload: bytes) -> timedelta | None:
    try:
        return timedelta(seconds=float(orjson.loads(payload)["parameters"]["retry_after"]))
    except (LookupError, OverflowError, TypeError, ValueError):
        return None


def _leniently(payload: bytes) -> object:
    """Half a surrogate pair, or a byte that is no text, spoils itself and not the whole answer."""
    try:
        return json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise TelegramError("it is no JSON") from None


def _plain(error: Exception) -> str:
    """What went wrong, without the address."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({_why(error.os_error)})"
    return f"the connection was lost ({type(error).__name__})"


def _why(error: OSError) -> str:
    known = error.errno is not None and error.errno in errno.errorcode
    return os.strerror(error.errno or 0) if known else error.strerror or str(error)

"""Calls to Feishu over HTTP, by aiohttp: what came back, or what is certain about a call that got no answer."""

import errno
import io
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import orjson

from channels.feishu.refusals import Refusal, plain_words
from gateway.errors import AmbiguousDeliveryError, TransientDeliveryError
from gateway.messages import Json

CONNECTIONS = 64
CONNECT_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long Feishu is waited for."""

    answer: timedelta = timedelta(seconds=20)
    transfer: timedelta = timedelta(minutes=5)  # of a file
    lookup: timedelta = timedelta(milliseconds=300)  # of what an event leaves out; its ack waits for that


WAITS = Waits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call, without its token."""

    method: str
    path: str  # with a slash before it
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json = field(default=None, repr=False)  # may hold the secret
    form: Mapping[str, Json] | None = None  # fields of an upload; a pair of a name and bytes is a file
    timeout: timedelta | None = None  # None: as long as any


class Http:
    """One pool of connections to one address, opened by the first call."""

    def __init__(self, base: str, waits: Waits = WAITS) -> None:
        self.base = base
        self._waits = waits
        self._session: aiohttp.ClientSession | None = None
        self._server_date = ""  # of the last answer

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def ahead(self, now: datetime) -> timedelta:
        """How far `now`, by our clock, is ahead of Feishu's; zero when that is not known."""
        try:
            return now - parsedate_to_datetime(self._server_date)
        except (TypeError, ValueError):  # no date, or one without a zone
            return timedelta()

    async def ask(self, request: Request, token: str = "") -> Json | Refusal:
        """The JSON object that Feishu answered, code 0, or its refusal.

        TransientDeliveryError: certainly not carried out. AmbiguousDeliveryError: nobody knows.
        """
        async with self.opened(request, token) as response:
            data = await response.read()
            return _understood(response, data)

    @asynccontextmanager
    async def opened(self, request: Request, token: str = "") -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer as it comes, for what is too large to hold."""
        limit = (request.timeout or self._waits.answer).total_seconds()
        try:
            async with self.session.request(
                request.method,
                self.base + request.path,
                params=request.query,
                data=_data(request),
                headers=_headers(request, token),
                allow_redirects=False,  # the token would go along
                timeout=aiohttp.ClientTimeout(total=limit, connect=CONNECT_TIMEOUT.total_seconds()),
            ) as response:
                self._server_date = response.headers.get("Date", "")
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TransientDeliveryError(f"Feishu: {_plain(error)}") from error
        except TimeoutError as error:
            raise AmbiguousDeliveryError(f"Feishu: no answer within {limit:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AmbiguousDeliveryError(f"Feishu: {_plain(error)}") from error


def _headers(request: Request, token: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if request.form is None and request.body is not None:
        headers["Content-Type"] = "application/json; charset=utf-8"
    return headers


def _data(request: Request) -> aiohttp.FormData | bytes | None:
    if request.form is None:
        return None if request.body is None else orjson.dumps(request.body)
    form = aiohttp.FormData()
    for name, value in request.form.items():
        if isinstance(value, str):
            form.add_field(name, value)
        else:
            filename, content = value
            file = io.BytesIO(content)  # anew for each request, which reads it to its end
            form.add_field(name, file, filename=filename, content_type="application/octet-stream")
    return form


def _understood(response: aiohttp.ClientResponse, data: bytes) -> Json | Refusal:
    status = response.status
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("code"), int):
        if found["code"] == 0 and status < 300:
            return found
        return Refusal(
            code=found["code"],
            words=plain_words(found.get("msg", "")),
            status=status,
            retry_after=asked_for(response.headers),
        )
    if status == 429:
        raise TransientDeliveryError("Feishu asks for silence (429)", retry_after=asked_for(response.headers))
    if 300 <= status < 500:  # a machine on the way: it has let nothing through
        raise TransientDeliveryError(f"Feishu: a machine on the way answered {status}")
    raise AmbiguousDeliveryError(f"Feishu: the answer ({status}) cannot be read")


def asked_for(headers: Mapping[str, str]) -> timedelta | None:
    """For how long Feishu asks to be left alone.

    https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
    """
    for name in ("x-ogw-ratelimit-reset", "Retry-After"):
        try:
            seconds = float(headers[name])
            return timedelta(seconds=seconds) if 0 <= seconds <= 86_400 else None
        except (KeyError, ValueError):
            continue
    return None


def _plain(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({_why(error.os_error)})"
    return f"the connection was lost ({type(error).__name__})"


def _why(error: OSError) -> str:
    known = error.errno is not None and error.errno in errno.errorcode
    return os.strerror(error.errno or 0) if known else error.strerror or str(error)

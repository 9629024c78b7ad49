"""Slack's Web API over HTTP: one call, and its errors as ours."""

import errno
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import orjson

from channels.slack.refusals import refusal
from gateway.errors import AmbiguousDeliveryError, DeliveryError, TransientDeliveryError
from gateway.messages import Json

CONNECTIONS = 64
CONNECT_TIMEOUT = timedelta(seconds=10)
ANSWER_TIMEOUT = timedelta(seconds=20)
SILENCE = timedelta(seconds=30)  # after "too many requests" without a number


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said to a call that it has done."""

    body: Mapping[str, Json]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> frozenset[str]:
        """What the token may do; empty when Slack did not say."""
        named = self.headers.get("x-oauth-scopes", "")
        return frozenset(scope.strip() for scope in named.split(",") if scope.strip())

    def text(self, key: str) -> str:
        """A field that is a text; AmbiguousDeliveryError when it is not there: nobody knows what was done."""
        value = self.body.get(key)
        if not isinstance(value, str) or not value:
            raise AmbiguousDeliveryError(f"Slack's answer has no {key}")
        return value


class Api:
    """One pool of connections, opened by the first request. It never retries."""

    def __init__(self, base: str, *, timeout: timedelta = ANSWER_TIMEOUT) -> None:
        self.base = base
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._server_date = ""  # of the last answer

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def opened(self) -> aiohttp.ClientSession:
        """The session; it belongs to the loop of who asks first."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    def ahead(self, now: datetime) -> timedelta:
        """How far `now`, by our clock, is ahead of Slack's; zero when that is not known."""
        try:
            return now - parsedate_to_datetime(self._server_date)
        except (TypeError, ValueError):  # none, no date, or one without a zone
            return timedelta()

    async def call(self, method: str, token: str, **arguments: Json) -> Answer:
        """Call a method; a DeliveryError when that was not done, or may not have been.

        An argument that is None is left out.
        """
        form = {name: _field(value) for name, value in arguments.items() if value is not None}
        async with our_errors():
            async with self.opened().post(
                f"{self.base}/{method}",
                data=form,
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout.total_seconds(), connect=CONNECT_TIMEOUT.total_seconds()
                ),
            ) as response:
                payload = await response.read()
            self._server_date = response.headers.get("Date", "")
            return _answer(method, response.status, response.headers, payload)


def _field(value: Json) -> str:
    """An argument in a form: booleans and structures as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _answer(method: str, status: int, headers: Mapping[str, str], payload: bytes) -> Answer:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TransientDeliveryError(f"Slack asks for silence (429, {method})", retry_after=_asked(headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise AmbiguousDeliveryError(f"Slack answered {status} ({method})")
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise _unreadable(method, status)
    if body.get("ok") is not True:
        raise refusal(method, body, retry_after=_asked(headers) if "Retry-After" in headers else None)
    return Answer(body, {name.lower(): value for name, value in headers.items()})


def _unreadable(method: str, status: int) -> DeliveryError:
    """A page and no JSON: of a machine in between, or cut off."""
    if status == HTTPStatus.OK:
        return AmbiguousDeliveryError(f"Slack's answer cannot be read ({method})")
    return TransientDeliveryError(f"a machine on the way to Slack answered {status} ({method})")


def _asked(headers: Mapping[str, str]) -> timedelta:
    try:
        return timedelta(seconds=max(float(headers.get("Retry-After", "")), 0.0))
    except (OverflowError, ValueError):
        return SILENCE


@asynccontextmanager
async def our_errors() -> AsyncIterator[None]:
    """Trouble on the way as ours. Without the causes: they may show headers or addresses that hold secrets."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise TransientDeliveryError(f"Slack: {_plain(error)}") from None
    except TimeoutError:
        raise AmbiguousDeliveryError("Slack: no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise AmbiguousDeliveryError(f"Slack: {_plain(error)}") from None


def _plain(error: Exception) -> str:
    """What went wrong, without addresses."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({_why(error)})"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "cannot connect in time"
    return f"the connection was lost ({type(error).__name__})"


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)  # of all of them it alone has no `os_error`
    cause = error.os_error
    known = cause.errno in errno.errorcode and not isinstance(cause, ssl.SSLError)
    return os.strerror(cause.errno or 0) if known else cause.strerror or str(cause)

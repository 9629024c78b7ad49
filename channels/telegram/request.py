"""The bot's HTTP, by aiohttp: a tenth of the processor time that the SDK's own takes for a request."""

import errno
import json
import os
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import orjson
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECTIONS = 64
CONNECT_TIMEOUT = timedelta(seconds=10)

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
        body = orjson.dumps(request_data.parameters if request_data else {})
        try:
            async with self._opened().request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json"},
                proxy=self._proxy,
                allow_redirects=False,  # the path holds the token
                timeout=aiohttp.ClientTimeout(total=total, connect=CONNECT_TIMEOUT.total_seconds()),
            ) as response:
                self._server_date = response.headers.get("Date", "")
                return _telegrams(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(_plain(error)) from None  # the cause would show the address, and so the token
        except TimeoutError:
            raise TimedOut(f"no answer within {total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(_plain(error)) from None

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, object]:
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:
            found = _leniently(payload)
        if not isinstance(found, dict):
            raise TelegramError("the answer is no JSON object")
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


def _telegrams(status: int, payload: bytes) -> tuple[int, bytes]:
    """Telegram's own answer, its refusals as those that the SDK knows.

    A page comes from a machine in between. It is not shown: it may repeat the address, and so the token.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return status, payload
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # the SDK's own error warns of its next version whenever it is made
        raise FloodError(_asked_for(payload))
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
    except ValueError:
        raise TelegramError("the answer is no JSON") from None


def _plain(error: Exception) -> str:
    """What went wrong, without the address."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({_why(error.os_error)})"
    return f"the connection was lost ({type(error).__name__})"


def _why(error: OSError) -> str:
    known = error.errno is not None and error.errno in errno.errorcode
    return os.strerror(error.errno or 0) if known else error.strerror or str(error)

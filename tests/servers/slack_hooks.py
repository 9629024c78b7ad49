"""Slack as it calls an app's webhook: signed requests for events, interactions and slash commands, and retries.

The signature is v0: HMAC-SHA256 of "v0:<timestamp>:<body>" with the signing secret, in X-Slack-Signature beside
X-Slack-Request-Timestamp: https://docs.slack.dev/authentication/verifying-requests-from-slack. An event that
gets no 2xx within 3 s is sent up to three times more (at once, after a minute, after five: here after
`delays`), with X-Slack-Retry-Num and X-Slack-Retry-Reason, unless the answer has X-Slack-No-Retry:
https://docs.slack.dev/apis/events-api#retries.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import orjson

from tests.servers.slack_people import People
from tests.servers.slack_records import SIGNING_SECRET, Attempt, Delivery, Envelope, Json
from tests.servers.slack_results import acknowledge, give_up

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the app answered; status 0: nothing, for the reason in `body`."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str]
    seconds: float

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Json:
        return orjson.loads(self.body) if self.body else None


def sign(body: bytes, timestamp: str, secret: str = SIGNING_SECRET) -> str:
    """The signature of a request."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def body_of(kind: Envelope, payload: Json) -> tuple[bytes, str]:
    """The body of a request and its content type."""
    if kind == "events_api":
        return orjson.dumps(payload), _JSON
    form = payload if kind == "slash_commands" else {"payload": orjson.dumps(payload).decode()}
    return urlencode(form).encode(), _FORM


class Hooks:
    """The way to an app's webhook."""

    def __init__(self, world: People) -> None:
        self.world = world
        self.url = ""  # empty: Socket Mode
        self.secret = SIGNING_SECRET
        self.within = 3.0  # seconds for an answer
        self.delays = (0.0, 0.2, 0.4)  # seconds before each retry
        self._session: aiohttp.ClientSession | None = None

    async def carry(self, delivery: Delivery) -> None:
        """Send a delivery until it is taken; interactions and slash commands once."""
        tries = self.delays if delivery.kind == "events_api" else ()
        reason = ""
        for retry, wait in enumerate((0.0, *tries)):
            await asyncio.sleep(wait)
            delivery.attempts.append(Attempt(at=self.world.now(), socket=0, retry=retry))
            self.world.doubled += retry > 0
            answer = await self.send(delivery.kind, delivery.payload, retry=retry, reason=reason)
            delivery.attempts[-1].status = answer.status
            if answer.good:
                acknowledge(self.world, delivery, _response(answer))
                return
            if answer.headers.get("X-Slack-No-Retry") == "1":
                break
            reason = "http_error" if answer.status else answer.body.decode()
        give_up(self.world, delivery, reason or "http_error")

    async def send(
        self, kind: Envelope, payload: Json, *, retry: int = 0, reason: str = "", url: str = ""
    ) -> Answer:
        """One request as Slack makes it."""
        body, sort = body_of(kind, payload)
        again = (
            {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason or "http_timeout"} if retry else {}
        )
        return await self.post(body, sort=sort, headers=again, url=url)

    async def post(
        self,
        body: bytes,
        *,
        sort: str = _JSON,
        url: str = "",
        secret: str = "",
        timestamp: str | None = None,
        signature: str | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """One request, rightly signed but for what is given; a header that is None is left out."""
        at = str(int(self.world.now())) if timestamp is None else timestamp
        signed = sign(body, at, secret or self.secret) if signature is None else signature
        named: dict[str, str | None] = {
            "Content-Type": sort,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signed,
            **(headers or {}),
        }
        kept = {name: value for name, value in named.items() if value is not None}
        return await self._request(url or self.url, body, kept)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _request(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit = aiohttp.ClientTimeout(total=self.within)
        try:
            async with self._session.post(url, data=body, headers=headers, timeout=limit) as response:
                content = await response.read()
                return Answer(
                    status=response.status, body=content, headers=response.headers, seconds=loop.time() - began
                )
        except TimeoutError:
            return Answer(status=0, body=b"http_timeout", headers={}, seconds=loop.time() - began)
        except aiohttp.ClientError:
            return Answer(status=0, body=b"connection_failed", headers={}, seconds=loop.time() - began)


def _response(answer: Answer) -> Json:
    """What an answer carries: an object, or a text to show."""
    if not answer.body.strip():
        return None
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {"text": answer.body.decode("utf-8", "replace")}
    return value or None

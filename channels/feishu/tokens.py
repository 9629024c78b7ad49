"""The tenant token: asked for once for everybody who needs it, and anew before it ends.

It lives two hours; in its last 30 minutes there is a new one beside it, and both are good
(https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from channels.feishu.http import Http, Request
from channels.feishu.refusals import CREDENTIALS, Refusal, error_of
from gateway.clock import Clock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)

logger = structlog.get_logger()

PATH = "/open-apis/auth/v3/tenant_access_token/internal"
EARLY = timedelta(minutes=30)  # before its end
LATE = timedelta(minutes=1)  # before its end it is no longer used, for clocks and long calls
RETRY = timedelta(seconds=30)  # after a refresh that failed while the old one is good


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float  # monotonic
    ends_at: float


class Tokens:
    """The token of one app."""

    def __init__(self, http: Http, app_id: str, app_secret: str, clock: Clock) -> None:
        self._http = http
        self._credentials = {"app_id": app_id, "app_secret": app_secret}
        self._clock = clock
        self._token: _Token | None = None
        self._asking = asyncio.Lock()
        self._answers = 0  # how often it was asked for, whatever came of it
        self._failure: DeliveryError | None = None  # of the last time

    async def get(self) -> str:
        """A token that is good.

        CredentialsRefusedError when the app's secret is wrong; TransientDeliveryError when none is to be had
        now: what it was wanted for has certainly not been done.
        """
        token = self._token
        if token is not None and self._clock.monotonic() < token.renew_at:
            return token.text
        answers = self._answers
        async with self._asking:
            if self._answers == answers:
                await self._renew()
            found, failure = self._token, self._failure
        if failure is not None:  # that of all who have waited for it
            raise failure.with_traceback(None)
        if found is None:
            raise TransientDeliveryError("Feishu: the token was refused as soon as it was made")
        return found.text

    async def _renew(self) -> None:
        self._failure = None
        try:
            self._token = await self._renewed()
        except DeliveryError as error:
            self._failure = error
        self._answers += 1

    def refused(self, text: str) -> None:
        """Feishu does not take this token any more."""
        if self._token is not None and self._token.text == text:
            self._token = None

    async def _renewed(self) -> _Token:
        old = self._token
        try:
            return await self._ask()
        except TransientDeliveryError as error:
            now = self._clock.monotonic()
            if old is None or now >= old.ends_at:
                raise
            logger.warning("Feishu's token could not be renewed early", error=str(error))
            return _Token(old.text, now + RETRY.total_seconds(), old.ends_at)

    async def _ask(self) -> _Token:
        try:
            answer = await self._http.ask(Request(method="POST", path=PATH, body=self._credentials))
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(f"no token: {error}") from error
        if isinstance(answer, Refusal):
            raise _refusal(answer)
        text, expire = answer.get("tenant_access_token"), answer.get("expire")
        if not isinstance(text, str) or not text or not isinstance(expire, int):
            raise TransientDeliveryError("Feishu: the answer has no token")
        now, life = self._clock.monotonic(), float(expire)
        early = min(EARLY.total_seconds(), life / 2)
        return _Token(text, now + life - early, now + life - min(LATE.total_seconds(), life / 4))


def _refusal(answer: Refusal) -> DeliveryError:
    if answer.code in CREDENTIALS:
        return CredentialsRefusedError(
            f"Feishu refuses the app id or its secret ({answer.code}); copy both again from the developer "
            "console, and see that api_base is of the same kind: open.feishu.cn or open.larksuite.com"
        )
    error = error_of(answer)
    if isinstance(error, PermanentDeliveryError | AmbiguousDeliveryError):
        return TransientDeliveryError(f"no token: {error}")
    return error

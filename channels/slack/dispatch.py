"""slack-bolt, which sorts what Slack brings into events, actions, commands, dialogs and shortcuts.

Verified, and in order, is what it is given already; durable is what it has answered for. Its own errors are about
payloads that it cannot read: these are logged and acknowledged, because they would be no better the next time.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from channels.slack.client import Identity
from gateway.errors import StoreError
from gateway.messages import Json

logger = structlog.get_logger()

ANYTHING = re.compile(r".*", re.DOTALL)
AGAIN = HTTPStatus.SERVICE_UNAVAILABLE

Take = Callable[[Json], Awaitable[None]]


class Dispatcher:
    """One app of bolt. It makes no call and keeps nothing."""

    def __init__(self, name: str, take: Take, identity: Callable[[], Identity | None]) -> None:
        self._name = name
        self._app = AsyncApp(
            name=name,
            logger=_silent(),
            process_before_response=True,  # an ack says that it is safe
            authorize=_authorizing(identity),
            request_verification_enabled=False,  # done before: bolt reads the body first, and then who sent it
            ignoring_self_events_enabled=False,  # `parse` knows our own messages
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        hear = _hearing(name, take)
        for register in (self._app.event, self._app.action, self._app.command, self._app.view, self._app.shortcut):
            register(ANYTHING)(hear)

    async def envelope(self, payload: Json) -> None:
        """What came by the socket; return when it may be acknowledged, StoreError when it must not be."""
        if isinstance(payload, dict):
            await self._dispatched(payload, "socket_mode", {})

    async def request(self, body: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """What came by HTTP, verified: status and body of the answer."""
        response = await self._dispatched(body, "http", headers)
        return (HTTPStatus.OK, "") if response is None else (response.status, response.body or "")

    async def _dispatched(self, body: Any, mode: str, headers: Mapping[str, str]) -> BoltResponse | None:
        """Bolt's answer; None when it found nothing in it."""
        try:
            request = AsyncBoltRequest(body=body, mode=mode, headers=dict(headers))
            response = await self._app.async_dispatch(request)
        except Exception as error:  # noqa: BLE001 - logged; a payload that bolt cannot read is none for us
            logger.warning("a payload cannot be read", channel=self._name, error=repr(error))
            return None
        if response.status == AGAIN:
            raise StoreError("what was written cannot be kept")
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("a payload cannot be read", channel=self._name, error="bolt could not")
        return response if response.status == HTTPStatus.OK else None


# Functions, not methods: bolt looks at the names of arguments, and knows no `self` here.


def _hearing(name: str, take: Take) -> Callable[..., Awaitable[BoltResponse]]:
    async def hear(body: dict[str, Any]) -> BoltResponse:
        try:
            await take(body)
        except StoreError as error:
            logger.warning("what was written cannot be kept", channel=name, error=str(error))
            return BoltResponse(status=AGAIN)
        return BoltResponse(status=HTTPStatus.OK, body="")

    return hear


def _authorizing(identity: Callable[[], Identity | None]) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(team_id: str | None) -> AuthorizeResult:
        me = identity()
        return AuthorizeResult(
            enterprise_id=None,
            team_id=team_id,
            bot_user_id=me.user if me else None,
            bot_id=me.bot if me else None,
        )

    return authorize


def _silent() -> logging.Logger:
    """Bolt's log repeats what people wrote, and signatures: ours says what has to be said."""
    made = logging.getLogger("slack_bolt.tocsin")
    made.setLevel(logging.CRITICAL + 1)
    made.propagate = False
    return made

"""What the listener answers: the routes, and who may ask."""

import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Protocol

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clock import Clock
from gateway.errors import StoreError, TooLargeError
from gateway.messages import Json
from gateway.web import guard
from gateway.web.call import HttpCall, SlowBodyError
from gateway.web.guesses import Guesses
from gateway.web.token import Token

logger = structlog.get_logger()

SIGNED = "/webhooks/"
"""Below this, who calls proves it by a signature: there is no token, and any name and form of body will do."""

SECURE = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""In every answer that does not say otherwise itself."""


class Answer(Protocol):
    """What a webhook's caller is answered; `channels.base.Reply` is one."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def media_type(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


Hook = Callable[[HttpCall], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes ask."""

    health: Callable[[], Mapping[str, Json]]  # as `tocsin status --json` shows it; `ready` among it
    metrics: Callable[[], bytes]  # in the text format of Prometheus
    hooks: Mapping[str, Hook] = field(default_factory=dict)  # by the name of the channel
    counted: Callable[[int], None] = lambda status: None  # told of the status of every answer


def application(parts: Parts, token: Token, names: frozenset[str], clock: Clock) -> ASGIApp:
    """The whole, behind its guard. Further routes (event triggers, the page, what it uses) belong in the list."""
    keeper = Keeper(token, clock)

    async def ready(request: Request) -> Response:
        keeper.check(request)
        return _ready(parts.health())

    async def metrics(request: Request) -> Response:
        keeper.check(request)
        return Response(parts.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def webhook(request: Request) -> Response:
        return await _called(request, parts.hooks, clock)

    routes = [
        Route("/healthz", _alive),
        Route("/readyz", ready),
        Route("/metrics", metrics),
        Route(SIGNED + "{channel}", webhook, methods=["GET", "POST"]),
    ]
    return Guard(Starlette(routes=routes), names, clock, parts.counted)


class Keeper:
    """Lets in who has the token."""

    def __init__(self, token: Token, clock: Clock) -> None:
        self._token = token
        self._clock = clock
        self._guesses = Guesses()

    def check(self, request: Request) -> None:
        """HTTPException unless the request presents the token; who has guessed too often must wait."""
        caller = guard.caller_of(request.client.host if request.client else "")
        now = self._clock.monotonic()
        if wait := self._guesses.wait(caller, now):
            headers = {"Retry-After": str(math.ceil(wait))}
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and presented.strip():
            if self._token.opens(presented.strip()):
                return
            self._guesses.failed(caller, now)
        raise HTTPException(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})


async def _alive(request: Request) -> Response:
    return PlainTextResponse("alive\n")


def _ready(health: Mapping[str, Json]) -> Response:
    status = HTTPStatus.OK if health["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(orjson.dumps(dict(health)), status, media_type="application/json")


async def _called(request: Request, hooks: Mapping[str, Hook], clock: Clock) -> Response:
    hook = hooks.get(request.path_params["channel"])
    if hook is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    call = HttpCall(request, clock)
    response = await _answered(hook, call, request.path_params["channel"])
    if call.leaves_much:
        response.headers["connection"] = "close"
    return response


async def _answered(hook: Hook, call: HttpCall, channel: str) -> Response:
    """What the channel says; where it fails, the caller learns no more than whether to call again."""
    try:
        answer = await hook(call)
        return Response(
            answer.body, answer.status, headers=dict(answer.headers), media_type=answer.media_type or None
        )
    except TooLargeError:
        return _closing(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except SlowBodyError:
        return _closing(HTTPStatus.REQUEST_TIMEOUT)
    except ClientDisconnect:
        return _closing(HTTPStatus.BAD_REQUEST)  # nobody reads it
    except StoreError as error:
        logger.warning("a webhook could not be kept; it will be called again", channel=channel, error=str(error))
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})
    except Exception:
        logger.exception("a webhook could not be answered", channel=channel)
        return _plain(HTTPStatus.INTERNAL_SERVER_ERROR)


def _plain(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(status.phrase, status, headers=headers)


def _closing(status: HTTPStatus) -> Response:
    return _plain(status, {"Connection": "close"})


class Guard:
    """Before the routes: refuses what no request of ours looks like, and adds what every answer has."""

    def __init__(
        self, inner: ASGIApp, names: frozenset[str], clock: Clock, counted: Callable[[int], None]
    ) -> None:
        self._inner = inner
        self._names = names
        self._clock = clock
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counted(message["status"])
                message["headers"] = [*message.get("headers", ()), *self._besides(message)]
            await send(message)

        refused = None if scope["path"].startswith(SIGNED) else guard.refusal(_asked(scope), self._names)
        if refused is not None:
            await _closing(refused)(scope, receive, answering)
            return
        await self._inner(scope, receive, answering)

    def _besides(self, message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
        said = {name.lower() for name, _ in message.get("headers", ())}
        date = (b"date", format_datetime(self._clock.now(), usegmt=True).encode())
        return [(name, value) for name, value in (date, *SECURE) if name not in said]


def _asked(scope: Scope) -> guard.Asked:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return guard.Asked(
        method=scope["method"],
        host=headers.get(b"host", ""),
        origin=headers.get(b"origin", ""),
        content_type=headers.get(b"content-type", ""),
        reached=scope["server"][0] if scope.get("server") else "",
    )

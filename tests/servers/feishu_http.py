"""The door of Feishu's server for tests: a request becomes a call, its result or refusal an answer.

A refusal has HTTP 400 unless said otherwise and carries error.log_id; an unknown path or method is 404 with plain
text; no token, or one without "Bearer ", is 99991661, a wrong or expired one 99991663, a user's 99991668, a
missing scope 99991672 with the scopes of which one is needed. Sources: answers of the real gateway, in public
logs, seen 2026-11-21 (the same for open.larksuite.com); 99991663 with HTTP 400: multica-ai/multica #7611.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from tests.servers.feishu_faults import ACTS, Fault
from tests.servers.feishu_media import Download, image, read_form, resource, upload
from tests.servers.feishu_methods import (
    bot_info,
    chat_info,
    delete,
    edit,
    endpoint,
    get,
    patch,
    react,
    reply,
    send,
    tenant_token,
    unreact,
    user_info,
)
from tests.servers.feishu_records import Json, Refused

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer

_WRITE = ("im:message", "im:message:send_as_bot", "im:message:send")
_UPDATE = ("im:message", "im:message:send_as_bot", "im:message:update")
_READ = ("im:message", "im:message:readonly")
_REACT = ("im:message", "im:message.reactions:write_only")
_UPLOAD = ("im:resource", "im:resource:upload")
_CHAT = ("im:chat", "im:chat:readonly")
_USER = ("contact:contact.base:readonly", "contact:contact:readonly", "contact:contact:readonly_as_app")
_MESSAGE = r"/open-apis/im/v1/messages/([^/]+)"
_NAMES = {500: "500 Internal Server Error", 502: "502 Bad Gateway", 503: "503 Service Unavailable"}


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, taken apart."""

    name: str
    path: tuple[str, ...]
    query: dict[str, str]
    body: dict[str, Json] = field(default_factory=dict)
    form: dict[str, Json] = field(default_factory=dict)
    size: int = 0  # of the body, in bytes


@dataclass(frozen=True, slots=True)
class Route:
    """Which call a path is, what does it, and of which scopes it needs one."""

    name: str
    method: str
    path: re.Pattern[str]
    work: Callable[["FeishuServer", Call], Json]
    scopes: tuple[str, ...] = ()
    open: bool = False  # without a token
    form: bool = False


def _route(
    name: str, method: str, path: str, work: Callable[..., Json], scopes: tuple[str, ...] = (), **more: bool
) -> Route:
    return Route(name, method, re.compile(path + "/?"), work, scopes, **more)


ROUTES = [
    _route("token", "POST", "/open-apis/auth/v3/tenant_access_token/internal", tenant_token, open=True),
    _route("endpoint", "POST", "/callback/ws/endpoint", endpoint, open=True),
    _route("bot", "GET", "/open-apis/bot/v3/info", bot_info),
    _route("send", "POST", "/open-apis/im/v1/messages", send, _WRITE),
    _route("reply", "POST", f"{_MESSAGE}/reply", reply, _WRITE),
    _route("edit", "PUT", _MESSAGE, edit, _UPDATE),
    _route("patch", "PATCH", _MESSAGE, patch, _UPDATE),
    _route("get", "GET", _MESSAGE, get, _READ),
    _route("delete", "DELETE", _MESSAGE, delete, ("im:message", "im:message:send_as_bot", "im:message:recall")),
    _route("react", "POST", f"{_MESSAGE}/reactions", react, _REACT),
    _route("unreact", "DELETE", f"{_MESSAGE}/reactions/([^/]+)", unreact, _REACT),
    _route("image", "POST", "/open-apis/im/v1/images", image, _UPLOAD, form=True),
    _route("file", "POST", "/open-apis/im/v1/files", upload, _UPLOAD, form=True),
    _route("resource", "GET", f"{_MESSAGE}/resources/([^/]+)", resource, _READ),
    _route("chat", "GET", "/open-apis/im/v1/chats/([^/]+)", chat_info, _CHAT),
    _route("user", "GET", "/open-apis/contact/v3/users/([^/]+)", user_info, _USER),
]
CALLS = (*(route.name for route in ROUTES), "socket")
"""The names under which calls are counted and faults are asked for."""


async def answer_api(server: "FeishuServer", request: web.BaseRequest) -> web.StreamResponse:
    """The answer to one call, faults included."""
    found = _find(request)
    if found is None:
        return _respond(server, b"404 page not found", status=404, kind="text/plain; charset=utf-8")
    route, path = found
    try:
        call = await _read(route, path, request)
    except Refused as refused:
        return _refuse(server, refused)
    server.calls[route.name] += 1
    server.change()
    chat = _chat_of(server, call)
    if fault := server.faults.take(route.name, chat, server.now()):
        return await _fail(server, fault, request, route, call, chat)
    return _carry_out(server, request, route, call, chat)


def _find(request: web.BaseRequest) -> tuple[Route, tuple[str, ...]] | None:
    for route in ROUTES:
        if route.method == request.method and (match := route.path.fullmatch(request.path)):
            return route, match.groups()
    return None


async def _read(route: Route, path: tuple[str, ...], request: web.BaseRequest) -> Call:
    call = Call(name=route.name, path=path, query=dict(request.query))
    if route.form:
        call.form = await read_form(request)
    elif request.can_read_body:
        raw = await request.read()
        call.size = len(raw)
        try:
            call.body = orjson.loads(raw) if raw else {}
        except orjson.JSONDecodeError:
            raise Refused(9499, "Bad Request") from None
        if not isinstance(call.body, dict):
            raise Refused(9499, "Bad Request")
    return call


def _chat_of(server: "FeishuServer", call: Call) -> str:
    """The chat that a call writes to; empty where it writes to none."""
    if call.name == "send":
        given = str(call.body.get("receive_id", ""))
        return given if given.startswith("oc_") or given not in server.people else server.private(given)
    if call.path and call.path[0] in server.messages_by_id:
        return server.messages_by_id[call.path[0]].chat.id
    return ""


def _carry_out(
    server: "FeishuServer", request: web.BaseRequest, route: Route, call: Call, chat: str
) -> web.Response:
    try:
        if not route.open:
            _authorize(server, request, route)
        if early := server.flood.waiting((f"{route.name} {chat}", route.name), server.now()):
            server.violations.append(f"{route.name} before the end of a wait, {chat or 'no chat'}")
            raise early
        writes = chat if route.name in {"send", "reply"} else ""
        card = call.path[0] if route.name == "patch" else ""
        if not route.open:
            server.flood.check(route.name, server.now(), chat=writes, card=card)
        result = route.work(server, call)
    except Refused as refused:
        return _refuse(server, refused)
    server.change()
    if isinstance(result, Download):
        return _respond(server, result.data, kind=result.media_type, more=result.headers)
    return _respond(server, orjson.dumps(result if "code" in result else _well(result)))


def _well(data: Json) -> Json:
    return {"code": 0, "msg": "success", "data": data}


def _authorize(server: "FeishuServer", request: web.BaseRequest, route: Route) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    advice = 'Please make a request with token attached to "Authorization: Bearer xxx" in HTTP Header.'
    if scheme != "Bearer" or not token:
        raise Refused(99991661, f"Missing access token for authorization. {advice}")
    if token.startswith("eyJ"):
        raise Refused(99991668, f"Invalid access token for authorization. {advice}")
    if not server.tokens.good(token, server.now()):
        raise Refused(99991663, f"Invalid access token for authorization. {advice}")
    if route.scopes and not server.scopes & set(route.scopes):
        needed = [{"type": "action_scope_required", "subject": scope} for scope in route.scopes]
        text = f"Access denied. One of the following scopes is required: [{', '.join(route.scopes)}]."
        raise Refused(99991672, text, details={"permission_violations": needed})


async def _fail(
    server: "FeishuServer", fault: Fault, request: web.BaseRequest, route: Route, call: Call, chat: str
) -> web.StreamResponse:
    acts = fault.acts or fault.kind in ACTS
    answer = _carry_out(server, request, route, call, chat) if acts else None
    if fault.kind in {"drop", "lost"}:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind == "slow" and answer:
        await asyncio.sleep(fault.delay)
        return answer
    return _wrong_answer(server, fault, answer, f"{route.name} {chat}")


def _wrong_answer(server: "FeishuServer", fault: Fault, answer: web.Response | None, scope: str) -> web.Response:
    if fault.kind == "code":
        return _refuse(server, Refused(fault.code, fault.message, status=fault.status))
    if fault.kind == "flood":
        return _refuse(server, server.flood.hold(scope, fault.retry_after, server.now()))
    if fault.kind == "status":
        name = _NAMES.get(fault.status, f"{fault.status} Error")
        page = f"<html><head><title>{name}</title></head><body><center><h1>{name}</h1></center></body></html>"
        return _respond(server, page.encode(), status=fault.status, kind="text/html")
    if fault.kind == "truncated" and answer and isinstance(answer.body, bytes):
        return _respond(server, answer.body[: len(answer.body) // 2])
    return _respond(server, b"\x00<!doctype garbage>{")


def _refuse(server: "FeishuServer", refused: Refused) -> web.Response:
    server.change()
    log = server.fresh("")
    body: Json = {"code": refused.code, "msg": refused.message}
    body["error"] = {"log_id": log, "troubleshooter": "", **refused.details}
    more = {"X-Tt-Logid": log}
    if refused.wait:
        more |= {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": str(refused.wait)}
    return _respond(server, orjson.dumps(body), status=refused.status, more=more)


def _respond(
    server: "FeishuServer",
    body: bytes,
    *,
    status: int = 200,
    kind: str = "application/json; charset=utf-8",
    more: dict[str, str] | None = None,
) -> web.Response:
    server.statuses[status] += 1
    return web.Response(body=body, status=status, headers={"Content-Type": kind, **(more or {})})

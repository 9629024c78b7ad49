"""The door of Telegram's server for tests: a request becomes a call, its result or refusal an answer."""

import asyncio
import re
from email.utils import formatdate

import orjson
from aiohttp import web

from tests.servers.telegram_faults import ACTS, Fault
from tests.servers.telegram_methods import METHODS
from tests.servers.telegram_parameters import Parameters, read_parameters
from tests.servers.telegram_people import People
from tests.servers.telegram_records import Json, Refused, bad
from tests.servers.telegram_updates import RIVAL, conflict

_TOKEN = re.compile(r"[0-9]{3,}:[A-Za-z0-9_-]{5,}")
_GET_UPDATES = "getupdates"
_HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"
_NAMES = {500: "500 Internal Server Error", 502: "502 Bad Gateway", 503: "503 Service Unavailable"}
_NOT_FOUND = Refused(404, "Not Found")
_UNAUTHORIZED = Refused(401, "Unauthorized")


async def answer_bot(world: People, request: web.BaseRequest) -> web.StreamResponse:
    """The answer to `/bot<token>/<method>`, faults included."""
    token, _, spelled = request.path.removeprefix("/bot").partition("/")
    method = spelled.lower()
    if not _TOKEN.fullmatch(token):
        return _refuse(world, _NOT_FOUND)
    if token != world.token:
        return _refuse(world, _UNAUTHORIZED)
    if method != _GET_UPDATES and method not in METHODS:
        return _refuse(world, _NOT_FOUND)
    try:
        call = await read_parameters(request)
    except Refused as refused:
        return _refuse(world, refused)
    world.calls["getUpdates" if method == _GET_UPDATES else METHODS[method][0]] += 1
    world.change()
    fault = None
    if world.faults.active:
        fault = world.faults.take(method, call.given.get("chat_id"), world.now())
    if fault:
        return await _fail(world, fault, request, method, call)
    return await _carry_out(world, method, call)


async def answer_file(world: People, request: web.BaseRequest) -> web.StreamResponse:
    """The answer to `/file/bot<token>/<path>`; the method that faults are asked for by is "download"."""
    token, _, path = request.path.removeprefix("/file/bot").partition("/")
    file = world.files.at(path) if token == world.token else None
    world.calls["download"] += 1
    if file is None:
        return _refuse(world, Refused(404, "Not Found") if token == world.token else _UNAUTHORIZED)
    fault = world.faults.take("download", None, world.now()) if world.faults.active else None
    if fault is None:
        return web.Response(body=file.content, content_type="application/octet-stream")
    if fault.kind == "truncated":
        cut = web.StreamResponse(headers={"Content-Length": str(len(file.content))})
        await cut.prepare(request)
        await cut.write(file.content[: len(file.content) // 2])
        if request.transport is not None:
            request.transport.close()
        return cut
    return await _fail(world, fault, request, "download", Parameters({}))


async def _carry_out(world: People, method: str, call: Parameters) -> web.Response:
    try:
        result = await _get_updates(world, call) if method == _GET_UPDATES else _result(world, method, call)
    except Refused as refused:
        return _refuse(world, refused)
    world.change()
    return _respond(world, b'{"ok":true,"result":' + result + b"}")


def _result(world: People, method: str, call: Parameters) -> bytes:
    return orjson.dumps(METHODS[method][1](world, call))


async def _get_updates(world: People, call: Parameters) -> bytes:
    allowed = call.json("allowed_updates")
    if allowed is not None:
        world.updates.allow(allowed)
    try:
        seconds = float(call.text("timeout") or 0)
    except ValueError:
        raise bad("timeout must be a Number") from None
    return await world.updates.poll(call.integer("offset"), call.integer("limit", 100), seconds)


async def _fail(
    world: People, fault: Fault, request: web.BaseRequest, method: str, call: Parameters
) -> web.StreamResponse:
    answer = await _carry_out(world, method, call) if fault.acts or fault.kind in ACTS else None
    if fault.kind in {"drop", "lost"}:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind == "slow" and answer:
        await asyncio.sleep(fault.delay)
        return answer
    return _wrong_answer(world, fault, call, answer)


def _wrong_answer(world: People, fault: Fault, call: Parameters, answer: web.Response | None) -> web.Response:
    if fault.kind == "status":
        name = _NAMES.get(fault.status, f"{fault.status} Error")
        return _respond(world, _HTML.format(name).encode(), status=fault.status, kind="text/html")
    if fault.kind == "flood":
        return _refuse(world, world.flood.hold(call.integer("chat_id"), fault.retry_after, world.now()))
    if fault.kind == "conflict":
        world.updates.conflicts += 1
        return _refuse(world, conflict(RIVAL))
    if fault.kind == "refused":
        return _refuse(world, Refused(fault.status if fault.status != 502 else 400, fault.description))
    if fault.kind == "unknown":
        return _refuse(world, Refused(418, "Something New: nobody has seen this before"))
    if fault.kind == "truncated" and answer and isinstance(answer.body, bytes):
        return _respond(world, answer.body[: len(answer.body) // 2])
    return _respond(world, b"\x00<!doctype garbage>{")


def _refuse(world: People, refused: Refused) -> web.Response:
    world.change()
    body: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.parameters:
        body["parameters"] = refused.parameters
    return _respond(world, orjson.dumps(body), status=refused.code)


def _respond(world: People, body: bytes, *, status: int = 200, kind: str = "application/json") -> web.Response:
    world.statuses[status] += 1
    headers = {"Content-Type": kind}
    if world.skew:
        headers["Date"] = formatdate(world.now() + world.skew, usegmt=True)
    return web.Response(body=body, status=status, headers=headers)

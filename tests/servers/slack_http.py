"""The door of Slack's server for tests: a request becomes a call, its result or refusal an answer.

An answer to a call is HTTP 200 with `ok`, but for 429; the header x-oauth-scopes names what the token may do:
https://docs.slack.dev/apis/web-api/slack-api-responses, https://docs.slack.dev/authentication.
"""

import asyncio
from email.utils import formatdate

import orjson
from aiohttp import web

from tests.servers.slack_blocks import read_blocks
from tests.servers.slack_calls import Call, check_token, read_call
from tests.servers.slack_faults import ACTS, Fault
from tests.servers.slack_files import give_file, take_upload
from tests.servers.slack_limits import TIERS
from tests.servers.slack_methods import METHODS, check_scope
from tests.servers.slack_people import People
from tests.servers.slack_records import APP_TOKEN, BOT_ID, BOT_TOKEN, BOT_USER, Called, Json, Refused, Whisper

_HTML = "<html><head><title>{0}</title></head><body>Something went wrong</body></html>"
_MOST_RESPONSES = 5  # docs.slack.dev/interactivity/handling-user-interaction: up to 5 times within 30 minutes


async def answer_slack(world: People, request: web.BaseRequest) -> web.StreamResponse:
    """The answer to whatever an app asks, faults included."""
    path = request.path
    if path.startswith("/api/"):
        return await _answer_call(world, request, path.removeprefix("/api/").strip("/"))
    if path.startswith("/upload/"):
        return await _answer_file(world, request, "upload")
    if path.startswith("/files-pri/"):
        return await _answer_file(world, request, "download")
    if path.startswith("/actions/"):
        return await _answer_response(world, request)
    return web.Response(status=404, text="not found")


async def _answer_call(world: People, request: web.BaseRequest, name: str) -> web.StreamResponse:
    try:
        call = await read_call(name, request)
    except Refused as refused:
        return _refuse(world, refused)
    note = Called(method=name, arguments=call.given, at=world.now(), kind=call.kind)
    world.calls.append(note)
    world.trim(world.calls)
    world.counts[name] += 1
    world.change()
    fault = world.faults.take(name, call.text("channel") or call.text("channel_id"), world.now())
    if fault:
        return await _fail(world, fault, request, call, note)
    return _carry_out(world, call, note)


def _carry_out(world: People, call: Call, note: Called) -> web.Response:
    try:
        result = _result(world, call)
    except Refused as refused:
        note.error = refused.error
        return _refuse(world, refused, call)
    world.change()
    return _respond(world, {"ok": True, **result}, call=call)


def _result(world: People, call: Call) -> Json:
    method = METHODS.get(call.method)
    if method is None:
        raise Refused("unknown_method", req_method=call.method)
    check_token(call, method.token)
    if method.form and call.kind == "json":
        call.given = {}
    check_scope(world, method, call)
    if call.method in TIERS:
        world.flood.check(call.method, "", world.now())
    return method.does(world, call)


async def _fail(
    world: People, fault: Fault, request: web.BaseRequest, call: Call, note: Called
) -> web.StreamResponse:
    note.error = fault.kind
    answer = _carry_out(world, call, note) if fault.acts or fault.kind in ACTS else None
    if fault.kind == "error":
        return _refuse(world, Refused(fault.error, **fault.fields))
    if fault.kind == "flood":
        return _refuse(world, world.flood.refusal(fault.retry_after, call.text("channel")))
    return await _break(fault, request, answer)


async def _break(fault: Fault, request: web.BaseRequest, answer: web.Response | None) -> web.StreamResponse:
    if fault.kind in {"drop", "lost"}:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind == "slow" and answer:
        await asyncio.sleep(fault.delay)
        return answer
    if fault.kind == "status":
        return web.Response(text=_HTML.format(fault.status), status=fault.status, content_type="text/html")
    if fault.kind == "truncated" and answer and isinstance(answer.body, bytes):
        return web.Response(body=answer.body[: len(answer.body) // 2], content_type="application/json")
    return web.Response(body=b"\x00<!doctype garbage>{", content_type="application/json")


async def _answer_file(world: People, request: web.BaseRequest, name: str) -> web.StreamResponse:
    world.counts[name] += 1
    fault = world.faults.take(name, "", world.now())
    answer = None
    if fault is None or fault.acts or fault.kind in ACTS:
        answer = await take_upload(world, request) if name == "upload" else give_file(world, request)
    if fault is None:
        assert answer is not None
        return answer
    if fault.kind == "flood":
        headers = {"Retry-After": str(fault.retry_after)}
        return web.Response(status=429, text="too many requests", headers=headers)
    return await _break(fault, request, answer)


async def _answer_response(world: People, request: web.BaseRequest) -> web.Response:
    """An answer to an interaction at its response_url: seen by one person, or by all with "in_channel"."""
    ticket = request.path.rpartition("/")[2]
    if ticket not in world.responses:
        return web.Response(status=404, text="expired_url")
    user, where, ts = world.responses[ticket]
    world.counts[f"response:{ticket}"] += 1
    if world.counts[f"response:{ticket}"] > _MOST_RESPONSES:
        return web.Response(status=404, text="used_url")
    try:
        given = orjson.loads(await request.read())
        blocks = read_blocks(given.get("blocks"))
    except (orjson.JSONDecodeError, AttributeError, Refused):
        return web.Response(status=400, text="invalid_payload")
    channel = world.channels[where]
    if given.get("replace_original") and ts in channel.messages:
        message = channel.messages[ts]
        message.text, message.blocks = given.get("text", message.text), world.named(blocks)
    elif given.get("response_type") == "in_channel":
        world.record(
            "response",
            world.write(channel, user=BOT_USER, text=given.get("text", ""), blocks=blocks, bot_id=BOT_ID),
        )
    else:
        said = {"text": given.get("text", ""), "blocks": world.named(blocks), "at": world.now()}
        world.whispers.append(Whisper(user=user, channel=where, **said))
    world.change()
    return web.Response(text="ok")


def _refuse(world: People, refused: Refused, call: Call | None = None) -> web.Response:
    world.change()
    body = {"ok": False, "error": refused.error, **refused.fields}
    return _respond(world, body, status=refused.status, headers=refused.headers, call=call)


def _respond(
    world: People,
    body: Json,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    call: Call | None = None,
) -> web.Response:
    sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    if call is not None and call.token in {APP_TOKEN, BOT_TOKEN}:
        granted = ",".join(sorted(world.scopes)) if call.token == BOT_TOKEN else world.granted
        sent["x-oauth-scopes"] = granted
    if world.skew:
        sent["Date"] = formatdate(world.now() + world.skew, usegmt=True)
    return web.Response(body=orjson.dumps(body), status=status, headers=sent)

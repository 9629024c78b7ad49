"""A call of Slack's Web API: who calls, and its arguments from a query, a form, a multipart body or JSON."""

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tests.servers.slack_records import APP_TOKEN, BOT_TOKEN, Json, Refused, wrong

_TS = re.compile(r"\d{1,10}(\.\d{1,6})?")
_FORMS = {"application/x-www-form-urlencoded", "text/plain"}


class Call:
    """What a call says, read as Slack reads it: structures may come as JSON in text."""

    __slots__ = ("given", "kind", "method", "token")

    def __init__(self, method: str, token: str, kind: str, given: dict[str, Any]) -> None:
        self.method = method
        self.token = token
        self.kind = kind
        self.given = given

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    def needed(self, name: str) -> str:
        """A text that must be there."""
        value = self.text(name)
        if not value:
            raise wrong("invalid_arguments", f"missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.text(name).lower()
        return value in {"true", "1"} if value else default

    def integer(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.lstrip("-").isdigit():
            raise wrong("invalid_arguments", f"must provide an integer [json-pointer:/{name}]")
        return int(value)

    def stamp(self, name: str, error: str) -> str:
        """A ts, or the refusal of what looks like none."""
        value = self.text(name)
        if value and not _TS.fullmatch(value):
            raise wrong(error, f"{value} is not a valid {name}")
        return value

    def json(self, name: str, error: str = "invalid_arguments") -> Json:
        """A structured argument, or None if it is not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise wrong(error, f"failed to parse {name}") from None


async def read_call(method: str, request: web.BaseRequest) -> Call:
    """The call of a request; the token from its header, or from its form as Slack allows it."""
    given: dict[str, Any] = dict(request.query)
    kind = "none"
    if request.can_read_body:
        kind, body = await _body(request)
        given |= body
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    in_form = str(given.pop("token", "")) if kind != "json" else ""
    return Call(method, token.strip() if scheme == "Bearer" else in_form, kind, given)


async def _body(request: web.BaseRequest) -> tuple[str, dict[str, Any]]:
    sort = request.content_type
    if sort == "multipart/form-data":
        return "multipart", {
            name: value for name, value in (await request.post()).items() if isinstance(value, str)
        }
    body = await request.read()
    if not body:
        return "none", {}
    if sort in _FORMS:
        return "form", dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if sort != "application/json":
        raise Refused("invalid_post_type")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("json_not_object")
    return "json", value


def check_token(call: Call, kind: str) -> None:
    """Refuse a call without the token that its method takes: "bot", "app", or "" for none."""
    if not kind:
        return
    if not call.token:
        raise Refused("not_authed")
    if call.token not in {BOT_TOKEN, APP_TOKEN}:
        raise Refused("invalid_auth")
    if (call.token == APP_TOKEN) != (kind == "app"):
        raise Refused("not_allowed_token_type")

"""The parameters of a Bot API call, from a query, a form, a multipart body or JSON."""

from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tests.servers.telegram_records import Json, bad


class Parameters:
    """What a call says, read as the Bot API reads it: numbers may come as text, objects as JSON in text."""

    __slots__ = ("given",)

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def has(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A number; what is none counts as not given, as in the Bot API."""
        value = self.given.get(name, default)
        if isinstance(value, int):
            return int(value)
        try:
            return int(str(value).strip())
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def json(self, name: str, what: str = "JSON object") -> Json:
        """A structured value, or None if it is not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise bad(f"can't parse {what}") from None


async def read_parameters(request: web.BaseRequest) -> Parameters:
    """Everything that a request says; its body wins over its query."""
    given: dict[str, Any] = dict(request.query) if request.query_string else {}
    if not request.can_read_body:
        return Parameters(given)
    kind = request.content_type
    if kind == "multipart/form-data":
        given.update({name: value for name, value in (await request.post()).items() if isinstance(value, str)})
        return Parameters(given)
    body = await request.read()
    if kind == "application/x-www-form-urlencoded":
        given.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "application/json" and body:
        given.update(_object(body))
    return Parameters(given)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad("can't parse JSON object in request body") from None
    if not isinstance(value, dict):
        raise bad("expected a JSON object in request body")
    return value

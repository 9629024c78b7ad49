"""The parameters of a Bot API call, from a query, a form, a multipart body or JSON."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import BodyPartReader, web

from tests.servers.telegram_records import Json, Refused, bad

LARGEST_UPLOAD = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in the body of a request."""

    name: str
    media_type: str
    content: bytes


class Parameters:
    """What a call says, read as the Bot API reads it: numbers may come as text, objects as JSON in text."""

    __slots__ = ("files", "given")

    def __init__(self, given: dict[str, Any], files: dict[str, Upload] | None = None) -> None:
        self.given = given
        self.files = files or {}

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
        return Parameters(given, await _parts(request, given))
    body = await request.read()
    if kind == "application/x-www-form-urlencoded":
        given.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "application/json" and body:
        given.update(_object(body))
    return Parameters(given)


async def _parts(request: web.BaseRequest, given: dict[str, Any]) -> dict[str, Upload]:
    """Texts into what is given, files by the names of their fields; more than a bot may send is refused."""
    files: dict[str, Upload] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise bad("the body cannot be read")
        content = await _content(part)
        if part.filename is None:
            given[part.name] = content.decode("utf-8", "replace")
            continue
        files[part.name] = Upload(part.filename, part.headers.get("Content-Type", ""), content)
    return files


async def _content(part: BodyPartReader) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(1024 * 1024):
        content += chunk
        if len(content) > LARGEST_UPLOAD:
            raise Refused(413, "Request Entity Too Large")
    return bytes(content)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad("can't parse JSON object in request body") from None
    if not isinstance(value, dict):
        raise bad("expected a JSON object in request body")
    return value

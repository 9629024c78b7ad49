"""Uploads and downloads: pictures up to 10 MB, files up to 30 MB, resources of messages up to 100 MB.

Sources, seen 2026-11-21, open.feishu.cn/document/server-docs/im-v1: image/create and file/create (234006, 234010,
234011, 234001; the kinds of files), message/get-2 (234003, 234004, 234037; type=image or file).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from aiohttp import BodyPartReader, web

from tests.servers.feishu_records import Json, Message, Refused

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer
    from tests.servers.feishu_http import Call

MEGABYTE = 1024 * 1024
IMAGE_LIMIT = 10 * MEGABYTE
FILE_LIMIT = 30 * MEGABYTE
DOWNLOAD_LIMIT = 100 * MEGABYTE

_FILE_TYPES = {"opus", "mp4", "pdf", "doc", "xls", "ppt", "stream"}
_PICTURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF",
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x01\x00",
)


@dataclass(frozen=True, slots=True)
class Download:
    """A body that is no JSON."""

    data: bytes
    media_type: str
    headers: dict[str, str]


async def read_form(request: web.BaseRequest) -> dict[str, Json]:
    """The fields of a multipart body: words as str, files as (name, bytes)."""
    if not request.content_type.startswith("multipart/"):
        raise Refused(234001, "Invalid request param.")
    form: dict[str, Json] = {}
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name:
            data = bytes(await part.read())
            binary = part.name in {"image", "file"}  # the SDK sends them without a file name
            form[part.name] = (part.filename or "", data) if binary else data.decode(errors="replace")
    return form


def image(server: "FeishuServer", call: "Call") -> Json:
    name, data = _file_in(call, "image")
    if call.form.get("image_type") not in {"message", "avatar"}:
        raise Refused(234001, "Invalid request param.")
    _fitting(data, IMAGE_LIMIT)
    if not data.startswith(_PICTURES):
        raise Refused(234011, "Can't regonnize the image format.")
    return {"image_key": server.keep_file("image", name, data, ours=True)}


def upload(server: "FeishuServer", call: "Call") -> Json:
    _, data = _file_in(call, "file")
    kind, name = call.form.get("file_type"), call.form.get("file_name")
    if kind not in _FILE_TYPES or not isinstance(name, str) or not name:
        raise Refused(234001, "Invalid request param.")
    _fitting(data, FILE_LIMIT)
    duration = str(call.form.get("duration") or "0")
    if not duration.isdigit():
        raise Refused(234001, "Invalid request param.")
    return {"file_key": server.keep_file(kind, name, data, ours=True, duration=int(duration))}


def resource(server: "FeishuServer", call: "Call") -> Download:
    message = server.messages_by_id.get(call.path[0])
    kind = call.query.get("type")
    if message is None or kind not in {"image", "file"}:
        raise Refused(234001, "Invalid request param.")
    if message.recalled:
        raise Refused(230110, "Action unavailable as the message has been deleted.")
    if not message.chat.inside:
        raise Refused(234004, "App not in chat.")
    found = server.files.get(call.path[1])
    if found is None or (found.kind == "image") != (kind == "image") or found.key not in _keys_in(message):
        raise Refused(234003, "File not in message.")
    if found.size > DOWNLOAD_LIMIT:
        raise Refused(234037, "Downloaded file size exceeds limit.")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"} if found.name else {}
    return Download(found.data, found.media_type, headers)


def _keys_in(message: Message) -> set[str]:
    """Every key in a message; those of a post stand deep in it."""
    found: set[str] = set()
    waiting: list[Json] = [orjson.loads(message.content)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found |= {str(node[name]) for name in ("image_key", "file_key") if name in node}
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found


def _file_in(call: "Call", name: str) -> tuple[str, bytes]:
    given = call.form.get(name)
    if not isinstance(given, tuple):
        raise Refused(234001, "Invalid request param.")
    return given


def _fitting(data: bytes, limit: int) -> None:
    if not data:
        raise Refused(234010, "File's size can't be 0.")
    if len(data) > limit:
        raise Refused(234006, "The file size exceed the max value.")

"""What a message of Feishu holds: its words, and the files that came with it; pure.

The content of each kind:
https://open.feishu.cn/document/server-docs/im-v1/message/events/message_content
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from channels.feishu.payloads import loaded
from gateway.messages import Attachment, Json, Media

SEEN = {
    "sticker": "a sticker",
    "interactive": "a card",
    "share_chat": "a link to a group",
    "share_user": "a contact",
    "share_calendar_event": "a calendar event",
    "calendar": "a calendar event",
    "general_calendar": "a calendar event",
    "merge_forward": "forwarded messages",
    "location": "a location",
    "todo": "a task",
    "vote": "a poll",
    "video_chat": "a video call",
    "hongbao": "a red packet",
    "folder": "a folder",
}
"""What cannot be opened; the agent is told so."""

PLACEHOLDER = re.compile(r"@_user_\d+|@_all(?!\w)")
EVERYBODY = "@_all"
KEY = re.compile(r"[!-.0-~]+")
"""Of a file: it becomes a piece of its handle, and is stored."""
MOST_FILES = 50  # of one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a message. Empty words without files: nothing that is said to anybody."""

    words: str = ""
    files: tuple[Attachment, ...] = ()


def read(kind: str, content: str, message: str, names: Mapping[str, str]) -> Contents:
    """The content of the message `message`. `names`: by the placeholders of those who are mentioned in it."""
    found = _loaded(content)
    match kind:
        case "text":
            return Contents(words=named(_text(found, "text"), names))
        case "post":
            return _post(found, message, names)
        case "image" | "file" | "audio" | "media":
            return Contents(files=_file(kind, found, message))
        case "system":
            return Contents()
        case _:
            return Contents(words=f"({SEEN.get(kind, 'something')}, which cannot be opened here)")


def named(text: str, names: Mapping[str, str]) -> str:
    """The text with names in the places of placeholders."""
    return PLACEHOLDER.sub(lambda found: names.get(found[0], found[0]), text)


def _loaded(content: str) -> Mapping[str, Json]:
    try:
        found = loaded(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(table: Json, key: str) -> str:
    value = table.get(key) if isinstance(table, Mapping) else None
    return value if isinstance(value, str) else ""


def _number(table: Mapping[str, Json], key: str) -> int:
    value = table.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else 0


# -- files -------------------------------------------------------------------------------------------------------


def source_of(message: str, kind: str, key: str) -> str:
    """The handle of a file in a message: `image` or `file`."""
    return f"{message}/{kind}/{key}"


def taken_apart(source: str) -> tuple[str, str, str] | None:
    """Message, kind and key of a handle; None if it is none of ours."""
    parts = source.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and parts[1] in {"image", "file"} else None


def _file(kind: str, found: Mapping[str, Json], message: str) -> tuple[Attachment, ...]:
    key = _text(found, "image_key" if kind == "image" else "file_key")
    if not KEY.fullmatch(key):
        return ()
    media = {"image": Media.PICTURE, "file": Media.FILE, "audio": Media.VOICE, "media": Media.VIDEO}[kind]
    default = {"image": "picture.jpg", "file": "file", "audio": "voice.opus", "media": "video.mp4"}[kind]
    types = {"audio": "audio/ogg", "media": "video/mp4"}
    return (
        Attachment(
            name=_text(found, "file_name") or default,
            media_type=types.get(kind, ""),
            path="",
            kind=media,
            source=source_of(message, "image" if kind == "image" else "file", key),
            size=_number(found, "file_size"),
            seconds=-(-_number(found, "duration") // 1000),
        ),
    )


# -- posts -------------------------------------------------------------------------------------------------------


def _post(found: Mapping[str, Json], message: str, names: Mapping[str, str]) -> Contents:
    document = _document(found)
    lines = [_text(document, "title")] if _text(document, "title") else []
    files: list[Attachment] = []
    for paragraph in _lists(document.get("content")):
        elements = [element for element in paragraph if isinstance(element, Mapping)]
        lines.append("".join(_words(element, names) for element in elements))
        files += (file for element in elements for file in _file_in(element, message))
    return Contents(words=named("\n".join(lines).strip("\n"), names), files=tuple(files[:MOST_FILES]))


def _document(found: Mapping[str, Json]) -> Mapping[str, Json]:
    """The post in the first of its languages: events have it without any, other answers with one."""
    if "content" in found:
        return found
    return next((one for one in found.values() if isinstance(one, Mapping) and "content" in one), {})


def _lists(found: Json) -> Iterator[list[Json]]:
    for one in found if isinstance(found, list) else ():
        if isinstance(one, list):
            yield one


def _words(element: Mapping[str, Json], names: Mapping[str, str]) -> str:
    text = _text(element, "text")
    read_as: dict[str, Callable[[], str]] = {
        "a": lambda: _link(text, _text(element, "href")),
        "at": lambda: _mention(element, names),
        "emotion": lambda: f":{_text(element, 'emoji_type')}:",
        "code_block": lambda: f"```{_text(element, 'language').lower()}\n{text}\n```",
        "hr": lambda: "---",
    }
    return read_as.get(_text(element, "tag"), lambda: text)()


def _link(text: str, href: str) -> str:
    return f"[{text}]({href})" if href and text not in {"", href} else href or text


def _mention(element: Mapping[str, Json], names: Mapping[str, str]) -> str:
    who, name = _text(element, "user_id"), _text(element, "user_name")
    return names.get(who) or (f"@{name}" if name else who)


def _file_in(element: Mapping[str, Json], message: str) -> Iterable[Attachment]:
    match _text(element, "tag"):
        case "img":
            return _file("image", element, message)
        case "media":
            return _file("media", element, message)
        case _:
            return ()

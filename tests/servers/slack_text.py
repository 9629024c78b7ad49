"""How a person reads what a bot sent to Slack: mrkdwn, Markdown and blocks as plain text; pure."""

import html
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.servers.slack_records import Json

Names = Callable[[str], str]
"""Gives the name of a user or channel by its id."""

_REFERENCE = re.compile(r"<([^<>]*)>")
_FENCE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_MARKS = [
    re.compile(rf"(?<![\w{re.escape(m)}]){re.escape(m)}(?=\S)([^{re.escape(m)}\n]*?\S){re.escape(m)}(?!\w)")
    for m in "*_~"
]
_SPECIAL = {"!here": "@here", "!channel": "@channel", "!everyone": "@everyone"}


def plain_mrkdwn(text: str, names: Names) -> str:
    """Slack's own markup as it is shown: references by name, marks of formatting gone, &amp; &lt; &gt; decoded."""
    pieces = _FENCE.split(text)
    shown = [
        _decode(piece.strip("`"), names) if i % 2 else _unmark(piece, names) for i, piece in enumerate(pieces)
    ]
    return "".join(shown)


def plain_blocks(blocks: Iterable[Json], names: Names) -> str:
    """What is read in blocks from top to bottom; buttons are not part of it."""
    lines = [_block(block, names) for block in blocks]
    return "\n".join(line for line in lines if line)


def buttons_of(blocks: Iterable[Json] | None) -> list[tuple[str, str]]:
    """The buttons of blocks as (label, value or address)."""
    return [
        (_text(one["text"]), str(one.get("value", one.get("url", "")))) for one in elements_of(blocks, "button")
    ]


def elements_of(blocks: Iterable[Json] | None, kind: str) -> list[Json]:
    """Interactive elements of one type with the block they are in as `block_id`."""
    found = []
    for block in blocks or ():
        inside = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
        found += [
            one | {"block_id": block.get("block_id", "")} for one in inside if one and one.get("type") == kind
        ]
    return found


def _unmark(text: str, names: Names) -> str:
    for mark in _MARKS:
        text = mark.sub(r"\1", text)
    return _decode(text, names)


def _decode(text: str, names: Names) -> str:
    return html.unescape(_REFERENCE.sub(lambda found: _reference(found[1], names), text))


def _reference(inside: str, names: Names) -> str:
    target, _, label = inside.partition("|")
    if target[:1] in {"@", "#"}:
        return target[0] + (label or names(target[1:]))
    if target in _SPECIAL:
        return _SPECIAL[target]
    return label or target.removeprefix("mailto:")


def _block(block: Json, names: Names) -> str:
    match block.get("type"):
        case "section":
            texts = [block.get("text"), *block.get("fields", ())]
            return "\n".join(_text(one, names) for one in texts if one)
        case "header":
            return _text(block["text"], names)
        case "context":
            return " ".join(_text(one, names) for one in block["elements"] if one.get("type") != "image")
        case "markdown":
            return str(block["text"])
        case "rich_text":
            return "\n".join(_rich(one, names) for one in block["elements"])
        case "table":
            return "\n".join(" | ".join(_cell(cell, names) for cell in row) for row in block["rows"])
        case "divider":
            return "———"
    return ""


def _text(value: Json, names: Names = str) -> str:
    if value["type"] == "mrkdwn":
        return plain_mrkdwn(value["text"], names)
    return str(value["text"])


def _cell(cell: Json, names: Names) -> str:
    return str(cell["text"]) if cell["type"] == "raw_text" else _block(cell, names)


def _rich(element: Json, names: Names, number: int = 0) -> str:
    if element["type"] == "rich_text_list":
        indent = "    " * element.get("indent", 0)
        ordered = element["style"] == "ordered"
        first = element.get("offset", 0) + 1
        rows = enumerate((_rich(one, names) for one in element["elements"]), first)
        return "\n".join(f"{indent}{f'{count}.' if ordered else '•'} {row}" for count, row in rows)
    return "".join(_inline(one, names) for one in element["elements"])


def _inline(element: dict[str, Any], names: Names) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "link":
            return str(element.get("text") or element["url"])
        case "user":
            return "@" + names(element["user_id"])
        case "channel":
            return "#" + names(element["channel_id"])
        case "emoji":
            return f":{element['name']}:"
        case "broadcast":
            return f"@{element['range']}"
        case "date":
            return str(element.get("fallback") or element["format"])
    return ""

"""What Feishu lets into a message, by its type, and what it says to the rest.

Sources, seen 2026-11-21: open.feishu.cn/document/server-docs/im-v1/message/create and /reply (150 KB for the
request of a text, 30 KB for a post or a card: 230025; 230055; 230099 with a card's code behind `ErrCode`), and
.../im-v1/message/create_json (the tags of a post). 11310, more than five tables in a card: sipeed/picoclaw #1736.
The size is that of the whole request body: that is the documentation's word, and the strictest reading of it.
"""

import re
from collections.abc import Callable, Iterator

import orjson

from tests.servers.feishu_records import Json, Refused, Resource, invalid

TEXT_LIMIT = 150 * 1024
RICH_LIMIT = 30 * 1024
TABLES = 5

_LOCALES = {"zh_cn", "en_us", "ja_jp"}
_POST_TAGS = {"text", "a", "at", "img", "media", "emotion", "code_block", "hr", "md"}
_STYLES = {"bold", "underline", "lineThrough", "italic"}
_NEEDS = {"text": "text", "a": "href", "at": "user_id", "img": "image_key", "code_block": "text", "md": "text"}
_CARD_TAGS = {
    "markdown", "div", "hr", "img", "img_combination", "button", "column_set", "column", "form", "input", "table",
    "chart", "collapsible_panel", "interactive_container", "person", "person_list", "select_static",
    "multi_select_static", "select_person", "multi_select_person", "overflow", "checker", "date_picker",
    "picker_time", "picker_datetime", "select_img", "plain_text", "lark_md", "standard_icon", "custom_icon",
    "text_tag",
}  # fmt: skip
_OLD_TAGS = _CARD_TAGS | {"action", "note"}
_TABLE_ROW = re.compile(r"^(?=.*\|)[ \t]*\|?[ \t:]*-{3,}[ \t|:-]*$", re.MULTILINE)
_FITTING = {"audio": {"opus"}, "media": {"mp4"}, "file": {"pdf", "doc", "xls", "ppt", "stream"}}


def check_content(kind: str, content: Json, size: int, files: dict[str, Resource]) -> None:
    """Refuse what Feishu refuses; `size` is the length of the request."""
    check = _CHECKS.get(kind)
    if check is None:
        raise invalid("invalid msg_type")
    if not isinstance(content, str):
        raise Refused(9499, "Invalid parameter type in json: content")
    limit = RICH_LIMIT if kind in {"post", "interactive"} else TEXT_LIMIT
    if size > limit:
        raise Refused(230025, "The length of the message content reaches its limit.")
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _card_error(200621, "parse card json err") if kind == "interactive" else _no_json() from None
    if not isinstance(parsed, dict):
        raise _no_json()
    check(parsed, files)


def shared(content: str) -> bool:
    """Whether a card is one that everybody sees alike: only such a card can be changed."""
    card = orjson.loads(content)
    default = card.get("schema") == "2.0"
    return bool((card.get("config") or {}).get("update_multi", default))


def elements(node: Json) -> Iterator[dict[str, Json]]:
    """Every element of a card, or of a part of one, from the outside to the inside."""
    if isinstance(node, list):
        for one in node:
            yield from elements(one)
    elif isinstance(node, dict):
        if "tag" in node:
            yield node
        for name, inner in node.items():
            if name not in {"value", "behaviors", "text"}:
                yield from elements(inner)


def _no_json() -> Refused:
    return invalid("content is not a string in json format.")


def _card_error(code: int, message: str) -> Refused:
    return Refused(230099, f"Failed to create card content, ext=ErrCode: {code}; ErrMsg: {message}; ")


def _check_text(content: dict[str, Json], files: dict[str, Resource]) -> None:
    if not isinstance(content.get("text"), str) or not content["text"]:
        raise invalid("text content is empty")


def _check_post(content: dict[str, Json], files: dict[str, Resource]) -> None:
    posts = {name: post for name, post in content.items() if name in _LOCALES}
    if not posts or len(posts) != len(content):
        raise invalid("post content is not in any locale")
    for post in posts.values():
        lines = post.get("content") if isinstance(post, dict) else None
        if not isinstance(lines, list) or not all(isinstance(line, list) for line in lines):
            raise invalid("post content is not a list of paragraphs")
        if not any(lines) and not post.get("title"):
            raise invalid("post content is empty")
        for line in lines:
            _check_line(line, files)


def _check_line(line: list[Json], files: dict[str, Resource]) -> None:
    for element in line:
        tag = element.get("tag") if isinstance(element, dict) else None
        if tag not in _POST_TAGS:
            raise invalid(f"unknown tag: {tag}")
        need = _NEEDS.get(tag)
        if need and not isinstance(element.get(need), str):
            raise invalid(f"tag {tag} without {need}")
        if set(element.get("style", ())) - _STYLES:
            raise invalid(f"unknown style: {element['style']}")
        if tag == "img":
            _check_picture(element, files)
        if tag in {"md", "hr"} and len(line) > 1:
            raise invalid(f"tag {tag} must be alone in its paragraph")


def _check_card(content: dict[str, Json], files: dict[str, Resource]) -> None:
    if content.get("type") == "template":
        raise _card_error(
            200380, "template does not exist, please confirm whether this template has been released"
        )
    newer = content.get("schema") == "2.0"
    inside = (content.get("body") or {}).get("elements") if newer else content.get("elements")
    if not isinstance(inside, list):
        raise _card_error(200621, "parse card json err, please check whether the card json is correct")
    found = list(elements(inside))
    for element in found:
        if element["tag"] not in (_CARD_TAGS if newer else _OLD_TAGS):
            where = "cards of schema V2 no longer support this capability" if newer else "unsupported tag"
            raise _card_error(200861, f"{where}; ErrorValue: unsupported tag {element['tag']}")
        if element["tag"] == "button" and not _has_label(element):
            raise _card_error(200621, "a button without a text")
        if element["tag"] == "img" and element.get("img_key") not in files:
            raise _card_error(200570, "card contains invalid image keys")
    if len(found) > 200:
        raise _card_error(11310, "element exceeds the limit")
    if _tables(found) > TABLES:
        raise _card_error(11310, "card table number over limit")


def _has_label(button: dict[str, Json]) -> bool:
    text = button.get("text")
    return isinstance(text, dict) and bool(text.get("content"))


def _tables(found: list[dict[str, Json]]) -> int:
    written = [str(one.get("content", "")) for one in found if one["tag"] == "markdown"]
    return sum(one["tag"] == "table" for one in found) + sum(len(_TABLE_ROW.findall(text)) for text in written)


def _check_picture(content: dict[str, Json], files: dict[str, Resource]) -> None:
    resource = files.get(str(content.get("image_key")))
    if resource is None or resource.kind != "image" or not resource.ours:
        raise Refused(230017, "Bot is NOT the owner of the resource.")


def _check_file(kind: str) -> Callable[[dict[str, Json], dict[str, Resource]], None]:
    def check(content: dict[str, Json], files: dict[str, Resource]) -> None:
        resource = files.get(str(content.get("file_key")))
        if resource is None or not resource.ours:
            raise Refused(230017, "Bot is NOT the owner of the resource.")
        if resource.kind not in _FITTING[kind]:
            raise Refused(230055, "The type of file upload does not match the type of message being sent.")

    return check


_CHECKS: dict[str, Callable[[dict[str, Json], dict[str, Resource]], None]] = {
    "text": _check_text,
    "post": _check_post,
    "interactive": _check_card,
    "image": _check_picture,
    "file": _check_file("file"),
    "audio": _check_file("audio"),
    "media": _check_file("media"),
}

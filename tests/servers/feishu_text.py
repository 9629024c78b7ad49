"""What a message says to its reader, and the buttons under it."""

import html

import orjson

from tests.servers.feishu_content import elements
from tests.servers.feishu_records import Json


def readable(kind: str, content: str) -> str:
    """A message as words: what a person would read, without any formatting."""
    parsed = orjson.loads(content)
    if kind == "text":
        return str(parsed.get("text", ""))
    if kind == "post":
        return _post(parsed)
    if kind == "interactive":
        return _card(parsed)
    if kind == "file":
        return f"[file {parsed.get('file_name') or parsed.get('file_key')}]"
    return f"[{kind}]"


def buttons_of(content: str) -> list[tuple[str, Json]]:
    """The label and the value of every button of a card, in their order."""
    found: list[tuple[str, Json]] = []
    for element in elements(orjson.loads(content)):
        if element["tag"] == "button":
            found.append((element["text"]["content"], _value(element)))
    return found


def _value(button: Json) -> Json:
    for behavior in button.get("behaviors") or []:
        if behavior.get("type") == "callback":
            return behavior.get("value")
    return button.get("value")


def _post(parsed: Json) -> str:
    post = parsed if "content" in parsed else next(iter(parsed.values()))
    lines = ["".join(_piece(element) for element in line) for line in post["content"]]
    return "\n".join([post["title"], *lines] if post.get("title") else lines)


def _piece(element: Json) -> str:
    tag = element["tag"]
    if tag == "at":
        return f"@{element.get('user_name') or element['user_id']}"
    if tag == "hr":
        return "---"
    if tag == "emotion":
        return f":{element.get('emoji_type', '')}:"
    return str(element.get("text", f"[{tag}]"))


def _card(parsed: Json) -> str:
    title = ((parsed.get("header") or {}).get("title") or {}).get("content", "")
    body = (parsed.get("body") or parsed).get("elements", [])
    said = [text for element in elements(body) if (text := _said(element))]
    return "\n".join([title, *said] if title else said)


def _said(element: Json) -> str:
    tag = element["tag"]
    if tag in {"markdown", "lark_md"}:
        return html.unescape(
            str(element.get("content", ""))
        )  # as the documentation has special characters written
    if tag == "plain_text":
        return str(element.get("content", ""))
    if tag == "div":
        return str((element.get("text") or {}).get("content", ""))
    return "---" if tag == "hr" else ""

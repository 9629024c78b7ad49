"""Block Kit's rules: what Slack refuses in blocks and modals, with its words; pure.

From https://docs.slack.dev/reference/block-kit (blocks, block elements, composition objects, rich text) and
https://docs.slack.dev/reference/views/modal-views. The words of refusals are those that Slack answers in public
issues, as in adobe/spacecat-api-service#176 and activepieces/activepieces#11171. A message of Markdown blocks
of more than 12,000 characters in all, or of about 13,200 with its other blocks, is `msg_blocks_too_long`:
slackapi/bolt-js#2509.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.servers.slack_records import Json, Refused, wrong

MOST_BLOCKS = 50
MOST_MODAL_BLOCKS = 100
MARKDOWN = 12_000
WITH_MARKDOWN = 13_172
_SECTION_KINDS = {"text", "link", "user", "channel", "usergroup", "emoji", "broadcast", "date", "color", "team"}
_STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
_NEEDED = {
    "link": "url",
    "user": "user_id",
    "channel": "channel_id",
    "usergroup": "usergroup_id",
    "emoji": "name",
    "broadcast": "range",
    "date": "timestamp",
    "color": "value",
    "team": "team_id",
}
_INPUTS = {
    "plain_text_input",
    "static_select",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "checkboxes",
    "radio_buttons",
    "conversations_select",
    "users_select",
    "channels_select",
    "number_input",
    "email_text_input",
}

Problems = Iterator[str]


def read_blocks(given: Any) -> list[Json] | None:
    """The blocks of a call, in JSON or as text, or the refusal that Slack gives; None if there are none."""
    if given in (None, ""):
        return None
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise wrong("invalid_blocks_format", "blocks is not valid JSON") from None
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise wrong("invalid_blocks_format", "blocks must be an array of objects")
    if problems := list(check_blocks(given)):
        raise wrong("invalid_blocks", *problems)
    _check_size(given)
    return given or None


def check_blocks(blocks: list[Json], *, most: int = MOST_BLOCKS, modal: bool = False) -> Problems:
    """What is wrong with blocks, each with its place."""
    if len(blocks) > most:
        yield _at(f"no more than {most} items allowed", "/blocks")
    seen: set[str] = set()
    actions: set[tuple[str, str]] = set()
    for i, block in enumerate(blocks):
        place = f"/blocks/{i}"
        yield from _block(block, place, modal=modal)
        name = block.get("block_id")
        if name is not None:
            yield from _length(name, f"{place}/block_id", 255, least=0)
            if name in seen:
                yield _at(f"block_id {name} already exists", f"{place}/block_id")
            seen.add(str(name))
        for one in block.get("elements", ()) if block.get("type") == "actions" else ():
            key = (str(name or i), str(one.get("action_id"))) if isinstance(one, dict) else ("", "")
            if one and "action_id" in one and key in actions:
                yield _at(f"action_id {key[1]} already exists", f"{place}/elements")
            actions.add(key)


def check_view(view: Any) -> None:
    """Refuse a view that `views.open` refuses."""
    if not isinstance(view, dict):
        raise wrong("invalid_arguments", "failed to parse view")
    if len(json.dumps(view)) > 250_000:
        raise Refused("view_too_large")
    if problems := list(_view(view)):
        raise wrong("invalid_arguments", *problems)


def _view(view: Json) -> Problems:
    if view.get("type") != "modal":
        yield _at("must be one of: modal", "/view/type")
    yield from _plain(view.get("title"), "/view/title", 24)
    for name in ("submit", "close"):
        if name in view:
            yield from _plain(view[name], f"/view/{name}", 24)
    yield from _length(view.get("private_metadata", ""), "/view/private_metadata", 3_000, least=0)
    yield from _length(view.get("callback_id", ""), "/view/callback_id", 255, least=0)
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or any(not isinstance(one, dict) for one in blocks):
        yield _at("missing required field: blocks", "/view")
        return
    yield from check_blocks(blocks, most=MOST_MODAL_BLOCKS, modal=True)
    if "submit" not in view and any(one.get("type") == "input" for one in blocks):
        yield _at("submit is required when an input block is used", "/view")


def _block(block: Json, place: str, *, modal: bool) -> Problems:
    kind = str(block.get("type"))
    check = _KINDS.get(kind)
    if check is None or (modal and kind in _NOT_IN_MODALS) or (not modal and kind == "input"):
        yield _at(f"unsupported type: {kind}", f"{place}/type")
        return
    yield from check(block, place)


def _header(block: Json, place: str) -> Problems:
    yield from _plain(block.get("text"), f"{place}/text", 150)


def _divider(_block: Json, _place: str) -> Problems:
    yield from ()


def _context(block: Json, place: str) -> Problems:
    yield from _items(block.get("elements"), f"{place}/elements", 10)
    for i, one in enumerate(_list(block.get("elements"))):
        if one.get("type") != "image":
            yield from _text(one, f"{place}/elements/{i}", 2_000)


def _markdown(block: Json, place: str) -> Problems:
    yield from _length(block.get("text"), f"{place}/text", MARKDOWN)


def _section(block: Json, place: str) -> Problems:
    if "text" not in block and "fields" not in block:
        yield _at("missing required field: text", place)
    if "text" in block:
        yield from _text(block["text"], f"{place}/text", 3_000)
    if "fields" in block:
        yield from _items(block["fields"], f"{place}/fields", 10)
        for i, one in enumerate(_list(block["fields"])):
            yield from _text(one, f"{place}/fields/{i}", 2_000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{place}/accessory")


def _actions(block: Json, place: str) -> Problems:
    yield from _items(block.get("elements"), f"{place}/elements", 25)
    for i, one in enumerate(_list(block.get("elements"))):
        yield from _element(one, f"{place}/elements/{i}")


def _element(element: Any, place: str) -> Problems:
    if not isinstance(element, dict) or "type" not in element:
        yield _at("must be an object with a type", place)
        return
    if element["type"] == "button":
        yield from _plain(element.get("text"), f"{place}/text", 75)
        if "value" in element:
            yield from _length(element["value"], f"{place}/value", 2_000, least=0)
        if "url" in element:
            yield from _length(element["url"], f"{place}/url", 3_000)
        if element.get("style", "primary") not in {"primary", "danger"}:
            yield _at("must be one of: primary, danger", f"{place}/style")
    elif element["type"] not in _INPUTS | {"image", "overflow"}:
        yield _at(f"unsupported type: {element['type']}", f"{place}/type")
    if "action_id" in element:
        yield from _length(element["action_id"], f"{place}/action_id", 255)


def _image(block: Json, place: str) -> Problems:
    if "image_url" not in block and "slack_file" not in block:
        yield _at("missing required field: image_url", place)
    yield from _length(block.get("image_url", "-"), f"{place}/image_url", 3_000)
    yield from _length(block.get("alt_text"), f"{place}/alt_text", 2_000)


def _input(block: Json, place: str) -> Problems:
    yield from _plain(block.get("label"), f"{place}/label", 2_000)
    if "hint" in block:
        yield from _plain(block["hint"], f"{place}/hint", 2_000)
    element = block.get("element")
    if not isinstance(element, dict) or element.get("type") not in _INPUTS:
        yield _at("unsupported type of element", f"{place}/element/type")
        return
    yield from _element(element, f"{place}/element")
    if "placeholder" in element:
        yield from _plain(element["placeholder"], f"{place}/element/placeholder", 150)


def _rich_text(block: Json, place: str) -> Problems:
    yield from _items(block.get("elements"), f"{place}/elements", None)
    for i, one in enumerate(_list(block.get("elements"))):
        yield from _rich_element(one, f"{place}/elements/{i}")


def _rich_element(element: Json, place: str) -> Problems:
    kind = element.get("type")
    inside = _list(element.get("elements"))
    if not isinstance(element.get("elements"), list):
        yield _at("missing required field: elements", place)
    if kind == "rich_text_list":
        if element.get("style") not in {"bullet", "ordered"}:
            yield _at("must be one of: bullet, ordered", f"{place}/style")
        if not isinstance(element.get("indent", 0), int) or not 0 <= element.get("indent", 0) <= 8:
            yield _at("must be between 0 and 8", f"{place}/indent")
        for i, one in enumerate(inside):
            if one.get("type") != "rich_text_section":
                yield _at("must be one of: rich_text_section", f"{place}/elements/{i}/type")
            yield from _rich_element(one, f"{place}/elements/{i}")
        return
    if kind not in {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}:
        yield _at(f"unsupported type: {kind}", f"{place}/type")
        return
    allowed = {"text", "link"} if kind == "rich_text_preformatted" else _SECTION_KINDS
    for i, one in enumerate(inside):
        yield from _inline(one, f"{place}/elements/{i}", allowed)


def _inline(element: Json, place: str, allowed: set[str]) -> Problems:
    kind = element.get("type")
    if kind not in allowed:
        yield _at(f"unsupported type: {kind}", f"{place}/type")
        return
    if kind == "text":
        yield from _length(element.get("text"), f"{place}/text", None)
    elif _NEEDED[kind] not in element:
        yield _at(f"missing required field: {_NEEDED[kind]}", place)
    elif kind == "link":
        yield from _length(element["url"], f"{place}/url", 3_000)
    style = element.get("style", {})
    if (
        not isinstance(style, dict)
        or set(style) - _STYLES
        or any(not isinstance(on, bool) for on in style.values())
    ):
        yield _at("invalid additional property or type", f"{place}/style")


def _table(block: Json, place: str) -> Problems:
    yield from _items(block.get("rows"), f"{place}/rows", 100)
    for i, row in enumerate(block.get("rows") or ()):
        if not isinstance(row, list) or len(row) > 20:
            yield _at("no more than 20 items allowed", f"{place}/rows/{i}")
            continue
        for j, cell in enumerate(row):
            if cell.get("type") == "raw_text":
                yield from _length(cell.get("text"), f"{place}/rows/{i}/{j}/text", None)
            elif cell.get("type") == "rich_text":
                yield from _rich_text(cell, f"{place}/rows/{i}/{j}")
            else:
                yield _at("must be one of: raw_text, rich_text", f"{place}/rows/{i}/{j}/type")


def _text(value: Any, place: str, most: int) -> Problems:
    if not isinstance(value, dict) or value.get("type") not in {"plain_text", "mrkdwn"}:
        yield _at("must be a valid text object", place)
        return
    unknown = set(value) - {"type", "text", "emoji", "verbatim"}
    if unknown or (value["type"] == "mrkdwn" and "emoji" in value):
        yield _at(f"invalid additional property: {(sorted(unknown) or ['emoji'])[0]}", place)
    yield from _length(value.get("text"), f"{place}/text", most)


def _plain(value: Any, place: str, most: int) -> Problems:
    if not isinstance(value, dict) or value.get("type") != "plain_text":
        yield _at("must be a plain_text object", place)
        return
    yield from _text(value, place, most)


def _length(value: Any, place: str, most: int | None, *, least: int = 1) -> Problems:
    if not isinstance(value, str):
        yield _at("must be a string", place)
    elif len(value) < least:
        yield _at(f"must be more than {least - 1} characters", place)
    elif most is not None and len(value) > most:
        yield _at(f"must be less than {most + 1} characters", place)


def _items(value: Any, place: str, most: int | None) -> Problems:
    if not isinstance(value, list) or not value:
        yield _at("must provide at least 1 item", place)
    elif most is not None and len(value) > most:
        yield _at(f"no more than {most} items allowed", place)


def _list(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _at(problem: str, place: str) -> str:
    return f"{problem} [json-pointer:{place}]"


def _check_size(blocks: list[Json]) -> None:
    if sum(one["type"] == "table" for one in blocks) > 1:
        raise wrong("invalid_attachments", "only_one_table_allowed")
    markdown = sum(len(one["text"]) for one in blocks if one["type"] == "markdown")
    if not markdown:
        return
    whole = markdown + sum(len(json.dumps(one, ensure_ascii=False)) for one in blocks if one["type"] != "markdown")
    if markdown > MARKDOWN or whole > WITH_MARKDOWN:
        raise Refused("msg_blocks_too_long")


_NOT_IN_MODALS = {"markdown", "table"}
_KINDS: dict[str, Callable[[Json, str], Problems]] = {
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
}

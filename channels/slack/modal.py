"""The dialog for a new job: what it shows, and the command that its answers are; pure."""

from collections.abc import Mapping

import orjson

from channels.slack.words import table_of, text_of
from gateway.messages import Json

CALLBACK = "tocsin_add"
"""Of the dialog, and of the shortcut that opens it."""
FROM_MESSAGE = "tocsin_remind"
"""Of the shortcut in the menu of a message."""

WHAT, WHEN, KIND = "what", "when", "kind"
LONGEST_WHAT = 2_000
LONGEST_WHEN = 150
SAY, ASK = "say", "ask"


def view(chat: str, thread: str = "", what: str = "") -> Json:
    """The dialog; what it makes belongs to this chat, or to the person's own if that is empty."""
    kinds = [_option(SAY, "Remind with these words"), _option(ASK, "Have the assistant do it")]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": orjson.dumps([chat, thread]).decode(),
        "title": _plain("New job"),
        "submit": _plain("Add"),
        "close": _plain("Cancel"),
        "blocks": [
            _input(WHAT, "What", _text(LONGEST_WHAT, initial=what[:LONGEST_WHAT], multiline=True)),
            _input(WHEN, "When", _text(LONGEST_WHEN, hint="in 20 minutes, every weekday at 9:00")),
            _input(
                KIND,
                "How",
                {"type": "radio_buttons", "action_id": KIND, "options": kinds, "initial_option": kinds[0]},
            ),
        ],
    }


def command_of(submitted: Mapping[str, Json]) -> str:
    """The command that stands for what was put in; empty if it is not our dialog, or not filled."""
    if text_of(submitted, "callback_id") != CALLBACK:
        return ""
    values = table_of(table_of(submitted, "state"), "values")
    what = text_of(_answer(values, WHAT), "value").strip()
    # A "|" is what parts the time from the words: none may stand in the time.
    when = " ".join(text_of(_answer(values, WHEN), "value").replace("|", " ").split())
    if not what or not when:
        return ""
    kind = text_of(table_of(_answer(values, KIND), "selected_option"), "value")
    return f"/schedule {when} do {what}" if kind == ASK else f"/remind {when} | {what}"


def place_of(submitted: Mapping[str, Json]) -> tuple[str, str]:
    """The chat and thread that the dialog was opened in; empty for the private chat."""
    try:
        found = orjson.loads(text_of(submitted, "private_metadata"))
    except orjson.JSONDecodeError:
        return "", ""
    if isinstance(found, list) and len(found) == 2 and all(isinstance(one, str) for one in found):
        return found[0], found[1]
    return "", ""


def _answer(values: Mapping[str, Json], block: str) -> Json:
    return table_of(table_of(values, block), block)


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _option(value: str, label: str) -> Json:
    return {"text": _plain(label), "value": value}


def _input(block: str, label: str, element: Json) -> Json:
    return {"type": "input", "block_id": block, "label": _plain(label), "element": element}


def _text(longest: int, *, initial: str = "", hint: str = "", multiline: bool = False) -> Json:
    action = WHAT if multiline else WHEN
    element: Json = {
        "type": "plain_text_input",
        "action_id": action,
        "multiline": multiline,
        "max_length": longest,
    }
    if initial:
        element["initial_value"] = initial
    if hint:
        element["placeholder"] = _plain(hint)
    return element

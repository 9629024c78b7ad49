"""Slack's own way of writing, as words: references by name, characters that were escaped; pure.

See https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages.
"""

import re
from collections.abc import Iterator, Mapping

from gateway.messages import Json

USER = re.compile(r"[UW][A-Z0-9]{2,}")
BOT = re.compile(r"B[A-Z0-9]{2,}")
CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,}")
TS = re.compile(r"\d{1,12}\.\d{1,9}", re.ASCII)

_REFERENCE = re.compile(r"<([^<>\n]*)>")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>\n]*)?>")
_AFTER_NAME = " ,:;\n\t"

Names = Mapping[str, str]
"""What users are called, by their ids."""


def text_of(table: Json, key: str) -> str:
    """A field that is a text; empty when it is not. Without halves of surrogate pairs, which cannot be stored."""
    value = table.get(key) if isinstance(table, dict) else None
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def table_of(table: Json, key: str) -> dict[str, Json]:
    """A field that is an object; empty when it is not."""
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, dict) else {}


def tables_of(table: Json, key: str) -> list[dict[str, Json]]:
    """The objects in a field that is a list."""
    value = table.get(key) if isinstance(table, dict) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def mentioned(text: str) -> tuple[str, ...]:
    """The ids of the users that a text names, each once."""
    return tuple(dict.fromkeys(_MENTION.findall(text)))


def without_mention(text: str, user: str) -> str:
    """What is said to a user, without the name before it; all of it if there is nothing else."""
    found = _MENTION.match(text.lstrip())
    if found is None or found[1] != user:
        return text
    rest = text.lstrip()[found.end() :].lstrip(_AFTER_NAME)
    return rest or text


def readable(text: str, names: Names) -> str:
    """The text as people see it; a user without a known name keeps the id."""
    return _unescaped("".join(_pieces(text, names)))


def _pieces(text: str, names: Names) -> Iterator[str]:
    position = 0
    for found in _REFERENCE.finditer(text):
        yield text[position : found.start()]
        yield _reference(found[1], names)
        position = found.end()
    yield text[position:]


def _reference(inside: str, names: Names) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        return f"@{names.get(target[1:]) or label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        return _special(target[1:], label)
    address = target.removeprefix("mailto:")
    return address if not label or label in target else f"{label} ({address})"


def _special(target: str, label: str) -> str:
    """`<!here>`, `<!subteam^S1|@team>`, `<!date^…|fallback>`."""
    return label or f"@{target.partition('^')[0]}"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

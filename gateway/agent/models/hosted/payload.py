"""What of a session may go onto the wire, and how; pure.

A session holds what models wrote before: names that no tool has, arguments that are not JSON, halves of emoji.
Servers refuse a request that repeats such things, and with it every later turn of the session. So they are mended
here, on the way out; the journal keeps them as they were.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from gateway.agent.model import PromptItem, UserText
from gateway.messages import Json

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GARBAGE = "not_an_object"
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it goes onto the wire."""

    media_type: str
    content: bytes
    url: str  # the same as a data: URL


Shown = Mapping[str, Picture]
"""Pictures by their paths in the workspace."""

NOTHING: Shown = MappingProxyType({})


def clean(text: str) -> str:
    """The text with halves of surrogate pairs joined or replaced: they cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def user_text(item: UserText) -> str:
    """What was said, after its note in brackets.

    An event of the system says so there: many servers refuse the role "system" behind the first message.
    """
    notes = [note for note in ("system event" if item.system else "", item.note) if note]
    return clean(f"[{', '.join(notes)}] {item.text}" if notes else item.text)


def wanted(items: Sequence[PromptItem]) -> list[str]:
    """The pictures of the prompt, the latest first; a session has none of earlier turns."""
    found = [path for item in reversed(items) if isinstance(item, UserText) for path in item.pictures]
    return list(dict.fromkeys(found))


def seen(item: UserText, shown: Shown) -> list[Picture]:
    """The pictures that go with these words."""
    return [shown[path] for path in item.pictures if path in shown]


def tool_name(name: str) -> str:
    """A tool's name as servers accept it."""
    return name if _NAME.fullmatch(name) else _NOT_A_NAME.sub("_", name)[:64] or "_"


def arguments_object(arguments: str) -> dict[str, Json]:
    """A call's arguments as an object; text that is none is kept under a name that says so."""
    try:
        value: Json = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {_GARBAGE: clean(arguments)}


def arguments_text(arguments: str) -> str:
    """The same as JSON text: what the model wrote, where that is an object."""
    value = arguments_object(arguments)
    return orjson.dumps(value).decode() if _GARBAGE in value else arguments


class CallNames:
    """Our ids of tool calls as one server accepts them: ours where they fit, else a digest, always the same."""

    def __init__(self, accepted: str, *, digest_length: int = 32) -> None:
        self._accepted = re.compile(accepted)
        self._digest_length = digest_length

    def __call__(self, call: str) -> str:
        if self._accepted.fullmatch(call):
            return call
        return hashlib.blake2b(call.encode(), digest_size=16).hexdigest()[: self._digest_length]

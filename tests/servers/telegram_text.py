"""Text as Telegram counts and trims it: UTF-16 units, entities, mentions and commands; pure."""

import re
from collections.abc import Iterable

from tests.servers.telegram_records import Entity, Json, bad

MESSAGE_UNITS = 4096
_ENTITIES = 100  # further ones are silently left out
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SPOKEN = re.compile(
    r"(?P<bot_command>(?<![^\s(\[])/[A-Za-z0-9_]{1,32}(?:@[A-Za-z]\w{2,31})?)(?![\w/])"
    r"|(?P<mention>(?<![\w@/.])@[A-Za-z]\w{2,31})"
    r"|(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)\]])",
    re.ASCII,
)
_WHOLE = ("code", "pre", "text_link", "text_mention", "custom_emoji")  # these never lie in one another
_QUOTES = ("blockquote", "expandable_blockquote")
_STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
_FOUND = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")  # found, not sent


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def spoken_entities(text: str) -> list[Entity]:
    """The commands, mentions and addresses that Telegram finds in what a person writes."""
    if "/" not in text and "@" not in text:
        return []
    return [
        {
            "type": str(found.lastgroup),
            "offset": units(text[: found.start()]),
            "length": units(found[found.lastgroup or 0]),
        }
        for found in _SPOKEN.finditer(text)
    ]


def shown(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """What a person sees of a text and its formatting: trimmed, control characters gone, entities settled."""
    if _CONTROL.search(text):
        text = _CONTROL.sub(" ", text)
    visible = text.strip(" \n")
    if not entities:
        return visible, entities
    moved = len(text) - len(text.lstrip(" \n"))
    return visible, settled(list(_clipped(entities, moved, units(visible))))


def _clipped(entities: Iterable[Entity], moved: int, end: int) -> Iterable[Entity]:
    for entity in entities:
        first = max(entity["offset"] - moved, 0)
        last = min(entity["offset"] + entity["length"] - moved, end)
        if last > first:
            yield {**entity, "offset": first, "length": last - first}


def settled(entities: list[Entity]) -> list[Entity]:
    """Formatting as Telegram keeps it: nothing in code, no quotation in a quotation, a hundred at most."""
    ordered = sorted(entities, key=lambda one: (one["offset"], -one["length"]))
    whole = _apart(one for one in ordered if one["type"] in _WHOLE)
    quotes = _apart(one for one in ordered if one["type"] in _QUOTES)
    code = [one for one in whole if one["type"] in {"code", "pre"}]
    styles = [one for one in ordered if one["type"] in _STYLES and not any(_meet(one, block) for block in code)]
    kept = [*whole, *quotes, *styles]
    return sorted(kept, key=lambda one: (one["offset"], -one["length"]))[:_ENTITIES]


def _apart(entities: Iterable[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    for entity in entities:
        if not kept or not _meet(kept[-1], entity):
            kept.append(entity)
    return kept


def _meet(one: Entity, other: Entity) -> bool:
    return bool(
        one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"]
    )


def checked_entities(text: str, given: Json) -> list[Entity]:
    """The `entities` parameter, or a refusal: known types, inside the text, no symbol cut in two."""
    if not isinstance(given, list):
        raise bad("can't parse entities: expected an Array")
    wide = text.encode("utf-16-le")
    return [entity for entity in given if _is_wanted(entity, wide)]


def _is_wanted(entity: Json, wide: bytes) -> bool:
    if not isinstance(entity, dict) or "type" not in entity:
        raise bad("can't parse entities: expected an Object with a type")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int):
        raise bad("can't parse entities: offset and length must be of type Number")
    if offset < 0 or length < 0 or (offset + length) * 2 > len(wide):
        raise bad("ENTITY_BOUNDS_INVALID")
    for place, what in ((offset, "begins"), (offset + length, "ends")):
        if b"\xdc" <= wide[place * 2 + 1 : place * 2 + 2] < b"\xe0":
            raise bad(f"entity {what} in a middle of a UTF-16 symbol at byte offset {_byte_offset(wide, place)}")
    kind = entity["type"]
    if kind in _FOUND:
        return False
    if kind not in _WHOLE + _QUOTES + _STYLES:
        raise bad("can't parse entities: unsupported type of MessageEntity")
    if kind == "text_link" and not entity.get("url"):
        raise bad('can\'t parse entities: field "url" must be non-empty')
    return length > 0


def _byte_offset(wide: bytes, place: int) -> int:
    return len(wide[: (place - 1) * 2].decode("utf-16-le").encode())

"""Telegram's HTML, read as strictly as Telegram reads it: a few tags, four named characters; pure."""

import re
from dataclasses import dataclass

from tests.servers.telegram_records import Entity, Refused, bad
from tests.servers.telegram_text import units

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([A-Za-z]+));?")
_NAME = re.compile(r"[^\s>]*", re.ASCII)
_SPACE = re.compile(r"\s*", re.ASCII)
_ATTRIBUTE = re.compile(r"[^\s=>]*", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9.\-]*")
_MARK = re.compile(r"[<&]")
_PERSON = re.compile(r"tg://user\?id=(\d+)")
_LINK = re.compile(r"(?:(?:https?|tonsite)://[^\s/?#]*\.[^\s]+|(?:tg|ton)://\S+)", re.IGNORECASE)
_BARE_LINK = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:[/?#]\S*)?")


@dataclass(slots=True)
class _Open:
    tag: str
    value: str  # its one attribute that matters
    offset: int  # in UTF-16 units of the visible text
    piece: int  # of the pieces before it


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The visible text and its entities, or the refusal that Telegram gives."""
    if "<" not in source and "&" not in source:
        return source, []
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.place = 0
        self.pieces: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def read(self) -> tuple[str, list[Entity]]:
        while mark := _MARK.search(self.source, self.place):
            self._say(self.source[self.place : mark.start()])
            self.place = mark.start()
            if mark[0] == "&":
                self._reference()
            elif self.source.startswith("</", self.place):
                self._end()
            else:
                self._start()
        self._say(self.source[self.place :])
        if self.open:
            raise _wrong(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        for entity in self.entities:
            if entity["type"] == "code":
                entity.pop("language", None)  # only a block has a language
        return "".join(self.pieces), self.entities

    def _say(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.length += units(text)

    def _reference(self) -> None:
        character, end = _decoded(self.source, self.place)
        self._say(character)
        self.place = end

    def _start(self) -> None:
        begin = self.place
        tag = self._word(_NAME, begin + 1).lower()
        if self.place >= len(self.source):
            raise self._error("Unclosed start tag", begin)
        if tag not in _TAGS:
            raise self._error(f'Unsupported start tag "{tag}"', begin)
        value = ""
        while not self.source.startswith(">", self._skip_space()):
            name, given = self._attribute(tag, begin)
            value = _meaning(tag, name, given) or value
        self.place += 1
        if tag == "span" and value != "tg-spoiler":
            raise self._error('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append(_Open(tag, value, self.length, len(self.pieces)))

    def _attribute(self, tag: str, begin: int) -> tuple[str, str]:
        name = self._word(_ATTRIBUTE, self.place)
        if self.place >= len(self.source):
            raise self._error("Unclosed start tag", begin)
        if not name:
            raise self._error(f'Empty attribute name in the tag "{tag}"', begin)
        if not self.source.startswith("=", self._skip_space()):
            if (tag, name) == ("blockquote", "expandable"):
                return name, "yes"
            wrong = f'Expected equal sign in declaration of an attribute of the tag "{tag}"'
            raise self._error(wrong, begin)
        self.place += 1
        quote = self.source[self._skip_space() : self.place + 1]
        given = self._string(quote) if quote in {'"', "'"} else self._token()
        if self.place >= len(self.source):
            raise self._error("Unclosed start tag", begin)
        return name, given

    def _string(self, quote: str) -> str:
        end = self.source.find(quote, self.place + 1)
        if end < 0:
            self.place = len(self.source)
            return ""
        text = self.source[self.place + 1 : end]
        self.place = end + 1
        return _REFERENCE.sub(_replaced, text)

    def _token(self) -> str:
        begin = self.place
        token = self._word(_TOKEN, begin)
        if self.source[self.place : self.place + 1] not in {"", " ", "\n", "\t", ">"}:
            raise self._error("Unexpected end of name token", begin)
        return token.lower()

    def _end(self) -> None:
        begin = self.place
        if not self.open:
            raise self._error("Unexpected end tag", begin)
        name = self._word(_NAME, begin + 2).lower()
        if not self.source.startswith(">", self._skip_space()):
            raise self._error("Unclosed end tag", begin)
        self.place += 1
        opened = self.open.pop()
        if name not in {"", opened.tag}:
            expected = f'Unmatched end tag at byte offset {self._byte(begin)}, expected "</{opened.tag}>"'
            raise _wrong(f'{expected}, found "</{name}>"')
        if self.length > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        entity: Entity = {
            "type": _TAGS[opened.tag],
            "offset": opened.offset,
            "length": self.length - opened.offset,
        }
        if opened.tag == "a":
            url = opened.value or "".join(self.pieces[opened.piece :])
            if not (link := _link(url)):
                return
            entity |= link
        elif opened.tag == "tg-emoji":
            if not opened.value.isdecimal():
                raise _wrong("Invalid custom emoji identifier specified")
            entity["custom_emoji_id"] = opened.value
        elif opened.tag == "blockquote" and opened.value:
            entity["type"] = "expandable_blockquote"
        elif opened.tag in {"pre", "code"} and self._joins(entity, opened):
            return
        self.entities.append(entity)

    def _joins(self, entity: Entity, opened: _Open) -> bool:
        """A `code` with a language and a `pre` around the same text are one entity."""
        last = self.entities[-1] if self.entities else {}
        if (last.get("offset"), last.get("length")) == (entity["offset"], entity["length"]):
            if opened.tag == "pre" and last["type"] == "code" and "language" in last:
                last["type"] = "pre"
                return True
            if opened.tag == "code" and last["type"] == "pre" and opened.value:
                last["language"] = opened.value
                return True
        if opened.tag == "code" and opened.value:
            entity["language"] = opened.value  # a `pre` that ends at the same place takes it over
        return False

    def _word(self, pattern: re.Pattern[str], begin: int) -> str:
        found = pattern.match(self.source, begin)
        word = found[0] if found else ""
        self.place = begin + len(word)
        return word

    def _skip_space(self) -> int:
        self._word(_SPACE, self.place)
        return self.place

    def _byte(self, place: int) -> int:
        return len(self.source[:place].encode())

    def _error(self, what: str, place: int) -> Refused:
        return _wrong(f"{what} at byte offset {self._byte(place)}")


def _wrong(what: str) -> Refused:
    return bad(f"can't parse entities: {what}")


def _decoded(source: str, place: int) -> tuple[str, int]:
    """The character that a reference stands for; what is no reference stays as it is written."""
    found = _REFERENCE.match(source, place)
    if not found:
        return "&", place + 1
    hexadecimal, decimal, name = found.groups()
    if name:
        return (_NAMED[name], found.end()) if name in _NAMED else ("&", place + 1)
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code >= 0x10FFFF or len(found[0].rstrip(";")) >= 10:
        return "&", place + 1
    if 0xD800 <= code <= 0xDFFF:
        raise _wrong(
            "Text contains invalid Unicode characters after decoding HTML entities, "
            "check for unmatched surrogate code units"
        )
    return chr(code), found.end()


def _replaced(found: re.Match[str]) -> str:
    character, end = _decoded(found[0], 0)
    return character + found[0][end:]


def _meaning(tag: str, name: str, given: str) -> str:
    """The value of the one attribute that a tag has, and nothing for any other."""
    if (tag, name) in {("a", "href"), ("tg-emoji", "emoji-id"), ("blockquote", "expandable")}:
        return given
    if (tag, name) == ("code", "class") and given.startswith("language-"):
        return given.removeprefix("language-")
    return given if (tag, name) == ("span", "class") else ""


def _link(url: str) -> Entity | None:
    """What a link leads to; one that leads nowhere is shown as plain text."""
    if person := _PERSON.fullmatch(url):
        user = {"id": int(person[1]), "is_bot": False, "first_name": "Somebody"}
        return {"type": "text_mention", "user": user}
    if _LINK.fullmatch(url):
        return {"url": url}
    return {"url": f"http://{url}"} if _BARE_LINK.fullmatch(url) else None

"""How commands speak: what others have written, shown as it is; long lists, a page at a time. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.errors import UserError
from gateway.messages import Button

Item = TypeVar("Item")

PAGE = 10

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing around, and what is no character."""

_MARKS = re.compile(r"[\\`*\[\]<>~|&]|(?<![^\W_])_|_(?![^\W_])")
_BEGINNING = re.compile(r"[#+=-]|\d{1,9}(?=[.)])")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|(`+).*?(?<!`)\2(?!`)")
_JOINER = "\u2060"  # takes no place, and a name that follows it is nobody's


def plain(text: str) -> str:
    """Markdown that shows exactly these words: nothing in them becomes formatting, a link or a mention."""
    return "\n".join(_plain_line(line) for line in STEERING.sub(" ", text).split("\n"))


def as_shown(text: str) -> str:
    """What `plain` has made, as it was: for a terminal, where nothing renders the Markdown. `code` stays."""
    return _ESCAPED.sub(lambda found: found[1] or found[0], text)


def one_line(text: str, *, widest: int = 100) -> str:
    """`plain`, on one line, cut where it is too long."""
    words = " ".join(text.split())
    return plain(words if len(words) <= widest else f"{words[: widest - 1]}…")


def code(text: str) -> str:
    """An id, to be copied."""
    words = " ".join(STEERING.sub(" ", text).split())
    longest = max((len(run) for run in re.findall("`+", words)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {words} {fence}" if longest else f"{fence}{words}{fence}"


def _plain_line(line: str) -> str:
    line = _MENTION.sub(f"@{_JOINER}", _MARKS.sub(r"\\\g<0>", line.strip()))
    beginning = _BEGINNING.match(line)
    if beginning is None:
        return line
    at = beginning.end() if beginning[0][0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """A piece of a list."""

    items: Sequence[Item]
    number: int
    count: int
    first: int  # the place of its first item in the list, from 1

    def turning(self, command: str) -> tuple[Button, ...]:
        """Buttons to the pages beside this one; `command` and a number show a page."""
        near = [(self.number - 1, f"‹ {self.number - 1}/{self.count}")] if self.number > 1 else []
        if self.number < self.count:
            near.append((self.number + 1, f"{self.number + 1}/{self.count} ›"))
        return tuple(Button(label=label, data=f"{command} {number}") for number, label in near)

    def hint(self, command: str) -> list[str]:
        """Where there are no buttons: how to see more."""
        if self.count == 1:
            return []
        other = self.number + 1 if self.number < self.count else 1
        return [f"Page {self.number} of {self.count}; {code(f'{command} {other}')} shows another."]


def page_of(items: Sequence[Item], wanted: str, *, size: int = PAGE) -> Page[Item]:
    """The page that was asked for, the first if none was, the last if there are not so many."""
    if wanted and not (wanted.isdecimal() and len(wanted) < 10):
        raise UserError(f"{wanted[:40]!r} is not the number of a page; write 2, for example")
    count = max(1, -(-len(items) // size))
    number = min(max(int(wanted or 1), 1), count)
    start = (number - 1) * size
    return Page(items=items[start : start + size], number=number, count=count, first=start + 1)

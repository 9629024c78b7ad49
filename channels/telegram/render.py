"""Markdown as Telegram's messages: HTML parts with the same content in plain text beside; pure.

What Telegram takes (https://core.telegram.org/bots/api#sendmessage and #formatting-options):

- 4,096 UTF-16 units of visible text in a message. Two are left for the sign of a repeat.
- 100 entities in a message; the formatting of all others is ignored. (Not in the documentation; seen and confirmed
  in github.com/rubenlagus/TelegramBots/issues/854 and github.com/tdlib/telegram-bot-api/issues/820.)
- About 9,500 bytes for all entities with their addresses, else the message is refused with ENTITIES_TOO_LONG
  (github.com/tdlib/telegram-bot-api/issues/165).

A part ends early rather than lose formatting: an address may stand in it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from channels.files import FILE, file_parts, is_wordless
from channels.layout import lay_out
from channels.markdown import parse
from channels.telegram.forms import ALBUM, joins
from channels.text import (
    Fence,
    Href,
    Mark,
    MarkRoom,
    Run,
    Style,
    common,
    spelled_out,
    split,
    trim,
    visible,
)
from gateway.messages import Button, Caller, Json, OutboundMessage, Part

REPEAT = "↻ "
LIMIT = 4096 - len(REPEAT)
MOST_MARKS = 100
MARKS_SIZE = 9_000
MARK_SIZE = MARKS_SIZE // MOST_MARKS  # a part that has room for them has no more than so many
LONGEST_ADDRESS = 2_000
LONGEST_DATA = 64  # bytes in a button
NOTHING = "…"
"""What stands for a text in which there is nothing to see: Telegram refuses an empty message."""

MORE = "more"
"""The key of a part's payload under which the further pictures of an album are."""

_STYLES = {Style.BOLD: "b", Style.ITALIC: "i", Style.STRIKE: "s", Style.CODE: "code", Style.QUOTE: "blockquote"}


def render(message: OutboundMessage) -> list[Part]:
    """The message's parts, in order; never none.

    The words come first, then the files. The first part answers what the message answers, in a group, or if it
    reminds of that; the last one with words has the buttons. ValueError when a button's data is too long for
    Telegram.
    """
    in_group, reminds = message.address.chat.startswith("-"), message.caller is Caller.REMINDER
    answers = message.reply_to if in_group or reminds else ""
    files = _files(message)
    if not is_wordless(message):
        return _texts(message, answers) + files
    first = Part(payload={**files[0].payload, **({"reply_to": answers} if answers else {})})
    return [first, *files[1:]]


def _texts(message: OutboundMessage, answers: str) -> list[Part]:
    buttons = _buttons(message)
    runs = [_nested(run) for run in lay_out(parse(message.text), is_linkable)]
    cut = [trim(part, LIMIT, utf16) for part in split(runs, LIMIT, utf16, marks=ROOM)]
    parts = [part for part in cut if _is_seen(visible(part))] or [[Run(NOTHING)]]
    return [
        _part(part, answers if part is parts[0] else "", buttons if part is parts[-1] else []) for part in parts
    ]


def _files(message: OutboundMessage) -> list[Part]:
    """One part for each file, but pictures that follow each other are an album."""
    parts: list[Part] = []
    album: list[Json] = []
    for part in file_parts(message):
        file = part.payload[FILE]
        joined = joins(file["kind"], file["media_type"])
        if not joined or len(album) == ALBUM:
            parts += _album(album)
            album = []
        if joined:
            album.append(file)
        else:
            parts.append(part)
    return parts + _album(album)


def _album(files: Sequence[Json]) -> list[Part]:
    if not files:
        return []
    first, *others = files
    return [Part(payload={FILE: first, MORE: others} if others else {FILE: first})]


def marked(payload: Mapping[str, Json]) -> dict[str, Json]:
    """The payload with the sign of a repeat before its text; there is room for it."""
    return {**payload, "text": REPEAT + payload["text"]}


def utf16(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


_WEB = re.compile(r"https?://(?:[\w-]+\.)+[\w-]+(?::(?:[1-9]\d{0,3}|[1-5]\d{4}))?(?:[/?#]\S*)?", re.IGNORECASE)
_APP = re.compile(r"tg://[A-Za-z0-9_-]+(?:\?\S*)?", re.IGNORECASE)


def is_linkable(url: str) -> bool:
    """Whether Telegram makes a link of it.

    It takes http, https and tg, and hosts with a dot; some versions refuse the whole message for any other. (An
    address for mail would become a link to the web site of its host, but is recognised in the text.)
    """
    return len(url) <= LONGEST_ADDRESS and bool(_WEB.fullmatch(url) or _APP.fullmatch(url))


def _load(mark: Mark) -> int:
    return MARK_SIZE + len(_attribute(mark.url).encode()) if isinstance(mark, Href) else MARK_SIZE


ROOM = MarkRoom(most=MARKS_SIZE, load=_load)


def _nested(run: Run) -> Run:
    """The run in marks that Telegram lets stand in each other.

    Code and fences hold nothing, and stand only in a quote; a link's words may be bold, not code.
    """
    marks = run.marks
    if not marks:
        return run
    linked = any(isinstance(mark, Href) for mark in marks)
    alone = next((mark for mark in marks if isinstance(mark, Fence) or (mark is Style.CODE and not linked)), None)
    if alone is not None:
        return Run(run.text, (Style.QUOTE, alone) if Style.QUOTE in marks else (alone,))
    styles = (Style.BOLD if mark is Style.HEADING else mark for mark in marks if mark is not Style.CODE)
    return Run(run.text, tuple(dict.fromkeys(styles)))


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")  # letters and symbols that are empty


def _is_seen(text: str) -> bool:
    return any(one not in _BLANK and unicodedata.category(one) not in _INVISIBLE for one in text)


def _part(runs: Sequence[Run], reply_to: str, buttons: Json) -> Part:
    rest: dict[str, Json] = {}
    if reply_to:
        rest["reply_to"] = reply_to
    if buttons:
        rest["buttons"] = buttons
    return Part(payload={"text": _html(runs), "format": "html", **rest}, plain={"text": _plain(runs), **rest})


def _html(runs: Iterable[Run]) -> str:
    pieces: list[str] = []
    open_: tuple[Mark, ...] = ()
    for run in runs:
        kept = common(open_, run.marks)
        pieces += [_end(mark) for mark in reversed(open_[kept:])]
        pieces += [_start(mark) for mark in run.marks[kept:]]
        pieces.append(_escaped(run.text))
        open_ = run.marks
    pieces += [_end(mark) for mark in reversed(open_)]
    return "".join(pieces)


def _start(mark: Mark) -> str:
    match mark:
        case Href(url):
            return f'<a href="{_attribute(url)}">'
        case Fence(""):
            return "<pre>"
        case Fence(language):
            return f'<pre><code class="language-{language}">'
        case style:
            return f"<{_STYLES[style]}>"


def _end(mark: Mark) -> str:
    match mark:
        case Href():
            return "</a>"
        case Fence(language):
            return "</code></pre>" if language else "</pre>"
        case style:
            return f"</{_STYLES[style]}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(text: str) -> str:
    return _escaped(text).replace('"', "&quot;")


def _plain(runs: Sequence[Run]) -> str:
    """The visible text; the addresses of its links after their words, if there is room for all of them."""
    told = spelled_out(runs)
    return told if utf16(told) <= LIMIT else visible(runs)


def _buttons(message: OutboundMessage) -> Json:
    return [[[button.label, _data(message.asker, button)] for button in row] for row in message.buttons]


def _data(asker: str, button: Button) -> str:
    data = f"{asker}|{button.data}"
    if len(data.encode()) > LONGEST_DATA:
        raise ValueError(
            f"the button {button.label!r} has more data than Telegram takes ({LONGEST_DATA} bytes): {data}"
        )
    return data

"""Markdown as WeCom's robots take it: a part of Markdown, at most 4,096 bytes in a message; pure.

What it knows (https://developer.work.weixin.qq.com/document/path/91770): headings, bold, links, quotes, code in a
line, colours. What it does not know is said in words: lists and tables as text, a block of code line by line. It
has no way to write one of its signs as it is, so some texts look bolder than they were meant.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from channels.files import file_parts, is_wordless
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Fence, Href, Mark, MarkRoom, Run, Style, split, trim, visible
from gateway.messages import OutboundMessage, Part

REPEAT = "↻ "
LIMIT = 4_096 - len(REPEAT.encode())
LONGEST_ADDRESS = 1_000
NOTHING = "…"

_ADDRESS = re.compile(r"https?://[^\s()<>\[\]\"]+", re.IGNORECASE)
_TAG = re.compile(r"<(?=[@/]|font)", re.IGNORECASE)
_BETWEEN = "\u200b"  # shown as nothing
_MARKS_SIZE = 1_500


def render(message: OutboundMessage) -> list[Part]:
    """The message's parts, in order; files come after the words."""
    if is_wordless(message):
        return file_parts(message)
    runs = [_flat(run) for run in lay_out(parse(message.text), is_linkable)]
    contents = list(_fitting(runs, LIMIT)) or [NOTHING]
    return [*(Part(payload={"markdown": content}) for content in contents), *file_parts(message)]


def size(text: str) -> int:
    """The length of a text as WeCom counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def is_linkable(url: str) -> bool:
    """Whether it can stand in a link: nothing in it ends one."""
    return len(url) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(url) is not None


def _flat(run: Run) -> Run:
    """A link is one line, and nobody is called by what is only text."""
    linked = any(isinstance(mark, Href) for mark in run.marks)
    text = _TAG.sub(f"<{_BETWEEN}", run.text)
    return Run(text.replace("\n", " ") if linked else text, run.marks)


def _fitting(runs: Sequence[Run], limit: int) -> Iterator[str]:
    """Contents of at most LIMIT bytes. The signs between the words count, too, so some parts are cut once more."""
    room = MarkRoom(most=_MARKS_SIZE, load=_load)
    for part in split(runs, limit, size, marks=room):
        content = written(trim(part, limit, size))
        if size(content) > LIMIT:
            yield from _fitting(part, limit // 2)
        elif content.strip():
            yield content


def _load(mark: Mark) -> int:
    return size(mark.url) + 4 if isinstance(mark, Href) else 4


def written(runs: Sequence[Run]) -> str:
    """The runs as lines of WeCom's Markdown."""
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.split("\n")
        lines[-1].append(Run(first, run.marks))
        lines += [[Run(other, run.marks)] for other in others]
    return "\n".join(_line([run for run in line if run.text]) for line in lines)


def _line(runs: Sequence[Run]) -> str:
    if not visible(runs).strip():
        return ""
    quoted, headed = Style.QUOTE in runs[0].marks, Style.HEADING in runs[0].marks
    if headed and not quoted:
        runs = [Run(run.text, tuple(mark for mark in run.marks if mark is not Style.BOLD)) for run in runs]
        return "### " + "".join(_pieces(runs))
    return ("> " if quoted else "") + "".join(_pieces(runs))


def _pieces(runs: Sequence[Run]) -> Iterator[str]:
    for form, alike in groupby(runs, _form):
        yield _formed("".join(run.text for run in alike), form)


def _form(run: Run) -> Mark | None:
    """The one of its marks that is shown: a link is not bold, and code is neither."""
    marks = run.marks
    link = next((mark for mark in marks if isinstance(mark, Href)), None)
    if link is not None:
        return link
    if Style.CODE in marks or any(isinstance(mark, Fence) for mark in marks):
        return Style.CODE
    return Style.BOLD if Style.BOLD in marks else None


def _formed(text: str, form: Mark | None) -> str:
    words = text.strip()
    if not words or form is None:
        return text
    before, after = text[: text.index(words)], text[text.index(words) + len(words) :]
    match form:
        case Href(url):
            shown = f"{words} ({url})" if "[" in words or "]" in words else f"[{words}]({url})"
        case Style.CODE:
            shown = words if "`" in words else f"`{words}`"
        case _:
            shown = words if "*" in words else f"**{words}**"
    return f"{before}{shown}{after}"

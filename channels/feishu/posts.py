"""Runs as the content of a post, Feishu's rich text: paragraphs of elements that are taken literally; pure.

The elements and their styles:
https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
"""

from collections.abc import Iterable, Iterator, Sequence

from channels.text import Fence, Href, Mark, Run, Style
from gateway.messages import Json

STYLES: dict[Mark, str] = {
    Style.BOLD: "bold",
    Style.HEADING: "bold",
    Style.ITALIC: "italic",
    Style.STRIKE: "lineThrough",
}
_KNOWN = "bash c cpp go html java javascript json kotlin php python ruby rust shell sql swift typescript xml yaml"
LANGUAGES = frozenset(_KNOWN.upper().split())
"""Of a code block. One that is not known is left out."""

QUOTE = "┃ "
"""Before each line of a quote: a post has no other sign for it."""

LOCALE = "en_us"
"""A post can be in several languages. In one alone, everybody sees that one."""


def content(runs: Sequence[Run], _rows: Json = ()) -> Json:
    """The content of a post that shows these runs. It has no buttons."""
    paragraphs = [_paragraph(line) for line in lines(runs)]
    return {LOCALE: {"title": "", "content": paragraphs}}


def lines(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs line by line, none with a line end in it; but a fence is one line, with all of its text."""
    found: list[list[Run]] = [[]]
    for run in joined(runs):
        if fence_of(run) is not None:
            if found[-1]:
                found.append([])
            found[-1].append(run)
            continue
        first, *rest = run.text.split("\n")
        if first:
            if found[-1] and fence_of(found[-1][0]) is not None:
                found.append([])
            found[-1].append(Run(first, run.marks))
        found += [[Run(text, run.marks)] if text else [] for text in rest]
    return found


def joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Neighbours with the same marks as one run: a fence may come in pieces."""
    last = Run("")
    for run in runs:
        if last.text and last.marks == run.marks:
            last = Run(last.text + run.text, run.marks)
        else:
            if last.text:
                yield last
            last = run
    if last.text:
        yield last


def fence_of(run: Run) -> Fence | None:
    """The fence that the run stands in."""
    return next((mark for mark in run.marks if isinstance(mark, Fence)), None)


def marked(found: Json, sign: str) -> Json:
    """The content with a sign before its words."""
    document = found[LOCALE]
    first = [{"tag": "text", "text": sign.rstrip()}]
    paragraphs = document["content"]
    if paragraphs and paragraphs[0] and paragraphs[0][0]["tag"] != "code_block":
        paragraphs = [[{"tag": "text", "text": sign}, *paragraphs[0]], *paragraphs[1:]]
    else:
        paragraphs = [first, *paragraphs]
    return {LOCALE: {**document, "content": paragraphs}}


def words(found: Json) -> str:
    """The words of a content, without their formatting."""
    paragraphs = found[LOCALE]["content"]
    return "\n".join("".join(element.get("text", "") for element in paragraph) for paragraph in paragraphs)


def _paragraph(line: Sequence[Run]) -> Json:
    elements = [_element(run) for run in line]
    if any(Style.QUOTE in run.marks and fence_of(run) is None for run in line[:1]):
        elements.insert(0, {"tag": "text", "text": QUOTE})
    return elements or [{"tag": "text", "text": ""}]


def _element(run: Run) -> Json:
    fence = fence_of(run)
    if fence is not None:
        language = fence.language.upper()
        named = {"language": language} if language in LANGUAGES else {}
        return {"tag": "code_block", **named, "text": run.text}
    text = f"`{run.text}`" if Style.CODE in run.marks else run.text
    link = next((mark.url for mark in run.marks if isinstance(mark, Href)), "")
    styles = list(dict.fromkeys(STYLES[mark] for mark in run.marks if mark in STYLES))
    styled = {"style": styles} if styles else {}
    return {"tag": "a", "href": link, "text": text, **styled} if link else {"tag": "text", "text": text, **styled}

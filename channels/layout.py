"""A Markdown tree as text with marks: how lists, tables, quotes and rules look where there is nothing but text.

The text is the same for every channel; what becomes of the marks is each channel's own.
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

from channels.markdown import (
    Block,
    Blocks,
    Break,
    Bullets,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Inlines,
    Link,
    Numbers,
    Paragraph,
    Quote,
    Rule,
    Strike,
    Strong,
    Table,
    Text,
    plain,
)
from channels.text import Fence, Href, Mark, Run, Style

RULE = "─" * 12
BULLET = "• "
WIDEST_TABLE = 40
"""Columns of a table that is still aligned: what a telephone shows in one line."""

Marks: TypeAlias = tuple[Mark, ...]


def lay_out(blocks: Blocks, linkable: Callable[[str], bool]) -> list[Run]:
    """The runs of a tree: an empty line between blocks, never more.

    `linkable`: whether an address can be a link on this channel; one that cannot stands in brackets after its
    words. A quote in a quote is one with it.
    """
    page = _Page(linkable)
    page.blocks(blocks, "\n\n", "", ())
    return page.runs


class _Page:
    """What has been written. `indent` stands before every line but the first, which something else has begun."""

    def __init__(self, linkable: Callable[[str], bool]) -> None:
        self.runs: list[Run] = []
        self._linkable = linkable

    def blocks(self, blocks: Blocks, between: str, indent: str, marks: Marks, *, after_sign: bool = False) -> None:
        """`after_sign`: the line has the sign of a list's item, and only words go on in it."""
        for number, block in enumerate(map(_aligned, blocks)):
            margin = "" if isinstance(block, CodeBlock | Quote) else indent
            if number:
                self._write(between + margin, marks)
            elif after_sign and isinstance(block, CodeBlock | Quote | Table | Rule):
                self._write("\n" + margin, marks)
            self._block(block, indent, marks)

    def _write(self, text: str, marks: Marks) -> None:
        if text:
            self.runs.append(Run(text, marks))

    def _block(self, block: Block, indent: str, marks: Marks) -> None:
        match block:
            case Paragraph(children):
                self._inlines(children, indent, marks)
            case Heading(_, children):
                self._inlines(children, indent, (*marks, Style.HEADING))
            case CodeBlock(text, language):
                self._write(text, (*marks, Fence(language)))
            case Quote(blocks):
                quoted = marks if Style.QUOTE in marks else (*marks, Style.QUOTE)
                self.blocks(blocks, "\n\n", "", quoted)
            case Bullets(items, tight):
                self._items([BULLET] * len(items), items, tight, indent, marks)
            case Numbers(items, tight, start):
                numbers = [f"{start + place}. " for place in range(len(items))]
                self._items(numbers, items, tight, indent, marks)
            case Rule():
                self._write(RULE, marks)
            case Table():
                self._table(block, indent, marks)

    def _items(
        self, signs: Sequence[str], items: Sequence[Blocks], tight: bool, indent: str, marks: Marks
    ) -> None:
        between = "\n" if tight else "\n\n"
        for number, (sign, item) in enumerate(zip(signs, items, strict=True)):
            deeper = indent + " " * len(sign)
            self._write(between + indent + sign if number else sign, marks)
            self.blocks(item, between, deeper, marks, after_sign=True)

    def _inlines(self, inlines: Inlines, indent: str, marks: Marks) -> None:
        for inline in inlines:
            match inline:
                case Text(text):
                    self._write(text, marks)
                case Code(text):
                    self._write(text, (*marks, Style.CODE))
                case Break():
                    self._write("\n" + indent, marks)
                case Strong(children):
                    self._inlines(children, indent, (*marks, Style.BOLD))
                case Emphasis(children):
                    self._inlines(children, indent, (*marks, Style.ITALIC))
                case Strike(children):
                    self._inlines(children, indent, (*marks, Style.STRIKE))
                case Link(url, children):
                    self._link(url, children, indent, marks)

    def _link(self, url: str, children: Inlines, indent: str, marks: Marks) -> None:
        if self._linkable(url):
            self._inlines(children, indent, (*marks, Href(url)))
            return
        self._inlines(children, indent, marks)
        address = url.removeprefix("mailto:")
        if plain(children).strip() not in {url, address}:
            self._write(f" ({address})", marks)

    def _table(self, table: Table, indent: str, marks: Marks) -> None:
        """Each row as lines of "header: value", an empty line between rows; without rows the header's cells."""
        if not table.rows:
            self._joined(table.header, indent, marks)
        names = [plain(cell).strip().replace("\n", " ") for cell in table.header]
        between = ""
        for row in table.rows:
            for name, cell in zip(names, row, strict=True):
                if name or cell:
                    self._write(between + (f"{name}: " if name and cell else name), marks)
                    self._inlines(cell, indent, marks)
                    between = "\n" + indent
            between = "\n\n" + indent if between else ""

    def _joined(self, cells: Sequence[Inlines], indent: str, marks: Marks) -> None:
        for number, cell in enumerate(cells):
            self._write(" | " if number else "", marks)
            self._inlines(cell, indent, marks)


def _aligned(block: Block) -> Block:
    """A table as lines for a fence if it is narrow, and has nothing that a fence would lose: a link."""
    if not isinstance(block, Table) or _has_link(block):
        return block
    cells = [[plain(cell).strip().replace("\n", " ") for cell in row] for row in (block.header, *block.rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > WIDEST_TABLE:
        return block
    lines = ["  ".join(map(_padded, row, widths)).rstrip() for row in cells]
    return CodeBlock("\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]]))


def _has_link(table: Table) -> bool:
    return any(_leads_away(cell) for row in (table.header, *table.rows) for cell in row)


def _leads_away(inlines: Inlines) -> bool:
    for inline in inlines:
        match inline:
            case Link():
                return True
            case Strong(children) | Emphasis(children) | Strike(children):
                if _leads_away(children):
                    return True
    return False


def _width(text: str) -> int:
    """Columns in a font whose characters are equally wide: two for Chinese and for most emoji."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.category(one) in {"Mn", "Me", "Cf"} for one in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))

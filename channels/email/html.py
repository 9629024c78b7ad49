"""A Markdown tree as HTML for mail programs: plain elements, hardly any style, nothing from elsewhere; pure."""

import re
from collections.abc import Iterator
from html import escape

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

_ADDRESS = re.compile(r"(?:https?://[^\s/]|mailto:[^\s@]+@)\S*", re.IGNORECASE)

_START = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n<body style="font-family: sans-serif">\n'
_END = "</body></html>\n"
_CODE = 'style="background: #f4f4f4; padding: 8px; white-space: pre-wrap"'
_QUOTE = 'style="margin: 0; padding-left: 12px; border-left: 3px solid #ccc"'
_CELL = 'style="border: 1px solid #ccc; padding: 4px 8px; text-align: left"'


def page(blocks: Blocks) -> str:
    """A whole document."""
    return f"{_START}{_blocks(blocks)}{_END}"


def marked(document: str, sign: str) -> str:
    """A whole document with a sign before everything else in it."""
    return f"{_START}<p>{escape(sign)}</p>\n{document.removeprefix(_START)}"


def is_linkable(url: str) -> bool:
    """Whether it leads to a page or to somebody's mail box; anything else could do more than that."""
    return _ADDRESS.fullmatch(url) is not None


def _blocks(blocks: Blocks) -> str:
    return "".join(f"{_block(block)}\n" for block in blocks)


def _block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return f"<p>{_inlines(children)}</p>"
        case Heading(level, children):
            return f"<h{level}>{_inlines(children)}</h{level}>"
        case CodeBlock(text):
            return f"<pre {_CODE}><code>{escape(text)}</code></pre>"
        case Quote(inner):
            return f"<blockquote {_QUOTE}>{_blocks(inner)}</blockquote>"
        case Bullets(items, tight):
            return f"<ul>{_items(items, tight=tight)}</ul>"
        case Numbers(items, tight, start):
            return f'<ol start="{start}">{_items(items, tight=tight)}</ol>'
        case Rule():
            return "<hr>"
        case Table():
            return _table(block)


def _items(items: tuple[Blocks, ...], *, tight: bool) -> str:
    return "".join(f"<li>{_item(item, tight=tight)}</li>" for item in items)


def _item(blocks: Blocks, *, tight: bool) -> str:
    """In a tight list, words stand without the space of a paragraph."""
    if not tight:
        return _blocks(blocks)
    return "".join(_inlines(block.children) if isinstance(block, Paragraph) else _block(block) for block in blocks)


def _table(table: Table) -> str:
    rows = [_row(table.header, "th"), *(_row(row, "td") for row in table.rows)]
    return f'<table style="border-collapse: collapse">{"".join(rows)}</table>'


def _row(cells: tuple[Inlines, ...], element: str) -> str:
    return f"<tr>{''.join(f'<{element} {_CELL}>{_inlines(cell)}</{element}>' for cell in cells)}</tr>"


def _inlines(inlines: Inlines) -> str:
    return "".join(_pieces(inlines))


def _pieces(inlines: Inlines) -> Iterator[str]:
    for inline in inlines:
        match inline:
            case Text(text):
                yield escape(text)
            case Code(text):
                yield f"<code>{escape(text)}</code>"
            case Break():
                yield "<br>"
            case Strong(children):
                yield f"<strong>{_inlines(children)}</strong>"
            case Emphasis(children):
                yield f"<em>{_inlines(children)}</em>"
            case Strike(children):
                yield f"<s>{_inlines(children)}</s>"
            case Link(url, children):
                yield _link(url, children)


def _link(url: str, children: Inlines) -> str:
    words = _inlines(children)
    if is_linkable(url):
        return f'<a href="{escape(url)}">{words}</a>'
    return words if plain(children).strip() == url else f"{words} ({escape(url)})"

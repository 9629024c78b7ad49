"""What language models write, read into a small tree: Markdown for every channel, once.

CommonMark with tables and strikethrough. A bare link stays text, and so does HTML. A line break in the source is a
line break, as people in chats expect. Reference links are not resolved: `[1]: https://…` stays as it was written,
because a definition that nobody refers to would vanish otherwise.

No input raises, and none is lost: what is nested deeper than anybody means, and what would show nothing at all, is
shown as it was written. (The title of a link, which nobody sees before pointing at it, is left out.)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

DEEPEST = 20
"""Levels of quotes, lists and items; a list is two levels. The parser leaves out what lies deeper."""

CONTAINERS = {"blockquote_open", "list_item_open"}

DEEPEST_MARKS = 8
"""Levels of emphasis and the like; the text of deeper ones stands in the level above."""

MOST_CELLS = 20_000
"""Cells of a table; one with more stays text. (Two characters make a row of empty cells: that takes seconds.) One
that has more cells in a row than in its header stays text, too: the parser leaves those out."""

MOST_BRACKETS = 2_000
"""Opening brackets that belong to no link; with more, no link is looked for. (Each costs a look ahead.)"""


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Words for a machine, in a line."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line inside a block."""


@dataclass(frozen=True, slots=True)
class Strong:
    children: "Inlines"


@dataclass(frozen=True, slots=True)
class Emphasis:
    children: "Inlines"


@dataclass(frozen=True, slots=True)
class Strike:
    children: "Inlines"


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to an address; never empty, and never inside another link. A picture is one, too."""

    url: str
    children: "Inlines"


Inline: TypeAlias = Text | Code | Break | Strong | Emphasis | Strike | Link
Inlines: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 to 6
    children: Inlines


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines for a machine, without a line end after the last."""

    text: str
    language: str = ""  # letters, digits and +-_.#, or nothing


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: "Blocks"


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple["Blocks", ...]
    tight: bool = True  # no empty lines between the items


@dataclass(frozen=True, slots=True)
class Numbers:
    items: tuple["Blocks", ...]
    tight: bool = True
    start: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Table:
    """Every row has as many cells as the header."""

    header: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]


Block: TypeAlias = Paragraph | Heading | CodeBlock | Quote | Bullets | Numbers | Rule | Table
Blocks: TypeAlias = tuple[Block, ...]


def parse(source: str) -> Blocks:
    """The blocks of a text; empty only when the text has nothing but white space."""
    source = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a character is none
    parser = _parser(links=source.count("[") - source.count("](") <= MOST_BRACKETS)
    tokens = parser.parse(source)
    if any(token.level >= DEEPEST - 1 and token.type in CONTAINERS for token in tokens):
        return _as_written(source)
    return _blocks(_Cursor(tokens)) or _as_written(source)


def plain(inlines: Inlines) -> str:
    """The words alone."""
    return "".join(_words(inlines))


def _words(inlines: Inlines) -> Iterator[str]:
    for inline in inlines:
        match inline:
            case Text(text) | Code(text):
                yield text
            case Break():
                yield "\n"
            case Strong(children) | Emphasis(children) | Strike(children) | Link(_, children):
                yield from _words(children)


def _as_written(source: str) -> Blocks:
    lines = source.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    children: list[Inline] = []
    for line in lines[first:]:
        children += [Text(line), Break()]
    return (Paragraph(tuple(children[:-1])),) if children else ()


@cache
def _parser(*, links: bool) -> "MarkdownIt":
    from markdown_it import MarkdownIt  # costs 60 ms, so not before the first message
    from markdown_it.rules_block import table

    def small_table(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
        if not table(state, start, end, True) or not _fits(state, start, end):
            return False
        return silent or table(state, start, end, False)

    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable(["table", "strikethrough"])
    parser.disable(["reference", "html_block", "html_inline"])
    if not links:
        parser.disable(["link", "image"])
    parser.block.ruler.at("table", small_table, {"alt": ["paragraph", "reference"]})
    return parser


@dataclass(slots=True)
class _Lines:
    """Lines up to an empty one, where a table ends at the latest; looked at once, not for each table in them."""

    end: int = 0
    cells: int = 0  # of the line that has most

    def look(self, state: "StateBlock", start: int, end: int) -> None:
        self.end, self.cells = start, 0
        while self.end < end and not state.isEmpty(self.end):
            self.cells = max(self.cells, _cells_in(state, self.end))
            self.end += 1


def _fits(state: "StateBlock", start: int, end: int) -> bool:
    """Whether a table that begins on this line is not too large, and no row has more cells than its header."""
    lines: _Lines = state.env.setdefault("lines", _Lines())
    if lines.end <= start:
        lines.look(state, start, end)
    columns = _cells_in(state, start)
    return lines.cells <= columns and (lines.end - start) * columns <= MOST_CELLS


_BAR = re.compile(r"(?<!\\)\|")


def _cells_in(state: "StateBlock", line: int) -> int:
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip().removeprefix("|")
    return len(_BAR.findall(text)) + (0 if text.endswith("|") and not text.endswith("\\|") else 1)


class _Cursor:
    """Goes through the tokens once."""

    def __init__(self, tokens: Sequence["Token"]) -> None:
        self._tokens = tokens
        self._next = 0

    def take(self) -> "Token | None":
        """The next token; None at the end of a block, and at the end of all."""
        if self._next == len(self._tokens):
            return None
        token = self._tokens[self._next]
        self._next += 1
        return None if token.nesting < 0 else token

    def is_tight(self, level: int) -> bool:
        """Whether the list that begins here, on this level, has no empty lines: its paragraphs are hidden then."""
        for token in islice(self._tokens, self._next, None):
            if token.level == level:
                break  # the end of the list
            if token.level == level + 2 and token.type == "paragraph_open":
                return token.hidden
        return True


def _blocks(cursor: _Cursor) -> Blocks:
    """The blocks up to the end of the one that they stand in; those that would show nothing are left out."""
    blocks: list[Block] = []
    while (token := cursor.take()) is not None:
        block = _block(token, cursor)
        if block is not None:
            blocks.append(block)
    return tuple(blocks)


def _block(token: "Token", cursor: _Cursor) -> Block | None:
    match token.type:
        case "paragraph_open":
            children = _line(cursor)
            return Paragraph(children) if children else None
        case "heading_open":
            children = _line(cursor)
            return Heading(int(token.tag[1]), children) if children else None
        case "fence" | "code_block":
            return _code_block(token)
        case "blockquote_open":
            blocks = _blocks(cursor)
            return Quote(blocks) if blocks else None
        case "bullet_list_open":
            tight = cursor.is_tight(token.level)
            return Bullets(_items(cursor), tight)
        case "ordered_list_open":
            tight = cursor.is_tight(token.level)
            return Numbers(_items(cursor), tight, int(token.attrs.get("start", 1)))
        case "table_open":
            return _table(cursor)
        case "hr":
            return Rule()
    raise AssertionError(f"a token that no rule here makes: {token.type}")


def _line(cursor: _Cursor) -> Inlines:
    """The inlines of a block that has nothing else."""
    children: Inlines = ()
    while (token := cursor.take()) is not None:
        children += _inlines(token.children or [])
    return children


def _code_block(token: "Token") -> CodeBlock | None:
    """What follows the language on its line is kept as the first line: it may be code on the wrong line."""
    info, content = token.info.strip(), token.content.rstrip().lstrip("\n")
    language, _, rest = info.partition(" ")
    if not content or not _names_language(language):
        language, rest = "", info
    text = "\n".join(filter(None, [rest.strip(), content]))
    return CodeBlock(text, language) if text else None


def _names_language(word: str) -> bool:
    return len(word) <= 20 and word.isascii() and all(one.isalnum() or one in "+-_.#" for one in word)


def _items(cursor: _Cursor) -> tuple[Blocks, ...]:
    items: list[Blocks] = []
    while cursor.take() is not None:
        items.append(_blocks(cursor))
    return tuple(items)


def _table(cursor: _Cursor) -> Table:
    rows: list[tuple[Inlines, ...]] = []
    while cursor.take() is not None:  # head, body
        while cursor.take() is not None:  # row
            rows.append(_cells(cursor))
    return Table(rows[0], tuple(rows[1:]))


def _cells(cursor: _Cursor) -> tuple[Inlines, ...]:
    cells: list[Inlines] = []
    while cursor.take() is not None:
        cells.append(_line(cursor))
    return tuple(cells)


_MARKS: dict[str, type[Strong | Emphasis | Strike]] = {"strong": Strong, "em": Emphasis, "s": Strike}


def _inlines(tokens: Sequence["Token"]) -> Inlines:
    line = _Line()
    for token in tokens:
        line.add(token)
    return line.end()


class _Line:
    """Builds inlines from tokens: a stack of the marks that are open, because hostile ones nest without end."""

    def __init__(self) -> None:
        self._open: list[list[Inline]] = [[]]
        self._url: str | None = None  # of the link that is open
        self._ignored = 0  # marks that are open, and too deep

    def add(self, token: "Token") -> None:
        match token.type:
            case "text":
                self._words(Text(token.content))
            case "code_inline":
                self._words(Code(token.content))
            case "softbreak" | "hardbreak":
                self._open[-1].append(Break())
            case "image":
                self._link(str(token.attrs["src"]), _inlines(token.children or []))
            case "link_open":
                self._url = str(token.attrs["href"])
                self._open.append([])
            case "link_close":
                url, self._url = self._url or "", None
                self._link(url, tuple(self._open.pop()))
            case _:
                self._mark(token)

    def end(self) -> Inlines:
        return tuple(self._open[0])

    def _words(self, words: Text | Code) -> None:
        if words.text:
            self._open[-1].append(words)

    def _link(self, url: str, children: Inlines) -> None:
        children = children if plain(children).strip() else (Text(url),)
        if self._url is None and url:
            self._open[-1].append(Link(url, children))
        else:  # a picture inside a link leads where the link leads; without an address there is none
            self._open[-1] += children

    def _mark(self, token: "Token") -> None:
        if token.nesting > 0:
            if self._ignored or len(self._open) > DEEPEST_MARKS:
                self._ignored += 1
            else:
                self._open.append([])
        elif self._ignored:
            self._ignored -= 1
        elif children := tuple(self._open.pop()):
            self._open[-1].append(_MARKS[token.tag](children))

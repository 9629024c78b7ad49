"""Markdown as a tree: what language models write, and what nobody should."""

import dataclasses
import itertools
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.markdown import (
    DEEPEST,
    Block,
    Blocks,
    Break,
    Bullets,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Inline,
    Link,
    Numbers,
    Paragraph,
    Quote,
    Rule,
    Strike,
    Strong,
    Table,
    Text,
    parse,
    plain,
)


def said(*inlines: Inline | str) -> Paragraph:
    return Paragraph(tuple(Text(one) if isinstance(one, str) else one for one in inlines))


def texts(node: object) -> Iterator[str]:
    """Every string in a tree: words, languages, addresses."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, tuple):
        for one in node:
            yield from texts(one)
    elif dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield from texts(getattr(node, field.name))


def depth(node: object) -> int:
    if isinstance(node, tuple):
        return max(map(depth, node), default=0)
    if dataclasses.is_dataclass(node):
        return 1 + max((depth(getattr(node, field.name)) for field in dataclasses.fields(node)), default=0)
    return 0


BLOCKS: dict[str, tuple[str, Blocks]] = {
    "words": ("hello", (said("hello"),)),
    "a line break stays one": ("a\nb", (said("a", Break(), "b"),)),
    "a hard line break is a line break": ("a  \nb", (said("a", Break(), "b"),)),
    "two blocks": ("a\n\n\n\nb", (said("a"), said("b"))),
    "a heading": ("## Now *then*", (Heading(2, (Text("Now "), Emphasis((Text("then"),)))),)),
    "a fence with a language": ("```python\nx = 1\n\ny\n```", (CodeBlock("x = 1\n\ny", "python"),)),
    "a fence with nothing but a word": ("```hello", (CodeBlock("hello"),)),
    "an empty fence": ("a\n```\n```", (said("a"),)),
    "a fence that nobody closed": ("```\nx <b>", (CodeBlock("x <b>"),)),
    "words after the language are kept": ("```js {1}\nx\n```", (CodeBlock("{1}\nx", "js"),)),
    "code on the line of the language is kept": ("```print(1)\nx\n```", (CodeBlock("print(1)\nx"),)),
    "indented code": ("    x\n      y", (CodeBlock("x\n  y"),)),
    "a quote": ("> a\n> b\n\nc", (Quote((said("a", Break(), "b"),)), said("c"))),
    "a list": ("- a\n- b", (Bullets(((said("a"),), (said("b"),))),)),
    "a loose list": ("- a\n\n- b", (Bullets(((said("a"),), (said("b"),)), tight=False),)),
    "a list in a list": ("- a\n  - b", (Bullets(((said("a"), Bullets(((said("b"),),))),)),)),
    "numbers that start somewhere": ("7. a\n8. b", (Numbers(((said("a"),), (said("b"),)), start=7),)),
    "numbers that start at nothing": ("0. a", (Numbers(((said("a"),),), start=0),)),
    "an item without words": ("-\n- b", (Bullets(((), (said("b"),))),)),
    "a rule": ("a\n\n---", (said("a"), Rule())),
    "a table": (
        "| a | b |\n|---|--:|\n| 1 | **2** |\n| 3 |",
        (
            Table(
                ((Text("a"),), (Text("b"),)),
                (((Text("1"),), (Strong((Text("2"),)),)), ((Text("3"),), ())),
            ),
        ),
    ),
    "a table in a quote": ("> |a|\n> |-|\n> |1|", (Quote((Table(((Text("a"),),), (((Text("1"),),),)),)),)),
    "a row with too many cells leaves the table text": (
        "|a|\n|-|\n|1|2|",
        (said("|a|", Break(), "|-|", Break(), "|1|2|"),),
    ),
    "HTML is text": ("<b>x</b>\n\n<!-- y -->", (said("<b>x</b>"), said("<!-- y -->"))),
    "a definition of a reference stays": ("[1]: http://x.yz", (said("[1]: http://x.yz"),)),
    "white space": (" \n\t\n", ()),
    "nothing": ("", ()),
    "a sign alone is shown as it is": ("#", (said("#"),)),
    "signs alone are shown as they are": (">\n>", (said(">", Break(), ">"),)),
    "a NUL and half a character": ("a\0b\ud83dc", (said("a\ufffdb\ufffdc"),)),
    "two halves of a character": ("\ud83d\ude00", (said("😀"),)),
}

INLINES: dict[str, tuple[str, tuple[Inline, ...]]] = {
    "strong": ("**a**", (Strong((Text("a"),)),)),
    "emphasis": ("*a* _b_", (Emphasis((Text("a"),)), Text(" "), Emphasis((Text("b"),)))),
    "strike": ("~~a~~", (Strike((Text("a"),)),)),
    "marks in marks": ("**a *b***", (Strong((Text("a "), Emphasis((Text("b"),)))),)),
    "code": ("`a *b* <c>`", (Code("a *b* <c>"),)),
    "a link": ("[a](http://b.cd/?x=1&y)", (Link("http://b.cd/?x=1&y", (Text("a"),)),)),
    "a link's title is left out": ('[a](http://b.cd "t")', (Link("http://b.cd", (Text("a"),)),)),
    "a link without words": ("[](http://b.cd)", (Link("http://b.cd", (Text("http://b.cd"),)),)),
    "a link without an address": ("[a]()", (Text("a"),)),
    "an address in angles": ("<http://b.cd>", (Link("http://b.cd", (Text("http://b.cd"),)),)),
    "a bare address stays text": ("see http://b.cd/x_y_z", (Text("see http://b.cd/x_y_z"),)),
    "an address that runs a script stays text": ("[a](javascript:b)", (Text("[a](javascript:b)"),)),
    "a picture is a link": ("![a](http://b.cd/e.png)", (Link("http://b.cd/e.png", (Text("a"),)),)),
    "a picture without words": ("![](http://b.cd)", (Link("http://b.cd", (Text("http://b.cd"),)),)),
    "a picture in a link": ("[![a](http://p.cd)](http://b.cd)", (Link("http://b.cd", (Text("a"),)),)),
    "what is not closed": ("*a **b `c [d](e", (Text("*a **b `c [d](e"),)),
    "names with underscores": ("snake_case_name", (Text("snake_case_name"),)),
    "named characters": ("&lt;&copy;&nope;", (Text("<©&nope;"),)),
}


@pytest.mark.parametrize(("source", "tree"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(source: str, tree: Blocks) -> None:
    assert parse(source) == tree


@pytest.mark.parametrize(("source", "inlines"), INLINES.values(), ids=INLINES)
def test_inlines(source: str, inlines: tuple[Inline, ...]) -> None:
    assert parse(source) == (Paragraph(inlines),)


def test_the_words_of_inlines_are_what_is_seen() -> None:
    (block,) = parse("a **b *c*** `d` ~~e~~ [f](http://g.hi)\nj")

    assert isinstance(block, Paragraph)
    assert plain(block.children) == "a b c d e f\nj"


@pytest.mark.parametrize("sign", [">", "> ", "- ", "1. ", ">- "])
def test_what_is_nested_deeper_than_anybody_means_is_shown_as_it_was_written(sign: str) -> None:
    source = sign * 10_000 + "end"

    tree = parse(source)

    assert tree == (said(source),)


def test_what_is_nested_as_deep_as_can_be_is_a_tree() -> None:
    tree = parse("> " * (DEEPEST - 1) + "end")

    assert depth(tree) == DEEPEST - 1 + 2  # the paragraph, the words
    assert "end" in set(texts(tree))


def test_marks_without_end_keep_their_words_and_stay_shallow() -> None:
    tree = parse("*a " * 500 + " b*" * 500)

    assert "".join(texts(tree)).replace(" ", "").count("a") == 500
    assert depth(tree) < 20


HOSTILE = {
    "stars": "*a **b " * 14_300,
    "open brackets": "[" * 100_000,
    "open pictures": "![" * 50_000,
    "open links": "[a](" * 25_000,
    "balanced brackets": "[" * 50_000 + "]" * 50_000,
    "backticks": "`" * 100_000,
    "backticks of every length": "".join("`" * (length % 400) + " " for length in range(500)),
    "bars": "|" * 100_000,
    "rows": "|a|b|\n|-|-|\n" + "|a|b|\n" * 16_000,
    "a wide table": "|a" * 1_000 + "|\n" + "|-" * 1_000 + "|\n" + "|\n" * 20_000,
    "tables that lists end": "|a|\n|-|\n- x\n" * 9_000,
    "quotes": ">" * 100_000,
    "underlines": "_a __b " * 14_300,
    "tildes": "~~a " * 25_000,
    "angles": "<" * 100_000,
    "ampersands": "&" * 100_000,
    "emphasis in emphasis": "*a" * 30_000 + "a*" * 20_000,
    "lines": "ab\n" * 33_000,
    "empty lines": "\n" * 100_000,
    "spaces": " " * 100_000 + "x",
    "NULs": "\0" * 100_000,
    "halves of characters": "\ud83d" * 100_000,
    "pictures in pictures": "![" * 2_000 + "a" + "](u)" * 2_000,
}


@pytest.mark.nightly
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_four_times_as_much_of_anything_takes_no_sixteen_times_as_long(source: str) -> None:
    parse("*")  # the parser's import is not what is measured
    quarter, whole = source[: len(source) // 4], source

    # The best of some: the machine does other things beside. What is over at once says nothing about growth.
    before, after = (min(timed(text) for _ in range(3)) for text in (quarter, whole))

    assert after < max(10 * before, 0.5)


def timed(source: str) -> float:
    began = time.process_time()
    parse(source)
    return time.process_time() - began


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_loses_none_of_its_letters(source: str) -> None:
    short = source[:2_000]

    told = "".join(texts(parse(short)))

    assert told.count("a") >= short.count("a")
    assert told.count("x") >= short.count("x")


PIECES = [
    "{} {}", "**{}**", "*{} {}*", "_{}", "`{}`", "``{}", "~~{}~~", "[{}]({})", "[{}](http://{}.com)", "![{}](a)",
    "[{}", "]({})", "<{}>", "</{}", "&{};", "\\{}", "\n# {}\n", "\n- {}\n", "\n  - {}\n", "\n1. {}\n", "\n> {}\n",
    "\n```{}\n", "\n```{} {}\n", "\n~~~\n", "\n    {}\n", "\n|{}|{}|\n|-|-|\n", "|{}|\n", "|{}|{}|{}|\n", "|",
    "\n---\n", "{}\n===\n", "\n\n", "\n", "[{}]: {}\n", "[{}][{}]", "👨 {}", "{}\u0301", "\t{}",
    "*", "**", "_", "`", "[", "]", "(", ")", "\r\n", "\0", "\ud83d", "<!-- {}\n",
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_word_is_ever_lost(pieces: list[str]) -> None:
    words = (f"w{number}w" for number in itertools.count())
    source = "".join(piece.format(*words_of(piece, words)) for piece in pieces)

    told = " ".join(texts(parse(source)))

    assert [word for word in named(source) if word not in told] == []


def words_of(piece: str, words: Iterator[str]) -> list[str]:
    return list(itertools.islice(words, piece.count("{}")))


def named(source: str) -> list[str]:
    return [word for number in range(100) if (word := f"w{number}w") in source]


@given(st.text(alphabet="ab *_`~[]()!<>&#-+=|\\\n\t\r\0:.\"'1{}\ud800é中😀\u200d", max_size=300))
def test_any_text_can_be_read(source: str) -> None:
    tree = parse(source)

    assert bool(tree) == bool(source.strip())
    assert all(isinstance(block, Block) for block in tree)

"""Markdown as Telegram's messages (P-57, P-58)."""

import html
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.layout import lay_out
from channels.markdown import parse
from channels.telegram.render import LIMIT, MOST_MARKS, NOTHING, REPEAT, is_linkable, marked, render, utf16
from channels.text import visible
from gateway.messages import Button, Caller, ChatAddress, OutboundMessage, Part

LONGEST_PAYLOAD = 32 * 1024  # bytes, before Telegram reads the formatting
MARKS_SIZE = 9_500  # bytes of all marks and their addresses


def message(text: str, **more: object) -> OutboundMessage:
    chat = str(more.pop("chat", "42"))
    rows = more.pop("buttons", ())
    assert isinstance(rows, tuple)
    return OutboundMessage(
        delivery_id="d1",
        address=ChatAddress(channel="telegram", chat=chat),
        caller=Caller.REPLY,
        text=text,
        reply_to=str(more.pop("reply_to", "")),
        asker=str(more.pop("asker", "")),
        buttons=rows,
    )


def shown(text: str) -> list[str]:
    """The HTML of the parts."""
    return [part.payload["text"] for part in render(message(text))]


def told(parts: Sequence[Part]) -> list[str]:
    """What a person reads."""
    return [Reader(part.payload["text"]).text for part in parts]


class Reader:
    """Reads HTML as Telegram does, and refuses what it refuses, and what it would quietly leave out."""

    INSIDE_OTHERS = frozenset({"b", "i", "s"})
    TOKEN = re.compile(r"<(/?)([a-z]+)((?: [a-z]+=\"[^\"<>]*\")*)>|([^<>&]+)|(&(?:lt|gt|amp|quot);)")

    def __init__(self, source: str) -> None:
        self.text = ""
        self.marks: list[tuple[str, int, int, str]] = []  # tag, start, end, attributes
        self._open: list[tuple[str, int, str]] = []
        place = 0
        while place < len(source):
            found = self.TOKEN.match(source, place)
            assert found, f"cannot be read: {source[place : place + 40]!r}"
            place = found.end()
            end, tag, attributes, text, named = found.groups()
            if tag:
                self._tag(tag, attributes, bool(end))
            else:
                self.text += text or html.unescape(named)
        assert not self._open, f"not closed: {self._open}"

    def _tag(self, tag: str, attributes: str, end: bool) -> None:
        if end:
            opened, start, attributes = self._open.pop()
            assert opened == tag, f"{opened} is closed by {tag}"
            assert start < len(self.text), f"an empty {tag}"
            self.marks.append((tag, start, len(self.text), attributes))
            return
        outside = [one for one, _, _ in self._open]
        assert tag in {"b", "i", "s", "code", "pre", "a", "blockquote"}
        assert tag not in outside
        assert re.fullmatch({"a": ' href="[^"]+"', "code": '( class="language-[^" ]+")?'}.get(tag, ""), attributes)
        if tag == "code" and attributes:
            assert outside[-1:] == ["pre"]
        else:
            assert not {"code", "pre"} & set(outside)
            assert tag in self.INSIDE_OTHERS or tag == "blockquote" or "a" not in outside
            assert tag not in {"code", "pre"} or not self.INSIDE_OTHERS & set(outside)
            assert tag != "blockquote" or not outside
        self._open.append((tag, len(self.text), attributes))

    @property
    def entities(self) -> list[tuple[str, int, int, str]]:
        """The marks as Telegram counts them: a language belongs to its block."""
        return [one for one in self.marks if not (one[0] == "code" and one[3])]


LOOKS = {
    "words": ("hello", "hello"),
    "marks": ("**a** *b* ~~c~~ `d`", "<b>a</b> <i>b</i> <s>c</s> <code>d</code>"),
    "marks in marks": ("**a *b* ~~c~~**", "<b>a <i>b</i> <s>c</s></b>"),
    "code in bold is code": ("**a `b`**", "<b>a </b><code>b</code>"),
    "bold in bold is bold": ("# a **b**", "<b>a b</b>"),
    "code in a link is a link": ("[`a`](http://b.cd)", '<a href="http://b.cd">a</a>'),
    "a bold link": ("**[a](http://b.cd)**", '<b><a href="http://b.cd">a</a></b>'),
    "what HTML would read": ('<b> & "c" > &amp;', '&lt;b&gt; &amp; "c" &gt; &amp;'),
    "an address that HTML would read": (
        "[a](http://b.cd/?x=1&y=<z>)",
        '<a href="http://b.cd/?x=1&amp;y=%3Cz%3E">a</a>',
    ),
    "a heading": ("## A\ntext", "<b>A</b>\n\ntext"),
    "a rule": ("a\n\n***\n\nb", "a\n\n────────────\n\nb"),
    "code with a language": ("```py\nx < 1\n```", '<pre><code class="language-py">x &lt; 1</code></pre>'),
    "code without one": ("```\n  x\n```", "<pre>  x</pre>"),
    "a quote": ("> a\n>\n> **b**", "<blockquote>a\n\n<b>b</b></blockquote>"),
    "a quote in a quote": ("> a\n> > b", "<blockquote>a\n\nb</blockquote>"),
    "code in a quote": ("> `a`", "<blockquote><code>a</code></blockquote>"),
    "bullets": ("- a\n  b\n- c", "• a\n  b\n• c"),
    "bullets with air": ("- a\n\n- b", "• a\n\n• b"),
    "lists in lists": ("1. a\n   - b\n     - c\n2. d", "1. a\n   • b\n     • c\n2. d"),
    "numbers from ten on": ("10. a\n    b", "10. a\n    b"),
    "code in a list": ("- a\n  ```\n  b\n   c\n  ```", "• a\n<pre>b\n c</pre>"),
    "code as an item": ("-     a", "• \n<pre>a</pre>"),
    "a narrow table": ("|a|bcd|\n|-|-|\n|1|`2`|\n|中|3|", "<pre>a   bcd\n──  ───\n1   2\n中  3</pre>"),
    "a wide table": (
        "|a|b|\n|-|-|\n|1|**2**" + "x" * 40 + "|\n|3||\n",
        "a: 1\nb: <b>2</b>" + "x" * 40 + "\n\na: 3\nb",
    ),
    "a table with links": ("|a|\n|-|\n|[b](http://c.de)|", 'a: <a href="http://c.de">b</a>'),
    "a table of links without rows": ("|[a](b)|c|\n|-|-|", "a (b) | c"),
    "a picture": ("![a](http://b.cd)", '<a href="http://b.cd">a</a>'),
    "an address that is no link": ("[a](b/c.md)", "a (b/c.md)"),
    "an address without a dot": ("[a](http://localhost:80/b)", "a (http://localhost:80/b)"),
    "an address for mail": ("[a](mailto:b@c.de) <b@c.de>", "a (b@c.de) b@c.de"),
    "a name in Telegram": ("[a](tg://user?id=7)", '<a href="tg://user?id=7">a</a>'),
    "blank lines": ("a\n\n\n\n\nb", "a\n\nb"),
    "white space at the ends": ("\n\n  a  \n\n", "a"),
    "nothing": ("", NOTHING),
    "white space": (" \n\t ", NOTHING),
    "nothing to see": ("\u200b\u3164&nbsp;", NOTHING),
    "a sign alone": ("#", "#"),
}


@pytest.mark.parametrize(("source", "rendered"), LOOKS.values(), ids=LOOKS)
def test_how_markdown_looks(source: str, rendered: str) -> None:
    assert shown(source) == [rendered]


LINKABLE = {
    "http://a.bc": True,
    "HTTPS://a.bc:8080/d?e#f": True,
    "https://xn--bcher-kva.de/": True,
    "http://127.0.0.1/": True,
    "tg://resolve?domain=x": True,
    "http://localhost": False,
    "http://a.bc:0": False,
    "http://a@b.cd": False,
    "http://": False,
    "http://.": False,
    "http://[::1]/": False,
    "ftp://a.bc": False,
    "mailto:a@b.cd": False,
    "#top": False,
    "http://a.bc/" + "d" * 3_000: False,
}


@pytest.mark.parametrize(("url", "answer"), LINKABLE.items())
def test_what_telegram_makes_a_link_of(url: str, answer: bool) -> None:
    assert is_linkable(url) is answer


def test_the_plain_form_has_the_same_words_and_the_addresses() -> None:
    (part,) = render(message("**a** & [b](http://c.de) <http://f.gh>"))

    assert part.plain == {"text": "a & b (http://c.de) http://f.gh"}


def test_the_plain_form_leaves_addresses_out_when_there_is_no_room() -> None:
    (part,) = render(message("x" * (LIMIT - 3) + " [b](http://c.de)"))

    assert part.plain == {"text": "x" * (LIMIT - 3) + " b"}


def test_only_the_first_part_answers_and_only_the_last_has_buttons() -> None:
    rows = ((Button(label="Yes", data="y1"), Button(label="No", data="n1")), (Button(label="Ä", data="a"),))

    parts = render(message("word " * 2_000, chat="-5", reply_to="77", asker="9", buttons=rows))

    first, middle, last = parts
    for form in (first.payload, first.plain or {}):
        assert (form["reply_to"], "buttons" in form) == ("77", False)
    assert set(middle.payload) == {"text", "format"}
    assert set(middle.plain or {}) == {"text"}
    for form in (last.payload, last.plain or {}):
        assert "reply_to" not in form
        assert form["buttons"] == [[["Yes", "9|y1"], ["No", "9|n1"]], [["Ä", "9|a"]]]


def test_in_a_private_chat_nothing_is_shown_as_an_answer() -> None:
    (part,) = render(message("a", reply_to="77"))

    assert part.payload == {"text": "a", "format": "html"}


def test_a_button_for_everybody_names_nobody() -> None:
    (part,) = render(message("a", buttons=((Button(label="Go", data="g"),),)))

    assert part.payload["buttons"] == [[["Go", "|g"]]]


def test_a_button_with_too_much_data_is_refused_by_name() -> None:
    button = Button(label="Go", data="ä" * 32)

    with pytest.raises(ValueError, match="'Go' has more data"):
        render(message("a", buttons=((button,),)))


def test_a_repeat_is_marked_and_nothing_else_changes() -> None:
    payload = {"text": "<b>a</b>", "format": "html", "reply_to": "7"}

    again = marked(payload)

    assert again == {"text": f"{REPEAT}<b>a</b>", "format": "html", "reply_to": "7"}
    assert payload["text"] == "<b>a</b>"


def test_p_57_3999_emoji_arrive_whole() -> None:
    parts = render(message("😀" * 3_999))

    assert [utf16(text) for text in told(parts)] == [LIMIT, 2 * 3_999 - LIMIT]
    assert "".join(told(parts)) == "😀" * 3_999


def test_p_57_100000_characters_arrive_whole() -> None:
    source = "\n\n".join(f"Line {number} is <here> & stays." for number in range(3_400))

    parts = render(message(source))

    assert len(source) > 100_000
    assert joined(told(parts)) == joined([source])
    assert all(text.endswith("stays.") for text in told(parts))


def test_p_57_a_part_of_nothing_but_signs_has_room_for_its_bytes() -> None:
    worst = f"[{'&' * 40}](http://a.bc/{'&' * 40}) "

    parts = render(message(worst * 200))

    for part in parts:
        assert len(part.payload["text"].encode()) <= LONGEST_PAYLOAD


def test_a_part_has_no_more_marks_than_telegram_keeps() -> None:
    parts = render(message("**a** `b` [c](http://d.ef) " * 200))

    counts = [len(Reader(part.payload["text"]).entities) for part in parts]

    assert max(counts) <= MOST_MARKS
    assert sum(counts) == 600


def test_a_part_has_no_more_addresses_than_telegram_takes() -> None:
    parts = render(message("\n".join(f"[a{number}](http://b.cd/{'e' * 900})" for number in range(50))))

    read = [Reader(part.payload["text"]) for part in parts]

    assert joined(one.text for one in read) == "".join(f"a{number}" for number in range(50))
    assert all(sum(len(attributes) for *_, attributes in one.marks) <= MARKS_SIZE for one in read)


def test_p_57_a_fence_is_whole_if_it_fits_and_cut_at_line_ends_if_not() -> None:
    short = "```py\n" + "x = 1\n" * 600 + "```"
    long = "```py\n" + "y = 22\n" * 2_000 + "```"

    parts = render(message(f"{'word ' * 300}\n\n{short}\n\n{long}"))

    blocks = [
        one
        for part in parts
        for one in re.findall(r'<pre><code class="language-py">(.*?)</code></pre>', part.payload["text"], re.S)
    ]
    assert blocks[0] == "\n".join(["x = 1"] * 600)
    assert {line for block in blocks[1:] for line in block.split("\n")} == {"y = 22"}
    assert sum(block.count("y") for block in blocks) == 2_000


PIECES = [
    "word ",
    "Some words. ",
    "**bold** ",
    "*it **both*** ",
    "`code` ",
    "~~gone~~ ",
    "[a link](http://b.cd/?e=1&f) ",
    "[no link](g.md) ",
    "<b> & </b> ",
    "\n\n",
    "\n",
    "\n# Head *ing*\n",
    "\n- item\n",
    "\n  - in\n",
    "\n1. one\n",
    "\n> quote\n",
    "\n```py\nx < 1 & y\n\nz\n```\n",
    "\n```\n",
    "\n|a|b|\n|-|-|\n|1|**2**|\n\n",
    "\n---\n",
    "**",
    "*",
    "`",
    "[",
    "](",
    "中文句子。",
    "😀",
    "👨\u200d👩\u200d👧",
    "🇩🇪",
    "👍🏽",
    "e\u0301",
    "&lt;",
    "&nbsp;",
    "\\*",
    "x" * 500,
    " " * 60,
    "\u200b",
    "\0",
    "> a\n> > b\n",
    "[**b** `c`](http://d.ef) ",
    "![p](http://q.rs/t.png)",
    "http://bare.example.com/a_b_c ",
]
SOURCES = st.lists(st.tuples(st.sampled_from(PIECES), st.integers(1, 150)), min_size=1, max_size=12).map(
    lambda pieces: "".join(piece * times for piece, times in pieces)
)


@settings(max_examples=20, deadline=None)
@given(SOURCES)
def test_p_57_any_markdown_arrives_whole_and_readable(source: str) -> None:
    parts = render(message(source))

    assert_whole(source, parts)


@pytest.mark.nightly
@settings(max_examples=1_500, deadline=None)
@given(SOURCES)
def test_p_57_very_much_markdown_arrives_whole_and_readable(source: str) -> None:
    parts = render(message(source))

    assert_whole(source, parts)


def assert_whole(source: str, parts: Sequence[Part]) -> None:
    """Nothing is lost, torn, too long or not to be read."""
    whole = visible(lay_out(parse(source), is_linkable))
    read = [Reader(part.payload["text"]) for part in parts]
    assert joined(one.text for one in read).replace(NOTHING, "") == joined([whole])
    assert all(utf16(Reader(marked(part.payload)["text"]).text) <= 4_096 for part in parts)
    assert all(one.text == one.text.rstrip() for one in read)
    assert all(len(one.entities) <= MOST_MARKS for one in read)
    assert all(len(part.payload["text"].encode()) <= LONGEST_PAYLOAD for part in parts)
    assert not [one for one, other in pairwise(read) if tears(one.text, other.text)]


def tears(text: str, following: str) -> bool:
    """Whether a character, as people see it, ends in the following part."""
    ends = (found.end() for found in regex.finditer(r"\X", text + following[:50]))
    return len(text) not in ends


@settings(max_examples=20, deadline=None)
@given(SOURCES)
def test_p_58_every_part_has_a_plain_form_with_the_same_words(source: str) -> None:
    parts = render(message(source))

    for part in parts:
        assert part.plain is not None
        plain, words = part.plain["text"], Reader(part.payload["text"]).text
        assert utf16(plain) <= LIMIT
        assert without_addresses(plain) == without_addresses(words)


def without_addresses(text: str) -> str:
    return re.sub(r" \(http://[^()\s]*\)", "", text)


@given(st.text(max_size=200))
def test_any_text_at_all_is_rendered(source: str) -> None:
    parts = render(message(source))

    assert parts
    assert all(Reader(part.payload["text"]).text.strip() for part in parts)


def joined(texts: Iterable[str]) -> str:
    """Without white space, which is trimmed where parts meet, and what cannot be seen."""
    return re.sub(r"[\s\u200b]", "", "".join(texts))

"""Markdown as a mail."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.html import page
from channels.email.render import LARGEST, LONGEST_SUBJECT, render, subject
from channels.markdown import parse
from gateway.messages import Attachment, Caller, ChatAddress, Json, OutboundMessage


def payload(text: str, *, thread: str = "", files: tuple[Attachment, ...] = (), prefix: str = "") -> Json:
    address = ChatAddress(channel="email", chat="anna@example.org", thread=thread)
    message = OutboundMessage(delivery_id="d", address=address, caller=Caller.MODEL, text=text, attachments=files)
    (part,) = render(message, prefix=prefix)
    return part.payload


def body(text: str) -> str:
    """What stands in the document, without its frame."""
    return page(parse(text)).partition('sans-serif">\n')[2].removesuffix("</body></html>\n").strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a *b* **c** ~~d~~ `e`", "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>"),
        ("one\ntwo", "<p>one<br>two</p>"),
        ("## Head", "<h2>Head</h2>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        ("---", "<hr>"),
        (
            'a <b> & "c" <script>x()</script>',
            "<p>a &lt;b&gt; &amp; &quot;c&quot; &lt;script&gt;x()&lt;/script&gt;</p>",
        ),
        ("[x](https://example.org/?a=1&b=2)", '<p><a href="https://example.org/?a=1&amp;b=2">x</a></p>'),
        ("[x](mailto:a@b.org)", '<p><a href="mailto:a@b.org">x</a></p>'),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ("[x](file:///etc/passwd)", "<p>[x](file:///etc/passwd)</p>"),
        ("[x](/relative)", "<p>x (/relative)</p>"),
        (
            "![a picture](https://tracker.example/1.gif)",
            '<p><a href="https://tracker.example/1.gif">a picture</a></p>',
        ),
    ],
)
def test_the_tree_becomes_plain_elements(text: str, expected: str) -> None:
    assert body(text).replace("\n", "") == expected


def test_code_a_quote_and_a_table_keep_their_content() -> None:
    text = "```py\nif a < b:\n    go()\n```\n\n> said\n\n| a | b |\n|---|---|\n| 1 | **2** |"

    shown = body(text)

    assert "<code>if a &lt; b:\n    go()</code></pre>" in shown
    assert "<p>said</p>\n</blockquote>" in shown
    assert shown.count("<th ") == shown.count("<td ") == 2
    assert "<strong>2</strong></td></tr></table>" in shown


class Reader(HTMLParser):
    """What a mail program would find in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.balanced = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in {"br", "hr", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.balanced = self.balanced and bool(self.open) and self.open.pop() == tag


ELEMENTS = {f"h{level}" for level in range(1, 7)}
ELEMENTS |= {"html", "head", "meta", "body", "p", "pre", "code", "blockquote", "ul", "ol", "li", "hr"}
ELEMENTS |= {"table", "tr", "th", "td"}
ELEMENTS |= {"br", "strong", "em", "s", "a"}
PIECES = st.sampled_from(
    ["*", "**", "`", "```", "<b>", "<script>", "[x](", ")", "https://a.b", "\n", "> ", "- ", "&", "|"]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join))
def test_no_text_brings_an_element_of_its_own(text: str) -> None:
    reader = Reader()
    reader.feed(page(parse(text)))

    assert reader.found <= ELEMENTS
    assert reader.attributes <= {"charset", "style", "href", "start"}
    assert reader.balanced
    assert reader.open == []


@given(st.text(max_size=300))
def test_a_subject_is_one_bounded_line(text: str) -> None:
    line = subject(text)

    assert len(line) <= LONGEST_SUBJECT
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("\n\n# Report\n\nrest", "Report"),
        ("**Done:** all `3` of them", "Done: all 3 of them"),
        ("", "…"),
        ("a\u202eb\u200bc", "a b c"),
        ("x" * 300, "x" * 119 + "…"),
    ],
)
def test_the_subject_is_the_first_line(text: str, expected: str) -> None:
    assert payload(text)["subject"] == expected


def test_a_thread_names_its_mails_and_every_subject_begins_as_configured() -> None:
    assert payload("today", thread="Stand-up", prefix="[bot]")["subject"] == "[bot] Stand-up"


def test_addresses_stand_behind_their_words_in_the_plain_form() -> None:
    text = "[a](https://a.example) https://b.example [c@d.org](mailto:c@d.org) [me](mailto:me@d.org)"

    assert payload(text)["text"] == "a (https://a.example) https://b.example c@d.org me (me@d.org)\n"


def test_an_empty_text_is_a_mail_too() -> None:
    assert payload("  ")["text"] == "…\n"


def test_files_that_do_not_fit_are_named_in_the_mail() -> None:
    files = tuple(
        Attachment(name=name, media_type="", path=name, size=size)
        for name, size in (("a.bin", LARGEST - 10), ("b.bin", 11), ("c.bin", 10))
    )

    found = payload("here", files=files)

    assert [path for path, *_ in found["files"]] == ["a.bin", "c.bin"]
    assert "Not attached, because a mail holds 18 MB: b.bin (11 bytes)" in found["text"]

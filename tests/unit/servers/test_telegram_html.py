"""Telegram's HTML is read as strictly as Telegram reads it."""

import pytest

from tests.servers.telegram_html import parse_html
from tests.servers.telegram_records import Refused
from tests.servers.telegram_text import settled, shown, spoken_entities, units


def entities_of(source: str) -> list[tuple[str, int, int]]:
    return [(one["type"], one["offset"], one["length"]) for one in parse_html(source)[1]]


@pytest.mark.parametrize(
    ("source", "entities"),
    [
        ("<b>x</b><strong>y</strong>", [("bold", 0, 1), ("bold", 1, 1)]),
        ("<i>x</i><em>y</em>", [("italic", 0, 1), ("italic", 1, 1)]),
        ("<u>x</u><ins>y</ins>", [("underline", 0, 1), ("underline", 1, 1)]),
        (
            "<s>x</s><strike>y</strike><del>z</del>",
            [("strikethrough", 0, 1), ("strikethrough", 1, 1), ("strikethrough", 2, 1)],
        ),
        ('<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>', [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ("<code>x</code>", [("code", 0, 1)]),
        ("<pre>x</pre>", [("pre", 0, 1)]),
        ("<blockquote>x</blockquote>", [("blockquote", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", [("expandable_blockquote", 0, 1)]),
        ('<tg-emoji emoji-id="5">👍</tg-emoji>', [("custom_emoji", 0, 2)]),
        ("<B>x</b >", [("bold", 0, 1)]),
        ("<b><i>x</i></b>", [("italic", 0, 1), ("bold", 0, 1)]),
        ("😀<b>x</b>", [("bold", 2, 1)]),
        ("<b></b>x", []),
    ],
)
def test_every_tag_of_telegram_becomes_its_entity(source: str, entities: list[tuple[str, int, int]]) -> None:
    assert entities_of(source) == entities


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("&lt;b&gt; &amp; &quot;", '<b> & "'),
        ("&#65;&#x42;&#128512;", "AB😀"),
        ("&lt", "<"),
        ("&nbsp; &apos; & R&D", "&nbsp; &apos; & R&D"),
        ("&#0; &#x110000;", "&#0; &#x110000;"),
    ],
)
def test_four_names_and_numbers_are_decoded_and_anything_else_stays_as_it_is(source: str, text: str) -> None:
    assert parse_html(source) == (text, [])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("привет<x>", 'Unsupported start tag "x" at byte offset 12'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("1<2", "Unclosed start tag at byte offset 1"),
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("<br/>", 'Unsupported start tag "br/" at byte offset 0'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ('<a ="x">x</a>', 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href=http://x>y</a>", "Unexpected end of name token at byte offset 8"),
        ('<a href="http://example.org>x</a>', "Unclosed start tag at byte offset 0"),
        ('<tg-emoji emoji-id="x">y</tg-emoji>', "Invalid custom emoji identifier specified"),
        (
            "&#xd800;",
            "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate "
            "code units",
        ),
    ],
)
def test_what_telegram_cannot_parse_is_refused_with_its_words(source: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_html(source)

    assert refused.value.code == 400
    assert refused.value.description == f"Bad Request: can't parse entities: {reason}"


def test_a_block_has_a_language_only_when_code_and_block_hold_the_same() -> None:
    block = parse_html('<pre><code class="language-py">x</code></pre>')
    more = parse_html('<pre><code class="language-py">x</code>y</pre>')
    line = parse_html('<code class="language-py">x</code>')

    assert block == ("x", [{"type": "pre", "offset": 0, "length": 1, "language": "py"}])
    assert [one.get("language") for one in more[1]] == [None, None]
    assert line == ("x", [{"type": "code", "offset": 0, "length": 1}])


def test_a_link_that_leads_nowhere_is_plain_text() -> None:
    good = parse_html('<a href="https://example.org/?a=1&amp;b=2">x</a>')[1]
    bare = parse_html("<a>example.org</a>")[1]
    person = parse_html('<a href="tg://user?id=7">x</a>')[1]
    nowhere = parse_html('<a href="mailto:a@example.org">x</a><a href="http://localhost">y</a>')

    assert good[0]["url"] == "https://example.org/?a=1&b=2"
    assert bare[0]["url"] == "http://example.org"
    assert person[0]["user"]["id"] == 7
    assert nowhere == ("xy", [])


def test_text_is_counted_in_utf_16_units() -> None:
    assert (units("abc"), units("é好"), units("😀"), units("👨‍👩‍👧")) == (3, 2, 2, 8)


def test_text_is_trimmed_and_its_entities_with_it() -> None:
    text, entities = shown("\n  a\tb \x07c \n", [{"type": "bold", "offset": 0, "length": 20}])

    assert text == "a b  c"
    assert entities == [{"type": "bold", "offset": 0, "length": 6}]


def test_nothing_is_formatted_inside_code_and_quotations_do_not_nest() -> None:
    inside = [
        {"type": "code", "offset": 0, "length": 9},
        {"type": "bold", "offset": 2, "length": 3},
        {"type": "text_link", "offset": 2, "length": 3, "url": "http://x.org"},
    ]
    quotes = [{"type": "blockquote", "offset": 0, "length": 9}, {"type": "blockquote", "offset": 2, "length": 2}]

    assert settled(inside) == inside[:1]
    assert settled(quotes) == quotes[:1]


def test_of_the_entities_of_a_text_the_first_hundred_are_shown() -> None:
    many = [{"type": "bold", "offset": place * 2, "length": 1} for place in range(150)]

    assert settled(many) == many[:100]


def test_commands_mentions_and_addresses_of_a_person_are_found() -> None:
    found = spoken_entities("😀 /cron@tocsin_test_bot hi @ann_t, a/b me@example.org https://example.org/a.")

    assert [(one["type"], one["offset"], one["length"]) for one in found] == [
        ("bot_command", 3, 21),
        ("mention", 28, 6),
        ("url", 55, 21),
    ]

"""Markdown as Slack's messages, checked by the rules that Slack checks them by."""

import html
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.layout import lay_out
from channels.markdown import parse
from channels.slack.render import LIMIT, NOTHING, is_linkable, marked, render, size
from channels.text import character_start, visible
from gateway.messages import Attachment, Button, Caller, ChatAddress, OutboundMessage, Part
from tests.servers.slack_blocks import read_blocks
from tests.servers.slack_text import buttons_of, plain_blocks

THERE = ChatAddress(channel="slack", chat="C0GENERAL")
SLACKS_LIMIT = 4_000
BLOCKS_LIMIT = 12_000


def message(text: str, **details: Any) -> OutboundMessage:
    return OutboundMessage(delivery_id="d1", address=THERE, caller=Caller.REPLY, text=text, **details)


def parts(text: str, **details: Any) -> list[Part]:
    return render(message(text, **details))


def read(part: Part) -> str:
    """What a person reads, by the text beside the blocks."""
    return html.unescape(part.payload["text"])


def elements(text: str) -> list[Any]:
    (part,) = parts(text)
    return list(part.payload["blocks"][0]["elements"])


def inside(text: str) -> list[Any]:
    (section,) = elements(text)
    return list(section["elements"])


def fits(part: Part) -> bool:
    """Slack takes it, marked as a repeat too, and plainly."""
    for payload in (part.payload, marked(part.payload), part.plain or {}):
        blocks = payload.get("blocks")
        read_blocks(blocks)
        assert len(payload["text"]) <= SLACKS_LIMIT
        assert size(html.unescape(payload["text"])) <= SLACKS_LIMIT
        words = [block for block in blocks or () if block["type"] == "rich_text"]
        assert len(orjson.dumps(words).decode()) <= BLOCKS_LIMIT  # with all braces and names
    return True


# -- formatting --------------------------------------------------------------------------------------------------


def test_styles_are_data_and_not_characters() -> None:
    assert inside("**bold** _it_ ~~gone~~ `co*de` plain") == [
        {"type": "text", "text": "bold", "style": {"bold": True}},
        {"type": "text", "text": " "},
        {"type": "text", "text": "it", "style": {"italic": True}},
        {"type": "text", "text": " "},
        {"type": "text", "text": "gone", "style": {"strike": True}},
        {"type": "text", "text": " "},
        {"type": "text", "text": "co*de", "style": {"code": True}},
        {"type": "text", "text": " plain"},
    ]


@pytest.mark.parametrize(
    "text", ["2 * 3 * 4 = 24", "snake_case_name", "~5 or ~6", "<@U0ANNA> & <!channel>", ":tada:"]
)
def test_characters_that_mean_something_to_slack_are_shown_as_they_are(text: str) -> None:
    assert inside(text) == [{"type": "text", "text": text}]


def test_the_text_beside_the_blocks_is_escaped_and_pings_nobody() -> None:
    (part,) = parts("<!channel> & <@U0ANNA>")

    assert part.payload["text"] == "&lt;!channel&gt; &amp; &lt;@U0ANNA&gt;"
    assert part.plain == {"text": part.payload["text"]}


def test_a_link_is_a_link_and_an_address_in_the_text_becomes_one() -> None:
    assert inside("see [it](https://example.org/a?b=c&d), https://example.org/x. Bye") == [
        {"type": "text", "text": "see "},
        {"type": "link", "url": "https://example.org/a?b=c&d", "text": "it"},
        {"type": "text", "text": ", "},
        {"type": "link", "url": "https://example.org/x", "text": "https://example.org/x"},
        {"type": "text", "text": ". Bye"},
    ]


def test_an_address_in_code_stays_code() -> None:
    assert inside("`https://example.org`") == [
        {"type": "text", "text": "https://example.org", "style": {"code": True}}
    ]


def test_the_plain_form_tells_where_links_lead() -> None:
    (part,) = parts("see [it](https://example.org)")

    assert part.plain is not None
    assert part.plain["text"] == "see it (https://example.org)"


@pytest.mark.parametrize(
    ("url", "can_be"),
    [
        ("https://example.org/x", True),
        ("http://localhost:8080/x", True),
        ("mailto:a@b.example", True),
        ("javascript:alert(1)", False),
        ("/etc/passwd", False),
        ("https://", False),
        ("https://example.org/" + "x" * 3_000, False),
    ],
)
def test_only_addresses_that_slack_takes_become_links(url: str, can_be: bool) -> None:
    assert is_linkable(url) is can_be


def test_quotes_fences_lists_and_tables_have_a_form() -> None:
    found = elements("# Title\n\n> wise\n\n```py\nx = 1\n```\n\n- a\n  1. b\n\n| n | v |\n|---|---|\n| x | 1 |")

    assert [one["type"].removeprefix("rich_text_") for one in found] == [
        "section",
        "quote",
        "preformatted",
        "section",
        "preformatted",
    ]
    assert found[0]["elements"][0] == {"type": "text", "text": "Title", "style": {"bold": True}}
    assert found[2]["elements"] == [{"type": "text", "text": "x = 1"}]
    assert found[3]["elements"] == [{"type": "text", "text": "\n• a\n  1. b\n"}]
    assert found[4]["elements"][0]["text"].splitlines()[2] == "x  1"


def test_what_stands_in_a_fence_has_no_style() -> None:
    ((fence,),) = [elements("> ```\n> **x**\n> ```")]

    assert fence["elements"] == [{"type": "text", "text": "**x**"}]


# -- splitting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "\u3164"])
def test_a_text_in_which_there_is_nothing_to_see_is_still_a_message(text: str) -> None:
    (part,) = parts(text)

    assert read(part) == NOTHING
    assert fits(part)


@pytest.mark.parametrize("text", ["word " * 3_000, "x" * 9_000, "&" * 5_000, "<b>" * 2_000, "😀" * 3_999])
def test_p57_long_texts_are_cut_by_what_slack_counts(text: str) -> None:
    # P-57
    found = parts(text)

    assert len(found) > 1
    assert all(map(fits, found))
    assert "".join(map(read, found)).replace(" ", "") == text.replace(" ", "")


def test_p57_a_fence_a_link_and_a_family_are_never_cut() -> None:
    # P-57
    family = "👨‍👩‍👧‍👦"
    text = (
        "a " * 1_950
        + "["
        + "word " * 30
        + "](https://example.org)\n\n```\n"
        + "line\n" * 700
        + "```\n"
        + family * 900
    )

    found = parts(text)

    links = [one for part in found for one in _links(part)]
    assert len(links) == 1
    assert all(map(fits, found))
    assert all(read(part).count(family) * len(family) == len(read(part)) for part in found[-2:])


def _links(part: Part) -> list[Any]:
    rich = part.payload["blocks"][0]["elements"]
    return [one for element in rich for one in element["elements"] if one["type"] == "link"]


def test_p57_many_marks_make_a_part_end_early_and_cost_no_formatting() -> None:
    # P-57
    text = " ".join(f"**b{number}** [l](https://example.org/{number})" for number in range(400))

    found = parts(text)

    assert all(map(fits, found))
    assert sum(len(_links(part)) for part in found) == 400


_WORDS = st.text(alphabet=st.sampled_from("ab *_`~[]()<>&|#\n\n-1.😀é\u0301👨‍👩"), max_size=200)
_PIECES = st.sampled_from(
    [
        "**bold** ",
        "_it_ ",
        "`code` ",
        "[link](https://example.org/a_b) ",
        "https://example.org/x?y=1&z ",
        "\n\n```py\nprint('<&>')\n```\n\n",
        "\n\n> quote\n> more\n\n",
        "\n\n- one\n- two\n  - three\n\n",
        "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "# heading\n\n",
        "word " * 200,
        "&<>" * 300,
        "字" * 500,
    ]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(_WORDS, _PIECES), max_size=25))
def test_p57_whatever_is_said_fits_and_nothing_is_lost(pieces: list[str]) -> None:
    # P-57
    text = "".join(pieces)
    whole = visible(lay_out(parse(text), is_linkable))

    found = parts(text)

    assert all(map(fits, found))
    if read(found[0]) != NOTHING:
        assert _dense("".join(map(read, found))) == _dense(whole)
        shown = [plain_blocks(part.payload["blocks"], str) for part in found]
        assert _dense("".join(shown)) == _dense(whole)


def _dense(text: str) -> str:
    """Without white space, which may go at a cut and between blocks."""
    return "".join(text.split())


@settings(max_examples=20, deadline=None)
@given(st.text(alphabet=st.sampled_from("ae\u0301👨‍👩‍👧🇩🇪 "), min_size=1_500, max_size=2_500))
def test_p57_no_character_is_cut_in_two(text: str) -> None:
    # P-57
    whole = text * 2
    position = 0

    for part in parts(whole)[:-1]:
        start = whole.find(read(part), position)
        position = start + len(read(part))
        assert character_start(whole, start, position) == position or whole[position] == " "


# -- buttons and files -------------------------------------------------------------------------------------------


def test_buttons_stand_under_the_last_part_and_say_who_asked() -> None:
    rows = ((Button(label="Yes", data="/y"), Button(label="No", data="/n")), (Button(label="L" * 90, data="/l"),))

    first, last = parts("word " * 1_000, buttons=rows, asker="U0ANNA")

    assert buttons_of(first.payload["blocks"]) == []
    assert buttons_of(last.payload["blocks"]) == [
        ("Yes", "U0ANNA|/y"),
        ("No", "U0ANNA|/n"),
        ("L" * 74 + "…", "U0ANNA|/l"),
    ]
    assert buttons_of((last.plain or {})["blocks"]) == buttons_of(last.payload["blocks"])
    assert fits(last)


def test_a_row_of_more_buttons_than_slack_takes_is_cut() -> None:
    (part,) = parts("choose", buttons=(tuple(Button(label=str(n), data=f"/{n}") for n in range(30)),))

    assert len(buttons_of(part.payload["blocks"])) == 30
    assert fits(part)


def test_a_button_with_more_data_than_slack_takes_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="more data"):
        parts("x", buttons=((Button(label="x", data="y" * 2_001),),))


def test_files_come_behind_the_words() -> None:
    file = Attachment(name="a.txt", media_type="text/plain", path="out/a.txt")

    words, behind = parts("look", attachments=(file,))
    (alone,) = parts(" ", attachments=(file,))

    assert read(words) == "look"
    assert behind.payload["file"]["path"] == "out/a.txt"
    assert alone == behind


def test_a_repeat_is_marked_in_the_blocks_and_beside_them() -> None:
    (part,) = parts("**hi**")
    (fenced,) = parts("```\nx\n```")

    repeat = marked(part.payload)

    assert repeat["text"] == "↻ hi"
    assert plain_blocks(repeat["blocks"], str) == "↻ hi"
    assert plain_blocks(marked(fenced.payload)["blocks"], str) == "↻ \nx"
    assert LIMIT + 2 == SLACKS_LIMIT

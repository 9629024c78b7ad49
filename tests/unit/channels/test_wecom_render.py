"""Markdown as WeCom's robots take it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.wecom.render import LIMIT, NOTHING, render, size
from gateway.messages import Attachment, Caller, ChatAddress, OutboundMessage

ADDRESS = ChatAddress(channel="wecom", chat="group")


def contents(text: str) -> list[str]:
    parts = render(OutboundMessage(delivery_id="d", address=ADDRESS, caller=Caller.MODEL, text=text))
    return [part.payload["markdown"] for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("**a** *b* ~~c~~ `d`", "**a** b c `d`"),
        ("# One\n\n## *Two* **b**", "### One\n\n### Two b"),
        ("> said\n> again\n\nafter", "> said\n> again\n\nafter"),
        ("[a](https://example.org/x?y=1)", "[a](https://example.org/x?y=1)"),
        ("**[a](https://example.org)**", "[a](https://example.org)"),
        ("[a [b]](https://example.org)", "a [b] (https://example.org)"),
        ("[a](https://example.org/%28x%29)", "[a](https://example.org/%28x%29)"),
        ("[a](<https://example.org/(x)>)", "a (https://example.org/(x))"),
        ("[a](ftp://example.org)", "a (ftp://example.org)"),
        ("- a\n- **b**", "• a\n• **b**"),
        ("```py\nif a:\n    b\n```", "`if a:`\n    `b`"),
        ("`` a`b ``", "a`b"),
        ("**a**\n**b**", "**a**\n**b**"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "`a  b`\n`─  ─`\n`1  2`"),
        ("你好 **世界**", "你好 **世界**"),
    ],
)
def test_what_wecom_knows_is_marked_and_the_rest_is_text(text: str, expected: str) -> None:
    assert contents(text) == [expected]


@pytest.mark.parametrize("text", ["<@all> hi", "`<@all>`", '<font color="warning">x</font>', "a <@Eve>"])
def test_a_text_calls_nobody_and_colours_nothing(text: str) -> None:
    (content,) = contents(text)

    assert not re.search("<(?:@|/?font)", content)
    assert content.replace("\u200b", "").strip("`") == text.strip("`")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_shown_as_something(text: str) -> None:
    assert contents(text) == [NOTHING]


def test_files_come_after_the_words_and_alone_without_any() -> None:
    file = Attachment(name="a.pdf", media_type="application/pdf", path="sent/a.pdf")

    with_words, alone = (
        render(
            OutboundMessage(delivery_id="d", address=ADDRESS, caller=Caller.MODEL, text=text, attachments=(file,))
        )
        for text in ("see", "")
    )

    assert [list(part.payload) for part in with_words] == [["markdown"], ["file"]]
    assert [list(part.payload) for part in alone] == [["file"]]


FAMILY = "👨‍👩‍👧‍👦"
Z, B = "z\n" * 300, "b\n" * 100
SMALL = ["**b** ", "`c` ", "> q\n", "\n\n", "# h\n", "- i\n", "x" * 300, "字" * 200, FAMILY * 30, "a\n" * 200]
LARGE = [f"[link](https://example.org/{'y' * 900}) ", f"```\n{Z}```\n", f"**{B}**"]


@given(st.lists(st.sampled_from([*SMALL, *LARGE]) | st.text(max_size=200), max_size=40).map("".join))
@example("> " + "a\n> " * 3_000)
@example("**" + "a\n" * 3_000 + "**")
@example("".join(f"[l{n}](https://example.org/{n}{'y' * 900})\n" for n in range(30)))
@example("字" * 5_000)
def test_every_part_fits_with_the_sign_of_a_repeat_and_no_word_is_lost(text: str) -> None:  # P-57
    parts = contents(text)

    assert all(0 < size(part) <= LIMIT for part in parts)
    shown = "".join(parts)
    for letter in ("字", FAMILY, "x"):
        assert shown.count(letter) >= text.count(letter)

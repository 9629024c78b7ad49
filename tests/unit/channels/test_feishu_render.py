"""Markdown as Feishu's messages: which form it takes, and that every word arrives, within the platform's size."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.feishu import posts
from channels.feishu.cards import markdown
from channels.feishu.render import LARGEST, NOTHING, as_card, is_linkable, marked, measure, render, words_of
from channels.feishu.seal import Sealed
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Run, Style, visible
from gateway.messages import Attachment, Button, Caller, ChatAddress, Media, OutboundMessage, Part
from tests.unit.channels.feishu_desk import ANNA, GROUP, PRIVATE, SEAL

Json = Any
HERE = ChatAddress(channel="feishu", chat=PRIVATE)
IN_THREAD = ChatAddress(channel="feishu", chat=GROUP, thread="om_root")

DOCUMENTS = st.lists(
    st.sampled_from(
        [
            "plain words and more of them. ",
            "**bold** and *italic* and ~~gone~~ ",
            "`code` ",
            "[a link](https://example.com/a_(b)?c=d&e=f) ",
            "\n\n",
            "\n",
            "# Title\n",
            "- one\n- two\n  - three\n",
            "1. one\n2. two\n",
            "> quoted *words*\n> and more\n\n",
            "```python\nif a < b:\n    print('*')\n```\n",
            "|a|b|\n|-|-|\n|1|2|\n\n",
            "你好，世界。",
            "👨‍👩‍👧‍👦🇩🇪",
            "<at id=all></at> & <b> \\ \" ' :OK: ",
            "*_~`[](){}#+-.!|",
            "https://example.com/x_y_z ",
        ]
    )
    | st.text(max_size=30),
    max_size=40,
).map("".join)


def message(text: str, caller: Caller = Caller.NOTICE, **more: Json) -> OutboundMessage:
    return OutboundMessage(**{"delivery_id": "d", "address": HERE, "caller": caller, "text": text, **more})


def content(part: Part) -> Json:
    return json.loads(part.payload["content"])


def paragraphs(text: str) -> Json:
    (part,) = render(message(text), SEAL)
    assert part.payload["type"] == "post"
    return content(part)["en_us"]["content"]


def card(text: str) -> str:
    (part,) = render(message(text, Caller.REPLY), SEAL)
    assert part.payload["type"] == "interactive"
    return str(content(part)["body"]["elements"][0]["content"])


def size_of(part: Part) -> int:
    """Of the request's body, about."""
    return len(json.dumps({"msg_type": "x", "content": part.payload["content"]}, ensure_ascii=False).encode())


# -- which form -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "more", "kind"),
    [
        (Caller.NOTICE, {}, "post"),
        (Caller.MODEL, {}, "post"),
        (Caller.REMINDER, {}, "post"),
        (Caller.REPLY, {}, "interactive"),  # it may grow
        (Caller.COMMAND, {"buttons": ((Button(label="A", data="a"),),)}, "interactive"),
        (Caller.COMMAND, {"replaces": "om_1"}, "interactive"),
        (Caller.NOTICE, {"edits": "d0"}, "interactive"),
        (Caller.NOTICE, {"passing": True}, "interactive"),
    ],
)
def test_what_grows_replaces_or_has_buttons_is_a_card(caller: Caller, more: Json, kind: str) -> None:
    (part,) = render(message("hello", caller, **more), SEAL)

    assert part.payload["type"] == kind
    assert part.plain == {"type": "text", "content": '{"text":"hello"}'}


def test_a_message_in_a_thread_stands_under_what_it_answers() -> None:
    parts = render(message("a", Caller.REPLY, address=IN_THREAD, reply_to="om_9"), SEAL)

    assert parts[0].payload["reply_to"] == "om_9"
    assert parts[0].plain is not None
    assert parts[0].plain["reply_to"] == "om_9"


def test_outside_of_threads_nothing_opens_one() -> None:
    (part,) = render(message("a", Caller.REPLY, reply_to="om_9"), SEAL)

    assert "reply_to" not in part.payload


def test_files_come_behind_the_words_and_stand_in_the_same_thread() -> None:
    file = Attachment(name="a.pdf", media_type="application/pdf", path="sent/a.pdf", kind=Media.FILE)
    words, found = render(message("see", address=IN_THREAD, reply_to="om_9", attachments=(file,)), SEAL)

    assert words.payload["type"] == "post"
    assert found.payload["file"]["path"] == "sent/a.pdf"
    assert found.payload["reply_to"] == "om_9"


def test_a_message_that_is_only_a_file_has_no_words() -> None:
    file = Attachment(name="a.pdf", media_type="application/pdf", path="sent/a.pdf")

    (part,) = render(message("", attachments=(file,)), SEAL)

    assert set(part.payload) == {"file"}


def test_a_message_in_which_there_is_nothing_to_see_is_not_empty() -> None:
    (part,) = render(message(" \u2800 \n"), SEAL)

    assert words_of(part.payload) == NOTHING


# -- posts ------------------------------------------------------------------------------------------------------


def test_a_post_has_a_paragraph_for_each_line_and_styles_in_words_of_feishu() -> None:
    assert paragraphs("# T\n**b** *i* ~~s~~ `c`\n\n[l](https://e.org)") == [
        [{"tag": "text", "text": "T", "style": ["bold"]}],
        [{"tag": "text", "text": ""}],
        [
            {"tag": "text", "text": "b", "style": ["bold"]},
            {"tag": "text", "text": " "},
            {"tag": "text", "text": "i", "style": ["italic"]},
            {"tag": "text", "text": " "},
            {"tag": "text", "text": "s", "style": ["lineThrough"]},
            {"tag": "text", "text": " "},
            {"tag": "text", "text": "`c`"},
        ],
        [{"tag": "text", "text": ""}],
        [{"tag": "a", "href": "https://e.org", "text": "l"}],
    ]


def test_code_is_a_block_of_its_own_and_taken_literally() -> None:
    found = paragraphs("before\n```python\n**x** <at>\n\ny\n```\nafter\n```nothing-known\nz\n```")

    assert found == [
        [{"tag": "text", "text": "before"}],
        [{"tag": "text", "text": ""}],
        [{"tag": "code_block", "language": "PYTHON", "text": "**x** <at>\n\ny"}],
        [{"tag": "text", "text": ""}],
        [{"tag": "text", "text": "after"}],
        [{"tag": "text", "text": ""}],
        [{"tag": "code_block", "text": "z"}],
    ]


def test_a_quote_is_seen_as_one() -> None:
    lines = ["".join(one["text"] for one in line) for line in paragraphs("> a\n> b")]

    assert lines == ["┃ a", "┃ b"]


def test_a_table_has_a_readable_form() -> None:
    (line,) = paragraphs("|name|n|\n|-|-|\n|one|1|")

    assert line == [{"tag": "code_block", "text": "name  n\n────  ─\none   1"}]


# -- cards ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**b** *i* ~~s~~ `c`", "**b** *i* ~~s~~ `c`"),
        ("# T", "**T**"),
        ("[l](https://e.org/a_(b))", "[l](https://e.org/a_%28b%29)"),
        ("2 \\* 3 \\_x\\_ a~b", "2 &#42; 3 &#95;x&#95; a&#126;b"),
        ("<at id=all></at>", "&#60;at id=all&#62;&#60;/at&#62;"),
        ("AT&amp;T &lt;", "AT&#38;T &#60;"),
        ("1\\. x", "1&#46; x"),
        ("\\- x", "&#45; x"),
        ("see https://e.org/a_b.", "see [https://e.org/a&#95;b](https://e.org/a_b)."),
        (":OK: 10:30", "&#58;OK: 10:30"),
        ("`a<b`", "a&#60;b"),
        ("> a\n> b", "> a\n> b"),
        ("a\\|b", "a&#124;b"),
    ],
)
def test_a_card_is_markdown_of_feishu_in_which_only_our_signs_mean_something(source: str, expected: str) -> None:
    found = card(source)

    assert found == expected


def test_emphasis_has_room_where_it_would_not_be_recognised() -> None:
    found = markdown([Run("“中文”", (Style.BOLD,)), Run("字")])

    assert found == "**“中文”**\u200a字"


def test_code_in_a_card_cannot_end_early_or_call_anybody() -> None:
    found = card("````\nx\n```\n<at id=all></at> a < b\n````")

    assert found == "```\nx\n``\u200b`\n<\u200bat id=all><\u200b/at> a < b\n```"


def test_deep_indentation_in_a_card_is_no_code() -> None:
    found = card("- a\n  - b\n    - c\n      - d")

    assert found.split("\n")[-1] == "\u00a0" * 6 + "• d"


def test_a_card_can_be_changed_and_says_in_lists_what_it_is_about() -> None:
    (part,) = render(message("**Hello**  you\nthere", Caller.REPLY), SEAL)

    assert content(part)["config"] == {"update_multi": True, "summary": {"content": "Hello you there"}}
    assert content(part)["schema"] == "2.0"


def test_the_last_part_has_the_buttons_and_its_plain_form_the_hint() -> None:
    rows = (
        (Button(label="Yes", data="/yes 1"), Button(label="No", data="/no 1")),
        (Button(label="?", data="/w"),),
    )
    long = "words " * 6_000
    parts = render(message(long, Caller.COMMAND, buttons=rows, asker=ANNA, hint="Say yes or no."), SEAL)

    found = content(parts[-1])["body"]["elements"][1:]
    labels = [[column["elements"][0]["text"]["content"] for column in row["columns"]] for row in found]
    values = [column["elements"][0]["behaviors"][0]["value"] for row in found for column in row["columns"]]
    assert len(parts) > 1
    assert [len(content(part)["body"]["elements"]) for part in parts[:-1]] == [1] * (len(parts) - 1)
    assert labels == [["Yes", "No"], ["?"]]
    assert SEAL.read(values[0], PRIVATE) == Sealed(chat=PRIVATE, data="/yes 1", asker=ANNA)
    assert parts[-1].plain is not None
    assert words_of(parts[-1].plain).endswith("\n\nSay yes or no.")


def test_more_buttons_than_a_card_takes_are_an_error() -> None:
    rows = tuple((Button(label="x", data=str(number)),) for number in range(61))

    with pytest.raises(ValueError, match="60"):
        render(message("x", Caller.COMMAND, buttons=rows), SEAL)


# -- all of it arrives ------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.sampled_from([Caller.NOTICE, Caller.REPLY]), st.integers(1, 60))
def test_joined_parts_say_all_and_each_is_small_enough(source: str, caller: Caller, times: int) -> None:  # P-57
    text = source * times
    parts = render(message(text, caller), SEAL)

    joined = "".join("".join(words_of(part.plain or {}).split()) for part in parts)
    runs = lay_out(parse(text), is_linkable)
    assert max(map(size_of, parts)) <= 30_000
    if joined != NOTHING and "](" not in text:
        assert joined.replace("\u200b", "") == "".join(visible(runs).split()).replace("\u200b", "")


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS)
def test_a_post_says_the_words_of_its_source(source: str) -> None:
    runs = lay_out(parse(source), is_linkable)

    said = posts.words(posts.content(runs))

    assert [line.removeprefix("┃ ") for line in said.replace("`", "").split("\n")] == visible(runs).replace(
        "`", ""
    ).replace("┃ ", "").split("\n") or "┃" in source


@pytest.mark.parametrize("character", ['"', "\\", "\n", "\x01", "中", "😀", "*", "<", "- \n"])
@pytest.mark.parametrize("caller", [Caller.NOTICE, Caller.REPLY])
def test_a_long_text_of_one_character_is_cut_to_the_size(character: str, caller: Caller) -> None:
    parts = render(message(f"x{character * 12_000}x", caller), SEAL)

    assert max(map(size_of, parts)) <= LARGEST + 600


def test_the_measure_is_the_sum_of_its_pieces() -> None:
    assert measure('a"b\n中*') == sum(map(measure, 'a"b\n中*'))


# -- on the way -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [Caller.NOTICE, Caller.REPLY])
@pytest.mark.parametrize("text", ["hello", "```\ncode\n```"])
def test_a_repeat_is_marked_in_every_form(caller: Caller, text: str) -> None:
    (part,) = render(message(text, caller), SEAL)

    assert words_of(marked(part.payload)).startswith("↻")
    assert words_of(marked(part.plain or {})).startswith("↻ ")


def test_a_plain_text_calls_nobody_and_can_stand_in_a_card() -> None:
    (part,) = render(message('<at user_id="all">x</at> a < b'), SEAL)
    plain = part.plain or {}

    assert words_of(plain) == '<\u200bat user_id="all">x<\u200b/at> a < b'
    assert json.loads(as_card(plain))["body"]["elements"][0]["content"].startswith("&#60;")

"""Slack's server for tests refuses the blocks that Slack refuses, and reads the others as a person does."""

from typing import Any

import pytest
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, HeaderBlock, MarkdownBlock, SectionBlock

from tests.servers.slack_blocks import check_blocks, read_blocks
from tests.servers.slack_records import Refused
from tests.servers.slack_text import buttons_of, plain_blocks, plain_mrkdwn


def section(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **fields}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": "OK"}, **fields}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def words(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section("x" * 3_001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
        ([{"type": "section", "text": "hi"}], "must be a valid text object [json-pointer:/blocks/0/text]"),
        ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([section("a", block_id="x")] * 2, "block_id x already exists [json-pointer:/blocks/1/block_id]"),
        ([section("a", block_id="x" * 256)], "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
        ([actions()], "must provide at least 1 item [json-pointer:/blocks/0/elements]"),
        ([actions(*[button()] * 26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
        ([actions(button(value="x" * 2_001))], "must be less than 2001 characters"),
        ([actions(button(action_id="x" * 256))], "must be less than 256 characters"),
        ([actions(button(action_id="x"), button(action_id="x"))], "action_id x already exists"),
        ([actions(button(text={"type": "plain_text", "text": "x" * 76}))], "must be less than 76 characters"),
        ([actions(button(text={"type": "mrkdwn", "text": "x"}))], "must be a plain_text object"),
        ([actions(button(style="pretty"))], "must be one of: primary, danger"),
        (
            [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
            "must be less than 151 characters",
        ),
        ([{"type": "context", "elements": [section("a")["text"]] * 11}], "no more than 10 items allowed"),
        ([{"type": "input"}], "unsupported type: input [json-pointer:/blocks/0/type]"),
        ([rich()], "must provide at least 1 item"),
        ([rich({"type": "text", "text": "a"})], "unsupported type: text [json-pointer:/blocks/0/elements/0/type]"),
        ([rich(words({"type": "text", "text": ""}))], "must be more than 0 characters"),
        ([rich(words({"type": "link"}))], "missing required field: url"),
        (
            [rich(words({"type": "text", "text": "a", "style": {"bold": 1}}))],
            "invalid additional property or type",
        ),
        ([rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]})], "user"),
        ([rich({"type": "rich_text_list", "style": "dots", "elements": []})], "must be one of: bullet, ordered"),
        ([rich({"type": "rich_text_list", "style": "bullet", "indent": 9, "elements": []})], "between 0 and 8"),
        ([{"type": "markdown", "text": "x" * 12_001}], "must be less than 12001 characters"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 21]}], "no more than 20 items allowed"),
    ],
)
def test_a_block_outside_its_limits_is_refused_with_its_place(blocks: list[Any], problem: str) -> None:
    with pytest.raises(Refused) as refused:
        read_blocks(blocks)

    assert refused.value.error == "invalid_blocks"
    assert problem in " ".join(refused.value.fields["errors"])
    assert refused.value.fields["response_metadata"]["messages"][0].startswith("[ERROR] ")


def test_a_message_takes_a_limited_amount_of_markdown() -> None:
    two = [{"type": "markdown", "text": "x" * 6_001}] * 2

    with pytest.raises(Refused, match="msg_blocks_too_long"):
        read_blocks(two)

    assert read_blocks([{"type": "markdown", "text": "x" * 12_000}])


def test_blocks_just_within_their_limits_are_taken() -> None:
    blocks = [
        *[section("x" * 3_000)] * 48,
        actions(*[button(value="v" * 2_000, action_id=f"a{number}") for number in range(25)]),
        rich(words({"type": "link", "url": "https://example.org", "text": "here", "style": {"bold": True}})),
    ]

    assert list(check_blocks(blocks)) == []


def test_what_the_sdk_builds_is_taken() -> None:
    blocks = [
        HeaderBlock(text="Jobs").to_dict(),
        SectionBlock(text="*bold*", accessory=ButtonElement(text="Run", value="run")).to_dict(),
        ActionsBlock(elements=[ButtonElement(text="OK", action_id="ok", value="yes", style="primary")]).to_dict(),
        MarkdownBlock(text="# hi").to_dict(),
    ]

    taken = read_blocks(blocks)

    assert taken == blocks
    assert buttons_of(taken) == [("Run", "run"), ("OK", "yes")]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("*bold* _it_ ~gone~ `co*d*e`", "bold it gone co*d*e"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("<https://a.example|here> &lt;b&gt; &amp;amp;", "here <b> &amp;"),
        ("<@U1> in <#C1|general>, <!here>", "@Anna in #general, @here"),
        ("```\n*not bold*\n```", "\n*not bold*\n"),
    ],
)
def test_mrkdwn_is_read_as_it_is_shown(text: str, seen: str) -> None:
    assert plain_mrkdwn(text, {"U1": "Anna"}.__getitem__) == seen


def test_rich_text_is_read_as_it_is_shown() -> None:
    block = rich(
        words({"type": "text", "text": "Hello "}, {"type": "user", "user_id": "U1"}),
        {"type": "rich_text_list", "style": "ordered", "elements": [words({"type": "text", "text": "one"})]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x = 1"}]},
    )

    assert plain_blocks([block], {"U1": "Anna"}.__getitem__) == "Hello @Anna\n1. one\nx = 1"

"""HostedModel against a strict local server: whole answers, tool calls, and what goes onto the wire."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace

import pytest
import pytest_asyncio

from gateway.agent.model import ModelAnswer, ModelReply, ToolCall, ToolResult, Usage, UserText
from gateway.errors import ErrorClass
from tests.servers import openai_server as server
from tests.servers.hosted_model import MESSAGE, Hosted, prompt
from tests.servers.openai_server import KEY, call, calls, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosted() -> AsyncIterator[Hosted]:
    async with Hosted.started() as both:
        yield both


# Whole answers


async def test_the_pieces_of_an_answer_are_joined_and_its_tokens_counted(hosted: Hosted) -> None:
    answer = await hosted.answer(says("Hel", "lo ", "there"))

    assert answer == ModelAnswer(
        reply=ModelReply(text="Hello there"), usage=Usage(input_tokens=7, output_tokens=3)
    )


async def test_a_server_that_counts_no_tokens_is_answered_all_the_same(hosted: Hosted) -> None:
    answer = await hosted.answer(says("hi", usage=None))

    assert answer.reply.text == "hi"
    assert answer.usage == Usage()


async def test_an_answer_of_nothing_is_an_answer(hosted: Hosted) -> None:
    answer = await hosted.answer(says())

    assert answer.reply == ModelReply()


@pytest.mark.parametrize(
    "deltas",
    [
        [{"reasoning_content": "hm"}, {"content": "yes"}],
        [{"content": "<think>"}, {"content": "hm"}, {"content": "</think>"}, {"content": "\n\nyes"}],
        [{"content": "<think>hm</think>\n\nyes"}],
    ],
    ids=["a field", "tags in pieces", "tags in one piece"],
)
async def test_thoughts_are_no_part_of_the_answer(hosted: Hosted, deltas: list[dict[str, str]]) -> None:
    answer = await hosted.answer(server.streams(deltas))

    assert answer.reply.text == "yes"


async def test_a_server_that_cannot_stream_is_understood(hosted: Hosted) -> None:
    function = {"name": "message", "arguments": '{"text": "hi"}'}

    answer = await hosted.answer(
        server.whole({"content": "well", "tool_calls": [{"id": "x", "type": "function", "function": function}]})
    )

    assert answer.reply.text == "well"
    assert answer.reply.calls == (ToolCall(id="t1.1.0", name="message", arguments='{"text": "hi"}'),)
    assert answer.usage == Usage(input_tokens=7, output_tokens=3)


async def test_an_unknown_reason_to_finish_is_still_an_end(hosted: Hosted) -> None:
    answer = await hosted.answer(says("hi", finish="eos"))

    assert answer.reply.text == "hi"


async def test_halves_of_an_emoji_in_two_pieces_become_one(hosted: Hosted) -> None:
    answer = await hosted.answer(says("\ud83d", "\ude00"))

    assert answer.reply.text == "\U0001f600"


# Tool calls


async def test_a_tool_call_keeps_its_arguments_as_the_model_wrote_them(hosted: Hosted) -> None:
    answer = await hosted.answer(
        calls(call(0, "message", "", id="call_1"), call(0, None, '{ "text":'), call(0, None, ' "hi" }'))
    )

    assert answer.reply.calls == (ToolCall(id="t1.1.0", name="message", arguments='{ "text": "hi" }'),)


@pytest.mark.parametrize("arguments", ["{not json", "[1]", '"text"', "nonsense"])
async def test_arguments_that_are_not_an_object_are_left_to_the_loop(hosted: Hosted, arguments: str) -> None:
    answer = await hosted.answer(calls(call(0, "message", arguments, id="a")))

    assert answer.reply.calls[0].arguments == arguments


async def test_a_call_without_arguments_has_none_of_them(hosted: Hosted) -> None:
    answer = await hosted.answer(calls(call(0, "xin", None, id="a"), call(1, "cron", "", id="b")))

    assert [one.arguments for one in answer.reply.calls] == ["{}", "{}"]


async def test_a_tool_that_nobody_has_is_left_to_the_loop(hosted: Hosted) -> None:
    answer = await hosted.answer(calls(call(0, "functions.rm -rf", "{}", id="a")))

    assert answer.reply.calls[0].name == "functions.rm -rf"


@pytest.mark.parametrize("ids", [("same", "same"), (None, None), ("", "")])
async def test_ids_of_calls_are_ours_when_a_model_repeats_or_omits_them(
    hosted: Hosted,
    ids: tuple[str | None, str | None],
) -> None:
    answer = await hosted.answer(calls(call(0, "message", "{}", id=ids[0]), call(1, "cron", "{}", id=ids[1])))

    assert [(one.id, one.name) for one in answer.reply.calls] == [("t1.1.0", "message"), ("t1.1.1", "cron")]


@pytest.mark.parametrize("index", [0, None])
async def test_calls_that_share_an_index_stay_two(hosted: Hosted, index: int | None) -> None:
    answer = await hosted.answer(
        calls(
            call(index, "message", '{"a":', id="x"),
            call(index, None, "1}"),
            call(index, "message", '{"b":', id="y"),
            call(index, None, "2}"),
        )
    )

    assert [one.arguments for one in answer.reply.calls] == ['{"a":1}', '{"b":2}']
    assert [one.name for one in answer.reply.calls] == ["message", "message"]


async def test_a_name_that_comes_with_every_piece_is_read_once(hosted: Hosted) -> None:
    answer = await hosted.answer(calls(call(0, "cron", '{"a":', id="x"), call(0, "cron", "1}", id="x")))

    assert answer.reply.calls == (ToolCall(id="t1.1.0", name="cron", arguments='{"a":1}'),)


async def test_a_wanted_tool_without_a_name_is_bad_output(hosted: Hosted) -> None:
    fault = await hosted.fault(calls(call(0, None, "{}", id="x")))

    assert fault.kind is ErrorClass.BAD_OUTPUT


# What goes onto the wire


async def test_a_session_travels_once_with_roles_ids_and_tools(hosted: Hosted) -> None:
    items = (
        UserText("remind me"),
        ModelReply(text="yes", calls=(ToolCall(id="t0.1.0", name="message", arguments='{"text": "hi"}'),)),
        ToolResult(call_id="t0.1.0", name="message", text="queued"),
        ModelReply(text="done"),
        UserText("again"),
    )

    hosted.local.answer_with(says("ok"))

    await hosted.model.ask(prompt(*items))

    body = hosted.local.requests[0]
    assert body["messages"] == [
        {"role": "system", "content": "You are Tocsin."},
        {"role": "user", "content": "remind me"},
        {
            "role": "assistant",
            "content": "yes",
            "tool_calls": [
                {
                    "id": "t0.1.0",
                    "type": "function",
                    "function": {"name": "message", "arguments": '{"text": "hi"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "t0.1.0", "content": "queued"},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "again"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "message", "description": "Send a message.", "parameters": MESSAGE.schema},
        }
    ]
    assert {key for key in body if key not in {"messages", "tools"}} == {"model", "stream", "stream_options"}


async def test_a_prompt_without_tools_offers_none(hosted: Hosted) -> None:
    hosted.local.answer_with(says("ok"))

    await hosted.model.ask(prompt(tools=()))

    assert "tools" not in hosted.local.requests[0]


async def test_a_note_stands_in_brackets_before_the_words(hosted: Hosted) -> None:
    hosted.local.answer_with(says("ok"))

    await hosted.model.ask(prompt(UserText("good morning", note="2026-11-21 09:00 Sat, Ann")))

    assert hosted.local.requests[0]["messages"][1]["content"] == "[2026-11-21 09:00 Sat, Ann] good morning"


async def test_an_event_of_the_system_is_told_from_what_people_write(hosted: Hosted) -> None:
    """OC-23"""
    hosted.local.answer_with(says("ok"))

    event = UserText("The disk is full.", "2026-11-21 09:00 Sat, by the schedule", system=True)
    await hosted.model.ask(prompt(event, UserText("[system event] what happened?")))

    sent = [message["content"] for message in hosted.local.requests[0]["messages"][1:]]
    assert sent[0] == "[system event, 2026-11-21 09:00 Sat, by the schedule] The disk is full."


async def test_a_prompt_can_name_another_model_of_the_same_server(hosted: Hosted) -> None:
    hosted.local.answer_with(says("ok"))
    hosted.local.answer_with(says("ok"))

    await hosted.model.ask(replace(prompt(), model="small-1"))
    await hosted.model.ask(prompt())

    first, second = [request["model"] for request in hosted.local.requests]
    assert first == "small-1"
    assert second != "small-1"


async def test_what_servers_refuse_is_mended_on_the_way_out(hosted: Hosted) -> None:
    long = "0b1f7f0e-7a53-4b7a-9d53-5f1d9a2f7c11.12.0"
    items = (
        UserText("half an emoji \ud83d"),
        ModelReply(calls=(ToolCall(id=long, name="functions.rm -rf", arguments="{not json"),)),
        ToolResult(call_id=long, name="functions.rm -rf", text="there is no such tool"),
    )

    hosted.local.answer_with(says("ok"))

    await hosted.model.ask(prompt(*items))

    _, said, made, result = hosted.local.requests[0]["messages"]
    function = made["tool_calls"][0]["function"]
    assert said["content"] == "half an emoji �"
    assert made["content"] is None
    assert function["name"] == "functions_rm_-rf"
    assert json.loads(function["arguments"]) == {"not_an_object": "{not json"}
    assert result["tool_call_id"] == made["tool_calls"][0]["id"]


async def test_models_of_mistral_get_ids_of_nine_letters_and_digits(hosted: Hosted) -> None:
    made = ToolCall(id="t0.1.0", name="message", arguments="{}")
    items = (UserText("a"), ModelReply(calls=(made,)), ToolResult(call_id=made.id, name="message", text="b"))

    async with hosted.changed(says("ok"), name="devstral-2") as model:
        await model.ask(prompt(*items))

    sent = hosted.local.requests[0]["messages"][2]["tool_calls"][0]["id"]
    assert len(sent) == 9
    assert sent.isalnum()


async def test_no_key_and_no_address_comes_from_the_environment(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with hosted.changed(says("ok")) as model:
        answer = await model.ask(prompt())

    assert answer.reply.text == "ok"
    assert hosted.local.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.nightly
async def test_five_hundred_messages_hold_the_event_loop_for_a_few_milliseconds(hosted: Hosted) -> None:
    exchange = (
        UserText("words " * 40),
        ModelReply(calls=(ToolCall(id="t0.1.0", name="message", arguments='{"text": "hi"}'),)),
        ToolResult(call_id="t0.1.0", name="message", text="queued"),
        ModelReply(text="words " * 40),
    )
    session = prompt(*(exchange * 125))
    hosted.local.answer_with(says("ok"))

    held = [await longest_hold(hosted.model.ask(session)) for _ in range(5)]

    assert len(hosted.local.requests[0]["messages"]) == 501
    assert min(held) < 0.04  # the server's reading included; 0.09 for the client alone when the SDK walks them


async def longest_hold(asking: Awaitable[ModelAnswer]) -> float:
    """The longest time that one step of anybody kept the event loop."""
    asked = asyncio.ensure_future(asking)
    longest = 0.0
    while not asked.done():
        before = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - before)
    return longest

"""HostedModel speaking Anthropic's Messages API to a local server."""

import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from gateway.agent.model import (
    ModelReply,
    Prompt,
    PromptItem,
    ToolCall,
    ToolResult,
    ToolSpec,
    TurnContext,
    Usage,
    UserText,
)
from gateway.agent.models.hosted import HostedSettings, create
from gateway.agent.models.hosted.client import HostedModel
from gateway.errors import ConfigError, ErrorClass, ModelError

KEY = "sk-ant-local-test"
MESSAGE = ToolSpec(name="message", description="Send a message.", schema={"type": "object", "properties": {}})

Json = Any


def settings(url: str = "") -> HostedSettings:
    return HostedSettings(
        provider="anthropic",
        name="claude-test",
        base_url=url,
        api_key=SecretStr(KEY),
        idle_timeout=timedelta(seconds=5),
    )


def prompt(*items: PromptItem) -> Prompt:
    return Prompt(
        instructions="You are Tocsin.",
        items=items or (UserText("hello"),),
        tools=(MESSAGE,),
        context=TurnContext(turn="t1", step=1),
    )


@asynccontextmanager
async def answering(events: Iterable[Json], *, status: int = 200) -> AsyncIterator[tuple[HostedModel, list[Json]]]:
    """A client and the requests that its server took."""
    taken: list[Json] = []

    async def messages(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        taken.append(await request.json())
        if status != 200:
            return web.json_response(next(iter(events)), status=status, headers={"retry-after": "2"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return response

    app = web.Application()
    app.router.add_post("/v1/messages", messages)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model = create(settings(f"http://127.0.0.1:{runner.addresses[0][1]}/v1"))
    try:
        yield model, taken
    finally:
        await model.close()
        await runner.cleanup()


def start() -> Json:
    message: Json = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [],
        "stop_reason": None,
    }
    usage = {"input_tokens": 7, "output_tokens": 1}
    return {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": usage}}


def block(index: int, begin: Json, *deltas: Json) -> list[Json]:
    changes = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    opened = {"type": "content_block_start", "index": index, "content_block": begin}
    return [opened, *changes, {"type": "content_block_stop", "index": index}]


def text(index: int, *pieces: str) -> list[Json]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def tool(index: int, name: str, *pieces: str) -> list[Json]:
    begin = {"type": "tool_use", "id": "toolu_same", "name": name, "input": {}}
    return block(index, begin, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def end(reason: str) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}}, {"type": "message_stop"}]


async def test_words_calls_and_tokens_arrive_with_our_ids() -> None:
    events = [start(), *text(0, "He", "llo"), *tool(1, "message", '{"text":', ' "hi"}'), *tool(2, "cron")]

    async with answering([*events, *end("tool_use")]) as (model, _):
        answer = await model.ask(prompt())

    assert answer.reply == ModelReply(
        text="Hello",
        calls=(
            ToolCall(id="t1.1.0", name="message", arguments='{"text": "hi"}'),
            ToolCall(id="t1.1.1", name="cron", arguments="{}"),
        ),
    )
    assert answer.usage == Usage(input_tokens=7, output_tokens=3)


async def test_a_prompt_can_name_another_model() -> None:
    async with answering([start(), *text(0, "ok"), *end("end_turn")]) as (model, taken):
        await model.ask(replace(prompt(), model="claude-small"))

        assert taken[0]["model"] == "claude-small"


async def test_a_session_travels_with_ids_that_anthropic_accepts() -> None:
    items = (
        UserText("remind me"),
        ModelReply(calls=(ToolCall(id="t0.1.0", name="message", arguments="{not json"),)),
        ToolResult(call_id="t0.1.0", name="message", text="that was no JSON"),
    )

    async with answering([start(), *text(0, "ok"), *end("end_turn")]) as (model, taken):
        await model.ask(prompt(*items))

    body = taken[0]
    said, made, result = body["messages"]
    use = made["content"][0]
    assert "You are Tocsin." in json.dumps(body["system"])
    assert [said["role"], made["role"], result["role"]] == ["user", "assistant", "user"]
    assert use["input"] == {"not_an_object": "{not json"}
    assert result["content"][0]["tool_use_id"] == use["id"]
    assert use["id"].isalnum()
    assert [one["name"] for one in body["tools"]] == ["message"]
    assert body["stream"] is True


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([start(), *text(0, "half")], ErrorClass.SERVER_ERROR),
        ([start(), *text(0, "half"), *end("max_tokens")], ErrorClass.BAD_OUTPUT),
        ([start(), *text(0, "half"), *end("refusal")], ErrorClass.PERMANENT),
        (
            [start(), {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}],
            ErrorClass.SERVER_ERROR,
        ),
    ],
    ids=["closed early", "cut by length", "refused", "overloaded"],
)
async def test_half_an_answer_is_an_error_and_never_an_answer(events: list[Json], kind: ErrorClass) -> None:
    async with answering(events) as (model, _):
        with pytest.raises(ModelError) as caught:
            await model.ask(prompt())

    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (401, "authentication_error", ErrorClass.PERMISSION),
        (429, "rate_limit_error", ErrorClass.RATE_LIMIT),
        (529, "overloaded_error", ErrorClass.SERVER_ERROR),
    ],
)
async def test_a_refusal_has_its_class_and_its_wait(status: int, name: str, kind: ErrorClass) -> None:
    refusal = {"type": "error", "error": {"type": name, "message": f"no, {KEY}"}}

    async with answering([refusal], status=status) as (model, taken):
        with pytest.raises(ModelError) as caught:
            await model.ask(prompt())

    assert caught.value.kind is kind
    assert caught.value.retry_after == timedelta(seconds=2)
    assert KEY not in str(caught.value)
    assert len(taken) == 1


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)  # as Python itself marks a module that cannot be imported

    with pytest.raises(ConfigError, match=r"pip install 'tocsin\[anthropic\]'"):
        create(settings())

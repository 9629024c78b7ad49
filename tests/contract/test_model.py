"""What every model keeps to; a new one adds one line to MODELS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import pytest
from pydantic import SecretStr

from gateway.agent.model import ModelClient, Prompt, ToolCall, ToolSpec, TurnContext, UserText, call_id
from gateway.agent.models.hosted import HostedSettings, create
from gateway.agent.models.scripted import HANG, Line, ScriptedModel
from gateway.agent.models.scripted import calls as scripted_calls
from gateway.errors import ErrorClass, ModelError
from tests.servers import openai_server as server

Wanted = tuple[str, str]
"""A tool's name and the raw text of its arguments."""


class Script(Protocol):
    """How the contract tells a model under test what its next answers are."""

    def says(self, text: str) -> None: ...

    def calls(self, *wanted: Wanted) -> None: ...

    def fails(self) -> None: ...

    def hangs(self) -> None: ...

    async def asked(self) -> None: ...


@dataclass
class ScriptedScript:
    lines: list[Line]
    model: ScriptedModel

    def says(self, text: str) -> None:
        self.lines.append(text)

    def calls(self, *wanted: Wanted) -> None:
        self.lines.append(scripted_calls(*wanted))

    def fails(self) -> None:
        self.lines.append(ModelError("no", ErrorClass.SERVER_ERROR))

    def hangs(self) -> None:
        self.lines.append(HANG)

    async def asked(self) -> None:
        await self.model.asked(1)


@dataclass
class HostedScript:
    local: server.OpenAIServer

    def says(self, text: str) -> None:
        self.local.replies.append(server.says(text))

    def calls(self, *wanted: Wanted) -> None:
        pieces = [server.call(at, name, text, id="same") for at, (name, text) in enumerate(wanted)]
        self.local.replies.append(server.calls(*pieces))

    def fails(self) -> None:
        self.local.replies.append(server.refuses(500))

    def hangs(self) -> None:
        self.local.replies.append(server.never_answers())

    async def asked(self) -> None:
        await self.local.asked.wait()


Made = tuple[ModelClient, Script]


@asynccontextmanager
async def scripted() -> AsyncIterator[Made]:
    lines: list[Line] = []
    model = ScriptedModel(lambda _: lines.pop(0))
    yield model, ScriptedScript(lines, model)


@asynccontextmanager
async def hosted() -> AsyncIterator[Made]:
    async with server.openai_server() as local:
        key = SecretStr(server.KEY)
        model = create(HostedSettings(provider="openai", name="local", base_url=local.url, api_key=key))
        yield model, HostedScript(local)
        await model.close()


MODELS: list[Callable[[], AbstractAsyncContextManager[Made]]] = [scripted, hosted]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Made]:
    async with request.param() as both:
        yield both


def prompt(turn: str = "t1", step: int = 1) -> Prompt:
    tools = tuple(ToolSpec(name=name, description="", schema={"type": "object"}) for name in ("message", "cron"))
    context = TurnContext(turn=turn, step=step)
    return Prompt(instructions="", items=(UserText("hello"),), tools=tools, context=context)


async def test_an_answer_is_whole(made: Made) -> None:
    model, script = made
    script.says("Good morning.")

    answer = await model.ask(prompt())

    assert answer.reply.text == "Good morning."
    assert answer.reply.calls == ()


async def test_an_answer_is_heard_while_it_comes_each_time_from_its_beginning(made: Made) -> None:
    model, script = made
    script.says("Good morning.")
    heard: list[str] = []

    answer = await model.ask(prompt(), hear=heard.append)

    assert heard[-1] == answer.reply.text == "Good morning."
    assert all(later.startswith(earlier) for earlier, later in pairwise(heard))


async def test_calls_alone_are_nothing_to_hear(made: Made) -> None:
    model, script = made
    script.calls(("cron", "{}"))
    heard: list[str] = []

    await model.ask(prompt(), hear=heard.append)

    assert heard == []


async def test_calls_carry_our_ids_and_the_text_that_the_model_wrote(made: Made) -> None:
    model, script = made
    script.calls(("message", '{"text": "hi"}'), ("cron", "{not json"))
    asked = prompt("t7", 3)

    answer = await model.ask(asked)

    assert answer.reply.calls == (
        ToolCall(id=call_id(asked.context, 0), name="message", arguments='{"text": "hi"}'),
        ToolCall(id=call_id(asked.context, 1), name="cron", arguments="{not json"),
    )


async def test_the_same_question_again_gives_the_same_ids(made: Made) -> None:
    model, script = made
    script.calls(("cron", "{}"))
    script.calls(("cron", "{}"))

    first = await model.ask(prompt())
    replayed = await model.ask(prompt())

    assert first.reply.calls == replayed.reply.calls


async def test_a_failure_has_its_class_and_the_next_question_is_answered(made: Made) -> None:
    model, script = made
    script.fails()
    script.says("fine")

    with pytest.raises(ModelError) as caught:
        await model.ask(prompt())
    answer = await model.ask(prompt())

    assert caught.value.kind is ErrorClass.SERVER_ERROR
    assert answer.reply.text == "fine"


async def test_a_cancelled_question_ends_at_once_and_the_next_is_answered(made: Made) -> None:
    model, script = made
    script.hangs()
    script.says("fine")
    asking = asyncio.create_task(model.ask(prompt()))
    await script.asked()

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 1)
    assert (await model.ask(prompt())).reply.text == "fine"


async def test_closing_twice_is_harmless(made: Made) -> None:
    model, script = made
    script.says("hi")
    await model.ask(prompt())

    await model.close()
    await model.close()

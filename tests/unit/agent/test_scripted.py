"""ScriptedModel plays what was written for it."""

import asyncio

import pytest

from gateway.agent.model import ModelAnswer, Prompt, TurnContext, UserText
from gateway.agent.models.scripted import HANG, ScriptedModel, calls, says
from gateway.errors import ErrorClass, ModelError


def prompt(text: str = "hello") -> Prompt:
    return Prompt(instructions="", items=(UserText(text),), context=TurnContext(turn="t1", step=2))


async def test_lines_are_played_in_order_and_prompts_are_kept() -> None:
    model = ScriptedModel(["one", says("two")])

    first = await model.ask(prompt("a"))
    second = await model.ask(prompt("b"))

    assert [first.reply.text, second.reply.text] == ["one", "two"]
    assert model.prompts == [prompt("a"), prompt("b")]


async def test_a_script_may_answer_the_prompt() -> None:
    model = ScriptedModel(lambda asked: f"{len(asked.items)} items")

    answer = await model.ask(prompt())

    assert answer.reply.text == "1 items"


async def test_arguments_are_written_as_json_unless_they_are_text() -> None:
    model = ScriptedModel([calls(("message", {"text": "hi"}), ("cron", "{not json"), text="well")])

    answer = await model.ask(prompt())

    assert answer.reply.text == "well"
    assert [(one.id, one.arguments) for one in answer.reply.calls] == [
        ("t1.2.0", '{"text": "hi"}'),
        ("t1.2.1", "{not json"),
    ]


async def test_a_script_that_has_ended_fails() -> None:
    model = ScriptedModel([])

    with pytest.raises(ModelError, match="ended") as caught:
        await model.ask(prompt())

    assert caught.value.kind is ErrorClass.PERMANENT


async def test_a_hanging_model_is_left_by_cancelling() -> None:
    model = ScriptedModel([HANG, "after"])
    asking = asyncio.create_task(model.ask(prompt()))
    await model.asked(1)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await model.ask(prompt())).reply.text == "after"


async def test_a_script_that_waits_holds_its_answer_back() -> None:
    gate = asyncio.Event()

    async def script(_: Prompt) -> ModelAnswer:
        await gate.wait()
        return says("now")

    model = ScriptedModel(script)
    asking = asyncio.create_task(model.ask(prompt()))
    await model.asked(1)
    assert not asking.done()

    gate.set()

    assert (await asking).reply.text == "now"

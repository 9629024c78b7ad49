"""One turn from its prompt to its final text, with tools of each kind of effect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, Field

from gateway import inbox
from gateway.agent import journal as steps
from gateway.agent.journal import Claim, Journal, Response, Result, Started, Steer
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage, UserText
from gateway.agent.models.scripted import HANG, Script, ScriptedModel, calls
from gateway.agent.prompt import INTERRUPTED
from gateway.agent.turn import LONGEST_RESULT, StepLimitError, Task, TurnEngine, spec_of
from gateway.database.writer import Database
from gateway.errors import ErrorClass, ModelError, UserError
from gateway.messages import ChatAddress, InboundMessage, Person
from gateway.tools.base import Effect, Tool, Turn
from tests.fakes import NOON, FakeClock
from tests.parts import open_database

HERE = ChatAddress(channel="test", chat="1")
HELLO = InboundMessage(
    channel="test", sender_id="anna", dedupe_keys=(), address=HERE, text="hello", received_at=NOON
)


class EchoArguments(BaseModel):
    """Say something back."""

    text: str = Field(description="What to say.")


class EchoTool:
    """Says its text back, and remembers every call; "fail", "break" and "hang" do so."""

    name: ClassVar[str] = "echo"
    arguments: ClassVar[type[BaseModel]] = EchoArguments
    example: ClassVar[str] = '{"text": "hi"}'
    effect: Effect = Effect.READ

    def __init__(self, database: Database, effect: Effect) -> None:
        self.effect = effect
        self.calls: list[tuple[str, str]] = []
        self.written: list[int] = []  # the steps on the disk when it ran
        self._database = database

    async def call(self, arguments: EchoArguments, turn: Turn) -> str:
        self.calls.append((turn.call_id, arguments.text))
        if turn.along is not None:
            await self._database.write(turn.along)
        self.written.append(len(await self._database.read(lambda t: steps.steps_of(t, 1))))
        match arguments.text:
            case "fail":
                raise UserError("that cannot be done; try this")
            case "break":
                raise KeyError("a bug")
            case "hang":
                await asyncio.Event().wait()
        return arguments.text


@dataclass
class Bench:
    """A claimed turn, and what works on it."""

    engine: TurnEngine
    model: ScriptedModel
    tool: EchoTool
    clock: FakeClock
    journal: Journal
    database: Database

    async def run(self, review: Any = None) -> str:
        async def accept(_text: str) -> str | None:
            return None

        tool: Tool = self.tool  # type: ignore[assignment]
        turn = Turn(
            id="t1",
            call_id="",
            session="test:1",
            address=HERE,
            sender_id="anna",
            occasion=Person(),
            zone="UTC",
            now=NOON,
        )
        task = Task(
            turn=turn,
            past=[UserText("hello")],
            tools={"echo": tool},
            specs=[spec_of(tool)],
            review=review or accept,
        )
        return await self.engine.run(task, self.journal)

    def results(self) -> list[str]:
        return [step.result.text for step in self.journal.steps if isinstance(step, Result)]


@asynccontextmanager
async def open_bench(
    path: Path, script: Script, *, effect: Effect = Effect.READ, known: tuple[steps.Step, ...] = ()
) -> AsyncIterator[Bench]:
    clock, model = FakeClock(), ScriptedModel(script)
    async with open_database(path / "gateway.db", clock) as database:
        await database.write(lambda t: inbox.accept(t, HELLO))
        await database.write(lambda t: steps.claim(t, 1, "t1", at="2026-03-02T12:00:00.000000Z"))
        before = Journal(Claim(seq=1, turn="t1", message=HELLO))
        for step in known:
            before.add(step)
        await database.write(before.writing())
        journal = Journal(Claim(seq=1, turn="t1", message=HELLO, steps=known))
        engine = TurnEngine(model, database, clock, max_steps=5)
        yield Bench(engine, model, EchoTool(database, effect), clock, journal, database)


def echo(*texts: str) -> Any:
    return calls(*[("echo", {"text": text}) for text in texts])


async def test_a_turn_goes_from_model_to_tools_to_its_final_text(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [echo("a", "b"), "done"]) as bench:
        text = await bench.run()

        assert text == "done"
        assert bench.tool.calls == [("t1.1.0", "a"), ("t1.1.1", "b")]
        assert bench.model.prompts[1].items[1:] == [
            ModelReply(calls=bench.model.prompts[1].items[1].calls),  # type: ignore[union-attr]
            ToolResult(call_id="t1.1.0", name="echo", text="a"),
            ToolResult(call_id="t1.1.1", name="echo", text="b"),
        ]


async def test_a_tool_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [calls(("fly", {})), "done"]) as bench:
        await bench.run()

        assert bench.results() == ["there is no tool 'fly' here; there are: echo"]


@pytest.mark.parametrize(
    "arguments", ["{}", "not json", '{"text": 5}', "[]", "", "null", '{"text": "\\ud800"', "42"], ids=repr
)
async def test_arguments_that_do_not_fit_are_explained_with_a_right_call(tmp_path: Path, arguments: str) -> None:
    async with open_bench(tmp_path, [calls(("echo", arguments)), "done"]) as bench:
        await bench.run()

        (text,) = bench.results()
        assert text.startswith("echo was not run. ")
        assert '{"text": "hi"}' in text
        assert bench.tool.calls == []


async def test_arguments_that_are_json_in_a_string_are_understood(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [calls(("echo", '"{\\"text\\": \\"a\\"}"')), "done"]) as bench:
        await bench.run()

        assert bench.results() == ["a"]


async def test_what_a_tool_refuses_is_shown_to_the_model_as_it_is(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [echo("fail"), "done"]) as bench:
        await bench.run()

        assert bench.results() == ["that cannot be done; try this"]


async def test_a_bug_in_a_tool_ends_its_call_and_not_the_turn(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [echo("break", "b"), "done"]) as bench:
        text = await bench.run()

        assert text == "done"
        assert bench.results() == ["echo failed: KeyError", "b"]


async def test_a_long_result_is_cut_and_says_so(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [echo("x" * (LONGEST_RESULT + 7)), "done"]) as bench:
        await bench.run()

        (text,) = bench.results()
        assert text.endswith("\n[cut: 7 more characters]")


@pytest.mark.parametrize(
    ("effect", "written"),
    [(Effect.READ, 0), (Effect.REPEATABLE, 1), (Effect.ALONG, 1), (Effect.ONCE, 2)],
)
async def test_what_must_be_on_the_disk_is_there_before_the_tool_starts(
    tmp_path: Path, effect: Effect, written: int
) -> None:
    async with open_bench(tmp_path, [echo("a"), "done"], effect=effect) as bench:
        await bench.run()

        assert bench.tool.written == [written]


ASKED = Response(
    ModelReply(calls=tuple(ToolCall(id=f"t1.1.{n}", name="echo", arguments='{"text": "a"}') for n in (0, 1))),
    Usage(),
)
FIRST = Result(ToolResult(call_id="t1.1.0", name="echo", text="from before"))


async def test_after_a_crash_finished_calls_are_not_made_again(tmp_path: Path) -> None:
    async with open_bench(tmp_path, ["done"], known=(ASKED, FIRST)) as bench:  # P-27
        await bench.run()

        assert bench.tool.calls == [("t1.1.1", "a")]
        assert bench.results() == ["from before", "a"]
        assert len(bench.model.prompts) == 1


async def test_after_a_crash_what_must_not_run_twice_is_told_to_be_unknown(tmp_path: Path) -> None:
    known = (ASKED, FIRST, Started("t1.1.1"))
    async with open_bench(tmp_path, ["done"], known=known, effect=Effect.ONCE) as bench:  # P-27
        await bench.run()

        assert bench.tool.calls == []
        assert bench.results() == ["from before", INTERRUPTED]


async def test_after_a_crash_before_the_end_the_answer_that_was_given_stands(tmp_path: Path) -> None:
    known = (Response(ModelReply(text="the answer"), Usage()),)
    async with open_bench(tmp_path, [], known=known) as bench:
        text = await bench.run()

        assert text == "the answer"
        assert bench.model.prompts == []


async def test_after_a_note_the_model_is_asked_again(tmp_path: Path) -> None:
    known = (Response(ModelReply(text="hm?"), Usage()), Steer("decide"))
    async with open_bench(tmp_path, ["decided"], known=known) as bench:
        text = await bench.run()

        assert text == "decided"
        assert bench.model.prompts[0].items[-1] == UserText("decide")


async def test_a_final_text_that_is_not_accepted_is_answered_with_a_note(tmp_path: Path) -> None:
    async def review(text: str) -> str | None:
        return "no" if text == "first" else None

    async with open_bench(tmp_path, ["first", "second"]) as bench:
        text = await bench.run(review)

        assert text == "second"
        assert Steer("no") in bench.journal.steps


async def test_a_turn_has_a_limited_number_of_steps(tmp_path: Path) -> None:
    async with open_bench(tmp_path, lambda _: echo("again")) as bench:
        with pytest.raises(StepLimitError, match="stopped after 5 steps"):
            await bench.run()

        assert len(bench.model.prompts) == 5


async def test_a_model_that_fails_for_a_moment_is_asked_again_with_growing_pauses(tmp_path: Path) -> None:
    busy = ModelError("busy", ErrorClass.SERVER_ERROR)
    async with open_bench(tmp_path, [busy, busy, busy, "done"]) as bench:
        running = asyncio.create_task(bench.run())
        asked = []
        for _ in range(7):
            await bench.clock.advance(timedelta(seconds=1))
            asked.append(len(bench.model.prompts))

        assert await running == "done"
        assert asked == [2, 2, 3, 3, 3, 3, 4]


async def test_a_provider_that_names_its_pause_is_obeyed(tmp_path: Path) -> None:
    limited = ModelError("slow down", ErrorClass.RATE_LIMIT, retry_after=timedelta(seconds=20))
    async with open_bench(tmp_path, [limited, "done"]) as bench:
        running = asyncio.create_task(bench.run())
        await bench.clock.advance(timedelta(seconds=19))
        early = len(bench.model.prompts)
        await bench.clock.advance(timedelta(seconds=1))

        assert await running == "done"
        assert early == 1


@pytest.mark.parametrize(
    "error",
    [
        ModelError("no key", ErrorClass.PERMISSION),
        ModelError("wrong", ErrorClass.PERMANENT),
        ModelError("odd", ErrorClass.BAD_OUTPUT),
        ModelError("later", ErrorClass.RATE_LIMIT, retry_after=timedelta(minutes=5)),
    ],
)
async def test_what_does_not_pass_within_a_minute_is_not_asked_again(tmp_path: Path, error: ModelError) -> None:
    async with open_bench(tmp_path, [error, "done"]) as bench:
        with pytest.raises(ModelError, match=str(error)):
            await bench.run()

        assert len(bench.model.prompts) == 1


async def test_half_characters_of_a_model_do_not_get_any_further(tmp_path: Path) -> None:
    async with open_bench(tmp_path, ["so \ud83d"]) as bench:
        text = await bench.run()

        assert text == "so ?"


async def test_a_cancelled_turn_leaves_its_journal_as_it_was(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [echo("a"), HANG]) as bench:
        running = asyncio.create_task(bench.run())
        await bench.model.asked(2)
        before = list(bench.journal.steps)

        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        assert bench.journal.steps == before


def test_the_schema_of_a_tool_is_made_from_its_arguments(tmp_path: Path) -> None:
    tool: Tool = EchoTool.__new__(EchoTool)  # type: ignore[assignment]

    spec = spec_of(tool)

    assert (spec.name, spec.description) == ("echo", "Say something back.")
    assert spec.schema["properties"] == {"text": {"type": "string", "description": "What to say."}}

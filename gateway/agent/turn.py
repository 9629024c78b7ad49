"""TurnEngine: one turn from its prompt to its final text: model, tools, model, … ; every step journaled."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import orjson
import structlog
from pydantic import BaseModel, ValidationError

from gateway.agent import journal as steps
from gateway.agent.journal import Journal, Response, Result, Started, Steer
from gateway.agent.model import (
    Hear,
    ModelAnswer,
    ModelClient,
    ModelReply,
    Prompt,
    PromptItem,
    ToolCall,
    ToolResult,
    ToolSpec,
    TurnContext,
)
from gateway.agent.prompt import INSTRUCTIONS, INTERRUPTED
from gateway.clock import Clock, to_text
from gateway.database.driver import Work
from gateway.database.writer import Database
from gateway.errors import ModelError, StoreClosedError, StoreError, TocsinError
from gateway.messages import Json
from gateway.tools.base import Effect, Tool, Turn
from gateway.tracing import Tracer, Untraced

logger = structlog.get_logger()

IN_TURN_RETRIES = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4))
LONGEST_WAIT = timedelta(seconds=60)  # a provider that asks for more patience gets it from the next run
STORE_PAUSE = timedelta(seconds=2)
LONGEST_RESULT = 64 * 1024  # characters of a tool's result that the model sees


class StepLimitError(TocsinError):
    """The model wanted more steps than a turn has."""


class SpentError(TocsinError):
    """The turn has used the tokens that it may use."""


def _nothing(_tool: str) -> None:
    """Nobody looks on."""


async def _nobody(_journal: Journal) -> None:
    """Nobody says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a turn has to work with."""

    turn: Turn
    past: Sequence[PromptItem]  # the session before this turn, and what is said now
    tools: Mapping[str, Tool]
    specs: Sequence[ToolSpec]
    review: Callable[
        [str], Awaitable[str | None]
    ]  # a note to put before the model instead of ending with this text
    tokens: int | None = None  # no model is asked any more when it has used these
    model: str = ""  # empty: the configuration's
    hear: Hear | None = None  # told of answers while they come
    calls: Callable[[str], None] = _nothing  # told of each tool that begins
    meanwhile: Callable[[Journal], Awaitable[None]] = _nobody  # adds what was said since the last step


class TurnEngine:
    """Works turns through to their final text."""

    def __init__(
        self,
        model: ModelClient,
        database: Database,
        clock: Clock,
        *,
        max_steps: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._model = model
        self._database = database
        self._clock = clock
        self._max_steps = max_steps
        self._tracer = tracer or Untraced()

    async def run(self, task: Task, journal: Journal) -> str:
        """The model's final text. Goes on from the journal's last step.

        Raises ModelError, StepLimitError, SpentError; being cancelled leaves the journal as it is.
        """
        while True:
            reply = _last_reply(journal) or await self._ask(task, journal)
            if reply.calls:
                await self._run_calls(task, journal, reply.calls)
            elif (note := await task.review(reply.text)) is not None:
                journal.add(Steer(note))
            else:
                return reply.text

    async def commit(self, journal: Journal) -> None:
        """Write the steps that are not written yet."""
        if journal.unwritten:
            await self.write(journal.writing())
            journal.written()

    async def write(self, work: Work[None]) -> None:
        """Write what the turn came to."""
        await self.until_written(lambda: self._database.write(work, essential=True))

    async def until_written(self, attempt: Callable[[], Awaitable[object]]) -> None:
        """A database that refuses is asked again, and nothing is lost meanwhile."""
        while True:
            try:
                await attempt()
            except StoreClosedError:
                raise
            except StoreError as error:
                logger.error("the journal cannot be written", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
            else:
                return

    # -- the model ----------------------------------------------------------------------------------------

    async def _ask(self, task: Task, journal: Journal) -> ModelReply:
        asked = sum(isinstance(step, Response) for step in journal.steps)
        if asked >= self._max_steps:
            raise StepLimitError(f"stopped after {self._max_steps} steps (agent.max_steps)")
        used = journal.usage.input_tokens + journal.usage.output_tokens
        if task.tokens is not None and used >= task.tokens:
            raise SpentError(f"stopped: it has used {used} tokens, and may use {task.tokens} (its spend cap)")
        if asked:
            await task.meanwhile(journal)
        context = TurnContext(
            turn=task.turn.id,
            step=asked + 1,
            zone=task.turn.zone,
            now=to_text(self._clock.now()),
            scheduled=bool(task.turn.run),
        )
        items = [*task.past, *steps.items(journal.steps)]
        prompt = Prompt(
            instructions=INSTRUCTIONS, items=items, tools=task.specs, context=context, model=task.model
        )
        answer = await self._answer(prompt, task.hear)
        reply = _cleaned(answer.reply)
        journal.add(Response(reply, answer.usage))
        return reply

    async def _answer(self, prompt: Prompt, hear: Hear | None) -> ModelAnswer:
        for pause in IN_TURN_RETRIES:
            try:
                return await self._model.ask(prompt, hear=hear)
            except ModelError as error:
                wait = error.retry_after or pause
                if not error.kind.transient or wait > LONGEST_WAIT:
                    raise
                logger.warning("asking the model again", error=str(error), kind=error.kind, wait=str(wait))
                await self._clock.sleep(wait)
        return await self._model.ask(prompt, hear=hear)

    # -- tools --------------------------------------------------------------------------------------------

    async def _run_calls(self, task: Task, journal: Journal, calls: Sequence[ToolCall]) -> None:
        done = {step.result.call_id for step in journal.steps if isinstance(step, Result)}
        started = {step.call_id for step in journal.steps if isinstance(step, Started)}
        for call in calls:
            if call.id in done:
                continue
            text = INTERRUPTED if call.id in started else await self._call(task, journal, call)
            journal.add(Result(ToolResult(call_id=call.id, name=call.name, text=_bounded(text))))
        # The results wait for the next commit: a crash before it repeats nothing that must not be repeated.

    async def _call(self, task: Task, journal: Journal, call: ToolCall) -> str:
        tool = task.tools.get(call.name)
        if tool is None:
            shown = ", ".join(sorted(spec.name for spec in task.specs))
            return f"there is no tool {call.name[:80]!r} here; there are: {shown}"
        try:
            arguments = tool.arguments.model_validate(parse(call.arguments))
        except ValidationError as error:
            return explain(tool, error)
        await self._before(tool, call, journal)
        task.calls(call.name)
        try:
            with self._tracer.span("tool", tool=call.name, call=call.id, turn=task.turn.id):
                return await self._use(tool, arguments, task, journal, call)
        except TocsinError as error:
            return str(error)
        except Exception as error:
            logger.exception("a tool failed", tool=call.name)
            return f"{call.name} failed: {type(error).__name__}"

    async def _before(self, tool: Tool, call: ToolCall, journal: Journal) -> None:
        """What must be on the disk before the tool starts."""
        if tool.effect is Effect.ONCE:
            journal.add(Started(call.id))
        if tool.effect in {Effect.ONCE, Effect.REPEATABLE}:
            await self.commit(journal)

    async def _use(self, tool: Tool, arguments: object, task: Task, journal: Journal, call: ToolCall) -> str:
        turn = replace(task.turn, call_id=call.id, now=self._clock.now())
        if tool.effect is not Effect.ALONG:
            return await tool.call(arguments, turn)
        text = await tool.call(arguments, replace(turn, along=journal.writing()))
        journal.written()
        return text


def _last_reply(journal: Journal) -> ModelReply | None:
    """The model's last answer, if something of it is still to be done."""
    for step in reversed(journal.steps):
        match step:
            case Response(reply, _):
                results = {s.result.call_id for s in journal.steps if isinstance(s, Result)}
                open_calls = [call for call in reply.calls if call.id not in results]
                return reply if open_calls or not reply.calls else None
            case Steer():
                return None
            case _:
                continue
    return None


def _cleaned(reply: ModelReply) -> ModelReply:
    """Without what is not text: half surrogates, which no database and no platform takes."""
    calls = tuple(replace(call, name=_utf8(call.name), arguments=_utf8(call.arguments)) for call in reply.calls)
    return ModelReply(text=_utf8(reply.text), calls=calls)


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def parse(text: str) -> object:
    """The arguments as JSON; some models send an object as a string inside a string, or nothing at all."""
    try:
        value = orjson.loads(text or "{}")
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return text


def explain(tool: Tool, error: ValidationError) -> str:
    """What was wrong with a call, and how it is written."""
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'arguments'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)[:5]
    )
    return f"{tool.name} was not run. {faults}. A right call is one JSON object such as {tool.example}"


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n[cut: {len(text) - LONGEST_RESULT} more characters]"


def spec_of(tool: Tool) -> ToolSpec:
    """The tool as a model sees it."""
    description, schema = _described(tool.arguments)
    return ToolSpec(name=tool.name, description=description, schema=schema)


@cache  # some milliseconds each, and always the same
def _described(arguments: type[BaseModel]) -> tuple[str, Json]:
    schema = arguments.model_json_schema()
    description = schema.pop("description", "")
    schema.pop("title", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
    return description, schema

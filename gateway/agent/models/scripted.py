"""ScriptedModel: a model that says what a test or a benchmark wrote for it. No network, no waiting."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from gateway.agent.model import Hear, ModelAnswer, ModelReply, Prompt, ToolCall, Usage, call_id
from gateway.errors import ErrorClass, ModelError
from gateway.messages import Json


class Hang(Enum):
    """An answer that never comes."""

    FOREVER = "forever"


HANG = Hang.FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """An answer whose text comes in pieces, with a wait before each but the first."""

    pieces: Sequence[str]
    wait: Callable[[], Awaitable[None]]
    answer: "ModelAnswer | Exception | Hang | None" = None  # what follows; None: the text, as a whole


Line: TypeAlias = str | ModelAnswer | Exception | Hang | Growing
"""What the model does when asked: say a text at once or in pieces, give an answer, fail, or hang."""

Script: TypeAlias = Iterable[Line] | Callable[[Prompt], Line | Awaitable[Line]]
"""Lines in order, or a function of the prompt; one that awaits holds the answer back for as long."""


class ScriptedModel:
    """A ModelClient that follows a script and keeps every prompt it was given.

    The ids of its tool calls are ours, whatever the script wrote there. A script that has ended fails.
    """

    def __init__(self, script: Script = ()) -> None:
        self._script: Callable[[Prompt], Line | Awaitable[Line]]
        self._script = script if callable(script) else _in_order(iter(script))
        self._asked = asyncio.Condition()
        self.prompts: list[Prompt] = []
        self.closed = False

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        """The script's next answer. Raises what the script says."""
        async with self._asked:
            self.prompts.append(prompt)
            self._asked.notify_all()
        line = self._script(prompt)
        if isinstance(line, Awaitable):
            line = await line
        return _with_our_ids(await _play(line, hear or _deaf), prompt)

    async def asked(self, times: int) -> None:
        """Wait until the model has been asked so many times in all."""
        async with self._asked:
            await self._asked.wait_for(lambda: len(self.prompts) >= times)

    async def close(self) -> None:
        """Nothing to give back; remembered."""
        self.closed = True


def says(text: str, *, usage: Usage | None = None) -> ModelAnswer:
    """An answer of words alone."""
    return ModelAnswer(reply=ModelReply(text=text), usage=usage or Usage())


def calls(*wanted: tuple[str, Json], text: str = "", usage: Usage | None = None) -> ModelAnswer:
    """An answer that wants tools: pairs of a name and its arguments, as JSON or, in a string, as raw text."""
    made = tuple(
        ToolCall(id="", name=name, arguments=given if isinstance(given, str) else json.dumps(given))
        for name, given in wanted
    )
    return ModelAnswer(reply=ModelReply(text=text, calls=made), usage=usage or Usage())


def _deaf(_text: str) -> None:
    """Nobody listens."""


async def _play(line: Line, hear: Hear) -> ModelAnswer:
    match line:
        case Growing():
            return await _grow(line, hear)
        case Hang():
            await asyncio.get_running_loop().create_future()
            raise AssertionError("nobody ends this wait but a cancellation")
        case Exception():
            raise line
        case str():
            return await _play(says(line), hear)
        case ModelAnswer():
            if line.reply.text:
                hear(line.reply.text)
            return line


async def _grow(line: Growing, hear: Hear) -> ModelAnswer:
    text = ""
    for n, piece in enumerate(line.pieces):
        if n:
            await line.wait()
        text += piece
        hear(text)
    await line.wait()
    return await _play(says(text) if line.answer is None else line.answer, hear)


def _in_order(lines: Iterator[Line]) -> Callable[[Prompt], Line]:
    ended = ModelError("the script of this model has ended", ErrorClass.PERMANENT)
    return lambda _: next(lines, ended)


def _with_our_ids(answer: ModelAnswer, prompt: Prompt) -> ModelAnswer:
    ours = tuple(replace(call, id=call_id(prompt.context, index)) for index, call in enumerate(answer.reply.calls))
    return replace(answer, reply=replace(answer.reply, calls=ours))

"""ModelClient: the port to a language model, and what goes through it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from gateway.messages import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model wants a tool. `id` is ours; the model's own ids repeat and are forgotten."""

    id: str
    name: str
    arguments: str  # the JSON text as the model wrote it; it may not be JSON at all


@dataclass(frozen=True, slots=True)
class UserText:
    """A person's words, a due job's prompt, or a note of the gateway inside a turn."""

    text: str
    note: str = ""  # when and by whom, for a model that reads it: "2026-11-21 09:00 Sat, Europe/Berlin"
    system: bool = False  # an event of the system, which no person wrote to the agent; a model is told so
    quoted: str = ""  # the words of the message that it answers; the note has them too, shorter
    pictures: tuple[str, ...] = ()  # paths in the workspace; a model that can see is shown them in this turn
    arrived: str = ""  # the files that came with the words before: what to answer without looking at them


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What the model answered: words, tool calls, or both."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool call gave, as the model reads it."""

    call_id: str
    name: str
    text: str


PromptItem: TypeAlias = UserText | ModelReply | ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the model sees it; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Everything that one model call sees: instructions, the session so far, the tools."""

    instructions: str
    items: Sequence[PromptItem]
    tools: Sequence[ToolSpec] = ()
    context: "TurnContext"
    model: str = ""  # the name of another model than the configured one, of the same provider


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    """Facts about the turn for models that are not language models (the offline assistant)."""

    turn: str
    step: int  # the number of this model call in the turn: ids of its calls are "<turn>.<step>.<i>"
    zone: str = "UTC"  # IANA name of the chat's zone
    now: str = ""  # RFC 3339, UTC: the moment of the call
    scheduled: bool = False  # nobody is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call; zero where the provider did not say."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A whole answer. A cut stream is an error, never half an answer."""

    reply: ModelReply
    usage: Usage = field(default_factory=Usage)


Hear: TypeAlias = Callable[[str], None]
"""Told of an answer while it comes: all of its text so far, each time."""

HEARD = 65_536  # characters of one answer that are told while it comes: more than any chat shows in one message


class ModelClient(Protocol):
    """One question, one whole answer."""

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        """Ask once. Raises ModelError with its class; never retries by itself.

        `hear` is told of the text while it comes, if it does: never more than the answer's beginning, and nothing
        that is not part of the answer (thoughts). What counts is the answer that is returned.

        An adapter limits the silence between two pieces of the answer (`agent.idle_timeout`) and the size of
        an answer (10 MiB) by itself; the time of the whole turn is the loop's. Tool call ids are
        `call_id(prompt.context, i)`.
        """

    async def close(self) -> None:
        """Give back connections."""


def call_id(context: TurnContext, index: int) -> str:
    """Our id of the index-th tool call of one answer: the same after a crash and a replay."""
    return f"{context.turn}.{context.step}.{index}"

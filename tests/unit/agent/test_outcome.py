"""Whether a turn has done something that a second attempt would do again."""

from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from cron.tool import CronTool
from gateway.agent.journal import Response, Result, Started, Step
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage
from gateway.agent.outcome import acted
from gateway.tools.base import Effect, Turn


class Arguments(BaseModel):
    """A word."""

    text: str


class Tool:
    """Does what its effect says."""

    arguments: ClassVar[type[BaseModel]] = Arguments
    example: ClassVar[str] = "{}"

    def __init__(self, name: str, effect: Effect) -> None:
        self.name = name  # type: ignore[misc]
        self.effect = effect  # type: ignore[misc]

    async def call(self, arguments: Any, turn: Turn) -> str:
        raise AssertionError("nothing is called here")


TOOLS: dict[str, Any] = {
    "fetch": Tool("fetch", Effect.READ),
    "order": Tool("order", Effect.ONCE),
    "message": Tool("message", Effect.ALONG),
    "cron": CronTool.__new__(CronTool),
}


def called(name: str, arguments: str = '{"text": "x"}') -> list[Step]:
    call = ToolCall(id=f"t.1.{name}", name=name, arguments=arguments)
    return [
        Response(ModelReply(calls=(call,)), Usage()),
        Result(ToolResult(call_id=call.id, name=name, text="done")),
    ]


@pytest.mark.parametrize(
    ("steps", "done"),
    [
        ([], False),
        (called("fetch"), False),
        (called("message"), True),
        (called("order"), True),
        ([called("order")[0]], False),
        ([called("order")[0], Started("t.1.order")], True),
        (called("message", "{}"), False),  # refused before it ran
        (called("nothing"), False),
        (called("cron", '{"action": "set_state", "job_id": "x", "state": 1}'), False),
        (called("cron", '{"action": "list"}'), False),
        (called("cron", '{"action": "remove", "job_id": "x"}'), True),
        (called("fetch") + called("message"), True),
    ],
    ids=str,
)
def test_a_turn_has_acted_when_a_tool_did_something_that_lasts(steps: list[Step], done: bool) -> None:
    assert acted(steps, TOOLS) is done

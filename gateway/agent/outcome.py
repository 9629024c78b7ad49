"""What a turn came to: the words for how it ended, and whether it has done something; pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from pydantic import ValidationError

from gateway.agent.due import Ending, EndStatus
from gateway.agent.journal import Claim, Response, Result, Started, Step, TurnState
from gateway.agent.model import ToolCall
from gateway.agent.turn import SpentError, StepLimitError, parse
from gateway.errors import ErrorClass, ModelError
from gateway.tools.base import Effect, Selective, Tool

logger = structlog.get_logger()

CRASH_BUDGET = 3  # claims without a new step: the turn ends the process, or never gets anywhere

STATES = {
    EndStatus.SUCCEEDED: TurnState.DONE,
    EndStatus.FAILED: TurnState.FAILED,
    EndStatus.TIMED_OUT: TurnState.FAILED,
    EndStatus.CANCELLED: TurnState.CANCELLED,
    EndStatus.ABANDONED: TurnState.ABANDONED,
}


def given_up(claim: Claim) -> Ending | None:
    """The end of what has ended the process, or failed in it, too often without getting any further."""
    if claim.claims <= CRASH_BUDGET:
        return None
    return Ending(
        status=EndStatus.ABANDONED,
        error=f"given up: the gateway ended {CRASH_BUDGET} times while working on this",
        error_class=ErrorClass.PERMANENT,
    )


def failure(error: Exception, timeout: timedelta) -> Ending:
    """What to say of an error that ended a turn."""
    match error:
        case TimeoutError():
            text = f"stopped after {timeout.total_seconds():g} s (the time limit of a turn)"
            return Ending(status=EndStatus.TIMED_OUT, error=text, error_class=ErrorClass.TIMEOUT)
        case ModelError(kind=kind, retry_after=retry_after):
            return Ending(status=EndStatus.FAILED, error=str(error), error_class=kind, retry_after=retry_after)
        case SpentError():
            return Ending(status=EndStatus.FAILED, error=str(error), error_class=ErrorClass.PERMISSION)
        case StepLimitError():
            return Ending(status=EndStatus.FAILED, error=str(error), error_class=ErrorClass.PERMANENT)
        case _:
            logger.error("a turn failed in the gateway itself", exc_info=error)
            text = f"an error inside the gateway ({type(error).__name__}); the log has it"
            return Ending(status=EndStatus.FAILED, error=text, error_class=ErrorClass.PERMANENT)


def apology(ending: Ending) -> str:
    """One sentence for the person; nothing for a turn that they themselves have stopped."""
    if ending.status is EndStatus.CANCELLED:
        return ""
    return f"I could not finish this: {ending.error}."


def acted(steps: Sequence[Step], tools: Mapping[str, Tool]) -> bool:
    """Whether a tool has done something, by the steps, that a second attempt of the run would do again.

    In doubt it has: a call that began and has no result, and one that the tool has refused.
    """
    calls = {call.id: call for step in steps if isinstance(step, Response) for call in step.reply.calls}
    for step in steps:
        if isinstance(step, Started):
            return True
        if isinstance(step, Result) and step.result.name in tools:
            call = calls.get(step.result.call_id)
            if call is not None and _acts(tools[call.name], call):
                return True
    return False


def _acts(tool: Tool, call: ToolCall) -> bool:
    if tool.effect is Effect.READ:
        return False
    try:
        arguments = tool.arguments.model_validate(parse(call.arguments))
    except ValidationError:
        return False  # it was not run
    return tool.acts(arguments) if isinstance(tool, Selective) else True

"""The `cron` tool: a chat's own reminders and jobs."""

from collections.abc import Callable
from typing import ClassVar

from pydantic import BaseModel

from cron.arguments import CronArguments
from cron.clerk import Clerk
from cron.tools.actions import Actions, RunStates
from gateway.errors import NotFoundError, UserError
from gateway.tools.base import Effect, Turn

EXAMPLES = {
    "add": '{"action": "add", "say": "Stretch!", "when": "in 30 minutes"}',
    "list": '{"action": "list"}',
    "set_state": '{"action": "set_state", "job_id": "a1b2c3d4", "state": {"count": 1}}',
    "update": '{"action": "update", "job_id": "a1b2c3d4", "when": "every weekday at 8"}',
}
"""Right calls, shown where one was wrong; any other action looks like `show`."""

READING = frozenset({"list", "show", "runs"})


class CronTool:
    """Add, list, show, change and stop jobs; keep a job's state."""

    name: ClassVar[str] = "cron"
    arguments: ClassVar[type[BaseModel]] = CronArguments
    effect: ClassVar[Effect] = Effect.REPEATABLE  # a job and a state carry the id of the call that wrote them
    example: ClassVar[str] = EXAMPLES["add"]

    def __init__(self, clerk: Clerk, *, states: RunStates, is_admin: Callable[[Turn], bool]) -> None:
        """`is_admin`: whether who speaks is an owner of the bot."""
        self.actions = Actions(clerk, states=states, is_admin=is_admin)

    async def call(self, arguments: CronArguments, turn: Turn) -> str:
        try:
            return await self.actions.do(arguments.request(), turn)
        except NotFoundError:
            raise
        except UserError as error:
            raise UserError(
                f"{str(error).rstrip('.')}. A right call looks like {example_of(arguments.action)}."
            ) from error

    def acts(self, arguments: CronArguments) -> bool:
        """A state that is kept is kept again by the next attempt; all else that changes jobs would be twice."""
        return arguments.action not in READING | {"set_state"}


def example_of(action: str) -> str:
    return EXAMPLES.get(action) or f'{{"action": "{action}", "job_id": "a1b2c3d4"}}'

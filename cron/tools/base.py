"""What the aliases of the cron tool share: lenient arguments, and a call that goes where the cron tool's goes."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from cron.making.draft import Draft
from cron.tools.actions import Actions
from cron.tools.request import Request
from gateway.errors import NotFoundError, UserError
from gateway.tools.base import Effect, Turn


class AliasArguments(BaseModel):
    """Keys in any spelling, words of a closed set in any case; nothing is as good as not given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    words: ClassVar[frozenset[str]] = frozenset({"action", "schedule_type", "execution_mode"})

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        names: dict[str, Any] = {}
        for key, value in given.items():
            name = _snake(str(key))
            if value in (None, ""):
                continue
            if names.get(name, value) != value:
                raise ValueError(f"{name} is given twice, with different values")
            names[name] = value
        for name in cls.words & names.keys():
            if isinstance(names[name], str):
                names[name] = names[name].strip().lower()
        return names


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()


class Alias:
    """A tool under another name, with a contract of its own, on the same actions."""

    name: ClassVar[str]
    arguments: ClassVar[type[BaseModel]]
    example: ClassVar[str]
    effect: ClassVar[Effect] = Effect.REPEATABLE  # what it makes carries the id of its call
    stands_for: ClassVar[str] = "cron"

    def __init__(self, actions: Actions) -> None:
        self._actions = actions

    async def call(self, arguments: Any, turn: Turn) -> str:
        try:
            return await self._actions.do(self.request(arguments, turn), turn)
        except NotFoundError:
            raise
        except UserError as error:
            raise UserError(f"{str(error).rstrip('.')}. A right call looks like {self.example}.") from error

    def request(self, arguments: Any, turn: Turn) -> Request:
        """The call as what is done with jobs; UserError for what its contract refuses."""
        raise NotImplementedError


NEEDED = {"agent": "prompt", "shell": "command"}


def payload(action: str, *, prompt: str | None, command: str | None) -> Draft:
    """What a job does; UserError when the field that the action needs is missing, or the other one is there."""
    given = {"prompt": (prompt or "").strip(), "command": (command or "").strip()}
    needed = NEEDED[action]
    (other,) = given.keys() - {needed}
    if not given[needed]:
        raise UserError(f"{needed} is missing: with action = {action} it says what is done")
    if given[other]:
        raise UserError(f"{other} does not go with action = {action}; leave it out, or change the action")
    return Draft(prompt=prompt) if needed == "prompt" else Draft(command=command)

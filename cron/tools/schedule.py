"""The `schedule` tool: a job from a time in words."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from cron.tools.base import Alias, AliasArguments, payload
from cron.tools.request import Request
from gateway.tools.base import Turn


class ScheduleArguments(AliasArguments):
    """Do something once or again and again, at a time in words; the answer says which time was understood."""

    when: str = Field(min_length=1, description='"in 30 minutes", "tomorrow at 9am", "every Monday at 10:00"')
    action: Literal["agent", "shell"] = Field(description="agent: a full turn with `prompt`; shell: `command`.")
    prompt: str | None = None
    command: str | None = None
    name: str | None = None


class ScheduleTool(Alias):
    """Makes a job of a phrase; what is not understood is refused, never guessed."""

    name: ClassVar[str] = "schedule"
    arguments: ClassVar[type[BaseModel]] = ScheduleArguments
    example: ClassVar[str] = '{"when": "in 30 minutes", "action": "agent", "prompt": "Look at the build."}'
    stands_for: ClassVar[str] = ""

    def request(self, arguments: ScheduleArguments, _turn: Turn) -> Request:
        done = payload(arguments.action, prompt=arguments.prompt, command=arguments.command)
        draft = replace(done, when=arguments.when, name=arguments.name)
        return Request(action="add", draft=draft, instant=True)

"""[[cron.tasks]]: the keys of a job that the configuration declares; what they mean is asked when it is made."""

from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway import zones
from gateway.messages import Json


def as_json(value: object) -> Json:
    """What TOML and YAML have and JSON has not, as text: dates, times, and keys that are none."""
    if isinstance(value, dict):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_json(part) for part in value]
    return value.isoformat() if isinstance(value, date | time) else value


def _digits(value: object) -> object:
    """A number where text is wanted is its digits."""
    return str(value) if type(value) is int else value


Id = Annotated[str, BeforeValidator(_digits)]
Text = Annotated[str | None, BeforeValidator(as_json)]
Setting = Annotated[Json, BeforeValidator(as_json)]
"""Of any form; what it means is asked when the job is made."""


class DeclaredTask(BaseModel):
    """A job that the configuration declares; its settings have the same names everywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    action: Literal["agent", "shell", "say"] = "agent"
    prompt: str = ""
    command: str = ""
    text: str = ""
    description: str = ""
    tz: str = ""
    enabled: bool = True
    channel: str = ""  # where it speaks, with `to`; empty: cron.default_target
    to: Id = ""
    thread: Id = ""

    schedule: Text = None
    when: Text = None
    every: Annotated[Text, BeforeValidator(_digits)] = None
    cron: Text = None
    at: Text = None
    every_nth: Setting = None
    session: Text = None
    notify: Text = None
    overlap: Text = None
    misfire: Text = None
    misfire_window: Setting = None
    after_run: Text = None
    timeout: Setting = None
    start_at: Text = None
    expires_at: Text = None
    max_runs: Setting = None
    jitter: Setting = None
    exclude: Setting = None
    retry: Setting = None
    type: Text = None
    context_messages: Setting = None
    delivery: Annotated[Setting, Field(repr=False)] = None  # may hold a token, as the next two
    on_complete: Annotated[Setting, Field(repr=False)] = None
    on_fail: Annotated[Setting, Field(repr=False)] = None
    notify_on: Setting = None
    failure_alert: Setting = None
    then: Setting = None
    output_format: Text = None
    output_schema: Setting = None
    spend: Setting = None
    check: Text = None
    model: Text = None
    tools: Setting = None
    work_dir: Text = None
    may_schedule: Setting = None
    nag: Setting = None

    @property
    def content(self) -> str:
        """The prompt, the command or the text, whichever the action needs."""
        return {"agent": self.prompt, "shell": self.command, "say": self.text}[self.action]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens of what is called."""
        hooks = (self.delivery, self.on_complete, self.on_fail)
        parts = [part for hook in hooks if isinstance(hook, dict) for part in (hook, hook.get("hook"))]
        tokens = [part.get("token") for part in parts if isinstance(part, dict)]
        return tuple(token for token in tokens if isinstance(token, str) and token)

    @model_validator(mode="after")
    def _one_payload(self) -> Self:
        wanted = {"agent": "prompt", "shell": "command", "say": "text"}[self.action]
        if not self.content:
            raise ValueError(f'.{wanted}: missing; action = "{self.action}" needs it')
        for key in ("prompt", "command", "text"):
            if key != wanted and getattr(self, key):
                raise ValueError(f'.{key}: does not go with action = "{self.action}", which takes {wanted}')
        if self.tz:
            zones.check(self.tz)
        return self

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        given = [key for key in ("schedule", "when", "every", "cron", "at") if getattr(self, key)]
        if not given:
            raise ValueError('.schedule: missing; write for example schedule = "0 9 * * *"')
        if len(given) > 1:
            raise ValueError(f".{given[1]}: is given beside {given[0]}; a task has one schedule")
        if bool(self.channel) is not bool(self.to):
            raise ValueError(".channel: goes with `to`; give both, or neither for cron.default_target")
        return self


TASK_SETTINGS = tuple(
    name for name in DeclaredTask.model_fields if DeclaredTask.model_fields[name].default is None
)
"""The keys of a task that go on to the job as they were written."""

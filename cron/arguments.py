"""The arguments of the `cron` tool: flat, lenient in form, strict in meaning."""

import difflib
import re
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cron.draft import Draft
from gateway.messages import Json

ACTIONS = ("add", "list", "show", "update", "remove", "enable", "disable", "run", "runs", "set_state")

ALIASES = {
    "prompt": "message",
    "task": "message",
    "text": "say",
    "reminder": "say",
    "expr": "cron_expr",
    "cron": "cron_expr",
    "cron_expression": "cron_expr",
    "interval": "every",
    "every_second": "every_seconds",
    "time": "when",
    "timezone": "tz",
    "id": "job_id",
    "job": "job_id",
    "new_state": "state",
}


class CronArguments(BaseModel):
    """Reminders and other jobs of this chat: make, list, change, stop them, or keep a job's state.

    add: `say` (exact words, for a plain reminder) or `message` (a prompt for yourself at that time), and one of
    `when` (a phrase such as "in 30 minutes", "tomorrow at 9am", "every weekday at 9"), `at` (ISO 8601),
    `cron_expr` (five fields), `every_seconds`. show, update, remove, enable, disable, run: `job_id`.
    set_state: `job_id` and `state` (any JSON), only in a run of that very job.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    action: Literal[ACTIONS] = Field(description="What to do.")  # type: ignore[valid-type]
    job_id: str | None = Field(None, description="Id or name of the job.")
    say: str | None = Field(None, description="Exact words to send at that time, without asking a model.")
    message: str | None = Field(None, description="Prompt for a full turn at that time.")
    when: str | None = Field(None, description="The time in words.")
    at: str | None = Field(None, description="One time, ISO 8601; without offset: in the zone of the chat.")
    cron_expr: str | None = Field(None, description="minute hour day month weekday")
    every_seconds: float | None = Field(None, description="A fixed interval in seconds.")
    every: str | None = Field(None, description="A fixed interval: 30s, 5m, 2h, 1d.")
    tz: str | None = Field(None, description="IANA zone; only if the person named another than the chat's.")
    name: str | None = Field(None, description="A short name.")
    description: str | None = None
    session: str | None = Field(None, description="isolated (default), main, or session:<name>")
    notify: str | None = Field(None, description="auto (default), always, never")
    misfire: str | None = Field(None, description="fire_once (default), skip, fire_all")
    after_run: str | None = Field(None, description="of a one-time job: delete (default), disable, keep")
    timeout: str | None = None
    state: Json = Field(None, description="What the next run of the job should know.")
    limit: int | None = Field(None, description="How many runs to show.")

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, given: Any) -> Any:
        """Other spellings of a name become ours; what weak models send for "nothing" is left out."""
        if not isinstance(given, dict):
            return given
        names: dict[str, Any] = {}
        for key, value in given.items():
            name = canonical(str(key), names=set(cls.model_fields))
            if name != "state" and value in (None, "", [], {}):
                continue
            if name == "every_ms" and isinstance(value, int | float):
                name, value = "every_seconds", value / 1000  # noqa: PLW2901 - the same thing in our unit
            if names.get(name, value) != value:
                raise ValueError(f"{name} is given twice, with different values")
            names[name] = value
        if isinstance(names.get("action"), str):
            names["action"] = names["action"].strip().lower().replace("-", "_")
        if not names.get("every_seconds", 1):
            del names["every_seconds"]
        _refuse_unknown(set(names), set(cls.model_fields))
        return names

    def draft(self) -> Draft:
        """What was asked for, without what only the tool needs."""
        every = self.every or (_plain(self.every_seconds) if self.every_seconds is not None else None)
        return Draft(
            name=self.name,
            prompt=self.message,
            say=self.say,
            when=self.when,
            every=every,
            cron=self.cron_expr,
            at=self.at,
            tz=self.tz,
            description=self.description,
            session=self.session,
            notify=self.notify,
            misfire=self.misfire,
            after_run=self.after_run,
            timeout=self.timeout,
        )


def _plain(seconds: float) -> str:
    """Every digit, and no exponent."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def canonical(key: str, *, names: set[str]) -> str:
    """Our spelling of a key: snake_case, aliases resolved."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    return snake if snake in names else ALIASES.get(snake, snake)


def _refuse_unknown(given: Any, known: set[str]) -> None:
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"unknown argument {name[:80]!r}{hint}")

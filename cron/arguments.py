"""The arguments of the `cron` tool: flat, lenient in form, strict in meaning."""

import difflib
import re
from dataclasses import fields
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cron import json_text
from cron.making.draft import Draft
from cron.tools.request import Request
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
    "settings": "options",
    "session_target": "session",
}

SETTINGS = frozenset(field.name for field in fields(Draft))
"""What may stand in `options`, or beside it: the rarer ones are not in the schema, which every turn pays for."""


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
    session: str | None = Field(None, description="isolated (default), main, or session:<name>")
    notify: str | None = Field(None, description="auto (default), always, never")
    state: Json = Field(None, description="What the next run of the job should know.")
    merge: bool | None = Field(None, description="set_state: change only the keys given; null removes one.")
    limit: int | None = Field(None, description="How many runs to show.")
    options: dict[str, Json] | None = Field(
        None,
        description="Rare settings by name: description, after_run (delete, disable, keep), timeout, misfire, "
        "overlap, retry {attempts, backoff}, start_at, expires_at, max_runs, jitter, exclude {dates, weekdays, "
        "holidays}, context_messages, delivery {mode, to}, failure_alert {after}, then [{on, job}], "
        "output_format, output_schema, spend {tokens_per_run}, model, tools, nag",
    )

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
        _put_aside(names, set(cls.model_fields))
        return names

    def draft(self) -> Draft:
        """What was asked for, without what only the tool needs."""
        every = self.every or (_plain(self.every_seconds) if self.every_seconds is not None else None)
        given: dict[str, Json] = {
            "name": self.name,
            "prompt": self.message,
            "say": self.say,
            "when": self.when,
            "every": every,
            "cron": self.cron_expr,
            "at": self.at,
            "tz": self.tz,
            "session": self.session,
            "notify": self.notify,
        }
        return Draft(**{**given, **(self.options or {})})

    def request(self) -> Request:
        """The call as what is done with jobs."""
        return Request(
            action=self.action,
            reference=self.job_id or "",
            draft=self.draft(),
            state=self.state,
            has_state="state" in self.model_fields_set,
            merge=bool(self.merge),
            limit=self.limit,
        )


def _put_aside(names: dict[str, Any], known: set[str]) -> None:
    """Settings that are no arguments of their own become options; what is nothing at all is refused."""
    options = _options(names.pop("options", {}), known)
    for name in sorted(names.keys() - known):
        if name not in SETTINGS:
            _refuse(name, known | SETTINGS)
        options.setdefault(name, names.pop(name))
    for name in sorted(options.keys() & known):
        names.setdefault(name, options.pop(name))
    if options:
        names["options"] = options


def _options(given: Any, known: set[str]) -> dict[str, Any]:
    if isinstance(given, str):  # models send objects as text
        given = json_text.load(given.encode())
    if not isinstance(given, dict):
        raise ValueError("options is not an object of settings by name")  # noqa: TRY004 - pydantic shows it
    options = {canonical(str(key), names=known | SETTINGS): value for key, value in given.items()}
    for name in sorted(options.keys() - known - SETTINGS):
        _refuse(name, known | SETTINGS)
    return {name: value for name, value in options.items() if value not in (None, "")}


def _plain(seconds: float) -> str:
    """Every digit, and no exponent."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def canonical(key: str, *, names: set[str] | frozenset[str]) -> str:
    """Our spelling of a key: snake_case, aliases resolved."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    return snake if snake in names else ALIASES.get(snake, snake)


def _refuse(name: str, known: set[str] | frozenset[str]) -> None:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(f"unknown argument {name[:80]!r}{hint}")

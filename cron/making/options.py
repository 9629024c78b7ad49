"""The settings of a job, besides what it does and when, as people and models write them; pure.

Each is read as the codec reads it from a file. More than there: an object or a list may come as text, a number as
its digits, and "default" sets back what was said before. An object changes the parts that it names.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, replace
from datetime import timedelta
from typing import Any

from cron import json_text
from cron.codec.columns import FIELDS
from cron.codec.values import FieldError, snake, text
from cron.job import Job
from cron.policy import NAMED
from cron.times.schedule_text import parse_duration
from gateway.errors import ScheduleError, UserError
from gateway.messages import Json

LONGEST_SESSION = 80
DEFAULT = "default"
NONE = "none"

NESTED = frozenset(
    {
        "retry",
        "exclude",
        "delivery",
        "on_complete",
        "on_fail",
        "notify_on",
        "failure_alert",
        "then",
        "output_schema",
        "spend",
        "tools",
    }
)
"""What has parts: it may come as an object or a list, or as one in text."""

_MERGED: Mapping[str, Mapping[str, str]] = {
    "retry": {"max_attempts": "attempts", "retries": "attempts", "delay": "backoff", "retry_delay": "backoff"},
    "exclude": {},
    "failure_alert": {
        "cooldown_ms": "cooldown",
        "channel": "address",
        "to": "address",
        "chat": "address",
        "thread": "address",
    },
    "spend": {},
}
"""What an object changes part by part, and which part another name of it is."""

_EMPTY_IS_NONE = frozenset({"tools", "notify_on", "then"})  # of these "none" is a value: an empty list
_NOTHING = frozenset(
    {
        "exclude",
        "delivery",
        "on_complete",
        "on_fail",
        "output_schema",
        "spend",
        "max_runs",
        "jitter",
        "nag",
        "context_messages",
    }
)
"""Whose default is to do nothing: "none" is another word for it. "retry none" would mean no retry at all."""


def applied(job: Job, said: Mapping[str, Json]) -> Job:
    """The job with these settings; UserError names the one that cannot be understood."""
    changes: dict[str, Any] = {}
    for name, value in said.items():
        try:
            changes[name] = _read(name, value, job)
        except FieldError as fault:
            raise UserError(f"{name}: {fault}") from None
        except ScheduleError as fault:
            raise ScheduleError(f"{name}: {fault}") from None
    return replace(job, **changes)


def _read(name: str, value: Json, job: Job) -> object:
    spelled = value.strip().lower() if isinstance(value, str) else ""
    if _is_default(value) or (spelled == NONE and name in _NOTHING):
        return _DEFAULTS[name]
    if spelled == NONE and name in _EMPTY_IS_NONE:
        return ()
    if name in NESTED and isinstance(value, str) and value.strip()[:1] in {"{", "["}:
        value = _unpacked(value)
    if name in _MERGED and isinstance(value, dict):
        return _merged(name, value, getattr(job, name))
    return _READERS[name](value)


def _unpacked(value: str) -> Json:
    try:
        return json_text.load(value.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise FieldError(f"is not JSON: {error}") from error


def _merged(name: str, value: dict[str, Json], present: Any) -> object:
    """What is there, with the parts changed that the object names, or set back by the word default."""
    said = {part: given for part, given in value.items() if given is not None and not _is_default(given)}
    read: Any = FIELDS[name].read(said)  # a part that it does not name is at its default
    others = _MERGED[name]
    named = {others.get(snake(part), snake(part)) for part, given in value.items() if given is not None}
    if odd := sorted(named - set(read.__slots__)):
        raise FieldError(f"does not know {', '.join(odd)}")
    return replace(present, **{part: getattr(read, part) for part in named})


def _is_default(value: Json) -> bool:
    return isinstance(value, str) and value.strip().lower() == DEFAULT


def _session(value: Json) -> str:
    name = text(value).strip()
    tail = name.removeprefix(NAMED)
    if name.startswith(NAMED) and (len(tail) > LONGEST_SESSION or not tail.isprintable()):
        raise FieldError(f"a name has at most {LONGEST_SESSION} printable characters")
    return str(FIELDS["session"].read(name))


def _duration(value: Json) -> timedelta:
    return parse_duration(value if isinstance(value, str) else str(value))


def _stripped(value: Json) -> str:
    return text(value).strip()


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


_READERS: Mapping[str, Callable[[Json], object]] = {
    **{
        name: FIELDS[name].read
        for name in (
            "notify",
            "overlap",
            "misfire",
            "after_run",
            "type",
            "output_format",
            "max_runs",
            "context_messages",
            "may_schedule",
            "work_dir",
            *NESTED,
        )
    },
    "session": _session,
    "timeout": _duration,
    "misfire_window": _duration,
    "jitter": _duration,
    "nag": _duration,
    "description": _stripped,
    "check": _stripped,
    "model": _stripped,
}
_DEFAULTS: Mapping[str, object] = {
    field.name: _default(field) for field in fields(Job) if field.name in _READERS or field.name.endswith("_at")
}

OPTIONS = tuple(name for name in FIELDS if name in _READERS)
"""Their names, in the order in which a stored job has them; start_at and expires_at are read with the schedule."""

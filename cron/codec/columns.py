"""The single fields of a job, read leniently in form and written canonically. Pure."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cron.job import ISOLATED, MAIN, NAMED, AfterRun, FailureAlert, JobStatus, Misfire, Notify, Overlap
from gateway import durations, zones
from gateway.messages import ChatAddress, Json

_HEX8 = re.compile(r"[0-9a-f]{8}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SYNONYMS = {"queue": "buffer_one", "active": "enabled", "inactive": "disabled"}
_Word = TypeVar("_Word", bound=StrEnum)


class FieldError(ValueError):
    """A field that cannot be understood, in words that follow its name."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is read (FieldError where it cannot be) and written."""

    read: Callable[[Json], object]
    write: Callable[[Any], Json]


@lru_cache(maxsize=1024)  # the same few names come again with every job
def snake(name: str) -> str:
    """misfireWindow, misfire-window and MISFIRE_WINDOW are the same name."""
    return _HUMP.sub("_", name).replace("-", "_").lower()


def text(value: Json) -> str:
    if not isinstance(value, str):
        raise FieldError("is not text")
    return value


def word(kind: type[_Word], value: Json) -> _Word:
    """A member of a closed set of words, in any case and with - for _."""
    spelled = snake(value) if isinstance(value, str) else ""
    try:
        return kind(_SYNONYMS.get(spelled, spelled))
    except ValueError as error:
        raise FieldError(f"{value!r} is not one of {', '.join(kind)}") from error


def duration(value: Json) -> timedelta:
    try:
        return durations.parse(value)
    except ValueError as error:
        raise FieldError(str(error)) from error


def write_duration(value: timedelta) -> Json:
    """ "10m" where it is whole minutes, else seconds."""
    seconds = value.total_seconds()
    if seconds % 60:
        return int(seconds) if seconds == int(seconds) else seconds
    return durations.to_text(value)


def instant(value: Json, *, tz: str) -> datetime:
    """An RFC 3339 instant; without an offset it is meant by the clocks of `tz`."""
    try:
        moment = datetime.fromisoformat(text(value).strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(tz))
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise FieldError(f"{value!r} is not an instant such as 2026-03-29T09:00:00Z") from error
    if len(value.strip()) <= len("2026-03-29"):
        raise FieldError(f"{value!r} has no time of day")
    return moment


def write_instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def address(value: Json) -> ChatAddress:
    if not isinstance(value, dict) or not value.keys() <= {"channel", "chat", "thread"}:
        raise FieldError('is not an object such as {"channel": "telegram", "chat": "123"}')
    parts = {name: str(part) for name, part in value.items() if type(part) in (str, int)}
    if not (parts.get("channel") and parts.get("chat") and len(parts) == len(value)):
        raise FieldError("needs a channel and a chat, both text")
    return ChatAddress(**parts)


def write_address(value: ChatAddress) -> Json:
    thread = {"thread": value.thread} if value.thread else {}
    return {"channel": value.channel, "chat": value.chat} | thread


def zone(value: Json) -> str:
    try:
        return _checked_zone(text(value))
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(f"{value!r} {error}") from error


@lru_cache(maxsize=256)
def _checked_zone(name: str) -> str:
    return zones.check(name)


def _uid(value: Json) -> str:
    try:
        return str(uuid.UUID(text(value)))
    except ValueError as error:
        raise FieldError("is not a UUID; leave it out to get one") from error


def _short_id(value: Json) -> str:
    if not isinstance(value, str) or not _HEX8.fullmatch(value.lower()):
        raise FieldError("is not 8 hexadecimal digits; leave it out to get one")
    return value.lower()


def _session(value: Json) -> str:
    name = text(value)
    if name.lower() in (ISOLATED, MAIN):
        return name.lower()
    if name.startswith(NAMED) and name != NAMED:
        return name
    raise FieldError(f"{name!r} is not one of {ISOLATED}, {MAIN}, {NAMED}<name>")


def _status(value: Json) -> JobStatus:
    status = word(JobStatus, value)
    if status is JobStatus.BROKEN:
        raise FieldError("broken is found out, never written; write enabled or disabled")
    return status


def _flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise FieldError("is not true or false")
    return value


def _count(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise FieldError("is not a whole number from 0 on")
    return value


def _revision(value: Json) -> int:
    return max(1, _count(value))  # 0 is a job that is not stored


def _instant(value: Json) -> datetime:
    return instant(value, tz=zones.UTC)


def _failure_alert(value: Json) -> FailureAlert:
    if not isinstance(value, dict):
        raise FieldError('is not an object such as {"after": 3, "cooldown": "1h"}')
    given = {snake(name): part for name, part in value.items() if part is not None}
    odd = given.keys() - _ALERT.keys()
    if odd:
        raise FieldError(f"does not know {', '.join(sorted(odd))}")
    parts: dict[str, Any] = {name: _ALERT[name].read(part) for name, part in given.items()}
    return FailureAlert(**parts)


def _write_failure_alert(alert: FailureAlert) -> Json:
    parts = {name: (field, getattr(alert, name)) for name, field in _ALERT.items()}
    return {name: field.write(part) for name, (field, part) in parts.items() if part is not None}


def _as_is(value: Any) -> Json:
    return value


def _optional(write: Callable[[Any], Json]) -> Callable[[Any], Json]:
    return lambda value: None if value is None else write(value)


def _words(kind: type[StrEnum]) -> Field:
    return Field(lambda value: word(kind, value), lambda member: member.value)


_TEXT = Field(text, _as_is)
_FLAG = Field(_flag, _as_is)
_DURATION = Field(duration, _optional(write_duration))
_ADDRESS = Field(address, _optional(write_address))

_ALERT: Mapping[str, Field] = {
    "after": Field(_count, _as_is),
    "cooldown": _DURATION,
    "address": _ADDRESS,
}

FIELDS: Mapping[str, Field] = {  # in the order in which they are written
    "id": Field(_short_id, _as_is),
    "uid": Field(_uid, _as_is),
    "name": _TEXT,
    "status": Field(_status, lambda status: status.value),
    "status_reason": _TEXT,
    "tz": Field(zone, _as_is),
    "description": _TEXT,
    "address": _ADDRESS,
    "owner": _TEXT,
    "created_at": Field(_instant, write_instant),
    "changed_at": Field(_instant, write_instant),
    "created_by": _TEXT,
    "created_in": _TEXT,
    "session": Field(_session, _as_is),
    "notify": _words(Notify),
    "misfire": _words(Misfire),
    "misfire_window": _DURATION,
    "overlap": _words(Overlap),
    "after_run": _words(AfterRun),
    "timeout": _DURATION,
    "failure_alert": Field(_failure_alert, _write_failure_alert),
    "declared": _FLAG,
    "stamp": _TEXT,
    "revision": Field(_revision, _as_is),
    "state_revision": Field(_count, _as_is),
    "state_stamp": _TEXT,
    "state": Field(_as_is, _as_is),
}
"""The fields of a job that can be understood alone. Schedule and payload are in `codec_schedule`."""

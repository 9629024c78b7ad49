"""Single values of a job, read leniently in form and written canonically. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cron.job import JobStatus
from cron.policy import DeliveryMode, JobType, Lifecycle, Overlap, ThenOn
from gateway import durations, zones
from gateway.messages import ChatAddress, Json

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SYNONYMS: Mapping[type[StrEnum], Mapping[str, str]] = {
    Overlap: {"queue": "buffer_one"},
    JobStatus: {"active": "enabled", "inactive": "disabled"},
    JobType: {"heavy": "resource-intensive"},
    DeliveryMode: {"announce": "channel"},
    Lifecycle: {
        "canceled": "cancelled",
        "complete": "completed",
        "succeeded": "completed",
        "success": "completed",
        "error": "failed",
        "failure": "failed",
    },
    ThenOn: {
        "succeeded": "success",
        "completed": "success",
        "ok": "success",
        "failed": "failure",
        "error": "failure",
    },
}
"""What the programs that came before call our words."""

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
_MOST_MONEY = 1e15
_SHOWN = 80  # characters of what was written, in an error
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


def shown(value: Json) -> str:
    """What was written, cut where it is long."""
    words = repr(value)
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"


def text(value: Json) -> str:
    if not isinstance(value, str):
        raise FieldError("is not text")
    return value


def as_is(value: Any) -> Json:
    return value


def word(kind: type[_Word], value: Json) -> _Word:
    """A member of a closed set of words, in any case and with - for _."""
    meant = _spellings(kind).get(snake(value.strip())) if isinstance(value, str) else None
    if meant is None:
        raise FieldError(f"{shown(value)} is not one of {', '.join(kind)}")
    return kind(meant)


@lru_cache(maxsize=32)
def _spellings(kind: type[StrEnum]) -> Mapping[str, str]:
    """The words of a set by all their spellings, in snake_case."""
    return {snake(member.value): member.value for member in kind} | dict(_SYNONYMS.get(kind, {}))


def words(kind: type[StrEnum]) -> Field:
    return Field(lambda value: word(kind, value), lambda member: member.value)


def duration(value: Json) -> timedelta:
    try:
        return durations.parse(value)
    except ValueError as error:
        raise FieldError(f"{shown(value)} {error}") from error


def in_seconds(value: Json, unit: float) -> Json:
    """A number of units as one of seconds; anything else as it is."""
    if type(value) not in (int, float):
        return value
    try:
        return value * unit
    except OverflowError:  # a whole number beyond what a float can be
        return math.inf


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
        raise FieldError(f"{shown(value)} is not an instant such as 2026-03-29T09:00:00Z") from error
    if len(value.strip()) <= len("2026-03-29"):
        raise FieldError(f"{shown(value)} has no time of day")
    return moment


def instant_of_ms(value: Json) -> datetime:
    """Milliseconds since 1970, as programs in JavaScript write them."""
    if type(value) not in (int, float):
        raise FieldError("is not a number of milliseconds since 1970")
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise FieldError(f"{shown(value)} lies outside the calendar") from error


def write_instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def day(value: Json) -> date:
    try:
        return date.fromisoformat(text(value).strip())
    except ValueError as error:
        raise FieldError(f"{shown(value)} is not a date such as 2026-12-24") from error


def address(value: Json) -> ChatAddress:
    """{"channel", "chat", "thread"}; `to` is `chat`; a number is an id in digits."""
    if not isinstance(value, dict) or not value.keys() <= {"channel", "chat", "to", "thread"}:
        raise FieldError('is not an object such as {"channel": "telegram", "chat": "123"}')
    parts = {name: identifier(part) for name, part in value.items() if part is not None}
    if "to" in parts:
        if "chat" in parts:
            raise FieldError("says two things: chat and to; keep one")
        parts["chat"] = parts.pop("to")
    if not (parts.get("channel") and parts.get("chat")):
        raise FieldError("needs a channel and a chat, both text")
    return ChatAddress(**parts)


def identifier(value: Json) -> str:
    """An id is text; a number is one without its quotes."""
    if type(value) not in (str, int):
        raise FieldError("needs ids that are text")
    return str(value)


def write_address(value: ChatAddress) -> Json:
    thread = {"thread": value.thread} if value.thread else {}
    return {"channel": value.channel, "chat": value.chat} | thread


def zone(value: Json) -> str:
    try:
        return _checked_zone(text(value))
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(f"{shown(value)} {error}") from error


@lru_cache(maxsize=256)
def _checked_zone(name: str) -> str:
    return zones.check(name)


def flag(value: Json) -> bool:
    """True or false; also as the words that people write for them."""
    meant = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(meant, bool):
        raise FieldError(f"{shown(value)} is not true or false")
    return meant


def count(value: Json) -> int:
    number = _digits(value)
    if type(number) is not int or number < 0:
        raise FieldError(f"{shown(value)} is not a whole number from 0 on")
    return number


def counted_from_one(value: Json) -> int:
    number = _digits(value)
    if type(number) is not int or number < 1:
        raise FieldError(f"{shown(value)} is not a whole number from 1 on")
    return number


def amount(value: Json) -> float:
    """Money: above zero."""
    number = _digits(value)
    if type(number) not in (int, float) or not 0 < number <= _MOST_MONEY:
        raise FieldError(f"{shown(value)} is not a number above zero")
    return float(number)


def _digits(value: Json) -> Json:
    """Text that is a plain number is one: flags and models write numbers so."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value) if "." in value else int(value)
    return value


def items(value: Json) -> list[Json]:
    """A list; text with commas is one of texts."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    if not isinstance(value, list):
        raise FieldError('is not a list such as ["a", "b"]')
    return value


def texts(value: Json) -> tuple[str, ...]:
    found = items(value)
    if not all(isinstance(item, str) and item.strip() for item in found):
        raise FieldError('is not a list of texts such as ["a", "b"]')
    return tuple(dict.fromkeys(item.strip() for item in found))


def within(value: Json, known: Mapping[str, object], example: str) -> dict[str, Json]:
    """The parts of an object by our names for them; FieldError for one that is not known."""
    if not isinstance(value, dict):
        raise FieldError(f"is not an object such as {example}")
    given: dict[str, Json] = {}
    for name, part in value.items():
        if part is None:
            continue
        if snake(name) in given:
            raise FieldError(f"{snake(name)} is given twice; keep one")
        given[snake(name)] = part
    odd = sorted(given.keys() - known.keys())
    if odd:
        raise FieldError(f"does not know {', '.join(odd)}")
    return given


def optional(write: Callable[[Any], Json]) -> Callable[[Any], Json]:
    return lambda value: None if value is None else write(value)

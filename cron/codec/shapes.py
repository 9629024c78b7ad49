"""Schedule ⇄ JSON and payload ⇄ JSON. Pure.

Canonical: {"kind": "cron", "expr": "30 2 * * *"}, {"kind": "every", "every": "5m", "anchor": "…Z"},
{"kind": "at", "at": "…Z"}; {"kind": "agent", "prompt": "…"}, {"kind": "say", "text": "…"},
{"kind": "system_event", "text": "…"}, {"kind": "shell", "command": "…"}. A cron expression in another zone than
its job's has its own "tz"; "every_nth" of the days that it names are counted from "anchor".
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cron.codec.values import (
    FieldError,
    counted_from_one,
    duration,
    in_seconds,
    instant,
    instant_of_ms,
    shown,
    snake,
    text,
    write_duration,
    write_instant,
    zone,
)
from cron.job import AgentPrompt, Payload, Say, Shell, SystemEvent
from cron.schedule import At, Cron, Every, Schedule
from cron.times.schedule_text import parse_schedule
from gateway.errors import ScheduleError
from gateway.messages import Json

SCHEDULE_KEYS = frozenset(
    {"cron", "cron_expr", "expr", "every", "every_seconds", "every_ms", "at", "run_at", "at_ms"}
)
PAYLOAD_KEYS = frozenset({"action", "prompt", "message", "text", "say", "command", "event"})
"""What may also stand on the job itself, instead of in `schedule` and `payload`."""

_EXPRESSION = ("expr", "expression", "cron", "cron_expr")
_INTERVAL = ("every", "interval", "every_seconds", "every_ms", "minutes")
_INSTANT = ("at", "instant", "run_at", "at_ms")
_KINDS = {"cron": _EXPRESSION, "every": _INTERVAL, "interval": _INTERVAL, "at": _INSTANT, "once": _INSTANT}
_VALUES = {"cron": "expr", "every": "every", "interval": "every", "at": "at", "once": "at"}
_EXTRA = {"cron": {"every_nth", "anchor"}, "every": {"anchor", "anchor_ms"}, "at": set[str]()}
_UNITS = {"every_ms": 0.001, "minutes": 60}  # in seconds


def encode_schedule(schedule: Schedule, tz: str) -> Json:
    """The canonical object; `tz` is the job's, and is not repeated."""
    match schedule:
        case Cron(expression=expression, zone=own, every_nth=nth, anchor=anchor):
            rare = {"tz": None if own == tz else own, "every_nth": nth if nth != 1 else None}
            rare["anchor"] = write_instant(anchor) if anchor is not None else None
            return {"kind": "cron", "expr": expression} | {name: part for name, part in rare.items() if part}
        case Every(interval=interval, anchor=anchor):
            return {"kind": "every", "every": write_duration(interval), "anchor": write_instant(anchor)}
        case At(instant=moment):
            return {"kind": "at", "at": write_instant(moment)}


def decode_schedule(value: Json, *, tz: str, anchor: datetime) -> Schedule:
    """What is meant; FieldError when that is nothing, or two things. `anchor` is the default of an interval."""
    try:
        if isinstance(value, str):
            return parse_schedule(value, zone=tz, now=anchor)
        if not isinstance(value, dict):
            raise FieldError('is missing; write for instance {"kind": "cron", "expr": "0 9 * * *"}')
        parts = _with_value({snake(name): part for name, part in value.items() if part is not None})
        given = _the_one(parts, (*_EXPRESSION, *_INTERVAL, *_INSTANT))
        kind = snake(text(parts.get("kind", given)))
        if given not in _KINDS.get(kind, (kind,)):
            raise FieldError(f"of the kind {kind!r} cannot be told by {given!r}")
        return _build(given, parts, tz=tz, anchor=anchor)
    except ScheduleError as error:
        raise FieldError(str(error)) from error


def _with_value(parts: dict[str, Json]) -> dict[str, Json]:
    """{"kind": "every", "value": "30m"} says its value under the name that the kind has for it."""
    if "value" not in parts:
        return parts
    kind = snake(text(parts.get("kind", "")))
    if kind not in _VALUES:
        raise FieldError(f"has the kind {kind!r}, which is not one of at, cron, every")
    if kind == "at" and not isinstance(parts["value"], str):
        raise FieldError("of the kind 'at' needs an ISO date and time such as 2026-04-25T09:00:00")
    return {name: part for name, part in parts.items() if name != "value"} | {_VALUES[kind]: parts["value"]}


def _build(given: str, parts: Mapping[str, Json], *, tz: str, anchor: datetime) -> Schedule:
    own = zone(parts.get("tz", parts.get("timezone", tz)))
    common = {"kind", "tz", "timezone", given}
    if given in _INSTANT:
        _only(parts, common)
        return At(instant_of_ms(parts[given]) if given == "at_ms" else instant(parts[given], tz=own))
    start = _anchor(parts, tz=own)
    if given in _EXPRESSION:
        _only(parts, common | _EXTRA["cron"])
        nth = counted_from_one(parts.get("every_nth", 1))
        return Cron(text(parts[given]), own, nth, start or (anchor if nth > 1 else None))
    _only(parts, {"kind", given} | _EXTRA["every"])
    return Every(_interval(given, parts[given]), start or anchor)


def zone_in(value: Json) -> str:
    """The zone that a schedule names, for a job that names none; empty if it names none that is known."""
    parts = {snake(name): part for name, part in value.items()} if isinstance(value, dict) else {}
    try:
        return zone(parts.get("tz") or parts.get("timezone"))
    except FieldError:
        return ""  # what is wrong with it is said where the schedule is read


def _anchor(parts: Mapping[str, Json], *, tz: str) -> datetime | None:
    if "anchor_ms" in parts:
        return instant_of_ms(parts["anchor_ms"])
    return instant(parts["anchor"], tz=tz) if "anchor" in parts else None


def _interval(given: str, value: Json) -> timedelta:
    interval = duration(in_seconds(value, _UNITS[given]) if given in _UNITS else value)
    if not interval:
        raise FieldError("needs an interval longer than zero")
    return interval


def encode_payload(payload: Payload) -> Json:
    match payload:
        case AgentPrompt(prompt=prompt):
            return {"kind": kind_of(payload), "prompt": prompt}
        case Say(text=words) | SystemEvent(text=words):
            return {"kind": kind_of(payload), "text": words}
        case Shell(command=command):
            return {"kind": kind_of(payload), "command": command}


def kind_of(payload: Payload) -> str:
    """What `encode_payload` calls it."""
    match payload:
        case AgentPrompt():
            return "agent"
        case Say():
            return "say"
        case SystemEvent():
            return "system_event"
        case Shell():
            return "shell"


_WORDS = ("prompt", "message", "text", "say", "command", "event")
_PAYLOADS = {
    "agent": "agent",
    "agent_turn": "agent",
    "say": "say",
    "system_event": "system_event",
    "event": "system_event",
    "shell": "shell",
    "command": "shell",
}
_OF_KIND = {"prompt": "agent", "say": "say", "command": "shell", "event": "system_event"}
"""Names of words that leave no doubt what kind of payload is meant; `message` and `text` go with any but shell."""


def decode_payload(value: Json) -> Payload:
    """What is meant; FieldError when that is nothing, two things, or a kind of payload that we do not have."""
    if not isinstance(value, dict):
        raise FieldError('is missing; write for instance {"kind": "agent", "prompt": "…"}')
    parts = {snake(name): part for name, part in value.items() if part is not None}
    written = parts.get("kind", parts.get("action"))
    known = _PAYLOADS.get(snake(text(written))) if written is not None else ""
    if known is None:
        raise FieldError(f"has the kind {shown(written)}, which is not one of agent, say, shell, system_event")
    given = _the_one(parts, _wanted(known))
    kind = known or _OF_KIND.get(given, "agent")
    _only(parts, {"kind", "action", given})
    words = text(parts[given])
    if _OF_KIND.get(given, kind) != kind or (kind == "shell" and given != "command"):
        raise FieldError(f"of the kind {kind!r} cannot be told by {given!r}")
    match kind:
        case "agent":
            return AgentPrompt(prompt=words)
        case "say":
            return Say(text=words)
        case "shell":
            return Shell(command=words)
    return SystemEvent(text=words)


def _wanted(kind: str) -> tuple[str, ...]:
    """The names of words, those of the kind first: what is missing is told by the first."""
    own = tuple(name for name in _WORDS if _OF_KIND.get(name) == kind)
    return own + tuple(name for name in _WORDS if name not in own)


def gather(known: Mapping[str, Json], name: str, loose: frozenset[str]) -> Json:
    """The object called `name`, or what stands on the job instead of it; FieldError when there are both."""
    spread = {key: known[key] for key in loose & known.keys()}
    if name in known and spread:
        raise FieldError(f"is given twice, also by {', '.join(sorted(spread))}; keep one")
    return known.get(name, spread or None)


def _the_one(parts: Mapping[str, Json], names: Iterable[str]) -> str:
    given = [name for name in names if name in parts]
    if len(given) > 1:
        raise FieldError(f"says two things: {' and '.join(given)}; keep one")
    if not given:
        raise FieldError(f"says none of {', '.join(names)}")
    return given[0]


def _only(parts: Mapping[str, Json], names: set[str]) -> None:
    odd = sorted(parts.keys() - names)
    if odd:
        raise FieldError(f"does not know {', '.join(odd)}")

"""Schedule ⇄ JSON and payload ⇄ JSON. Pure.

Canonical: {"kind": "cron", "expr": "30 2 * * *"}, {"kind": "every", "every": "5m", "anchor": "…Z"},
{"kind": "at", "at": "…Z"}; {"kind": "agent", "prompt": "…"}, {"kind": "say", "text": "…"},
{"kind": "system_event", "text": "…"}. A cron expression in another zone than its job's has its own "tz".
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cron.codec.columns import FieldError, duration, instant, snake, text, write_duration, write_instant, zone
from cron.job import AgentPrompt, Payload, Say, SystemEvent
from cron.schedule import At, Cron, Every, Schedule
from gateway.errors import ScheduleError
from gateway.messages import Json

SCHEDULE_KEYS = frozenset({"cron", "cron_expr", "expr", "every", "every_seconds", "every_ms", "at"})
PAYLOAD_KEYS = frozenset({"action", "prompt", "message", "text", "say", "command"})
"""What may also stand on the job itself, instead of in `schedule` and `payload`."""

_EXPRESSION = ("expr", "expression", "cron", "cron_expr")
_INTERVAL = ("every", "interval", "every_seconds", "every_ms")
_INSTANT = ("at", "instant")
_KINDS = {"cron": _EXPRESSION, "every": _INTERVAL, "interval": _INTERVAL, "at": _INSTANT, "once": _INSTANT}


def encode_schedule(schedule: Schedule, tz: str) -> Json:
    """The canonical object; `tz` is the job's, and is not repeated."""
    match schedule:
        case Cron(expression=expression, zone=own):
            return {"kind": "cron", "expr": expression} | ({} if own == tz else {"tz": own})
        case Every(interval=interval, anchor=anchor):
            return {"kind": "every", "every": write_duration(interval), "anchor": write_instant(anchor)}
        case At(instant=moment):
            return {"kind": "at", "at": write_instant(moment)}


def decode_schedule(value: Json, *, tz: str, anchor: datetime) -> Schedule:
    """What is meant; FieldError when that is nothing, or two things. `anchor` is the default of an interval."""
    if isinstance(value, str):
        value = _from_text(value.strip())
    if not isinstance(value, dict):
        raise FieldError('is missing; write for instance {"kind": "cron", "expr": "0 9 * * *"}')
    parts = {snake(name): part for name, part in value.items() if part is not None}
    given = _the_one(parts, (*_EXPRESSION, *_INTERVAL, *_INSTANT))
    kind = snake(text(parts.get("kind", given)))
    if given not in _KINDS.get(kind, (kind,)):
        raise FieldError(f"of the kind {kind!r} cannot be told by {given!r}")
    try:
        return _build(given, parts, tz=tz, anchor=anchor)
    except ScheduleError as error:
        raise FieldError(str(error)) from error


def _build(given: str, parts: Mapping[str, Json], *, tz: str, anchor: datetime) -> Schedule:
    own = zone(parts.get("tz", parts.get("timezone", tz)))
    if given in _EXPRESSION:
        _only(parts, {"kind", "tz", "timezone", given})
        return Cron(text(parts[given]), own)
    if given in _INSTANT:
        _only(parts, {"kind", "tz", "timezone", given})
        return At(instant(parts[given], tz=own))
    _only(parts, {"kind", "anchor", given})
    start = instant(parts["anchor"], tz=tz) if "anchor" in parts else anchor
    return Every(_interval(given, parts[given]), start)


def _interval(given: str, value: Json) -> timedelta:
    interval = duration(value / 1000 if given == "every_ms" and type(value) in (int, float) else value)
    if not interval:
        raise FieldError("needs an interval longer than zero")
    return interval


def _from_text(value: str) -> Json:
    """ "0 9 * * *", "@daily", "every 5m" or an instant."""
    if value.startswith("@") or len(value.split()) == 5:
        return {"expr": value}
    if value.lower().startswith("every "):
        return {"every": value[len("every ") :]}
    return {"at": value}


def encode_payload(payload: Payload) -> Json:
    match payload:
        case AgentPrompt(prompt=prompt):
            return {"kind": "agent", "prompt": prompt}
        case Say(text=words):
            return {"kind": "say", "text": words}
        case SystemEvent(text=words):
            return {"kind": "system_event", "text": words}


def decode_payload(value: Json) -> Payload:
    """What is meant; FieldError when that is nothing, two things, or a kind of payload that we do not have."""
    if not isinstance(value, dict):
        raise FieldError('is missing; write for instance {"kind": "agent", "prompt": "…"}')
    parts = {snake(name): part for name, part in value.items() if part is not None}
    given = _the_one(parts, ("prompt", "message", "text", "say", "command"))
    kind = snake(text(parts.get("kind", parts.get("action", "say" if given == "say" else "agent"))))
    _only(parts, {"kind", "action", given})
    words = text(parts[given])
    if given == "command" or (given == "say" and kind != "say"):
        raise FieldError(f"of the kind {kind!r} cannot be told by {given!r}")
    match kind:
        case "agent" | "agent_turn":
            return AgentPrompt(prompt=words)
        case "say":
            return Say(text=words)
        case "system_event":
            return SystemEvent(text=words)
    raise FieldError(f"has the kind {kind!r}, which is not one of agent, say, system_event")


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

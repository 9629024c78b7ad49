"""Other names for the fields of a job, as the programs that came before write them; pure.

A name is one of ours in another spelling; a part of a field that stands on the job itself (`retries` is a part of
`retry`); or a field in another form (`timeout_mins`).
"""

from collections.abc import Callable, Mapping

from cron.codec.columns import FIELDS
from cron.codec.shapes import PAYLOAD_KEYS, SCHEDULE_KEYS
from cron.codec.values import FieldError, flag, in_seconds, instant_of_ms, snake, text, write_instant
from cron.policy import ISOLATED, MAIN, NAMED
from gateway.messages import Json

KNOWN = FIELDS.keys() | {"schedule", "payload", "enabled"} | SCHEDULE_KEYS | PAYLOAD_KEYS

NAMES = {
    "timezone": "tz",
    "session_target": "session",
    "execution_mode": "session",
    "job_id": "id",
    "overlap_policy": "overlap",
    "conflict": "overlap",
    "conflict_policy": "overlap",
    "misfire_policy": "misfire",
    "start": "start_at",
    "starts_at": "start_at",
    "expires": "expires_at",
    "ends_at": "expires_at",
    "job_type": "type",
    "resource_type": "type",
    "working_dir": "work_dir",
    "workdir": "work_dir",
    "cwd": "work_dir",
    "schema": "output_schema",
    "alert": "failure_alert",
}
"""Our name for each of these."""

PARTS = {
    "retries": ("retry", "retries"),
    "max_attempts": ("retry", "attempts"),
    "retry_delay": ("retry", "retry_delay"),
    "backoff": ("retry", "backoff"),
    "channel": ("address", "channel"),
    "to": ("address", "to"),
    "chat": ("address", "chat"),
    "thread": ("address", "thread"),
    "schedule_type": ("schedule", "kind"),
    "schedule_value": ("schedule", "value"),
    "tokens_per_run": ("spend", "tokens_per_run"),
    "tokens_per_day": ("spend", "tokens_per_day"),
    "money_per_day": ("spend", "money_per_day"),
}
"""What may stand on the job itself, and the field and the part of it that it is."""


def _minutes(value: Json) -> Json:
    return in_seconds(value, 60)


def _milliseconds(value: Json) -> Json:
    return in_seconds(value, 0.001)


def _never(value: Json) -> Json:
    return "never" if flag(value) else None


def _named(value: Json) -> Json:
    name = text(value).strip()
    known = not name or name.lower() in (ISOLATED, MAIN) or name.startswith(NAMED)
    return (name or None) if known else f"{NAMED}{name}"


def _after_run(value: Json) -> Json:
    return "delete" if flag(value) else "keep"


FORMS: Mapping[str, tuple[str, Callable[[Json], Json]]] = {
    "timeout_mins": ("timeout", _minutes),
    "timeout_minutes": ("timeout", _minutes),
    "timeout_seconds": ("timeout", lambda value: value),
    "timeout_ms": ("timeout", _milliseconds),
    "silent": ("notify", _never),
    "session_key": ("session", _named),
    "delete_after_run": ("after_run", _after_run),
    "created_at_ms": ("created_at", lambda value: write_instant(instant_of_ms(value))),
    "jitter_ms": ("jitter", _milliseconds),
}
"""A field in another form, and what it is in ours; null where it says nothing."""

ACCEPTED = KNOWN | NAMES.keys() | PARTS.keys() | FORMS.keys()
"""Every name that a job's object may use, in snake_case."""


def canonical(key: str) -> str:
    """The field of a job that a key sets, or sets a part of."""
    name = NAMES.get(snake(key), snake(key))
    if name in PARTS:
        return PARTS[name][0]
    return FORMS[name][0] if name in FORMS else name


def sort(stored: Mapping[str, Json], faults: list[str]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The fields that we know, by their canonical names and whole, and the others as they are spelled.

    What is given twice is added to `faults`. null is as if it were not there.
    """
    known: dict[str, Json] = {}
    extra: dict[str, Json] = {}
    parts: dict[str, dict[str, Json]] = {}
    for key, value in stored.items():
        if key in KNOWN and value is not None and key not in known:  # as we write it ourselves
            known[key] = value
            continue
        name = snake(key)
        name = NAMES.get(name, name)
        if name not in KNOWN and name not in PARTS and name not in FORMS:
            extra[key] = value
        elif value is not None:
            try:
                _place(name, value, known, parts)
            except FieldError as fault:
                faults.append(f"{name}: {fault}")
    for name, spread in parts.items():
        if name in known:
            faults.append(f"{name}: is given twice, also by {', '.join(sorted(spread))}; keep one")
        known.setdefault(name, spread)
    return known, extra


def _place(name: str, value: Json, known: dict[str, Json], parts: dict[str, dict[str, Json]]) -> None:
    if name in PARTS:
        field, part = PARTS[name]
        if part in parts.setdefault(field, {}):
            raise FieldError("given twice; keep one")
        parts[field][part] = value
        return
    if name in FORMS:
        name, read = FORMS[name]
        value = read(value)
        if value is None:
            return
    if name in known:
        raise FieldError("given twice; keep one")
    known[name] = value

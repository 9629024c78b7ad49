"""Job ⇄ JSON object, as a line of cron.json holds it. Pure.

What is written is canonical: snake_case, instants in RFC 3339 with Z, durations as "10m" or seconds, and no
field that stands at its default. What is read may be spelled otherwise (camelCase, enums in any case, the
payload or the schedule directly on the job), but never means two things: a job that cannot be understood is
broken, and its object is kept and written back as it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from cron import json_text
from cron.codec.columns import FIELDS
from cron.codec.shapes import (
    PAYLOAD_KEYS,
    SCHEDULE_KEYS,
    decode_payload,
    decode_schedule,
    encode_payload,
    encode_schedule,
    gather,
    zone_in,
)
from cron.codec.spellings import canonical, sort
from cron.codec.values import FieldError, instant
from cron.job import AgentPrompt, Job, JobStatus
from gateway.errors import UserError
from gateway.messages import Json

VERSION = 1
"""The major version of the format. It grows when an older program would misread a newer file."""

Upgrade: TypeAlias = Callable[[Json], Json]
UPGRADES: Mapping[int, Upgrade] = {}
"""From the version that is the key to the next one: what becomes of a job's object."""

STATE_BYTES = 64 * 1024
STATE_DEPTH = 32
_EXTRA_DEPTH = 200

_ALWAYS = frozenset({"id", "uid", "name", "status", "tz", "created_at", "revision", "state_revision", "state"})
_LOCAL = ("start_at", "expires_at")  # without an offset they are meant by the clocks of the job


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a job gets that does not say it itself, because somebody wrote it by hand."""

    uid: str
    created_at: datetime
    tz: str = "UTC"


def encode_job(job: Job) -> Json:
    """The object that stands for a job; for a broken one, what was stored."""
    if job.schedule is None:
        return job.broken
    stored: dict[str, Json] = {}
    for name, write, default in _COLUMNS:
        value = getattr(job, name)
        if value is not default and value != default:
            stored[name] = write(value)
        if name == "status":  # what people look for stands in front
            stored["schedule"] = encode_schedule(job.schedule, job.tz)
            stored["payload"] = encode_payload(job.payload)
    for name, value in (job.extra or {}).items():
        stored.setdefault(name, value)
    return stored


def decode_job(stored: Json, given: Given, *, refusal: str = "") -> Job:
    """The job that an object stands for, or a broken one that holds it and says why. Never raises.

    `refusal` is what its neighbours have against it (they have its uid or id): broken then, under the given uid.
    """
    values, extra, faults = _read(stored, given, refusal)
    if faults:
        return _broken(stored, values, extra, faults)
    return Job(**values, extra=extra or None)


def unreadable(job: Job) -> dict[str, str]:
    """What could not be read of a broken job: by setting, a sentence that names it and its fault."""
    given = Given(uid=job.uid, created_at=job.created_at, tz=job.tz)
    _, _, faults = _read(job.broken, given, "")
    return {canonical(fault.partition(":")[0]): fault for fault in faults}


def _read(stored: Json, given: Given, refusal: str) -> tuple[dict[str, Any], dict[str, Json], list[str]]:
    """The fields that can be read, what is not known, and what is wrong."""
    faults = [refusal] if refusal else []
    known, extra = sort(stored if isinstance(stored, dict) else {}, faults)
    values: dict[str, Any] = {
        "name": "",
        "address": None,
        "tz": ("tz" not in known and zone_in(known.get("schedule"))) or given.tz,
        "created_at": given.created_at,
        "revision": 1,
    }
    for name in known:
        if name in FIELDS:
            try:
                values[name] = FIELDS[name].read(known[name])
            except FieldError as fault:
                faults.append(f"{name}: {fault}")
    values |= _identity({} if refusal else values, given)
    if isinstance(stored, dict):
        values |= _meaning(known, values, faults)
    else:
        faults.append("a job is a JSON object in braces")
    return values, extra, faults


def upgrade(stored: Json, version: int, *, to: int = VERSION, upgrades: Mapping[int, Upgrade] = UPGRADES) -> Json:
    """A job's object of an older version in the form of a newer one; ValueError where a step is unknown."""
    for step in range(version, to):
        if step not in upgrades:
            raise ValueError(f"version {step} is older than any that this program knows")
        stored = upgrades[step](stored)
    return stored


def check_job(job: Job) -> Job:
    """The job as it will be read again; UserError when it would be broken then."""
    given = Given(uid=job.uid, created_at=job.created_at, tz=job.tz)
    try:
        json_text.check([job.extra, job.state], depth=_EXTRA_DEPTH + 1)
        stored = json_text.load(json_text.dump(encode_job(job)))
    except ValueError as error:
        raise UserError(f"the job {job.name!r} cannot be kept: {error}") from error
    read = decode_job(stored, given)
    if read.status is JobStatus.BROKEN:
        raise UserError(f"the job {job.name!r} cannot be kept: {read.status_reason}")
    return read


def check_state(state: Json) -> Json:
    """The state, as it will be read again; UserError when it is no JSON, too large or too deep."""
    try:
        json_text.check(state, depth=STATE_DEPTH)
        text = json_text.dump(state)
    except ValueError as error:
        raise UserError(f"the state cannot be kept: {error}") from error
    if len(text) > STATE_BYTES:
        raise UserError(f"the state has {len(text)} bytes of JSON; at most {STATE_BYTES} are kept: shorten it")
    return json_text.load(text)


def _identity(values: Mapping[str, Any], given: Given) -> dict[str, str]:
    short = values.get("id", "")
    uid = values.get("uid") or short + given.uid[len(short) :]
    return {"uid": uid, "id": short or uid[:8]}


def _meaning(known: Mapping[str, Json], values: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """What more than one field says together."""
    schedule = partial(decode_schedule, tz=values["tz"], anchor=values["created_at"])
    readers: dict[str, Callable[[], object]] = {
        "schedule": lambda: schedule(gather(known, "schedule", SCHEDULE_KEYS)),
        "payload": lambda: decode_payload(gather(known, "payload", PAYLOAD_KEYS)),
        "status": lambda: _status(values.get("status"), known.get("enabled")),
    }
    for name in known.keys() & set(_LOCAL) & values.keys():
        readers[name] = partial(instant, known[name], tz=values["tz"])
    meaning: dict[str, Any] = {}
    for name, read in readers.items():
        try:
            meaning[name] = read()
        except FieldError as fault:
            faults.append(f"{name}: {fault}")
    return meaning


def _status(written: JobStatus | None, enabled: Json) -> JobStatus:
    """`enabled` is what other programs write instead of a status; it may stand beside one that agrees."""
    if enabled is None:
        return written or JobStatus.ENABLED
    if not isinstance(enabled, bool):
        raise FieldError("enabled is not true or false")
    if written is not None and (written is JobStatus.ENABLED) is not enabled:
        raise FieldError(f"is {written}, but enabled is {str(enabled).lower()}; keep one")
    return written or (JobStatus.ENABLED if enabled else JobStatus.DISABLED)


def _broken(stored: Json, values: dict[str, Any], extra: dict[str, Json], faults: list[str]) -> Job:
    """Everything that could be read stays readable, so that its owner still finds it."""
    values.setdefault("payload", AgentPrompt(prompt=""))
    values |= {"schedule": None, "status": JobStatus.BROKEN, "status_reason": "; ".join(faults)}
    return Job(**values, extra=extra or None, broken=stored)


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


_DEFAULTS: Mapping[str, object] = {field.name: _default(field) for field in fields(Job)}
_NO_DEFAULT = object()
_COLUMNS = tuple(
    (name, field.write, _NO_DEFAULT if name in _ALWAYS else _DEFAULTS[name]) for name, field in FIELDS.items()
)
"""Name, writer and the value that is not written, of each field in its order."""

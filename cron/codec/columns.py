"""The fields of a job that can be understood alone, and how each is read and written. Pure."""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from cron import state
from cron.codec.policies import (
    delivery,
    exclude,
    failure_alert,
    hook,
    notify_on,
    retry,
    schema,
    spend,
    then,
    write_delivery,
    write_exclude,
    write_failure_alert,
    write_hook,
    write_retry,
    write_spend,
    write_then,
)
from cron.codec.values import (
    Field,
    FieldError,
    address,
    as_is,
    count,
    counted_from_one,
    duration,
    flag,
    instant,
    optional,
    shown,
    text,
    texts,
    word,
    words,
    write_address,
    write_duration,
    write_instant,
    zone,
)
from cron.job import JobStatus
from cron.policy import ISOLATED, MAIN, NAMED, AfterRun, JobType, Misfire, Notify, OutputFormat, Overlap
from gateway import zones
from gateway.messages import Json

MOST_CONTEXT = 50
_HEX8 = re.compile(r"[0-9a-f]{8}")


def _uid(value: Json) -> str:
    try:
        return str(uuid.UUID(text(value)))
    except ValueError as error:
        raise FieldError("is not a UUID; leave it out to get one") from error


def _short_id(value: Json) -> str:
    if not isinstance(value, str) or not _HEX8.fullmatch(value.lower()):
        raise FieldError("is not 8 hexadecimal digits; leave it out to get one")
    return value.lower()


def session(value: Json) -> str:
    name = text(value)
    if name.lower() in (ISOLATED, MAIN):
        return name.lower()
    if name.startswith(NAMED) and name != NAMED:
        return name
    raise FieldError(f"{shown(name)} is not one of {ISOLATED}, {MAIN}, {NAMED}<name>")


def _status(value: Json) -> JobStatus:
    status = word(JobStatus, value)
    if status is JobStatus.BROKEN:
        raise FieldError("broken is found out, never written; write enabled or disabled")
    return status


def _state_change(value: Json) -> state.StateChange:
    try:
        return state.decode(value)
    except ValueError as error:
        raise FieldError(str(error)) from error


def _revision(value: Json) -> int:
    return max(1, count(value))  # 0 is a job that is not stored


def _instant(value: Json) -> datetime:
    return instant(value, tz=zones.UTC)


def _context(value: Json) -> int:
    messages = count(value)
    if messages > MOST_CONTEXT:
        raise FieldError(f"is more than the {MOST_CONTEXT} messages that a run may be shown")
    return messages


def _nag(value: Json) -> timedelta:
    often = duration(value)
    if not often:
        raise FieldError("needs a duration longer than zero")
    return often


def work_dir(value: Json) -> str:
    """A folder inside the workspace, written from there: never a way out of it."""
    path = PurePosixPath(text(value).strip())
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or "\0" in str(path):
        raise FieldError(f"{shown(value)} is not a folder inside the workspace, such as reports")
    return str(path) if path.parts else ""


_TEXT = Field(text, as_is)
_FLAG = Field(flag, as_is)
_COUNT = Field(count, as_is)
_DURATION = Field(duration, optional(write_duration))
_INSTANT = Field(_instant, optional(write_instant))
_HOOK = Field(hook, write_hook)

FIELDS: Mapping[str, Field] = {  # in the order in which they are written
    "id": Field(_short_id, as_is),
    "uid": Field(_uid, as_is),
    "name": _TEXT,
    "status": Field(_status, lambda status: status.value),
    "status_reason": _TEXT,
    "tz": Field(zone, as_is),
    "description": _TEXT,
    "address": Field(address, optional(write_address)),
    "owner": _TEXT,
    "created_at": _INSTANT,
    "changed_at": _INSTANT,
    "created_by": _TEXT,
    "created_in": _TEXT,
    "reply_to": _TEXT,
    "session": Field(session, as_is),
    "context_messages": Field(_context, as_is),
    "notify": words(Notify),
    "nag": Field(_nag, optional(write_duration)),
    "delivery": Field(delivery, write_delivery),
    "on_complete": _HOOK,
    "on_fail": _HOOK,
    "notify_on": Field(notify_on, lambda ends: [end.value for end in ends]),
    "failure_alert": Field(failure_alert, write_failure_alert),
    "then": Field(then, write_then),
    "misfire": words(Misfire),
    "misfire_window": _DURATION,
    "overlap": words(Overlap),
    "retry": Field(retry, write_retry),
    "type": words(JobType),
    "after_run": words(AfterRun),
    "start_at": _INSTANT,
    "expires_at": _INSTANT,
    "max_runs": Field(counted_from_one, as_is),
    "jitter": _DURATION,
    "exclude": Field(exclude, write_exclude),
    "timeout": _DURATION,
    "output_format": words(OutputFormat),
    "output_schema": Field(schema, as_is),
    "spend": Field(spend, write_spend),
    "check": _TEXT,
    "model": _TEXT,
    "tools": Field(texts, optional(list)),
    "work_dir": Field(work_dir, as_is),
    "may_schedule": _FLAG,
    "declared": _FLAG,
    "stamp": _TEXT,
    "revision": Field(_revision, as_is),
    "state_revision": _COUNT,
    "state_stamp": _TEXT,
    "state_change": Field(_state_change, optional(state.encode)),
    "state": Field(as_is, as_is),
}
"""Schedule and payload are in `shapes`: they say something together with other fields."""

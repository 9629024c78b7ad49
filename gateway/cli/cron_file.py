"""A job as JSON that a person or a program has written, for `--job`; pure.

Lenient in form (comments, camelCase, other names of the same thing), strict in meaning: an unknown key is an
error.
"""

import difflib
import json
import re
import uuid
from dataclasses import replace
from datetime import datetime

from cron.codec import Given, decode_job, encode_job
from cron.codec.columns import FIELDS, snake
from cron.codec.shapes import PAYLOAD_KEYS, SCHEDULE_KEYS
from cron.job import Job, JobStatus
from gateway.errors import UserError
from gateway.messages import Json

_SHOWN = frozenset({"next_run", "last_run", "last_status", "last_error", "run_count"})
"""What `cron show --json` adds to a job: it may come back, and says nothing here."""

_ANOTHERS = frozenset({"revision", "state_revision", "created_at", "created_by", "created_in", "declared"})
"""What belongs to the stored job and is not changed by overlaying another."""

_GROUPS = (
    SCHEDULE_KEYS | {"schedule"},
    PAYLOAD_KEYS | {"payload"},
    frozenset({"status", "enabled", "status_reason"}),
)
"""Keys that say the same thing together: one of them in the new object replaces all of them."""

_ALIASES = {"timezone", "session_target", "job_id"}  # of tz, session, id
_KEYS = FIELDS.keys() | SCHEDULE_KEYS | PAYLOAD_KEYS | {"schedule", "payload", "enabled"} | _ALIASES

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def parse(text: str) -> dict[str, Json]:
    """The object of a JSON text, which may have comments; UserError when it is none."""
    bare = _TOKEN.sub(lambda token: token[0] if token[0].startswith('"') else " ", text)
    try:
        value = json.loads(bare)
        value = json.loads(value) if isinstance(value, str) else value  # some programs send an object as text
    except ValueError as error:
        raise UserError(f"--job is not JSON: {error}") from error
    except RecursionError as error:
        raise UserError("--job is not JSON that can be read: it is nested too deeply") from error
    if not isinstance(value, dict):
        raise UserError('--job is one JSON object, such as {"name": "news", "cron": "0 9 * * *", "prompt": "…"}')
    return {key: part for key, part in value.items() if part is not None and snake(key) not in _SHOWN}


def new_job(stored: dict[str, Json], *, zone: str, now: datetime) -> Job:
    """The job that is meant, not stored yet; UserError with everything that is wrong with it."""
    job = _read(stored, Given(uid=str(uuid.uuid4()), created_at=now, tz=zone))
    return replace(job, revision=0, state_revision=0, stamp="", state_stamp="", declared=False)


def overlaid(job: Job, stored: dict[str, Json]) -> Job:
    """The job with what the object says changed; UserError with everything that is wrong with it."""
    wanted = {key: part for key, part in stored.items() if snake(key) not in _ANOTHERS}
    names = {snake(key) for key in wanted}
    replaced = names.union(*(group for group in _GROUPS if group & names))
    present = encode_job(job)
    base = {key: part for key, part in present.items() if key not in replaced} if isinstance(present, dict) else {}
    read = _read(base | wanted, Given(uid=job.uid, created_at=job.created_at, tz=job.tz))
    if (read.uid, read.id) != (job.uid, job.id):
        raise UserError(f"--job: uid and id of a job stay ({job.uid}); leave them out")
    if read.state != job.state:
        raise UserError("--job: a job's state is written by its own runs; leave it out")
    return replace(read, revision=job.revision, state_revision=job.state_revision, state_stamp=job.state_stamp)


def _read(stored: dict[str, Json], given: Given) -> Job:
    job = decode_job(stored, given)
    faults = [_unknown(key) for key in stored if snake(key) not in _KEYS]
    if job.status is JobStatus.BROKEN:
        faults.append(job.status_reason)
    if faults:
        raise UserError(f"--job: {'; '.join(faults)}")
    return job


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(snake(key), sorted(_KEYS), n=1)
    return f'unknown key "{key[:80]}"{f" (did you mean {near[0]}?)" if near else ""}'

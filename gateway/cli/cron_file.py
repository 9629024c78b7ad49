"""A job as an object that a person or a program has written, for `--job`; pure.

Lenient in form (camelCase, other names of the same thing), strict in meaning: an unknown key is an error.
"""

import difflib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cron import phrases
from cron.codec import Given, check_state, decode_job, encode_job
from cron.codec.columns import FIELDS
from cron.codec.shapes import PAYLOAD_KEYS, SCHEDULE_KEYS, encode_schedule
from cron.codec.spellings import ACCEPTED, canonical
from cron.codec.values import snake
from cron.job import Job, JobStatus
from cron.making.draft import LONGEST_NAME, Maker, checked, judge_of, moments
from cron.making.rules import judged
from gateway.errors import ScheduleError, UserError
from gateway.messages import Json

_SHOWN = frozenset(
    {
        "next_run",
        "last_run",
        "last_status",
        "last_error",
        "run_count",
        "trouble",
        "next_run_at",
        "last_run_at",
        "status_text",
    }
)
"""What `cron show --json` and other programs add to a job: it may come back, and says nothing here."""

_ANOTHERS = frozenset(
    {"revision", "state_revision", "state_change", "created_at", "created_by", "created_in", "declared"}
)
"""What belongs to the stored job and is not changed by overlaying another."""

_GROUPS = (
    SCHEDULE_KEYS | {"schedule", "when", "schedule_type", "schedule_value"},
    PAYLOAD_KEYS | {"payload"},
    frozenset({"status", "enabled", "status_reason"}),
)
"""Keys that say the same thing together: one of them in the new object replaces all of them."""

_KEYS = ACCEPTED | {"when"}
_HOOKS = ("delivery", "on_complete", "on_fail")


def new_job(stored: dict[str, Json], maker: Maker) -> Job:
    """The job that is meant, not stored yet; UserError with everything that is wrong with it."""
    stored = _with_schedule(_bare(stored), maker)
    job = _read(stored, Given(uid=str(uuid.uuid4()), created_at=maker.now, tz=maker.zone))
    job = replace(job, revision=0, state_revision=0, stamp="", state_stamp="", declared=False)
    check_state(job.state)
    return _admitted(job, maker, stored)


def overlaid(job: Job, stored: dict[str, Json], maker: Maker) -> Job:
    """The job with what the object says changed; UserError with everything that is wrong with it."""
    wanted = {key: part for key, part in _bare(stored).items() if snake(key) not in _ANOTHERS}
    wanted = _with_schedule(_with_tokens(wanted, job), replace(maker, zone=job.tz))
    names = {canonical(key) for key in wanted}
    replaced = names.union(*(group for group in _GROUPS if group & (names | {snake(key) for key in wanted})))
    present = encode_job(job)
    base = {key: part for key, part in present.items() if key not in replaced} if isinstance(present, dict) else {}
    read = _read(base | wanted, Given(uid=job.uid, created_at=job.created_at, tz=job.tz))
    if (read.uid, read.id) != (job.uid, job.id):
        raise UserError(f"--job: uid and id of a job stay ({job.uid}); leave them out")
    if read.state != job.state:
        raise UserError("--job: a job's state is written by its own runs; leave it out")
    read = replace(
        read,
        revision=job.revision,
        state_revision=job.state_revision,
        state_stamp=job.state_stamp,
        state_change=job.state_change,
        created_at=job.created_at,
    )
    if moments(read) != moments(job):
        read = replace(read, changed_at=maker.now)
    return _admitted(read, maker, wanted)


def _bare(stored: Mapping[str, Json]) -> dict[str, Json]:
    """Without what says nothing: nulls, empty objects and lists of weak models, and what is only shown."""
    return {key: part for key, part in stored.items() if part is not None and snake(key) not in _SHOWN}


def _with_schedule(stored: dict[str, Json], maker: Maker) -> dict[str, Json]:
    """`when`, a phrase, as the schedule that it means."""
    found = [key for key in stored if snake(key) == "when"]
    if not found:
        return stored
    phrase = stored[found[0]]
    if not isinstance(phrase, str):
        raise UserError("--job: when: is not text such as 'every weekday at 9'")
    zone = next(
        (part for key, part in stored.items() if canonical(key) == "tz" and isinstance(part, str)), maker.zone
    )
    others = [key for key in stored if snake(key) in _GROUPS[0] and key not in found]
    if others:
        raise UserError(f"--job: {' and '.join([*found, *others])} are both given: a job has one schedule")
    try:
        meant = phrases.understand(phrase, now=maker.now, zone=zone, languages=maker.languages)
    except ScheduleError as error:
        raise ScheduleError(f"--job: when: {error}") from error
    rest = {key: part for key, part in stored.items() if key not in found}
    return rest | {"schedule": encode_schedule(meant, zone), "tz": zone}


def _with_tokens(stored: dict[str, Json], job: Job) -> dict[str, Json]:
    """A token is never shown, so what was shown gets it back where it came from."""
    present: dict[str, Any] = {
        "delivery": job.delivery.hook,
        "on_complete": job.on_complete,
        "on_fail": job.on_fail,
    }
    filled = dict(stored)
    for key, part in stored.items():
        name = canonical(key)
        if name not in _HOOKS or not isinstance(part, dict):
            continue
        inner = part.get("hook") if name == "delivery" else part
        hook = present[name]
        if (
            isinstance(inner, dict)
            and inner.get("has_token")
            and hook is not None
            and inner.get("url") == hook.url
        ):
            whole = {**{each: value for each, value in inner.items() if each != "has_token"}, "token": hook.token}
            filled[key] = {**part, "hook": whole} if name == "delivery" else whole
    return filled


def _admitted(job: Job, maker: Maker, stored: Mapping[str, Json]) -> Job:
    """The job, if it keeps to the limits; the same ones as for a job of flags."""
    said = {canonical(key) for key in stored}
    said |= {"payload"} if PAYLOAD_KEYS & {snake(key) for key in stored} else set()
    if len(job.name) > LONGEST_NAME or not job.name.isprintable():
        raise UserError(f"--job: name: is not one line of at most {LONGEST_NAME} characters")
    if job.schedule is not None and _GROUPS[0] & {snake(key) for key in stored}:
        job = replace(job, schedule=checked(job.schedule, replace(maker, zone=job.tz), payload=job.payload))
    try:
        return judged(job, judge_of(maker), said)
    except UserError as error:
        raise type(error)(f"--job: {error}") from error


def _read(stored: dict[str, Json], given: Given) -> Job:
    job = decode_job(stored, given)
    faults = [_unknown(key) for key in stored if snake(key) not in _KEYS]
    if job.status is JobStatus.BROKEN:
        faults.append(job.status_reason)
    if faults:
        raise UserError(f"--job: {'; '.join(faults)}")
    return job


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(snake(key), sorted(_KEYS - _INNER), n=1)
    return f'unknown key "{key[:80]}"{f" (did you mean {near[0]}?)" if near else ""}'


_INNER = frozenset(name for name in FIELDS if name.endswith(("stamp", "revision")))

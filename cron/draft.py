"""Draft: what somebody asks for, and the job that it becomes; pure.

The tool, the command line and the configuration all make jobs through here, so that the same words mean the
same everywhere.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from cron import phrases
from cron.job import (
    ISOLATED,
    MAIN,
    NAMED,
    AfterRun,
    AgentPrompt,
    Job,
    JobStatus,
    Misfire,
    Notify,
    Overlap,
    Payload,
    Say,
    SystemEvent,
)
from cron.schedule import At, Cron, Every, Schedule
from cron.schedule_text import check_instant, parse_duration, parse_instant, parse_schedule
from cron.walltime import zone_of
from gateway.errors import ScheduleError, UserError
from gateway.messages import ChatAddress

Word = TypeVar("Word", bound=StrEnum)

LONGEST_NAME = 60
DERIVED_NAME = 30
LONGEST_TEXT = 20_000
OFTEN = timedelta(minutes=5)

SCHEDULE_FIELDS = ("when", "every", "cron", "at", "schedule")
PAYLOAD_FIELDS = ("prompt", "say", "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was asked for, field by field, as it was written; None where nothing was said."""

    name: str | None = None
    prompt: str | None = None
    say: str | None = None
    event: str | None = None
    when: str | None = None  # a phrase: "every weekday at 9"
    every: str | None = None  # a duration
    cron: str | None = None
    at: str | None = None  # ISO 8601
    schedule: str | None = None  # any of the last three
    tz: str | None = None
    description: str | None = None
    session: str | None = None
    notify: str | None = None
    overlap: str | None = None
    misfire: str | None = None
    after_run: str | None = None
    timeout: str | None = None

    def said(self) -> list[str]:
        """The fields that hold something."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who asks, when, and what holds for them."""

    now: datetime
    zone: str  # IANA name
    languages: Sequence[str] = ("en",)
    owner: str | None = None
    created_by: str = ""
    created_in: str = ""
    address: ChatAddress | None = None
    stamp: str = ""
    min_interval: timedelta = timedelta(minutes=1)
    at_min_lead: timedelta = timedelta()


def new_job(draft: Draft, maker: Maker, taken: Collection[str]) -> Job:
    """A job that is not stored yet; UserError says what is missing or wrong. `taken`: names of their jobs."""
    zone = zone_of(draft.tz or maker.zone).key
    payload = payload_of(draft)
    schedule = schedule_of(draft, replace(maker, zone=zone))
    if payload is None:
        raise UserError(
            'what should happen is missing: give `say` (exact words) or `message` (a prompt), e.g. "stretch"'
        )
    if schedule is None:
        raise UserError(f"when it should happen is missing: give one of when, every, cron, at. {phrases.FORMS}")
    uid = uid_of(maker.stamp)
    job = Job(
        uid=uid,
        id=uid[:8],
        name=unique_name(_named(draft, payload), taken),
        schedule=schedule,
        payload=payload,
        address=maker.address,
        tz=zone,
        created_at=maker.now,
        created_by=maker.created_by,
        created_in=maker.created_in,
        owner=maker.owner,
        stamp=maker.stamp,
    )
    return _with_options(job, draft)


def uid_of(stamp: str) -> str:
    """A new job's uid: by the call that makes it, so that a replay can tell what became of it; else by chance."""
    if not stamp:
        return str(uuid.uuid4())
    return str(uuid.UUID(bytes=hashlib.sha256(stamp.encode()).digest()[:16], version=4))


def changed_job(job: Job, draft: Draft, maker: Maker, taken: Collection[str]) -> Job:
    """The job with what was asked for changed, and all else as it was; UserError if nothing was asked for."""
    said = set(draft.said())
    if not said:
        known = ", ".join(field.name for field in fields(Draft))
        raise UserError(f"nothing to change: give at least one of {known}")
    zone = zone_of(draft.tz).key if draft.tz else job.tz
    schedule = schedule_of(draft, replace(maker, zone=zone))
    if schedule is not None:
        job = replace(job, schedule=schedule, tz=zone, broken=None, changed_at=maker.now)
        if job.status is JobStatus.BROKEN:
            job = replace(job, status=JobStatus.ENABLED, status_reason="")
    elif draft.tz is not None:
        job = replace(job, tz=zone, schedule=_moved(job.schedule, zone), changed_at=maker.now)
    if (payload := payload_of(draft)) is not None:
        job = replace(job, payload=payload)
    if draft.name is not None:
        job = replace(job, name=unique_name(_short(draft.name, LONGEST_NAME), taken))
    return _with_options(job, draft)


def payload_of(draft: Draft) -> Payload | None:
    """What should happen; None if that was not said."""
    given = [name for name in PAYLOAD_FIELDS if (getattr(draft, name) or "").strip()]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} are both given: a job does one thing")
    if not given:
        return None
    text = getattr(draft, given[0]).strip()
    if len(text) > LONGEST_TEXT:
        raise UserError(f"{given[0]} has {len(text)} characters; at most {LONGEST_TEXT} are kept")
    match given[0]:
        case "prompt":
            return AgentPrompt(prompt=text)
        case "say":
            return Say(text=text)
        case _:
            return SystemEvent(text=text)


def schedule_of(draft: Draft, maker: Maker) -> Schedule | None:
    """When it should happen, checked; None if that was not said."""
    given = [name for name in SCHEDULE_FIELDS if (getattr(draft, name) or "").strip()]
    if len(given) > 1:
        raise ScheduleError(f"{' and '.join(given)} are both given: a job has one schedule")
    if not given:
        return None
    schedule = _read(given[0], getattr(draft, given[0]).strip(), maker)
    return checked(schedule, maker)


def _read(kind: str, text: str, maker: Maker) -> Schedule:
    match kind:
        case "when":
            return phrases.understand(text, now=maker.now, zone=maker.zone, languages=maker.languages)
        case "every":
            return Every(parse_duration(text), maker.now)
        case "cron":
            return Cron(text, maker.zone)
        case "at":
            return At(parse_instant(text, zone=maker.zone, now=maker.now))
        case _:
            return parse_schedule(text, zone=maker.zone, now=maker.now)


def checked(schedule: Schedule, maker: Maker) -> Schedule:
    """The schedule, if it keeps to the limits."""
    if isinstance(schedule, At):
        check_instant(schedule.instant, now=maker.now, zone=maker.zone, min_lead=maker.at_min_lead)
    if isinstance(schedule, Every) and schedule.interval < maker.min_interval:
        raise ScheduleError(
            f"every {schedule.interval.total_seconds():g} s is too often: "
            f"at most every {maker.min_interval.total_seconds():g} s here (cron.min_interval)"
        )
    return schedule


def often(job: Job) -> str:
    """A warning for a job that asks a model very often; empty otherwise."""
    if not isinstance(job.payload, AgentPrompt) or not isinstance(job.schedule, Every):
        return ""
    if job.schedule.interval >= OFTEN:
        return ""
    a_day = timedelta(days=1) // job.schedule.interval
    return f"That is {a_day} turns of the model a day; every 5m or more is usual."


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it when it is taken."""
    lowered = {other.casefold() for other in taken}
    candidate, n = name, 1
    while candidate.casefold() in lowered:
        n += 1
        candidate = f"{name} {n}"
    return candidate


def _named(draft: Draft, payload: Payload) -> str:
    if draft.name and draft.name.strip():
        return _short(draft.name, LONGEST_NAME)
    text = payload.prompt if isinstance(payload, AgentPrompt) else payload.text
    return _short(text, DERIVED_NAME)


def _short(text: str, longest: int) -> str:
    """One line without control characters, cut between words."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) <= longest:
        return line or "job"
    head = line[: longest - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head[longest // 2 :] else head}…"


def _moved(schedule: Schedule | None, zone: str) -> Schedule | None:
    """A new zone moves what follows the wall clock, and nothing else."""
    return Cron(schedule.expression, zone) if isinstance(schedule, Cron) else schedule


def _with_options(job: Job, draft: Draft) -> Job:
    if draft.description is not None:
        job = replace(job, description=draft.description.strip())
    if draft.session is not None:
        job = replace(job, session=_session(draft.session))
    if draft.notify is not None:
        job = replace(job, notify=word(Notify, draft.notify, "notify"))
    if draft.overlap is not None:
        job = replace(job, overlap=_overlap(draft.overlap))
    if draft.misfire is not None:
        job = replace(job, misfire=word(Misfire, draft.misfire, "misfire"))
    if draft.after_run is not None:
        job = replace(job, after_run=word(AfterRun, draft.after_run, "after_run"))
    if draft.timeout is not None:
        job = replace(job, timeout=parse_duration(draft.timeout))
    return job


def _session(text: str) -> str:
    text = text.strip()
    if text.lower() in {ISOLATED, MAIN}:
        return text.lower()
    name = text.removeprefix(NAMED)
    if not text.startswith(NAMED) or not name or len(name) > 80 or not name.isprintable():
        raise UserError(f"session: {text[:80]!r} is none of isolated, main, session:<name>")
    return text


def _overlap(text: str) -> Overlap:
    overlap = word(Overlap, text, "overlap")
    if overlap not in {Overlap.SKIP, Overlap.ALLOW_ALL}:
        raise UserError(f"overlap: {overlap.value} is not built yet; there are skip and allow_all")
    return overlap


def word(kind: type[Word], text: str, where: str) -> Word:
    """A word of a closed set, in any case, with - for _."""
    try:
        return kind(text.strip().lower().replace("-", "_"))
    except ValueError:
        raise UserError(f"{where}: {text[:80]!r} is none of {', '.join(kind)}") from None

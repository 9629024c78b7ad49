"""Files of jobs, ours and those of other programs: which form they are in, and the jobs that they mean. Pure."""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cron import json_text
from cron.codec import VERSION, Given, check_job, check_state, decode_job
from cron.codec.values import FieldError
from cron.forms.form import Form, marks_of, objects_of
from cron.forms.hermes import HERMES
from cron.forms.hotplex import HOTPLEX
from cron.forms.nanobot import AUTOBOT, NANOBOT
from cron.forms.openclaw import OPENCLAW
from cron.forms.source import Notes, Seconds, Source
from cron.forms.tocsin import TOCSIN
from cron.job import Job, JobStatus
from cron.schedule import At
from gateway.errors import UserError
from gateway.messages import Json

FORMS: Mapping[str, Form] = {form.name: form for form in (TOCSIN, OPENCLAW, HERMES, HOTPLEX, AUTOBOT, NANOBOT)}

LARGEST = 256 * 1024 * 1024  # bytes of a file
_LONGEST_ID = 200
_LOOKED_AT = 100  # jobs of a file: enough to tell whose they are

Watch = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes a sequence on, and may show how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a file does not say itself."""

    tz: str  # of jobs that name no zone
    now: datetime
    seconds: Seconds | None = None  # of six-field expressions; None: where the other program has them


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One job of a file: what it becomes, or why it cannot."""

    called: str  # its id there, or #1 for the first that has none
    key: str = ""  # what its uid is made of; empty: it names its uid or its id itself
    job: Job | None = None  # not stored yet: revision 0
    taken: tuple[str, ...] = ()  # what has another name here
    left: tuple[str, ...] = ()  # what was not taken, and why
    notes: tuple[str, ...] = ()  # what was taken, and is worth knowing all the same
    fault: str = ""
    over: bool = False  # it would never run: its only time has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was understood, job by job."""

    form: Form
    found: tuple[Found, ...]


def pass_on(items: Iterable[Any], _count: int) -> Iterable[Any]:
    return items


def read(data: bytes, given: Circumstances, *, form: str | None = None, watch: Watch = pass_on) -> Document:
    """What the bytes of a file mean. UserError when they are no file of jobs; a job's faults are in `found`."""
    document = _document(data)
    objects = objects_of(document)
    if objects is None:
        raise UserError('this is no file of jobs: there is no list of "jobs" in it')
    known = FORMS[form] if form is not None else _recognised([value for _, value in objects])
    found: list[Found] = []
    uids: set[str] = set()
    for called, value in watch(objects, len(objects)):
        one = _read_one(known, called[:_LONGEST_ID], value, given)
        if one.job is not None and one.job.uid in uids:
            one = replace(one, job=None, fault="is there twice; keep one")
        elif one.job is not None:
            uids.add(one.job.uid)
        found.append(one)
    return Document(form=known, found=tuple(found))


def _document(data: bytes) -> Json:
    if len(data) > LARGEST:
        raise UserError(f"the file has more than {LARGEST:,} bytes, and so many are not read")
    try:
        document = json_text.load(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise UserError(f"this is no JSON: {error}") from error
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise UserError(f"its format is version {version}, and this program knows {VERSION} at most")
    return document


def _recognised(values: list[Json]) -> Form:
    """The form that knows most of the fields."""
    if not values:
        return FORMS["tocsin"]
    jobs = [marks_of(value) for value in values if isinstance(value, dict)][:_LOOKED_AT]
    known = {form.name: sum(_likeness(form, marks) for marks in jobs) for form in FORMS.values()}
    most = max(known.values())
    nearest = [FORMS[name] for name, count in known.items() if count == most]
    if not most:
        names = ", ".join(FORMS)
        raise UserError(f"it cannot be told which program has written these jobs; say it with --from ({names})")
    if len(nearest) > 1:
        titles = " or ".join(form.title for form in nearest)
        words = " or ".join(f"--from {form.name}" for form in nearest)
        raise UserError(f"these jobs could be of {titles}; say whose they are with {words}")
    return nearest[0]


def _likeness(form: Form, marks: set[str]) -> int:
    return len(form.marks & marks) if not form.needs or form.needs & marks else 0


def _read_one(form: Form, called: str, value: Json, given: Circumstances) -> Found:
    if not isinstance(value, dict):
        return Found(called=called, fault="is not a JSON object")
    notes = Notes()
    source = Source(value, notes)
    key = ""
    try:
        stored = form.read(source, given.seconds or form.seconds)
        source.close()
        if form.name == "tocsin":
            made_up = f"tocsin:{_digest(stored)}"
            key = "" if source.has("uid", "id") else made_up
            job = _decoded(stored, made_up_uid(made_up), given)
        else:
            key = f"{form.name}:{_digest(stored) if called.startswith('#') else called}"
            job = _foreign(key, stored, given)
    except (FieldError, UserError) as fault:
        return Found(called=called, fault=str(fault), taken=tuple(notes.taken), left=tuple(notes.left))
    over = form.name != "tocsin" and isinstance(job.schedule, At) and job.schedule.instant <= given.now
    return Found(called=called, key=key, job=job, taken=tuple(notes.taken), left=tuple(notes.left), over=over)


def _foreign(key: str, stored: dict[str, Json], given: Circumstances) -> Job:
    """With a uid and a stamp that are the same whenever the same job comes again."""
    uid = made_up_uid(key)
    return _decoded(stored | {"stamp": f"import:{uid[:13]}:{_digest(stored)}"}, uid, given)


def _decoded(stored: Mapping[str, Json], uid: str, given: Circumstances) -> Job:
    job = decode_job(dict(stored), Given(uid=uid, created_at=given.now, tz=given.tz))
    if job.status is JobStatus.BROKEN:
        raise UserError(job.status_reason)
    return replace(check_job(job), revision=0, state=check_state(job.state))


def made_up_uid(key: str, *, attempt: int = 0) -> str:
    """The uid of a job that has none of our kind: the same for the same job."""
    salt = "+" * attempt
    return str(uuid.UUID(bytes=hashlib.sha256(f"{key}{salt}".encode()).digest()[:16], version=4))


def _digest(stored: Mapping[str, Json]) -> str:
    try:
        return hashlib.sha256(json_text.dump(dict(stored))).hexdigest()[:16]
    except ValueError as error:
        raise UserError(f"cannot be kept: {error}") from error

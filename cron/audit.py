"""What the audit says of jobs: a change as the fields that it changed, before and after, without secrets. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from cron import json_text
from cron.codec import encode_job
from cron.job import Job, JobStatus
from gateway.audit import Entry
from gateway.messages import ChatAddress, Json

CONFIGURATION, GATEWAY = "configuration", "gateway"
HIDDEN = "[hidden]"
LONGEST = 1_000  # characters of a text that a row holds

_BESIDES = frozenset(
    {"id", "uid", "stamp", "revision", "changed_at", "state", "state_revision", "state_stamp", "state_change"}
)
"""What is no part of the definition, or follows from the rest of it."""

_SWITCH = frozenset({"status", "status_reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to a job."""

    what: str
    job: Job  # as it is now; one that is gone, as it was
    before: dict[str, Json] | None
    after: dict[str, Json] | None


def change_of(before: Job | None, after: Job | None) -> Change | None:
    """What lies between the two; None is a job that is not there. None as the answer: nothing that is audited."""
    old, new = _definition(before), _definition(after)
    if after is not None and new is not None and old is None:
        return Change(what="cron.add", job=after, before=None, after=_shown(new))
    if before is not None and old is not None and new is None:
        return Change(what="cron.remove", job=before, before=_shown(old), after=None)
    if after is None or old is None or new is None:
        return None
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not names:
        return None
    return Change(
        what=_verb(after, names),
        job=after,
        before=_shown({name: old.get(name) for name in names}),
        after=_shown({name: new.get(name) for name in names}),
    )


def entry_of(change: Change, *, who: str, at: datetime) -> Entry:
    """The row of the audit."""
    return Entry(
        at=at,
        who=who,
        what=change.what,
        subject=subject_of(change.job),
        before=_text(change.before),
        after=_text(change.after),
    )


def ran(job: Job, run: str, *, who: str, at: datetime) -> Entry:
    """Somebody has asked for a run of the job out of turn."""
    return Entry(at=at, who=who, what="cron.run", subject=subject_of(job), after=_text({"run": run}))


def subject_of(job: Job) -> str:
    """How a row names a job: its id and its uid."""
    return f"{job.id} {job.uid}"


def person(address: ChatAddress, user: str) -> str:
    """Somebody in a chat."""
    return f"{address.channel}:{user}"


def _verb(after: Job, names: list[str]) -> str:
    if "status" not in names or not _SWITCH.issuperset(names):
        return "cron.update"
    return "cron.enable" if after.status is JobStatus.ENABLED else "cron.disable"


def _definition(job: Job | None) -> dict[str, Json] | None:
    """What is audited of a job. What this version does not know of it is left out: it may be a secret."""
    if job is None:
        return None
    if job.schedule is None:
        return {"name": job.name, "status": job.status.value, "status_reason": job.status_reason}
    stored = encode_job(replace(job, extra=None))
    return {name: value for name, value in stored.items() if name not in _BESIDES}


def _shown(fields: dict[str, Json]) -> dict[str, Json]:
    return {name: _bare(value) for name, value in fields.items()}


def _bare(value: Json, name: str = "") -> Json:
    """The value without tokens, without the parts of an address that may be one, and with no long text."""
    if isinstance(value, dict):
        return {key: _bare(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_bare(part, name) for part in value]
    if not isinstance(value, str) or not value:
        return value
    if name == "token":
        return HIDDEN
    if name == "url":
        return _host(value)
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… [{len(value) - LONGEST} more characters]"


def _host(url: str) -> str:
    """Only whom it asks: paths and queries of webhooks are often their secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"


def _text(fields: dict[str, Json] | None) -> str | None:
    return None if fields is None else json_text.dump(fields).decode()

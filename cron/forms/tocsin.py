"""Our own form: the jobs of a cron.json, of `cron export`, or of `cron list --json`. Pure."""

from collections.abc import Mapping
from typing import Any

from cron.codec import VERSION, encode_job
from cron.codec.values import snake
from cron.forms.form import Form, UnsayableError, kind_of
from cron.forms.source import Seconds, Source
from cron.job import Job
from gateway.messages import Json

_KINDS = {"agent", "say", "shell", "system_event"}
SHOWN = frozenset({"next_run", "last_run", "last_status", "last_error", "run_count", "trouble"})
"""What `cron list --json` adds to a job: it may come back, and says nothing here."""


def _recognises(job: Mapping[str, Any]) -> bool:
    return ("uid" in job or "tz" in job) and (
        kind_of(job, "payload") in _KINDS or "schedule" not in job or "status" in job
    )


def as_it_is(stored: Mapping[str, Json]) -> dict[str, Json]:
    """The object without what only `cron list` shows; the codec reads the rest."""
    return {name: value for name, value in stored.items() if value is not None and snake(str(name)) not in SHOWN}


def _read(job: Source, _seconds: Seconds | None) -> dict[str, Json]:
    return as_it_is(job.everything())


def _write(job: Job) -> dict[str, Json]:
    stored = encode_job(job)
    if not isinstance(stored, dict):
        raise UnsayableError(f"cannot be read ({job.status_reason})")
    return stored


TOCSIN = Form(
    name="tocsin",
    title="Tocsin",
    seconds=None,
    recognises=_recognises,
    read=_read,
    write=_write,
    wrap=lambda jobs: {"version": VERSION, "jobs": jobs},
)

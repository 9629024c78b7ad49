"""Our own form: the jobs of a cron.json, of `cron export`, or of `cron list --json`. Pure."""

from collections.abc import Mapping

from cron.codec import VERSION, encode_job
from cron.codec.columns import FIELDS
from cron.codec.shapes import PAYLOAD_KEYS, SCHEDULE_KEYS
from cron.codec.values import snake
from cron.forms.form import Form, UnsayableError, marks
from cron.forms.source import Seconds, Source
from cron.job import Job
from gateway.messages import Json

_OF_ALL = {"id", "name"}
"""Fields that every program's jobs have."""

SHOWN = frozenset({"next_run", "last_run", "last_status", "last_error", "run_count", "trouble"})
"""What `cron list --json` adds to a job: it may come back, and says nothing here."""


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
    marks=marks(
        " ".join({"schedule", "payload", *FIELDS, *SCHEDULE_KEYS, *PAYLOAD_KEYS} - _OF_ALL),
        schedule="kind expr tz every at anchor every_nth",
        payload="kind prompt text command",
        kinds="agent say shell system_event",
    ),
    needs=frozenset({"uid", "tz"}),
    read=_read,
    write=_write,
    wrap=lambda jobs: {"version": VERSION, "jobs": jobs},
)

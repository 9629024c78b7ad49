"""What a job loses on the way to another program: it is written there, read back, and compared. Pure."""

from dataclasses import replace
from datetime import timedelta

from cron import planner
from cron.codec import Given, decode_job
from cron.codec.values import FieldError
from cron.forms.form import Form, UnsayableError
from cron.forms.source import Source
from cron.job import Job, Say
from cron.planner import Cursor
from cron.policy import DeliveryMode, Notify
from cron.schedule import At, Every
from gateway.messages import Json

_MILLISECOND = timedelta(milliseconds=1)  # as exactly as the others keep an instant

SETTINGS = (
    "description",
    "model",
    "address",
    "reply_to",
    "session",
    "context_messages",
    "notify",
    "nag",
    "delivery",
    "on_complete",
    "on_fail",
    "notify_on",
    "failure_alert",
    "then",
    "misfire",
    "misfire_window",
    "overlap",
    "retry",
    "type",
    "after_run",
    "timeout",
    "output_format",
    "output_schema",
    "spend",
    "check",
    "tools",
    "work_dir",
    "may_schedule",
    "state",
)
"""What changes what happens, and not when: a job may go without, if that is said."""


def written(form: Form, job: Job, cursor: Cursor | None = None) -> tuple[dict[str, Json], list[str]]:
    """The job in that form, and the names of its settings that the form cannot say; `cursor`: how far it has come.

    UnsayableError, in words that follow the job's name, if it would fire at other times there.
    """
    if form.name == "tocsin":
        return form.write(job), []
    job = _announced(_with_the_runs_left(job, cursor))
    document = form.write(job)
    there = _read_back(form, document, job)
    if not _same_times(job, there):
        raise UnsayableError(f"would fire at other times in {form.title}")
    lost = [name for name in SETTINGS if _matters(name, job) and _differs(name, job, there)]
    if isinstance(job.schedule, Every) and isinstance(there.schedule, Every):
        moved = abs(job.schedule.anchor - there.schedule.anchor) >= _MILLISECOND
        lost += ["anchor"] if moved else []
    return document, lost


def _with_the_runs_left(job: Job, cursor: Cursor | None) -> Job:
    if job.max_runs is None or cursor is None:
        return job
    if planner.exhausted(job, cursor):
        raise UnsayableError("has had all its runs")
    return replace(job, max_runs=job.max_runs - cursor.runs)


def _announced(job: Job) -> Job:
    """With `delivery` of the mode channel as the other programs say it: an announcement in that chat."""
    if job.delivery.mode is not DeliveryMode.CHANNEL:
        return job
    address = job.delivery.address or job.address
    return replace(job, delivery=type(job.delivery)(), notify=Notify.ALWAYS, address=address)


def _read_back(form: Form, document: dict[str, Json], job: Job) -> Job:
    try:
        stored = form.read(Source(document), form.seconds)
    except FieldError as error:
        raise UnsayableError(f"cannot be said in the form of {form.title} ({error})") from error
    return decode_job(stored, Given(uid=job.uid, created_at=job.created_at, tz="UTC"))


def _same_times(job: Job, there: Job) -> bool:
    if isinstance(job.schedule, Every) and isinstance(there.schedule, Every):
        return job.schedule.interval == there.schedule.interval
    if isinstance(job.schedule, At) and isinstance(there.schedule, At):
        return abs(job.schedule.instant - there.schedule.instant) < _MILLISECOND
    return job.schedule == there.schedule


def _matters(name: str, job: Job) -> bool:
    if name == "notify":
        return not isinstance(job.payload, Say)  # exact words are announced everywhere
    return name != "after_run" or isinstance(job.schedule, At)


def _differs(name: str, job: Job, there: Job) -> bool:
    here, back = getattr(job, name), getattr(there, name)
    if name == "state" and here in (None, {}, [], ""):
        return False  # nothing is remembered
    return bool(here != back)

"""HotPlex's jobs, as its store in Go writes them, and its `runs.json`. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cron import json_text
from cron.codec.values import FieldError, write_instant
from cron.forms.expressions import schedule_of
from cron.forms.form import (
    Form,
    UnsayableError,
    address_of,
    kind_schedule,
    marks,
    moment,
    refuse_what_bends_the_schedule,
    tidy,
)
from cron.forms.source import Seconds, Source
from cron.job import AgentPrompt, Job, Say, Shell, SystemEvent
from cron.policy import NAMED, Lifecycle, Notify
from cron.run import Run
from cron.schedule import At, Cron, Every
from gateway.messages import Json

_ZERO_TIME = "0001-01-01T00:00:00Z"  # what Go writes for an instant that is not set
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_GO_WORDS = {"canceled": "cancelled"}


def _read(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    """Jobs of a `schedule` and a `payload`, as newer versions have them, or of `cron_expr` and `prompt`."""
    stored = _common(job) | (_nested(job, seconds) if job.has("schedule") else _flat(job, seconds))
    job.ignore("id", "version", "next_run", "last_run", "last_error", "run_count", "updated_at")
    return tidy(stored)


def _common(job: Source) -> dict[str, Json]:
    stored: dict[str, Json] = {
        "name": job.text("name"),
        "enabled": job.flag("enabled") is not False,
        "type": job.text("type"),
        "work_dir": _work_dir(job),
        "timeout": (job.number("timeout_mins") or 0) * 60 or job.number("timeout_sec") or None,
        "retry": _retry(job),
        "output_format": job.text("output_format"),
        "output_schema": _schema(job),
        "notify_on": [_GO_WORDS.get(word, word) for word in job.texts("notify_on")],
        "on_complete": job.text("on_complete"),
        "on_fail": job.text("on_fail"),
        "created_by": job.text("created_by"),
    }
    created = job.text("created_at")
    stored["created_at"] = None if created == _ZERO_TIME else created
    if session := job.text("session_key"):
        stored["session"] = session if session.startswith(NAMED) else f"{NAMED}{session}"
    if job.flag("silent"):
        job.notes.taken.append("silent → notify never")
        stored["notify"] = "never"
    stored["address"] = address_of(job.text("platform", "channel"), job.text("chat_id", "to"))
    return tidy(stored)


def _flat(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    return {
        "schedule": dict(schedule_of(job.text("cron_expr"), seconds=seconds, notes=job.notes)),
        "payload": _prompted(job.text("prompt"), "prompt"),
    }


def _nested(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    when, payload, place = job.part("schedule"), job.part("payload"), job.part("platform_key")
    schedule = kind_schedule(when, seconds)
    stored: dict[str, Json] = {
        "schedule": schedule,
        "tz": schedule.get("tz"),
        "payload": _prompted(payload.text("message") or job.text("prompt"), "payload"),
        "description": job.text("description"),
        "max_runs": None if "at" in schedule else _runs_left(job),
        "expires_at": job.text("expires_at"),
    }
    if created := moment(job.number("created_at_ms")):
        stored["created_at"] = created
    address = address_of(
        job.text("platform"), place.text("chat_id", "channel_id"), place.text("thread_ts", "thread_id")
    )
    if address:
        stored["address"] = address
    if "at" in schedule:
        stored["after_run"] = "delete" if job.flag("delete_after_run") is not False else "keep"
    if payload.text("kind") == "attached_session":
        payload.lose("a session of another program is not here; the run is isolated", "target_session_id")
    payload.lose("tools have other names here", "allowed_tools")
    payload.lose("there is one kind of worker here", "worker_type")
    job.lose("a chat is reached through the bot of its channel", "bot_id")
    job.ignore("state", "updated_at_ms", "delete_after_run", "owner_id", "bot_name", "delivery_mode", "prompt")
    for part in (when, payload, place):
        part.close()
    return tidy(stored)


def _prompted(words: str, where: str) -> Json:
    if not words.strip():
        raise FieldError(f"{where}: says nothing")
    return {"kind": "agent", "prompt": words}


def _runs_left(job: Source) -> int | None:
    most, state = job.number("max_runs"), job.part("state")
    if not most:
        return None
    done = int(state.number("run_count") or 0)
    if (left := int(most) - done) < 1:
        raise FieldError("max_runs: has run as often as it should")
    job.notes.taken.append(f"max_runs {int(most)}, {done} done → max_runs {left}")
    return left


def _retry(job: Source) -> dict[str, Json] | None:
    retries = job.number("retries", "max_retries")
    delay = job.any("retry_delay")
    return (
        tidy({"attempts": int(retries) + 1 if retries is not None else None, "retry_delay": delay or None}) or None
    )


def _work_dir(job: Source) -> str | None:
    folder = job.text("work_dir")
    if folder.startswith(("/", "~")) or ".." in folder.split("/"):
        job.notes.left.append(f"work_dir: {folder[:80]} is outside the workspace; runs work in the workspace")
        return None
    return folder or None


def _schema(job: Source) -> Json:
    """A JSON Schema, which HotPlex keeps as text."""
    schema = job.any("output_schema")
    if not isinstance(schema, str):
        return schema
    try:
        return json_text.load(schema.encode()) if schema.strip() else None
    except ValueError as error:
        raise FieldError(f"output_schema: is not JSON: {error}") from error


def _write(job: Job) -> dict[str, Json]:
    refuse_what_bends_the_schedule(job)
    delay = job.retry.backoff
    first = delay[0] // _MICROSECOND * 1000 if isinstance(delay, tuple) and delay else None
    return tidy(
        {
            "id": job.id,
            "name": job.name,
            "cron_expr": _expression(job),
            "prompt": _prompt(job),
            "session_key": job.session.removeprefix(NAMED) if job.session.startswith(NAMED) else "",
            "work_dir": job.work_dir,
            "type": job.type.value,
            "timeout_mins": max(job.timeout // _MINUTE, 1) if job.timeout else None,
            "retry_delay": first,
            "output_format": job.output_format.value,
            "output_schema": json_text.dump(job.output_schema).decode() if job.output_schema is not None else None,
            "notify_on": ["canceled" if end is Lifecycle.CANCELLED else end.value for end in job.notify_on],
            "created_by": job.created_by,
            "created_at": write_instant(job.created_at),
            "on_complete": job.on_complete.url if job.on_complete else None,
            "on_fail": job.on_fail.url if job.on_fail else None,
        }
    ) | {
        "enabled": job.status.value == "enabled",
        "silent": job.notify is Notify.NEVER,
        "retries": job.retry.attempts - 1,
    }


def _expression(job: Job) -> str:
    match job.schedule:
        case Cron(expression=expression, zone=zone):
            if _names_days_by_the_month(expression):
                raise UnsayableError(f"fires at {expression}, and HotPlex knows no L and no #")
            return expression if zone == "UTC" else f"CRON_TZ={zone} {expression}"
        case Every(interval=interval):
            return f"@every {f'{interval.total_seconds():f}'.rstrip('0').rstrip('.')}s"
        case At():
            raise UnsayableError("runs once, and HotPlex knows no such job")
    raise UnsayableError(f"cannot be read ({job.status_reason})")


def _names_days_by_the_month(expression: str) -> bool:
    """The last of a month, the second of a weekday: the library of HotPlex refuses these."""
    fields = expression.upper().split()
    return len(fields) == 5 and bool({"#", "L"} & set(fields[2] + fields[4]))


def _prompt(job: Job) -> str:
    match job.payload:
        case AgentPrompt(prompt=words) | SystemEvent(text=words):
            return words
        case Say(text=words):
            return f"Say exactly this, and nothing else:\n{words}"
        case Shell():
            raise UnsayableError("is a command of the shell")


def runs_document(runs: Sequence[Run]) -> Json:
    """The runs as in `runs.json`: a list, newest first; durations in nanoseconds."""
    return [_run(run) for run in runs]


def _run(run: Run) -> dict[str, Json]:
    took = run.finished_at - run.started_at if run.finished_at and run.started_at else timedelta()
    texts = {"error": run.error, "response": run.output}
    return {
        "id": run.id,
        "job_id": run.job_id,
        "started_at": _go(run.started_at),
        "finished_at": _go(run.finished_at),
        "duration": took // _MICROSECOND * 1000,
        "status": run.status.value,
        "retry_count": run.attempt - 1,
    } | {name: text for name, text in texts.items() if text}


def _go(moment: datetime | None) -> str:
    return write_instant(moment) if moment else _ZERO_TIME


HOTPLEX = Form(
    name="hotplex",
    title="HotPlex",
    seconds="first",
    marks=marks(
        "cron_expr prompt session_key work_dir type timeout_mins retries retry_delay output_format output_schema "
        "silent notify_on created_by created_at updated_at last_run last_error next_run run_count on_complete "
        "on_fail version platform description schedule payload bot_id bot_name owner_id platform_key "
        "delivery_mode timeout_sec delete_after_run max_retries max_runs expires_at state created_at_ms "
        "updated_at_ms",
        schedule="kind expr tz every_ms at",
        payload="kind message target_session_id allowed_tools worker_type",
        kinds="isolated_session attached_session system_event agent_turn",
    ),
    read=_read,
    write=_write,
    wrap=lambda jobs: jobs,
)

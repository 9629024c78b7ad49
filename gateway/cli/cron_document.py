"""Jobs and runs as the JSON that `--json` prints: every field is always there, null when it is empty; pure."""

from json import dumps

from cron.codec import encode_job
from cron.codec.columns import FIELDS
from cron.codec.policies import write_retry
from cron.codec.shapes import encode_payload, encode_schedule
from cron.job import Job
from cron.making.options import OPTIONS
from cron.overview import Facts
from cron.policy import Backoff
from cron.run import Run
from cron.times import timetable
from gateway.cli.words import utc
from gateway.messages import Json

_INTERNAL = frozenset({"stamp", "state_stamp", "state"})
_SHOWN_ELSEWHERE = frozenset({"description", "session", "notify", "overlap", "misfire"})


def job_document(job: Job, facts: Facts) -> dict[str, Json]:
    """A job with what is known of its runs."""
    document: dict[str, Json] = {"id": job.id, "uid": job.uid, "name": job.name, "status": job.status.value}
    for name, field in FIELDS.items():
        if name not in _INTERNAL:
            value = getattr(job, name)
            document.setdefault(name, None if value is None else _or_null(field.write(value)))
    return document | {
        "schedule": encode_schedule(job.schedule, job.tz) if job.schedule else None,
        "payload": encode_payload(job.payload) if job.schedule else None,
        "delivery": _without_token(document["delivery"], "hook"),
        "on_complete": _without_token({"hook": document["on_complete"]}, "hook")["hook"],
        "on_fail": _without_token({"hook": document["on_fail"]}, "hook")["hook"],
        "retry": _whole_retry(job),
        "state": job.state,
        "next_run": utc(facts.next_run),
        "last_run": utc(facts.last_run),
        "last_status": facts.last_status or None,
        "last_error": facts.last_error or None,
        "run_count": facts.run_count,
        "trouble": timetable.trouble(job) or None,
    }


def run_document(run: Run) -> dict[str, Json]:
    """A run as a row of history."""
    took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
    return {
        "id": run.id,
        "job_id": run.job_id,
        "job_uid": run.job_uid,
        "job_name": run.job_name,
        "occurrence": run.occurrence,
        "scheduled_at": utc(run.scheduled_at),
        "started_at": utc(run.started_at),
        "finished_at": utc(run.finished_at),
        "duration_ms": round(took.total_seconds() * 1000) if took is not None else None,
        "status": run.status.value,
        "trigger": run.trigger.value,
        "attempt": run.attempt,
        "late_by_ms": round(run.late_by.total_seconds() * 1000),
        "missed_count": run.missed_count,
        "missed_until": utc(run.missed_until),
        "trace_id": run.trace_id,
        "output": run.output or None,
        "error": run.error or None,
        "error_class": run.error_class.value if run.error_class else None,
        "delivery_status": run.delivery_status.value,
        "delivery_error": run.delivery_error or None,
        "messages_sent": run.messages_sent,
    }


def settings(job: Job) -> list[tuple[str, str]]:
    """The settings of a job that are not at their default, for people: name and value, without secrets."""
    stored = encode_job(job)
    if job.schedule is None or not isinstance(stored, dict):
        return []
    whole = job_document(job, Facts())
    return [(name, _shown(whole[name])) for name in OPTIONS if name in stored and name not in _SHOWN_ELSEWHERE]


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value, ensure_ascii=False)


def _whole_retry(job: Job) -> Json:
    """Also the parts that are at their default: how often a run is tried is asked for again and again."""
    plain: dict[str, Json] = {"attempts": job.retry.attempts, "backoff": Backoff.STANDARD.value, "unsafe": False}
    return plain | write_retry(job.retry)


def _without_token(holder: Json, name: str) -> Json:
    """The object with the hook in it, which says whether it has a token, and never which."""
    hook = holder.get(name)
    if not hook:
        return holder
    shown = {part: value for part, value in hook.items() if part != "token"}
    return holder | {name: shown | ({"has_token": True} if "token" in hook else {})}


def _or_null(value: Json) -> Json:
    return None if value in ("", {}, "0s") else value

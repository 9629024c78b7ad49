"""What machines are told of a run, as JSON; pure."""

from datetime import datetime

import orjson

from cron.endings.lifecycle import COMPLETED, FAILED
from cron.job import Job
from cron.policy import DeliveryMode, Hook
from cron.run import Run
from gateway.callbacks.policy import DELAYS, WITHIN, Callback, CallbackKind, Target, callback_id
from gateway.clock import to_text
from gateway.messages import Json

_TYPES = {
    CallbackKind.RESULT: "run.result",
    CallbackKind.COMPLETE: "run.completed",
    CallbackKind.FAIL: "run.failed",
}


def callbacks_of(job: Job, run: Run) -> list[Callback]:
    """Whom the end of this run is told, by the run's own copy of its job."""
    wanted: list[tuple[CallbackKind, Hook | None]] = []
    if job.delivery.mode is DeliveryMode.WEBHOOK:
        wanted.append((CallbackKind.RESULT, job.delivery.hook))
    if run.status in COMPLETED:
        wanted.append((CallbackKind.COMPLETE, job.on_complete))
    if run.status in FAILED:
        wanted.append((CallbackKind.FAIL, job.on_fail))
    return [_callback(job, run, kind, hook) for kind, hook in wanted if hook is not None]


def _callback(job: Job, run: Run, kind: CallbackKind, hook: Hook) -> Callback:
    return Callback(
        id=callback_id(run.id, kind),
        run=run.id,
        job=job.uid,
        kind=kind,
        target=Target(
            url=hook.url,
            token=hook.token,
            within=hook.timeout or WITHIN,
            retries=len(DELAYS) if hook.retries is None else hook.retries,
        ),
        body=orjson.dumps(body(job, run, kind)),
        trace_id=run.trace_id,
    )


def body(job: Job, run: Run, kind: CallbackKind) -> dict[str, Json]:
    """The body of a callback: what happened, when, to which job, and the run's record."""
    return {
        "type": _TYPES[kind],
        "timestamp": _moment(run.finished_at),
        "run_id": run.id,
        "job_name": job.name,
        "name": job.name,
        "description": job.description or None,
        "owner": job.owner,
        "result": run.output or None,
        **record(run),
    }


def record(run: Run) -> dict[str, Json]:
    """The run as it is recorded: the fields of `cron runs --json` that say how it ended."""
    took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
    return {
        "id": run.id,
        "job_id": run.job_id,
        "job_uid": run.job_uid,
        "scheduled_at": _moment(run.scheduled_at),
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "duration_ms": round(took.total_seconds() * 1000) if took is not None else None,
        "status": run.status.value,
        "trigger": run.trigger.value,
        "attempt": run.attempt,
        "late_by_ms": round(run.late_by.total_seconds() * 1000),
        "trace_id": run.trace_id,
        "output": run.output or None,
        "error": run.error or None,
        "error_class": run.error_class.value if run.error_class else None,
    }


def _moment(at: datetime | None) -> str | None:
    return to_text(at) if at else None

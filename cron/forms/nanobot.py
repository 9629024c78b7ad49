"""nanobot's `jobs.json`, and autobot's `cron.json`, which descends from it. Pure."""

from collections.abc import Mapping

from cron.codec.values import FieldError, snake
from cron.forms.expressions import schedule_of
from cron.forms.form import (
    Form,
    UnsayableError,
    address_of,
    in_ms,
    kind_schedule,
    marks,
    moment,
    tidy,
    written_schedule,
)
from cron.forms.source import Seconds, Source
from cron.job import AgentPrompt, Job, Say, Shell, SystemEvent
from cron.policy import Notify
from cron.schedule import At
from gateway.messages import Json

_CAMEL = {"expr": "expr", "tz": "tz", "every": "everyMs", "at": "atMs"}
_SNAKE = {"expr": "expr", "tz": "tz", "every": "every_ms", "at": "at_ms"}
_KINDS = {"agent_turn", "system_event", ""}
_BOOKKEEPING = {
    "next_run_at_ms",
    "last_run_at_ms",
    "last_status",
    "last_error",
    "last_duration_ms",
    "run_history",
    "run_count",
}
"""What these programs keep of a job's runs, in a `state` that is not the job's own."""


def _read(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    when, payload = job.part("schedule"), job.part("payload")
    schedule = kind_schedule(when, seconds) if job.has("schedule") else _flat_schedule(job, seconds)
    stored: dict[str, Json] = {
        "name": job.text("name"),
        "enabled": job.flag("enabled") is not False,
        "created_at": moment(job.number("created_at_ms")),
        "schedule": schedule,
        "tz": schedule.get("tz"),
        "payload": _payload(payload if payload.has("message", "text") else job, payload.text("kind")),
        "state": _own_state(job.any("state")),
    }
    if "at" in schedule:
        stored["after_run"] = "keep" if job.flag("delete_after_run") is False else "delete"
    stored |= _target(job, payload)
    job.ignore("id", "updated_at_ms", "delete_after_run", "state", "deliver", "channel", "to", "message")
    payload.ignore("session_key", "message", "text")
    payload.lose("kept with the chat's own messages only", "channel_meta")
    for part in (when, payload):
        part.close()
    return tidy(stored)


def _flat_schedule(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    """`every_seconds`, `cron_expr` or `at`, as in the arguments of autobot's tool."""
    given = [name for name in ("every_seconds", "cron_expr", "at") if job.has(name)]
    if len(given) != 1:
        raise FieldError("schedule: one of every_seconds, cron_expr and at has to be there, and no other")
    if given == ["cron_expr"]:
        return dict(schedule_of(job.text("cron_expr"), seconds=seconds, notes=job.notes))
    return {"every": job.number("every_seconds")} if given == ["every_seconds"] else {"at": job.text("at")}


def _payload(holder: Source, kind: str) -> dict[str, Json]:
    if snake(kind) not in _KINDS:
        raise FieldError(f"payload: has the kind {kind[:40]!r}, which is not one of agent_turn, system_event")
    words = holder.text("message", "text")
    if not words.strip():
        raise FieldError("payload: says nothing")
    if snake(kind) == "system_event":
        return {"kind": "system_event", "text": words}
    return {"kind": "agent", "prompt": words}


def _target(job: Source, payload: Source) -> dict[str, Json]:
    holder = payload if payload.has("channel", "to", "deliver") else job
    deliver = holder.flag("deliver")
    address = address_of(holder.text("channel"), holder.text("to"))
    if deliver:
        job.notes.taken.append("deliver true → notify always")
    owner = job.text("owner")
    if not owner and address is not None:
        owner = f"{address['channel']}:{address['chat']}"
    if address is None and owner.partition(":")[2]:
        channel, _, chat = owner.partition(":")
        address = address_of(channel, chat)
    return tidy({"owner": owner, "address": address, "notify": "always" if deliver else None})


def _own_state(state: Json) -> Json:
    """What the job itself remembers; not when it ran."""
    if isinstance(state, dict) and {snake(str(name)) for name in state} <= _BOOKKEEPING:
        return None
    return state


def _write_camel(job: Job) -> dict[str, Json]:
    return _common(job, _CAMEL) | {
        "state": {"nextRunAtMs": None, "lastRunAtMs": None, "lastStatus": None, "lastError": None},
        "createdAtMs": in_ms(job.created_at),
        "updatedAtMs": in_ms(job.changed_at or job.created_at),
        "deleteAfterRun": isinstance(job.schedule, At) and job.after_run.value == "delete",
    }


def _write_snake(job: Job) -> dict[str, Json]:
    return _common(job, _SNAKE) | {
        "owner": job.owner,
        "state": job.state,
        "created_at_ms": in_ms(job.created_at),
        "updated_at_ms": in_ms(job.changed_at or job.created_at),
        "delete_after_run": isinstance(job.schedule, At) and job.after_run.value == "delete",
    }


def _common(job: Job, names: Mapping[str, str]) -> dict[str, Json]:
    return {
        "id": job.id,
        "name": job.name,
        "enabled": job.status.value == "enabled",
        "schedule": written_schedule(job, names),
        "payload": _written_payload(job),
    }


def _written_payload(job: Job) -> dict[str, Json]:
    kind, deliver = "agent_turn", job.notify is Notify.ALWAYS
    match job.payload:
        case Shell():
            raise UnsayableError("is a command of the shell")
        case Say(text=words):
            words, deliver = f"Say exactly this, and nothing else:\n{words}", True
        case SystemEvent(text=words):
            kind = "system_event"
        case AgentPrompt(prompt=words):
            pass
    address = job.address
    where = {"channel": address.channel if address else None, "to": address.chat if address else None}
    return {"kind": kind, "message": words, "deliver": deliver} | where


def _wrap(jobs: list[dict[str, Json]]) -> Json:
    return {"version": 1, "jobs": jobs}


NANOBOT = Form(
    name="nanobot",
    title="nanobot",
    seconds="last",  # croniter
    marks=marks(
        "schedule payload state createdAtMs updatedAtMs deleteAfterRun",
        schedule="kind expr tz everyMs atMs",
        payload="kind message deliver channel to channelMeta sessionKey",
        kinds="agent_turn system_event",
    ),
    read=_read,
    write=_write_camel,
    wrap=_wrap,
)
AUTOBOT = Form(
    name="autobot",
    title="autobot",
    seconds=None,
    marks=marks(
        "owner schedule payload state created_at_ms updated_at_ms delete_after_run every_seconds cron_expr "
        "at message",
        schedule="kind expr tz every_ms at_ms",
        payload="kind message deliver channel to",
        kinds="agent_turn system_event",
    ),
    read=_read,
    write=_write_snake,
    wrap=_wrap,
)

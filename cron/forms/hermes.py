"""The `jobs.json` of Hermes. Pure."""

from datetime import timedelta

from cron.codec.values import FieldError
from cron.forms.expressions import schedule_of
from cron.forms.form import (
    Form,
    UnsayableError,
    address_of,
    at_of,
    marks,
    refuse_what_bends_the_schedule,
    tidy,
)
from cron.forms.source import Seconds, Source
from cron.job import AgentPrompt, Job, Say, Shell, SystemEvent
from cron.policy import Notify
from cron.schedule import At, Cron, Every
from gateway.messages import Json
from gateway.zones import UTC

_MINUTE = timedelta(minutes=1)
_NEXT_TO = ("local", "origin")
_ELSEWHERE = {
    "provider": "the model of the configuration is asked",
    "base_url": "the model of the configuration is asked",
    "skills": "there are no skills here; say in the prompt what to do",
    "skill": "there are no skills here; say in the prompt what to do",
    "script": "a script that feeds the prompt waits for the sandbox",
    "context_from": "another job's output is not fed in; let one job follow the other (then)",
    "enabled_toolsets": "tools have other names here",
}


def _read(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    when = job.part("schedule")
    schedule = _schedule(when, seconds)
    prompt = job.text("prompt")
    if not prompt.strip():
        raise FieldError("prompt: says nothing")
    stored: dict[str, Json] = {
        "name": job.text("name"),
        "payload": {"kind": "agent", "prompt": prompt},
        "schedule": schedule,
        "enabled": _enabled(job),
        "created_at": job.text("created_at"),
        "max_runs": _runs_left(job.part("repeat"), once="at" in schedule),
        "model": job.text("model"),
        "work_dir": job.text("workdir", "work_dir"),
    }
    stored |= _target(job)
    for name, why in _ELSEWHERE.items():
        job.lose(why, name)
    job.ignore("id", "schedule_display", "next_run_at", "last_run_at", "last_status", "last_error", "updated_at")
    job.ignore("paused_at", "paused_reason", "last_delivery_error", "schedule", "repeat")
    when.ignore("display", "kind")
    when.close()
    return tidy(stored)


def _schedule(when: Source, seconds: Seconds | None) -> dict[str, Json]:
    kind = when.text("kind")
    if kind == "cron":
        return dict(schedule_of(when.text("expr"), seconds=seconds, notes=when.notes))
    if kind == "interval":
        minutes = when.number("minutes")
        if not minutes:
            raise FieldError("schedule: of the kind interval has no minutes")
        return {"every": minutes * 60}
    if kind == "once":
        return {"at": at_of(when)}
    raise FieldError(f"schedule: has the kind {kind[:40]!r}, which is not one of cron, interval, once")


def _enabled(job: Source) -> bool:
    return job.flag("enabled") is not False and job.text("state") in {"", "scheduled", "running"}


def _runs_left(repeat: Source, *, once: bool) -> int | None:
    times, done = repeat.number("times"), repeat.number("completed")
    if not times or once:
        return None
    if (left := int(times) - int(done or 0)) < 1:
        raise FieldError("repeat: has run as often as it should")
    repeat.notes.taken.append(f"repeat {int(times)} times, {int(done or 0)} done → max_runs {left}")
    return left


def _target(job: Source) -> dict[str, Json]:
    """`deliver`: local, origin, a platform, or platform:chat[:thread]."""
    origin = job.part("origin")
    home = address_of(origin.text("platform"), origin.text("chat_id"), origin.text("thread_id"))
    origin.ignore("chat_name", "user_id", "user_name", "chat_topic")
    origin.close()
    owner = f"{home['channel']}:{home['chat']}" if home else None
    deliver = job.text("deliver") or ("origin" if home else "local")
    if deliver == "local":
        job.notes.taken.append("deliver local → speaks to nobody by itself")
        return tidy({"owner": owner, "address": home})
    job.notes.taken.append(f"deliver {deliver} → notify always")
    address = home if deliver == "origin" else _place(deliver)
    if address is None:
        job.notes.left.append(f"deliver: {deliver} names no chat; the job speaks to cron.default_target")
    return tidy({"owner": owner, "address": address, "notify": "always"})


def _place(deliver: str) -> dict[str, Json] | None:
    channel, _, rest = deliver.partition(":")
    chat, _, thread = rest.partition(":")
    return address_of(channel, chat, thread)


def _write(job: Job) -> dict[str, Json]:
    refuse_what_bends_the_schedule(job, says={"max_runs"})
    schedule = _written_schedule(job)
    address = job.address
    origin = (
        tidy({"platform": address.channel, "chat_id": address.chat, "thread_id": address.thread})
        if address
        else {}
    )
    spoken = job.notify is Notify.ALWAYS or isinstance(job.payload, Say)
    return {
        "id": job.uid.replace("-", "")[:12],
        "name": job.name,
        "prompt": _prompt(job),
        "model": job.model or None,
        "workdir": job.work_dir or None,
        "schedule": schedule,
        "schedule_display": schedule["display"],
        "repeat": {"times": 1 if isinstance(job.schedule, At) else job.max_runs, "completed": 0},
        "enabled": job.status.value == "enabled",
        "state": "scheduled" if job.status.value == "enabled" else "paused",
        "created_at": job.created_at.isoformat(),
        "deliver": _NEXT_TO[1] if spoken and origin else _NEXT_TO[0],
        "origin": origin or None,
    }


def _prompt(job: Job) -> str:
    match job.payload:
        case AgentPrompt(prompt=words) | SystemEvent(text=words):
            return words
        case Say(text=words):
            return f"Say exactly this, and nothing else:\n{words}"
        case Shell():
            raise UnsayableError("is a command of the shell")


def _written_schedule(job: Job) -> dict[str, Json]:
    match job.schedule:
        case Cron(expression=expression, zone=zone):
            if zone != UTC:
                raise UnsayableError(
                    f"is in {zone}, and Hermes has one zone for all jobs; only expressions in UTC are written"
                )
            return {"kind": "cron", "expr": expression, "display": expression}
        case Every(interval=interval):
            if interval % _MINUTE:
                raise UnsayableError("has an interval that is not whole minutes")
            minutes = interval // _MINUTE
            return {"kind": "interval", "minutes": minutes, "display": f"every {minutes}m"}
        case At(instant=instant):
            return {"kind": "once", "run_at": instant.isoformat(), "display": f"once at {instant:%Y-%m-%d %H:%M}"}
    raise UnsayableError(f"cannot be read ({job.status_reason})")


HERMES = Form(
    name="hermes",
    title="Hermes",
    seconds="last",  # croniter
    marks=marks(
        "prompt skills skill model provider base_url schedule schedule_display repeat state "
        "created_at next_run_at last_run_at last_status last_error last_delivery_error deliver origin script "
        "paused_at paused_reason context_from enabled_toolsets workdir",
        schedule="kind expr display minutes run_at",
    ),
    read=_read,
    write=_write,
    wrap=lambda jobs: {"jobs": jobs},
)

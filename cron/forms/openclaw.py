"""OpenClaw's `jobs.json`, and what its `cron list --json` prints. Pure."""

from cron.codec.values import FieldError
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
from cron.policy import DeliveryMode, Notify
from cron.schedule import At
from gateway.messages import Json

_NAMES = {
    "expr": "expr",
    "tz": "tz",
    "every": "everyMs",
    "anchor": "anchorMs",
    "at": "atMs",
    "jitter": "staggerMs",
}
_NO_HEARTBEAT = "there is no heartbeat to wait for; the job runs at its time"
_LAST = "last"  # "where somebody spoke last", which is not a place


def _read(job: Source, seconds: Seconds | None) -> dict[str, Json]:
    when, payload = job.part("schedule"), job.part("payload")
    schedule = kind_schedule(when, seconds)
    stored: dict[str, Json] = {
        "name": job.text("name"),
        "description": job.text("description"),
        "enabled": job.flag("enabled") is not False,
        "created_at": moment(job.number("created_at_ms")),
        "schedule": schedule,
        "tz": schedule.get("tz"),
        "jitter": (when.number("stagger_ms") or 0) / 1000 or None,
        "session": _session(job),
        "context_messages": job.number("context_messages", "context_message_count"),
        "payload": _payload(payload),
        "model": payload.text("model"),
        "timeout": payload.number("timeout_seconds") or None,
        "failure_alert": _alert(job),
    }
    if "at" in schedule:
        stored["after_run"] = "delete" if job.flag("delete_after_run") is not False else "keep"
    stored |= _delivery(job.part("delivery"), payload)
    _leave(job, when, payload)
    return tidy(stored)


def _leave(job: Source, when: Source, payload: Source) -> None:
    job.ignore("id", "job_id", "updated_at_ms", "delete_after_run", "state", "next_run", "last_run", "status")
    if job.text("agent_id") not in {"", "main"}:
        job.lose("there is one agent here", "agent_id")
    if job.text("wake_mode") not in {"", "now"}:
        job.lose(_NO_HEARTBEAT, "wake_mode")
    job.lose("the run's own record takes its place", "isolation")
    job.lose("the job's session decides", "session_key")
    payload.lose("the model's own default is used", "thinking")
    payload.lose("the model of the configuration is asked instead", "fallbacks")
    payload.ignore("best_effort_deliver", "light_context", "allow_unsafe_external_content")
    for part in (when, payload):
        part.close()


def _session(job: Source) -> str:
    target = job.text("session_target", "session")
    if target in {"", "isolated", "main"} or target.startswith("session:"):
        return target or "isolated"
    if target == "current":
        job.notes.taken.append("session current → main")
        return "main"
    raise FieldError(f"sessionTarget: {target[:40]!r} is not one of main, isolated, current, session:<name>")


def _payload(payload: Source) -> dict[str, Json]:
    kind = payload.text("kind").lower().replace("_", "")
    words = payload.text("message", "text")
    if kind not in {"", "agentturn", "systemevent"}:
        raise FieldError(f"payload: has the kind {kind[:40]!r}, which is not one of agentTurn, systemEvent")
    if not words.strip():
        raise FieldError("payload: says nothing")
    return {"kind": "system_event", "text": words} if kind == "systemevent" else {"kind": "agent", "prompt": words}


def _delivery(delivery: Source, payload: Source) -> dict[str, Json]:
    """`delivery`, or what older files say in the payload."""
    mode = delivery.text("mode")
    old = payload.flag("deliver")
    channel = delivery.text("channel", "provider") or payload.text("channel", "provider")
    chat = delivery.text("to") or payload.text("to")
    delivery.lose("a chat is reached through the account of its channel", "account_id")
    thread = delivery.text("thread_id")
    delivery.ignore("best_effort", "failure_destination")
    delivery.close()
    if mode == "webhook":
        delivery.notes.taken.append("delivery webhook → delivery webhook")
        return {"delivery": tidy({"mode": "webhook", "url": chat, "token": delivery.text("token")})}
    if mode not in {"", "none", "announce"}:
        raise FieldError(f"delivery.mode: {mode[:40]!r} is not one of announce, webhook, none")
    address = address_of("" if channel == _LAST else channel, chat, thread)
    announced = mode == "announce" or (not mode and old is True)
    if announced:
        delivery.notes.taken.append("delivery announce → notify always")
    if announced and address is None:
        delivery.notes.left.append("delivery: names no chat; the job speaks to cron.default_target")
    return tidy({"address": address, "notify": "always" if announced else None})


def _alert(job: Source) -> dict[str, Json] | None:
    if job.any("failure_alert") is False:
        job.notes.left.append("failureAlert: false; the alerts of the configuration are sent")
        return None
    alert = job.part("failure_alert")
    cooldown = alert.number("cooldown_ms")
    found = tidy(
        {
            "after": alert.number("after"),
            "cooldown": cooldown / 1000 if cooldown else None,
            "address": address_of(alert.text("channel"), alert.text("to")),
        }
    )
    alert.lose("an alert is a message", "mode")
    alert.lose("a chat is reached through the account of its channel", "account_id")
    alert.close()
    return found or None


def _write(job: Job) -> dict[str, Json]:
    schedule = written_schedule(job, _NAMES)
    if isinstance(job.schedule, At):
        schedule = {"kind": "at", "at": job.schedule.instant.isoformat().replace("+00:00", "Z")}
    return tidy(
        {
            "id": job.uid,
            "name": job.name,
            "description": job.description,
            "createdAtMs": in_ms(job.created_at),
            "schedule": schedule,
            "sessionTarget": job.session,
            "wakeMode": "now",
            "payload": _written_payload(job),
            "delivery": _written_delivery(job),
            "failureAlert": _written_alert(job),
            "contextMessages": job.context_messages or None,
        }
    ) | {
        "enabled": job.status.value == "enabled",
        "deleteAfterRun": isinstance(job.schedule, At) and job.after_run.value == "delete",
        "state": {},
    }


def _written_payload(job: Job) -> dict[str, Json]:
    match job.payload:
        case SystemEvent(text=words):
            return {"kind": "systemEvent", "text": words}
        case Shell():
            raise UnsayableError("is a command of the shell")
        case Say(text=words):
            words = f"Say exactly this, and nothing else:\n{words}"
        case AgentPrompt(prompt=words):
            pass
    timeout = round(job.timeout.total_seconds()) if job.timeout else None
    return tidy({"kind": "agentTurn", "message": words, "model": job.model, "timeoutSeconds": timeout})


def _written_delivery(job: Job) -> dict[str, Json]:
    if job.delivery.mode is DeliveryMode.WEBHOOK and job.delivery.hook is not None:
        return {"mode": "webhook", "to": job.delivery.hook.url}
    address = job.delivery.address or job.address
    where = {"channel": address.channel, "to": address.chat} if address else {}
    thread = {"threadId": address.thread} if address and address.thread else {}
    spoken = job.notify is Notify.ALWAYS or isinstance(job.payload, Say)
    return {"mode": "announce" if spoken else "none"} | where | thread


def _written_alert(job: Job) -> dict[str, Json]:
    alert = job.failure_alert
    where = {"channel": alert.address.channel, "to": alert.address.chat} if alert.address else {}
    cooldown = round(alert.cooldown.total_seconds() * 1000) if alert.cooldown else None
    return tidy({"after": alert.after, "cooldownMs": cooldown} | where)


OPENCLAW = Form(
    name="openclaw",
    title="OpenClaw",
    seconds="first",
    marks=marks(
        "agentId description createdAtMs updatedAtMs deleteAfterRun schedule sessionTarget wakeMode payload "
        "sessionKey delivery failureAlert isolation contextMessages state",
        schedule="kind expr tz staggerMs everyMs anchorMs at atMs",
        payload="kind message text model thinking fallbacks timeoutSeconds deliver channel provider to "
        "bestEffortDeliver lightContext allowUnsafeExternalContent",
        kinds="agentTurn systemEvent",
    ),
    read=_read,
    write=_write,
    wrap=lambda jobs: {"version": 1, "jobs": jobs},
)

"""Form: how another program writes its jobs; and what it becomes here, before it is checked. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cron.codec.values import FieldError, write_instant
from cron.forms.expressions import schedule_of
from cron.forms.source import Seconds, Source
from cron.job import Job
from cron.schedule import At, Cron, Every
from gateway.messages import Json

Objects = Sequence[tuple[str, Json]]
"""The jobs of a document, each with what it is called there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One program's way of writing jobs."""

    name: str
    title: str
    seconds: Seconds | None  # where its library has the seconds of a six-field expression; None: nobody knows
    marks: frozenset[str]  # the fields that it knows, as `marks_of` names them
    read: Callable[[Source, Seconds | None], dict[str, Json]]  # the canonical object; FieldError
    write: Callable[[Job], dict[str, Json]]  # UnsayableError for what the program has no words for
    wrap: Callable[[list[dict[str, Json]]], Json]  # the document around the jobs
    needs: frozenset[str] = frozenset()  # one of these marks has to be there


class UnsayableError(ValueError):
    """A job that would be another one in that form, in words that follow its name."""


def marks_of(job: Mapping[str, Any]) -> set[str]:
    """What a job's fields are called, as they are spelled: `owner`, `schedule.expr`, `payload.kind=agentTurn`."""
    marks = set(job)
    for part in ("schedule", "payload"):
        value = job.get(part)
        if isinstance(value, dict):
            marks |= {f"{part}.{name}" for name in value} | {f"{part}.kind={value.get('kind')}"}
    return marks


def marks(names: str, *, schedule: str = "", payload: str = "", kinds: str = "") -> frozenset[str]:
    """The marks of a form, from the names of its fields and the words of `payload.kind`."""
    return frozenset(
        names.split()
        + [f"schedule.{name}" for name in schedule.split()]
        + [f"payload.{name}" for name in payload.split()]
        + [f"payload.kind={kind}" for kind in kinds.split()]
    )


def objects_of(document: Json) -> Objects | None:
    """A list of jobs, `{"jobs": [...]}`, or jobs by their ids; None where it is none of them."""
    if isinstance(document, dict) and isinstance(document.get("jobs"), list | dict):
        document = document["jobs"]
    if isinstance(document, list):
        return [(_called(value, n), value) for n, value in enumerate(document, 1)]
    if isinstance(document, dict) and document and all(isinstance(value, dict) for value in document.values()):
        return [(str(key), {"id": key} | value) for key, value in document.items()]
    return [] if document == {"jobs": {}} else None


def _called(value: Json, number: int) -> str:
    known = value.get("id") or value.get("jobId") or value.get("job_id") if isinstance(value, dict) else None
    return str(known) if isinstance(known, str | int) and str(known).strip() else f"#{number}"


def tidy(stored: Mapping[str, Json]) -> dict[str, Json]:
    """Without what says nothing."""
    return {name: value for name, value in stored.items() if value not in (None, "", {}, [])}


def moment(milliseconds: Json) -> str | None:
    """An instant of a file that counts in milliseconds; 0 is none."""
    if not milliseconds:
        return None
    try:
        return write_instant(datetime.fromtimestamp(milliseconds / 1000, UTC))
    except (OverflowError, ValueError, OSError, TypeError) as error:
        raise FieldError(f"{milliseconds!r} is not an instant in milliseconds") from error


def at_of(when: Source) -> str:
    """`at` as text, or `at_ms`; FieldError where there is neither."""
    written = when.any("at", "run_at", "at_ms")
    if isinstance(written, str) and written.strip():
        return written
    if isinstance(written, int | float) and not isinstance(written, bool) and (found := moment(written)):
        return found
    raise FieldError("schedule: of the kind at has no instant")


def every_of(when: Source) -> dict[str, Json]:
    """`every_ms` and `anchor_ms`."""
    milliseconds = when.number("every_ms", "every")
    if not milliseconds:
        raise FieldError("schedule: of the kind every has no interval")
    return tidy({"every": milliseconds / 1000, "anchor": moment(when.number("anchor_ms"))})


def kind_schedule(when: Source, seconds: Seconds | None) -> dict[str, Json]:
    """{kind: cron | every | at, …}, as OpenClaw, nanobot and autobot share it."""
    kind = when.text("kind", "type") or _guessed(when)
    if kind == "at":
        return {"at": at_of(when)}
    if kind == "every":
        return every_of(when)
    if kind != "cron":
        raise FieldError(f"schedule: has the kind {kind[:40]!r}, which is not one of at, cron, every")
    zone = when.text("tz", "timezone")
    found: dict[str, Json] = dict(
        schedule_of(when.text("expr", "cron", "cron_expr"), seconds=seconds, notes=when.notes)
    )
    return tidy({"tz": zone} | found)


def _guessed(when: Source) -> str:
    """Older files have no kind."""
    if when.has("expr", "cron", "cron_expr"):
        return "cron"
    return "every" if when.has("every_ms", "every") else "at" if when.has("at", "at_ms") else ""


def address_of(channel: str, chat: str, thread: str = "") -> dict[str, Json] | None:
    return tidy({"channel": channel, "chat": chat, "thread": thread}) if channel and chat else None


def written_schedule(job: Job, kinds: Mapping[str, str]) -> dict[str, Json]:
    """The schedule in the names that `kinds` gives for its parts; instants and durations in milliseconds."""
    staggers = "jitter" in kinds and isinstance(job.schedule, Cron)
    refuse_what_bends_the_schedule(job, says={"jitter"} if staggers else set())
    match job.schedule:
        case Cron(expression=expression, zone=zone):
            jitter = {kinds["jitter"]: round(job.jitter.total_seconds() * 1000)} if staggers else {}
            return {"kind": "cron", kinds["expr"]: expression, kinds["tz"]: zone} | jitter
        case Every(interval=interval, anchor=anchor):
            every = {"kind": "every", kinds["every"]: round(interval.total_seconds() * 1000)}
            return every | ({kinds["anchor"]: in_ms(anchor)} if "anchor" in kinds else {})
        case At(instant=instant):
            return {"kind": "at", kinds["at"]: in_ms(instant)}
    raise UnsayableError(f"cannot be read ({job.status_reason})")


def refuse_what_bends_the_schedule(job: Job, *, says: Collection[str] = ()) -> None:
    """What other programs do not know of a schedule, and would fire at other times without; all but `says`."""
    settings = {
        "every_nth": isinstance(job.schedule, Cron) and job.schedule.every_nth > 1,
        "exclude": job.exclude != type(job.exclude)(),
        "start_at": job.start_at is not None,
        "expires_at": job.expires_at is not None,
        "max_runs": job.max_runs is not None,
        "jitter": bool(job.jitter),
    }
    odd = [name for name, there in settings.items() if there and name not in says]
    if odd:
        raise UnsayableError(f"has {' and '.join(odd)}, without which it would fire at other times")


def in_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)

"""Draft: what somebody asks for, and the job that it becomes; pure.

The tool, the command line and the configuration all make jobs through here, so that the same words mean the
same everywhere.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from cron import phrases
from cron.codec import unreadable
from cron.codec.values import FieldError, counted_from_one
from cron.job import AgentPrompt, Job, JobStatus, Payload, Say, Shell, SystemEvent, words_of
from cron.making.options import OPTIONS, applied
from cron.making.rules import LONGEST_TEXT, Bounds, Judge, judged
from cron.policy import OutputFormat
from cron.schedule import At, Cron, Every, Schedule
from cron.times.expression import parse
from cron.times.schedule_text import check_instant, parse_duration, parse_instant, parse_schedule
from cron.times.walltime import zone_of
from gateway.errors import ScheduleError, UserError
from gateway.messages import ChatAddress, Json

LONGEST_NAME = 60
DERIVED_NAME = 30
OFTEN = timedelta(minutes=5)

SCHEDULE_FIELDS = ("when", "every", "cron", "at", "schedule")
PAYLOAD_FIELDS = ("prompt", "say", "event", "command")
NO_WORDS = 'what should happen is missing: give `say` (exact words) or `message` (a prompt), e.g. "stretch"'
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was asked for, field by field, as it was written; None where nothing was said.

    Those that are Json may be an object, a list or a number, or the same as text; "default" sets one back.
    """

    name: str | None = None
    prompt: str | None = None
    say: str | None = None
    event: str | None = None
    command: str | None = None  # of the shell
    when: str | None = None  # a phrase: "every weekday at 9"
    every: str | None = None  # a duration
    cron: str | None = None
    at: str | None = None  # ISO 8601
    schedule: str | None = None  # any of the last three
    every_nth: Json = None  # with `cron`: only each nth day, week or month that it names
    tz: str | None = None
    description: str | None = None
    session: str | None = None
    notify: str | None = None
    overlap: str | None = None
    misfire: str | None = None
    misfire_window: Json = None
    after_run: str | None = None
    timeout: Json = None
    start_at: str | None = None  # ISO 8601, or a phrase that names one time
    expires_at: str | None = None
    max_runs: Json = None
    jitter: Json = None
    exclude: Json = None  # {"dates", "weekdays", "holidays"}
    retry: Json = None  # {"attempts", "backoff", "unsafe"}
    type: str | None = None
    context_messages: Json = None
    delivery: Json = None  # {"mode", "to", …}
    on_complete: Json = None  # a URL, or {"url", "token", "timeout", "retries"}
    on_fail: Json = None
    notify_on: Json = None
    failure_alert: Json = None  # {"after", "cooldown", "channel", "to"}
    then: Json = None  # [{"on", "job" | "event"}]
    output_format: str | None = None
    output_schema: Json = None
    spend: Json = None  # {"tokens_per_run", "tokens_per_day", "money_per_day"}
    check: str | None = None
    model: str | None = None
    tools: Json = None
    work_dir: str | None = None
    may_schedule: Json = None
    nag: Json = None

    def said(self) -> list[str]:
        """The fields that hold something."""
        return [each.name for each in fields(self) if getattr(self, each.name) is not None]

    def options(self) -> dict[str, Json]:
        """The settings among them."""
        return {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who asks, when, and what holds for them."""

    now: datetime
    zone: str  # IANA name
    languages: Sequence[str] = ("en",)
    owner: str | None = None
    created_by: str = ""
    created_in: str = ""
    reply_to: str = ""  # the message that they answer, by the platform's id
    address: ChatAddress | None = None
    stamp: str = ""
    min_interval: timedelta = timedelta(minutes=1)
    at_min_lead: timedelta = timedelta()
    admin: bool = False  # the command line, the configuration, or an owner of the bot
    jobs: Collection[Job] = ()  # that they may see: what `then` may name
    bounds: Bounds = field(default_factory=Bounds)


def new_job(draft: Draft, maker: Maker, taken: Collection[str]) -> Job:
    """A job that is not stored yet; UserError says what is missing or wrong. `taken`: names of their jobs."""
    zone = zone_of(draft.tz or maker.zone).key
    payload = payload_of(draft)
    schedule = schedule_of(draft, replace(maker, zone=zone))
    if payload is None:
        raise UserError(NO_WORDS)
    if schedule is None:
        raise UserError(f"when it should happen is missing: give one of when, every, cron, at. {phrases.FORMS}")
    uid = uid_of(maker.stamp)
    job = Job(
        uid=uid,
        id=uid[:8],
        name=unique_name(_named(draft, payload), taken),
        schedule=schedule,
        payload=payload,
        address=maker.address,
        tz=zone,
        created_at=maker.now,
        created_by=maker.created_by,
        created_in=maker.created_in,
        reply_to=maker.reply_to,
        owner=maker.owner,
        stamp=maker.stamp,
    )
    return _judged(_with_settings(job, draft, maker), draft, maker)


def uid_of(stamp: str) -> str:
    """A new job's uid: by the call that makes it, so that a replay can tell what became of it; else by chance."""
    if not stamp:
        return str(uuid.uuid4())
    return str(uuid.UUID(bytes=hashlib.sha256(stamp.encode()).digest()[:16], version=4))


def changed_job(job: Job, draft: Draft, maker: Maker, taken: Collection[str]) -> Job:
    """The job with what was asked for changed, and all else as it was; UserError if nothing was asked for."""
    if not draft.said():
        known = ", ".join(each.name for each in fields(Draft))
        raise UserError(f"nothing to change: give at least one of {known}")
    before, zone = job, zone_of(draft.tz).key if draft.tz else job.tz
    schedule = schedule_of(draft, replace(maker, zone=zone), payload=job.payload)
    if schedule is not None:
        job = replace(job, schedule=schedule, tz=zone, broken=None)
        if job.status is JobStatus.BROKEN:
            _expect_readable(before, draft)
            job = replace(job, status=JobStatus.ENABLED, status_reason="")
    elif draft.tz is not None:
        job = replace(job, tz=zone, schedule=_moved(job.schedule, zone))
    if (payload := payload_of(draft)) is not None:
        job = replace(job, payload=payload)
    elif schedule is not None and not words_of(job.payload):
        raise UserError(NO_WORDS)  # what it was to do could not be read
    if draft.name is not None:
        job = replace(job, name=unique_name(name_of(draft.name), taken))
    changed = _with_settings(job, draft, maker)
    if moments(changed) != moments(before):
        changed = replace(changed, changed_at=maker.now)
    return _judged(changed, draft, maker)


def _expect_readable(job: Job, draft: Draft) -> None:
    """UserError when settings of a broken job would be lost, because neither the job nor the draft says them."""
    known = {"schedule", "payload", "status", *draft.said()}  # the first three are given, asked for and set anew
    lost = [fault for name, fault in unreadable(job).items() if name not in known]
    if lost:
        raise UserError(
            f'"{job.name}" ({job.id}) has more that cannot be read, and would be lost: {"; ".join(lost)}; '
            'give these too ("default" sets one back), or remove the job and make it anew'
        )


def moments(job: Job) -> tuple[object, ...]:
    """What says when a job fires: whoever changes any of it sets `changed_at`."""
    fires = job.status is JobStatus.ENABLED
    return fires, job.schedule, job.tz, job.start_at, job.expires_at, job.exclude, job.jitter


def payload_of(draft: Draft) -> Payload | None:
    """What should happen; None if that was not said."""
    given = [name for name in PAYLOAD_FIELDS if (getattr(draft, name) or "").strip()]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} are both given: a job does one thing")
    if not given:
        return None
    text = getattr(draft, given[0]).strip()
    if len(text) > LONGEST_TEXT:
        raise UserError(f"{given[0]} has {len(text)} characters; at most {LONGEST_TEXT} are kept")
    match given[0]:
        case "prompt":
            return AgentPrompt(prompt=text)
        case "say":
            return Say(text=text)
        case "command":
            return Shell(command=text)
        case _:
            return SystemEvent(text=text)


def schedule_of(draft: Draft, maker: Maker, *, payload: Payload | None = None) -> Schedule | None:
    """When it should happen, checked; None if that was not said. `payload`: of the job that gets it."""
    given = [name for name in SCHEDULE_FIELDS if (getattr(draft, name) or "").strip()]
    if len(given) > 1:
        raise ScheduleError(f"{' and '.join(given)} are both given: a job has one schedule")
    if not given:
        if draft.every_nth is not None:
            raise ScheduleError("every_nth goes with cron: give the expression too")
        return None
    schedule = _read(given[0], getattr(draft, given[0]).strip(), maker)
    if draft.every_nth is not None:
        schedule = _each_nth(schedule, draft.every_nth, maker)
    return checked(schedule, maker, payload=payload_of(draft) or payload)


def _read(kind: str, text: str, maker: Maker) -> Schedule:
    match kind:
        case "when":
            return phrases.understand(text, now=maker.now, zone=maker.zone, languages=maker.languages)
        case "every":
            return Every(parse_duration(text), maker.now)
        case "cron":
            return Cron(text, maker.zone)
        case "at":
            return At(parse_instant(text, zone=maker.zone, now=maker.now))
        case _:
            return parse_schedule(text, zone=maker.zone, now=maker.now)


def _each_nth(schedule: Schedule, written: Json, maker: Maker) -> Schedule:
    if not isinstance(schedule, Cron):
        raise ScheduleError("every_nth goes with cron; an interval is longer instead: every 2d")
    try:
        nth = counted_from_one(written)
    except FieldError as fault:
        raise ScheduleError(f"every_nth {fault}") from None
    return Cron(schedule.expression, schedule.zone, nth, maker.now)


def checked(schedule: Schedule, maker: Maker, *, payload: Payload | None = None) -> Schedule:
    """The schedule, if it keeps to the limits of what it runs."""
    if isinstance(schedule, At):
        check_instant(schedule.instant, now=maker.now, zone=maker.zone, min_lead=maker.at_min_lead)
        return schedule
    shell = isinstance(payload, Shell)
    shortest = maker.bounds.min_interval_shell if shell else maker.min_interval
    if (gap := _gap(schedule)) < shortest:
        key = "cron.min_interval_shell" if shell else "cron.min_interval"
        raise ScheduleError(
            f"every {gap.total_seconds():g} s is too often: "
            f"at most every {shortest.total_seconds():g} s here ({key})"
        )
    return schedule


def _gap(schedule: Every | Cron) -> timedelta:
    """The shortest time between two runs, as far as the minutes of an expression tell."""
    if isinstance(schedule, Every):
        return schedule.interval
    expression = parse(schedule.expression)
    minutes, hours = sorted(expression.minute.values), expression.hour.values
    neighbours = any((hour + 1) % 24 in hours for hour in hours)
    following = [*minutes[1:], *([minutes[0] + 60] if neighbours else [])]
    gaps = [after - before for before, after in zip(minutes, following, strict=False)]
    return min(gaps, default=60) * _MINUTE


def often(job: Job) -> str:
    """A warning for a job that asks a model very often; empty otherwise."""
    if not isinstance(job.payload, AgentPrompt) or not isinstance(job.schedule, Every | Cron):
        return ""
    if _gap(job.schedule) >= OFTEN:
        return ""
    return f"That is {_a_day(job.schedule)} turns of the model a day; every 5m or more is usual."


def _a_day(schedule: Every | Cron) -> int:
    if isinstance(schedule, Every):
        return timedelta(days=1) // schedule.interval
    expression = parse(schedule.expression)
    return len(expression.minute.values) * len(expression.hour.values)


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it when it is taken."""
    lowered = {other.casefold() for other in taken}
    candidate, n = name, 1
    while candidate.casefold() in lowered:
        n += 1
        candidate = f"{name} {n}"
    return candidate


def name_of(written: str) -> str:
    """The name that a job gets when somebody asks for this one."""
    return _short(written, LONGEST_NAME)


def _named(draft: Draft, payload: Payload) -> str:
    if draft.name and draft.name.strip():
        return name_of(draft.name)
    text = words_of(payload)
    return _short(text, DERIVED_NAME)


def _short(text: str, longest: int) -> str:
    """One line without control characters, cut between words."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) <= longest:
        return line or "job"
    head = line[: longest - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head[longest // 2 :] else head}…"


def _moved(schedule: Schedule | None, zone: str) -> Schedule | None:
    """A new zone moves what follows the wall clock, and nothing else."""
    return replace(schedule, zone=zone) if isinstance(schedule, Cron) else schedule


def _with_settings(job: Job, draft: Draft, maker: Maker) -> Job:
    job = applied(job, draft.options())
    if draft.start_at is not None:
        job = replace(job, start_at=_boundary("start_at", draft.start_at, job.tz, maker))
    if draft.expires_at is not None:
        job = replace(job, expires_at=_boundary("expires_at", draft.expires_at, job.tz, maker))
    if draft.output_schema is not None and draft.output_format is None and job.output_schema is not None:
        job = replace(job, output_format=OutputFormat.STRUCTURED)  # what else would the schema be for
    return job


def _boundary(name: str, written: str, zone: str, maker: Maker) -> datetime | None:
    """The instant from which on, or up to which, a job fires; None sets it back."""
    written = written.strip()
    if written.lower() in {"default", "none"}:
        return None
    try:
        if written[:1].isdigit():
            return parse_instant(written, zone=zone, now=maker.now)
        found = phrases.understand(written, now=maker.now, zone=zone, languages=maker.languages)
    except ScheduleError as error:
        raise ScheduleError(f"{name}: {error}") from None
    if not isinstance(found, At):
        raise ScheduleError(f"{name}: {written[:80]!r} is not one time; write for example 2026-12-24T09:00")
    return found.instant


def _judged(job: Job, draft: Draft, maker: Maker) -> Job:
    said = {"payload" if name in PAYLOAD_FIELDS else name for name in draft.said()}
    return judged(job, judge_of(maker), said)


def judge_of(maker: Maker) -> Judge:
    """Whom the rules are asked about."""
    return Judge(now=maker.now, bounds=maker.bounds, owner=maker.owner, admin=maker.admin, jobs=maker.jobs)

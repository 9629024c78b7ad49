"""What a job must keep to when somebody makes or changes it: no contradictions, and what is allowed here; pure.

A stored job is not judged by these: what was allowed once goes on.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from cron import json_text
from cron.codec.shapes import SCHEDULE_KEYS
from cron.job import Job, Say, Shell, words_of
from cron.policy import DeliveryMode, Exclude, Hook, Notify, OutputFormat, SpendCap, Then
from cron.reference import resolve
from cron.schedule import At, Every, Schedule
from cron.target import LOG
from cron.times.schedule_text import format_duration
from cron.times.timetable import times_of
from gateway.errors import NotFoundError, ScheduleError, UserError
from gateway.messages import ChatAddress, Json
from gateway.outgoing.addresses import Allowed, check_url

LONGEST_TEXT = 20_000
LONGEST_NOTE = 2_000
LONGEST_TOKEN = 4_096
SHORTEST_HOOK, LONGEST_HOOK = timedelta(seconds=1), timedelta(minutes=2)
MOST_HOOK_RETRIES = 20
LARGEST_SCHEMA = 64 * 1024
MOST_THEN = 20
MOST_TOOLS = 100
MOST_DATES = 1_000
SHORTEST_NAG = timedelta(minutes=1)
LONGEST_JITTER = timedelta(days=1)
ALWAYS = ("console", LOG)
"""Channels that are there without being configured."""

_OF_A_MODEL: Mapping[str, object] = {
    "model": "",
    "tools": None,
    "context_messages": 0,
    "output_format": OutputFormat.TEXT,
    "output_schema": None,
    "spend": SpendCap(),
}
"""Settings that only a turn of a model has, and what they are where they say nothing."""

_MOMENTS = SCHEDULE_KEYS | {"when", "schedule", "every_nth", "tz", "start_at", "expires_at", "exclude"}
"""What says at which moments a job fires: a job whose moments have all passed may still be renamed."""

_GAPS = 12  # between so many occurrences the shortest is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the configuration allows a job to be."""

    min_interval_shell: timedelta = timedelta(seconds=1)
    shell: str = "admin"  # off | admin | on
    channels: Collection[str] | None = None  # that are configured; None: nobody asks
    kinds: Callable[[], Collection[str]] = tuple  # of channels that could be; looked up only where that matters
    allowed_targets: Collection[str] = ()  # "telegram:123": where jobs of other chats may speak too
    private: Allowed = field(default_factory=Allowed)  # inner addresses that may be called


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Who makes or changes a job, and what holds for them."""

    now: datetime
    bounds: Bounds
    owner: str | None  # None: the command line or the configuration
    admin: bool
    jobs: Collection[Job]  # that they may see


def judged(job: Job, judge: Judge, said: Collection[str]) -> Job:
    """The job, if it keeps to the rules, with the references in `then` as uids; UserError with the first fault.

    `said`: the fields that were given. What the world allows is asked of these only; that the fields do not
    contradict each other, of all.
    """
    for what, fault in _faults(job, judge, said):
        raise UserError(f"{what}: {fault}")
    if "then" in said:
        job = replace(job, then=tuple(_resolved(each, judge.jobs) for each in job.then))
        _refuse_cycle(job, judge.jobs)
    if "exclude" in said and job.exclude.holidays:
        job = replace(job, exclude=_at_a_known_place(job.exclude))
    if _MOMENTS & set(said):
        _refuse_empty(job, judge.now)
    return job


def warnings(job: Job, bounds: Bounds) -> list[str]:
    """What is no fault, and worth saying: channels that are to speak later and cannot yet."""
    targets = {"failure_alert": job.failure_alert.address, "delivery": job.delivery.address}
    return [
        f"{what}: the channel {target.channel} is not configured yet; what is said there waits until it is"
        for what, target in targets.items()
        if target is not None and bounds.channels is not None and _is_to_come(target.channel, bounds)
    ]


def _faults(job: Job, judge: Judge, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each fault with the name of the field that has it."""
    yield from _sizes(job)
    yield from _times(job, judge.now, said)
    yield from _what_it_does(job)
    yield from _rights(job, judge, said)
    yield from _targets(job, judge, said)
    for name, hook in _hooks(job).items():
        if name in said:
            yield from _hook(name, hook, judge.bounds.private)


# -- contradictions ---------------------------------------------------------------------------------------


def _sizes(job: Job) -> Iterator[tuple[str, str]]:
    lengths = {
        "description": (job.description, LONGEST_NOTE),
        "model": (job.model, 200),
        "check": (job.check, LONGEST_TEXT),
    }
    lengths |= {"work_dir": (job.work_dir, 1_000), "payload": (words_of(job.payload), LONGEST_TEXT)}
    for name, (text, longest) in lengths.items():
        if len(text) > longest:
            yield name, f"has {len(text)} characters; at most {longest} are kept"
    counts = {
        "then": (job.then, MOST_THEN),
        "tools": (job.tools or (), MOST_TOOLS),
        "exclude": (job.exclude.dates, MOST_DATES),
    }
    for name, (items, most) in counts.items():
        if len(items) > most:
            yield name, f"has {len(items)} entries; at most {most} are kept"
    if job.output_schema is not None and len(json_text.dump(job.output_schema)) > LARGEST_SCHEMA:
        yield "output_schema", f"is more than {LARGEST_SCHEMA} bytes of JSON"


def _times(job: Job, now: datetime, said: Collection[str]) -> Iterator[tuple[str, str]]:
    start, end = job.start_at, job.expires_at
    if start is not None and end is not None and start >= end:
        yield "start_at", f"{start:%Y-%m-%d %H:%M} UTC is not before expires_at, {end:%Y-%m-%d %H:%M} UTC"
    if end is not None and "expires_at" in said and end <= now:
        yield "expires_at", f"{end:%Y-%m-%d %H:%M} UTC has passed already"
    if isinstance(job.schedule, At) and job.max_runs is not None:
        yield "max_runs", "does not go with a job that runs once"
    if len(set(job.exclude.weekdays)) == len(range(7)):
        yield "exclude", "leaves no day of the week"
    if job.jitter and job.schedule is not None:
        period = shortest_gap(job.schedule, now)
        longest = LONGEST_JITTER if period is None else min(period, LONGEST_JITTER)
        if job.jitter >= longest:
            yield (
                "jitter",
                f"must be shorter than {format_duration(longest)}, the time between two runs (a day at most)",
            )


def _what_it_does(job: Job) -> Iterator[tuple[str, str]]:
    """What goes with which payload and with which other setting."""
    if isinstance(job.payload, Say | Shell):
        kind = "exact words (say)" if isinstance(job.payload, Say) else "a shell command"
        for name, plain in _OF_A_MODEL.items():
            if getattr(job, name) != plain:
                yield name, f"goes with a prompt, not with {kind}"
    if job.nag is not None and not isinstance(job.payload, Say):
        yield "nag", "goes with exact words (say) only: they are said again until somebody presses Done"
    if job.nag is not None and job.nag < SHORTEST_NAG:
        yield "nag", "must be at least a minute"
    if job.output_format is OutputFormat.STRUCTURED and job.output_schema is None:
        yield (
            "output_schema",
            "is missing: output_format structured needs the JSON Schema that the answer must match",
        )
    if job.output_format is not OutputFormat.STRUCTURED and job.output_schema is not None:
        yield "output_schema", "goes with output_format structured only"
    if job.output_schema is not None and (fault := _schema_fault(job.output_schema)):
        yield "output_schema", f"is not a valid JSON Schema: {fault}"
    if (elsewhere := _points_elsewhere(job.output_schema)) is not None:
        yield "output_schema", f"is not whole: it points to {elsewhere[:80]!r}, and nothing is fetched"
    if job.notify is Notify.NEVER and job.delivery.mode is DeliveryMode.CHANNEL:
        yield "delivery", "of the mode channel speaks to people, and notify never forbids it; keep one"
    there = job.delivery.address
    if job.context_messages and job.owner is not None and there is not None and there.owner != job.owner:
        yield "context_messages", "are those of the chat that a run speaks to, and this job speaks to another one"
    if job.failure_alert.after == 0:
        yield "failure_alert", "after must be at least 1"


def _schema_fault(schema: object) -> str:
    import jsonschema  # 60 ms: only for who gives a schema

    if not isinstance(schema, dict | bool):
        return "it is neither an object nor true or false"
    try:
        jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator).check_schema(schema)
    except jsonschema.SchemaError as error:
        return str(error.message)[:200]
    except RecursionError:
        return "it is nested too deeply"
    return ""


def _points_elsewhere(schema: Json) -> str | None:
    """The first reference that leads out of the schema; None: there is none."""
    references = ("$ref", "$dynamicRef", "$recursiveRef")
    found = (value for name, value in _keywords(schema) if name in references and isinstance(value, str))
    return next((place for place in found if not place.startswith("#")), None)


def _has_pattern(schema: Json) -> bool:
    kinds = {"pattern": str, "patternProperties": dict}
    return any(isinstance(value, kinds[name]) for name, value in _keywords(schema) if name in kinds)


def _keywords(schema: Json) -> Iterator[tuple[str, Json]]:
    """Every key in a schema with its value, at every depth."""
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            yield from part.items()
            parts += part.values()


def shortest_gap(schedule: Schedule, now: datetime) -> timedelta | None:
    """The shortest time between two of the next occurrences; None for one that fires once."""
    if isinstance(schedule, Every):
        return schedule.interval
    moments: list[datetime] = []
    following = schedule.next_after(now)
    while following is not None and len(moments) < _GAPS:
        moments.append(following)
        following = schedule.next_after(following)
    return min((after - before for before, after in pairwise(moments)), default=None)


def _refuse_empty(job: Job, now: datetime) -> None:
    """start_at, expires_at and exclude must leave something of the schedule."""
    times = times_of(job)
    if job.schedule is None or times is None or times is job.schedule:
        return
    if isinstance(job.schedule, At) and job.schedule.instant <= now:
        return  # it runs at once
    if times.next_after(now) is None:
        raise ScheduleError("it would never run: start_at, expires_at and exclude leave nothing of the schedule")


# -- what is allowed --------------------------------------------------------------------------------------


def _rights(job: Job, judge: Judge, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """Commands of the shell are the operator's to allow, and patterns, which may take hours and stop all else."""
    if "output_schema" in said and not judge.admin and _has_pattern(job.output_schema):
        yield "output_schema", "patterns are given on the command line or in an owner's chat only"
    commands = {"payload": isinstance(job.payload, Shell), "check": bool(job.check)}
    for name, there in commands.items():
        if not there or name not in said:
            continue
        if judge.bounds.shell == "off":
            yield name, "shell commands are switched off here (cron.shell)"
        elif judge.bounds.shell == "admin" and not judge.admin:
            yield name, "shell commands are given on the command line or in an owner's chat only (cron.shell)"


def _targets(job: Job, judge: Judge, said: Collection[str]) -> Iterator[tuple[str, str]]:
    targets = {"failure_alert": job.failure_alert.address, "delivery": job.delivery.address}
    for name, target in targets.items():
        if target is None or name not in said:
            continue
        if fault := _unknown_channel(target.channel, judge.bounds):
            yield name, fault
        if not _may_speak_to(target, judge):
            yield name, f"{target.owner} is another chat; the operator lists it in cron.allowed_targets"


def _may_speak_to(target: ChatAddress, judge: Judge) -> bool:
    return judge.owner is None or target.owner == judge.owner or target.owner in judge.bounds.allowed_targets


def _unknown_channel(name: str, bounds: Bounds) -> str:
    known = sorted({*(bounds.channels or ()), *ALWAYS})
    if bounds.channels is None or name in known or name in bounds.kinds():
        return ""
    near = difflib.get_close_matches(name, [*known, *sorted(bounds.kinds())], n=1)
    return f"there is no channel {name[:80]!r}; " + (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    )


def _is_to_come(name: str, bounds: Bounds) -> bool:
    return name not in {*(bounds.channels or ()), *ALWAYS} and name in bounds.kinds()


def _hooks(job: Job) -> Mapping[str, Hook | None]:
    return {"delivery": job.delivery.hook, "on_complete": job.on_complete, "on_fail": job.on_fail}


def _hook(name: str, hook: Hook | None, private: Allowed) -> Iterator[tuple[str, str]]:
    if hook is None:
        return
    if len(hook.token) > LONGEST_TOKEN or not hook.token.isprintable():
        yield name, f"its token is not printable text of at most {LONGEST_TOKEN} characters"
    if hook.timeout is not None and not SHORTEST_HOOK <= hook.timeout <= LONGEST_HOOK:
        yield name, f"its timeout is between a second and {format_duration(LONGEST_HOOK)}"
    if hook.retries is not None and hook.retries > MOST_HOOK_RETRIES:
        yield name, f"it is tried again at most {MOST_HOOK_RETRIES} times"
    try:
        check_url(hook.url, allowed=private)
    except UserError as error:
        yield name, str(error)


# -- chains -----------------------------------------------------------------------------------------------


def _resolved(then: Then, jobs: Collection[Job]) -> Then:
    """With the uid of the job that is meant."""
    if not then.job:
        return then
    try:
        return replace(then, job=resolve(then.job, list(jobs)).uid)
    except NotFoundError as error:
        raise UserError(f"then: {error}") from error


def _refuse_cycle(job: Job, jobs: Collection[Job]) -> None:
    if not any(each.job for each in job.then):
        return
    from cron.endings.chain import cycle  # with it comes all that runs a job, which few definitions need

    names = cycle({each.uid: each for each in jobs}, job)
    if names:
        raise UserError(f"then: these jobs would start each other for ever: {' → '.join(names)}")


def _at_a_known_place(exclude: Exclude) -> Exclude:
    from cron.times.holidays import check  # loads a large library

    return replace(exclude, holidays=check(exclude.holidays))

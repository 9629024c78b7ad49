"""`tocsin cron doctor`, the jobs: why one does not fire, is not heard, or says too much; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cron.job import AgentPrompt, Job, JobStatus
from cron.listing import key_warning
from cron.making.rules import ALWAYS
from cron.overview import Facts
from cron.policy import Notify
from cron.target import LOG, speaks_to
from cron.times import timetable
from cron.times.describe import describe_job
from gateway.cli.finding import Finding, Level
from gateway.cli.words import line, minute
from gateway.config import Config
from gateway.messages import ChatAddress

OVERDUE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known besides the job itself."""

    now: datetime
    config: Config | None  # None: it cannot be read
    default_target: ChatAddress | None
    running: bool  # a gateway runs
    stopped: Mapping[str, str]  # channels that do not work, and why


def look(job: Job, facts: Facts, known: Circumstances, *, closely: bool) -> Iterator[Finding]:
    """What is wrong with a job. `closely`: one that was asked about, so that it is off is a finding as well."""
    yield from _fires(job, facts, known, closely=closely)
    if job.status is JobStatus.ENABLED:
        yield from _is_heard(job, known)
    yield from _remembers(job)
    if closely:
        yield from _last(job, facts)


def _fires(job: Job, facts: Facts, known: Circumstances, *, closely: bool) -> Iterator[Finding]:
    reason = f" ({line(job.status_reason)})" if job.status_reason else ""
    if job.status is JobStatus.BROKEN or job.schedule is None:
        text = f"cannot be read{reason}, so it does not fire; give it a schedule with tocsin cron update {job.id}"
        yield _wrong(job, text)
    elif trouble := timetable.trouble(job):
        yield _wrong(job, f"does not fire: {trouble}")
    elif job.status is JobStatus.PAUSED:
        text = f"was paused by the gateway{reason}; when the cause is gone: tocsin cron enable {job.id}"
        yield _wrong(job, text)
    elif job.status is not JobStatus.ENABLED:
        if closely:
            yield _wrong(job, f"is {job.status.value}{reason}, so it does not fire: tocsin cron enable {job.id}")
    elif facts.next_run is None:
        text = f"is over: there is no time at which it fires any more ({describe_job(job)}); update or remove it"
        yield _finding(job, Level.WARNING if closely else Level.OK, text)
    elif known.running and known.now - facts.next_run > OVERDUE:
        due = minute(facts.next_run, job.tz)
        text = f"was due at {due} and has not begun, though a gateway runs; look at its log, or restart it"
        yield _wrong(job, text)
    elif closely:
        yield _finding(job, Level.OK, f"is enabled, and is due at {minute(facts.next_run, job.tz)}")


def _is_heard(job: Job, known: Circumstances) -> Iterator[Finding]:
    channel = speaks_to(job, known.default_target).channel
    if job.notify is Notify.NEVER:
        return
    section = known.config.channels.get(channel) if known.config is not None else None
    if channel == LOG:
        text = "speaks to nobody: its words go to the log; set cron.default_target, or --channel and --to"
        yield _finding(job, Level.WARNING, text)
    elif channel in known.stopped:
        yield _wrong(job, f"speaks in {channel}, which does not work: {known.stopped[channel]}")
    elif known.config is not None and section is None and channel not in ALWAYS:
        text = f"speaks in {channel}, which is not configured; add [channels.{channel}], or update the job"
        yield _wrong(job, text)
    elif section is not None and not section.enabled:
        yield _wrong(job, f"speaks in {channel}, which is off; its words wait until channels.{channel}.enabled")


def _remembers(job: Job) -> Iterator[Finding]:
    """A job that compares its state with the one before says something at every run when the keys change."""
    change = job.state_change
    if change is None or not change.key_changes:
        return
    times = f"{change.key_changes} times" if change.key_changes > 1 else "once"
    now = key_warning(job)
    text = (
        f"keeps its state under other keys than the run before, {times} so far, and may notify on every run "
        f"for that; name the keys in its prompt.{f' {now}' if now else ''}"
    )
    yield _finding(job, Level.WARNING, text)


def _last(job: Job, facts: Facts) -> Iterator[Finding]:
    if facts.last_run is None:
        yield _finding(job, Level.OK, "has not run yet; tocsin cron run tries it now")
    elif facts.last_error:
        text = f"failed when it ran last: {line(facts.last_error)}; tocsin cron runs {job.id} shows more"
        yield _finding(job, Level.WARNING, text)
    else:
        yield _finding(
            job, Level.OK, f"ran last at {minute(facts.last_run, job.tz)}: {facts.last_status or 'running'}"
        )
    if isinstance(job.payload, AgentPrompt) and job.notify is Notify.AUTO:
        yield _finding(job, Level.OK, "decides for itself whether to speak (notify = auto)")


def _wrong(job: Job, text: str) -> Finding:
    return _finding(job, Level.ERROR, text)


def _finding(job: Job, level: Level, text: str) -> Finding:
    return Finding(part=f"job {job.id}", level=level, text=f'"{line(job.name, widest=80)}" {text}')

"""Jobs and runs in words, for chats and terminals; pure."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from cron import json_text
from cron.endings.notices import moment_text
from cron.job import AgentPrompt, Job, JobStatus, Say, Shell, SystemEvent
from cron.making.draft import often
from cron.overview import Facts
from cron.run import Run, RunStatus
from cron.schedule import At
from cron.times.describe import describe_job
from cron.times.schedule_text import format_duration
from gateway.agent.prompt import clock_text

WIDEST = 100  # characters of a job's text in a list


def title(job: Job) -> str:
    """How a job is named wherever it is spoken of."""
    return f'"{job.name}" ({job.id})'


def when(job: Job) -> str:
    """The schedule in words."""
    if job.schedule is None:
        return f"unreadable ({job.status_reason})"
    return describe_job(job)


def what(job: Job, *, widest: int = WIDEST) -> str:
    """What happens, in a few words."""
    match job.payload:
        case Say(text=text):
            again = f" (again every {format_duration(job.nag)} until it is done)" if job.nag else ""
            return f"says: {_cut(text, widest)}{again}"
        case AgentPrompt(prompt=prompt):
            return f"does: {_cut(prompt, widest)}"
        case Shell(command=command):
            return f"runs: {_cut(command, widest)}"
        case SystemEvent(text=text):
            return f"event: {_cut(text, widest)}"


def echo(job: Job, facts: Facts, *, done: str, note: str = "") -> str:
    """What was understood: the text, the absolute time and the zone."""
    lines = [f"{done} {title(job)}: {when(job)}."]
    if not isinstance(job.schedule, At):
        first = moment_text(facts.next_run, job.tz) if facts.next_run else "never, it is not enabled"
        lines.append(f"Next: {first}.")
    lines.append(f"It {what(job, widest=500)}")
    lines += [line for line in (often(job), note) if line]
    return "\n".join(lines)


def job_list(jobs: Sequence[Job], facts: Mapping[str, Facts]) -> str:
    """A line a job."""
    if not jobs:
        return "Nothing is scheduled."
    count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    return "\n".join([f"{count}:", *(_line(job, facts[job.uid]) for job in jobs)])


def _line(job: Job, facts: Facts) -> str:
    if job.status is not JobStatus.ENABLED:
        follows = f"{job.status.value}{f' ({job.status_reason})' if job.status_reason else ''}, "
    elif facts.next_run is None:
        follows = "over, "
    elif isinstance(job.schedule, At):
        follows = ""  # it is when it is
    else:
        follows = f"next {moment_text(facts.next_run, job.tz)}, "
    return f"- {title(job)}: {when(job)}, {follows}{what(job)}"


def job_text(job: Job, facts: Facts) -> str:
    """Everything that a person wants to know of one job."""
    lines = [
        f"{title(job)}, {job.status.value}{f': {job.status_reason}' if job.status_reason else ''}",
        f"Schedule: {when(job)}",
        f"Next run: {moment_text(facts.next_run, job.tz) if facts.next_run else '-'}",
        f"Last run: {moment_text(facts.last_run, job.tz) if facts.last_run else '-'}"
        f"{f' ({facts.last_status})' if facts.last_status else ''}, {facts.run_count} so far",
        f"It {what(job, widest=2000)}",
        f"State: {json_text.dump(job.state).decode()}",
    ]
    lines += [line for line in (key_warning(job),) if line]
    if facts.last_error:
        lines.append(f"Last error: {facts.last_error}")
    return "\n".join(lines)


def key_warning(job: Job) -> str:
    """A sentence about a run that has kept its state under other keys than the one before; empty if it has not."""
    change = job.state_change
    if change is None or not change.keys_changed:
        return ""
    parts = [f"new: {', '.join(change.added)}" if change.added else ""]
    parts.append(f"gone: {', '.join(change.removed)}" if change.removed else "")
    told = "; ".join(part for part in parts if part)
    return f"Note: the state has other keys than the one before ({told}); a job that compares needs the same ones."


def run_list(found: Sequence[Run], zone: str) -> str:
    """A line a run, newest first."""
    if not found:
        return "There are no runs yet."
    return "\n".join(_run_line(run, zone) for run in found)


def _run_line(run: Run, zone: str) -> str:
    at = clock_text(run.scheduled_at.astimezone(ZoneInfo(zone)))
    line = f'- {run.id} "{run.job_name}" ({run.job_id}), due {at}: {run.status.value}'
    if run.status is RunStatus.MISSED and run.missed_count > 1:
        line += f", {run.missed_count} occurrences"
    if run.error:
        line += f" - {_cut(run.error, WIDEST)}"
    return line


def _cut(text: str, widest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= widest else f"{line[: widest - 1]}…"

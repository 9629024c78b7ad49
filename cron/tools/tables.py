"""Jobs and runs as Markdown tables, for the tools whose contract has columns; pure."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from cron import listing
from cron.endings.notices import moment_text
from cron.job import Job
from cron.overview import Facts
from cron.run import Run
from gateway.agent.prompt import clock_text

WIDEST = 200  # characters of a cell


def job_table(jobs: Sequence[Job], facts: Mapping[str, Facts]) -> str:
    """All jobs, those that do not fire too."""
    if not jobs:
        return "Nothing is scheduled."
    rows = [(job.name, job.id, listing.when(job), job.status.value, _next(job, facts[job.uid])) for job in jobs]
    return _table(("name", "id", "schedule", "status", "next run"), rows)


def run_table(found: Sequence[Run], zone: str) -> str:
    """Runs, in their order, with what they came to."""
    if not found:
        return "There are no runs yet."
    rows = [
        (clock_text(run.scheduled_at.astimezone(ZoneInfo(zone))), run.job_name, run.status.value, _came_to(run))
        for run in found
    ]
    return _table(("due", "name", "status", "output"), rows)


def instant(facts: Facts, zone: str) -> str:
    """The next run in ISO 8601, with its offset and zone; empty if there is none."""
    if facts.next_run is None:
        return ""
    moment = facts.next_run.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return f"Exactly: {moment} ({zone})."


def _next(job: Job, facts: Facts) -> str:
    return moment_text(facts.next_run, job.tz) if facts.next_run else "-"


def _came_to(run: Run) -> str:
    return f"error: {run.error}" if run.error else run.output


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"

"""tocsin cron list."""

from datetime import datetime

import click

from cron.job import Job, JobStatus
from cron.overview import Facts
from cron.times import timetable
from gateway.cli.cron_document import job_document
from gateway.cli.cron_jobs import everything, facts
from gateway.cli.cron_words import schedule_text
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.stale import stale_jobs
from gateway.cli.words import minute, table

HEADINGS = ("ID", "NAME", "SCHEDULE", "STATUS", "NEXT RUN", "LAST RUN")


@click.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are not enabled.")
@click.option(
    "--stale-days",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only those, enabled or not, that have not run for N days and have no run ahead of them.",
)
@click.pass_obj
def list_jobs(call: Call, *, all_: bool, stale_days: int | None) -> None:
    """List the enabled jobs, with their next runs."""
    kept = Kept(call.home, call.warn)
    jobs = everything(kept)
    wanted = [job for job in jobs if all_ or stale_days is not None or job.status is JobStatus.ENABLED]
    known = facts(kept, wanted)
    if stale_days is not None:
        wanted = stale_jobs(wanted, known, kept.clock.now(), days=stale_days)
    if call.json:
        call.documents("jobs", (job_document(job, known[job.uid]) for job in wanted))
        return
    for line in _lines(wanted, known, kept.clock.now()):
        call.say(line)
    if not all_ and stale_days is None and len(wanted) < len(jobs):
        call.warn(f"note: {len(jobs) - len(wanted)} more, not enabled; --all shows them too")


def _lines(jobs: list[Job], known: dict[str, Facts], now: datetime) -> list[str]:
    if not jobs:
        return ["Nothing is scheduled."]
    return list(table(HEADINGS, [_row(job, known[job.uid], now) for job in jobs]))


def _row(job: Job, facts: Facts, now: datetime) -> tuple[str, ...]:
    overdue = " (overdue)" if facts.next_run and facts.next_run < now else ""
    last = minute(facts.last_run, job.tz)
    if facts.last_status and facts.last_status != "succeeded":
        last += f" {facts.last_status}"
    following = minute(facts.next_run, job.tz) + overdue
    status = job.status.value + (f" (does not fire: {fault})" if (fault := timetable.trouble(job)) else "")
    return job.id, job.name, schedule_text(job), status, following, last

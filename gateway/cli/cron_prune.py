"""tocsin cron prune."""

import sys

import click

from cron.job import Job
from cron.making.declared import GONE
from cron.overview import Facts
from gateway.cli import cron_jobs
from gateway.cli.cron_document import job_document
from gateway.cli.cron_words import schedule_text
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.stale import USUAL_DAYS, stale_jobs
from gateway.cli.words import line, minute
from gateway.errors import JobChangedError, NotFoundError


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Say which they are, and remove none.")
@click.option(
    "--stale-days",
    type=click.IntRange(min=0),
    metavar="N",
    default=USUAL_DAYS,
    show_default=True,
    help="Those that have not run for N days.",
)
@click.option("--yes", is_flag=True, help="Do not ask, in a terminal.")
@click.pass_obj
def prune(call: Call, *, dry_run: bool, stale_days: int, yes: bool) -> None:
    """Remove jobs that do not run any more: disabled ones, those that are over, those that cannot be read.

    In a terminal it asks first. Their history stays, and `tocsin audit` shows what they were. Jobs of the
    configuration are left: what is taken out there is disabled at the next start, and is removed then.
    """
    kept = Kept(call.home, call.warn)
    jobs = cron_jobs.everything(kept)
    known = cron_jobs.facts(kept, jobs)
    found = [job for job in stale_jobs(jobs, known, kept.clock.now(), days=stale_days) if not _configured(job)]
    for job in found:
        call.say(_line(job, known[job.uid]))
    asks = found and not (dry_run or yes or call.json) and sys.stdin.isatty()
    if asks and not click.confirm(f"Remove {_count(found)}?"):
        return
    gone = [] if dry_run else [job for job in found if _removed(call, kept, job)]
    if call.json:
        documents = [job_document(job, known[job.uid]) for job in (found if dry_run else gone)]
        call.document({"dry_run": dry_run, "jobs": documents})
    call.say(f"{_count(found)} would be removed." if dry_run else f"{_count(gone)} removed.")


def _configured(job: Job) -> bool:
    """Whether the configuration would make it again."""
    return job.declared and job.status_reason != GONE


def _removed(call: Call, kept: Kept, job: Job) -> bool:
    try:
        kept.audited().remove(job.uid, revision=job.revision)
    except (JobChangedError, NotFoundError):
        call.warn(f'note: "{line(job.name)}" ({job.id}) was changed meanwhile, and is left')
        return False
    return True


def _line(job: Job, facts: Facts) -> str:
    reason = f" ({line(job.status_reason, widest=60)})" if job.status_reason else ""
    last = f"ran last {minute(facts.last_run, job.tz)}" if facts.last_run else "never ran"
    return f'"{line(job.name)}" ({job.id}): {schedule_text(job)}, {job.status.value}{reason}, {last}'


def _count(jobs: list[Job]) -> str:
    return "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"

"""tocsin cron remove, enable, disable."""

import click

from cron.book import OPERATOR, JobBook
from cron.job import Job, JobStatus
from gateway.cli import cron_jobs
from gateway.cli.cron_document import job_document
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import line, minute


@click.command("remove")
@click.argument("reference", metavar="ID")
@click.pass_obj
def remove(call: Call, *, reference: str) -> None:
    """Remove a job for good; its history stays, and a run of it goes on."""
    kept = Kept(call.home, call.warn)
    known = cron_jobs.facts(kept, [cron_jobs.find(kept, reference)])
    job = JobBook(kept.audited()).remove(reference, OPERATOR)
    call.say(f"Removed {_title(job)}. It will not fire any more.")
    if call.json:
        call.document(job_document(job, known[job.uid]))


@click.command("enable")
@click.argument("reference", metavar="ID")
@click.pass_obj
def enable(call: Call, *, reference: str) -> None:
    """Let a job fire again, from now on."""
    kept = Kept(call.home, call.warn)
    job = JobBook(kept.audited()).enable(reference, OPERATOR, kept.clock.now())
    following = cron_jobs.facts(kept, [job])[job.uid].next_run
    when = f"Next: {minute(following, job.tz)}." if following else "Its time is over; give it another with update."
    call.say(f"Enabled {_title(job)}. {when}")
    cron_jobs.present(call, kept, job)
    cron_jobs.hint_without_gateway(call, kept)


@click.command("disable")
@click.argument("reference", metavar="ID")
@click.pass_obj
def disable(call: Call, *, reference: str) -> None:
    """Keep a job, and keep it from firing; a run of it goes on."""
    kept = Kept(call.home, call.warn)
    before = cron_jobs.find(kept, reference)
    if before.status is JobStatus.BROKEN:
        call.say(f"{_title(before)} cannot be read, so it does not fire anyway.")
        cron_jobs.present(call, kept, before)
        return
    job = JobBook(kept.audited()).disable(reference, OPERATOR)
    call.say(f"Disabled {_title(job)}. It is kept, and will not fire until it is enabled.")
    cron_jobs.present(call, kept, job)


def _title(job: Job) -> str:
    return f'"{line(job.name)}" ({job.id})'

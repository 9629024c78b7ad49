"""tocsin cron run."""

from dataclasses import dataclass

import click

from cron import runs
from cron.engine import claims
from cron.engine.claims import Wanted
from cron.job import Job, JobStatus
from cron.run import DeliveryStatus, Run, RunStatus, Trigger
from cron.times.walltime import zone_of
from gateway.cli import cron_jobs
from gateway.cli.cron_document import run_document
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.cli.words import clean, line
from gateway.cli.worker import wait_for
from gateway.errors import StoreError, TocsinError, UserError


@click.command("run")
@click.argument("reference", metavar="ID")
@click.option("--force", is_flag=True, help="Also a job that is not enabled; it stays so.")
@click.option("--wait", is_flag=True, help="Wait for the end; the exit status is 0 if it succeeded.")
@click.pass_obj
def run(call: Call, *, reference: str, force: bool, wait: bool) -> int:
    """Run a job at once, beside its schedule, which stays as it is.

    The running gateway does it. Where there is none, it happens here and is waited for.
    """
    kept = Kept(call.home, call.warn)
    job = cron_jobs.find(kept, reference)
    _refuse(job, force=force)
    name = claim(kept, job)
    if kept.gateway() is not None and not wait:
        call.say(
            f'The gateway runs "{line(job.name)}" ({job.id}) now, as run {name}. Its schedule stays as it is.'
        )
        if call.json:
            call.document(run_document(find_run(kept, name)))
        return DONE
    watch = Watch(call, kept, name)
    wait_for(call, kept, watch.over, purpose="tocsin cron run")
    return report(call, kept, find_run(kept, name))


@dataclass
class Watch:
    """One run, of which each attempt that fails is told while somebody waits for its end."""

    call: Call
    kept: Kept
    name: str
    told: int = 0  # the last attempt that was spoken of; the first is 1

    def over(self) -> bool:
        """Whether the run has ended."""
        found = find_run(self.kept, self.name)
        if found.status is RunStatus.RETRY_WAIT and found.retry_at and found.attempt > self.told:
            self.told = found.attempt
            again = found.retry_at.astimezone(zone_of(self.kept.zone))
            why = clean(found.error) or "no reason was recorded"
            self.call.warn(f"attempt {found.attempt} failed: {why}; trying again at {again:%H:%M:%S}")
        return not found.status.open


def find_run(kept: Kept, name: str) -> Run:
    """The run of this id, which there is."""
    found = kept.read(lambda transaction: runs.find(transaction, name), empty=lambda: None)
    if found is None:
        raise StoreError(f"the run {name} is not in the database any more")
    return found


def _refuse(job: Job, *, force: bool) -> None:
    if job.schedule is None:
        raise TocsinError(f'"{job.name}" ({job.id}) cannot be read: {job.status_reason}; give it a schedule first')
    if job.status is not JobStatus.ENABLED and not force:
        raise TocsinError(
            f'"{job.name}" ({job.id}) is {job.status.value}; enable it, or use --force to run it all the same'
        )


def claim(kept: Kept, job: Job) -> str:
    """Put the run where whoever works turns finds it; returns its id."""
    now = kept.clock.now()
    due = runs.occurrence(now, now, Trigger.MANUAL)
    said = runs.message(job, due, kept.default_target, now)
    wanted = Wanted(due=due, said=said, placed=not claims.takes_place(job))
    try:
        kept.write(lambda t: claims.claim_by_hand(t, job, wanted, now=now, by=kept.user()))
    except UserError as error:  # another run is open: nothing was wrong with the words
        raise TocsinError(str(error)) from error
    return due.run


def report(call: Call, kept: Kept, done: Run) -> int:
    """Print how it ended; returns the exit status."""
    if call.json:
        call.document(run_document(done))
    for text in _told(done):
        call.say(clean(text))
    if done.delivery_status is DeliveryStatus.QUEUED and kept.gateway() is None:
        call.warn("note: what it said is delivered when the gateway runs: tocsin run")
    if done.status is RunStatus.SUCCEEDED:
        return DONE
    call.warn(f"tocsin: run {done.id} {done.status.value}: {clean(done.error) or 'no reason was recorded'}")
    return FAILED


def _told(done: Run) -> list[str]:
    took = (done.finished_at - done.started_at).total_seconds() if done.finished_at and done.started_at else 0.0
    title = f'Run {done.id} of "{line(done.job_name)}" ({done.job_id})'
    return [f"{title}: {done.status.value} after {took:.1f} s.", *([done.output] if done.output else [])]

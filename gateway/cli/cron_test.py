"""tocsin cron test."""

import uuid
from datetime import datetime

import click

from cron.job import AgentPrompt, Job
from cron.policy import FailureAlert, Notify, Retry
from cron.prompt import due_prompt
from cron.run import RunStatus
from cron.schedule import At
from cron.target import LOG
from gateway.cli.cron_document import run_document
from gateway.cli.cron_run import claim, find_run, report
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.cli.words import clean
from gateway.cli.worker import check_model, wait_for
from gateway.errors import UserError
from gateway.messages import ChatAddress, Due

NAME = "test"


@click.command("test")
@click.option("--prompt", "--message", metavar="TEXT", required=True, help="What the job would be asked.")
@click.option("--dry-run", is_flag=True, help="Show the whole prompt too, and let it say nothing to anybody.")
@click.pass_obj
def test(call: Call, *, prompt: str, dry_run: bool) -> int:
    """Try a prompt now, as a scheduled run, before a job is made of it. Nothing is kept but the run's record."""
    if not prompt.strip():
        raise UserError("--prompt is empty; write what the job would be asked")
    kept = Kept(call.home, call.warn)
    check_model(call, kept)
    job = job_to_try(prompt.strip(), now=kept.clock.now(), zone=kept.zone, silent=dry_run)
    whole = _prompt(job, job.created_at)
    if dry_run:
        call.say(f"The prompt:\n\n{clean(whole)}\n")
    name = claim(kept, job)
    wait_for(call, kept, lambda: not find_run(kept, name).status.open, purpose="tocsin cron test")
    done = find_run(kept, name)
    if not (call.json and dry_run):
        return report(call, kept, done)
    call.document(run_document(done) | {"prompt": whole})
    return DONE if done.status is RunStatus.SUCCEEDED else FAILED


def job_to_try(prompt: str, *, now: datetime, zone: str, silent: bool) -> Job:
    """A job of the command line that is due now, and in no store. `silent`: nor does an alert reach anybody."""
    uid = str(uuid.uuid4())
    to_the_log = FailureAlert(address=ChatAddress(channel=LOG, chat=uid[:8]))
    return Job(
        uid=uid,
        id=uid[:8],
        name=NAME,
        schedule=At(now),
        payload=AgentPrompt(prompt=prompt),
        address=None,
        tz=zone,
        created_at=now,
        notify=Notify.NEVER if silent else Notify.AUTO,
        retry=Retry(attempts=1),  # who waits at a terminal is told what is wrong, and tries again
        failure_alert=to_the_log if silent else FailureAlert(),
    )


def _prompt(job: Job, now: datetime) -> str:
    """What the model is shown."""
    return due_prompt(job, Due(run=NAME, scheduled_for=now), now)

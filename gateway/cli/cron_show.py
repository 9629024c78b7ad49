"""tocsin cron show."""

import click
import orjson

from cron.codec.shapes import kind_of
from cron.job import Job
from cron.listing import key_warning
from cron.overview import Facts
from cron.policy import Notify
from cron.times import timetable
from cron.times.describe import describe_job
from gateway.cli import cron_jobs
from gateway.cli.cron_document import settings
from gateway.cli.cron_words import payload_text, schedule_text, target
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import fields, minute
from gateway.messages import ChatAddress


@click.command("show")
@click.argument("reference", metavar="ID")
@click.pass_obj
def show(call: Call, *, reference: str) -> None:
    """Show all that is known of a job."""
    kept = Kept(call.home, call.warn)
    job = cron_jobs.find(kept, reference)
    cron_jobs.present(call, kept, job)
    for line in fields(_pairs(job, cron_jobs.facts(kept, [job])[job.uid], kept.default_target)):
        call.say(line)


def _pairs(job: Job, facts: Facts, default: ChatAddress | None) -> list[tuple[str, str]]:
    channel, chat = target(job, default)
    first = [
        ("ID", job.id),
        ("Name", job.name),
        ("Status", job.status.value + (f" ({job.status_reason})" if job.status_reason else "")),
        ("Schedule", schedule_text(job)),
        ("Next Run", minute(facts.next_run, job.tz)),
        ("Message", payload_text(job)),
        ("Deliver", "no" if job.notify is Notify.NEVER else "yes"),
        ("Channel", channel),
        ("To", chat),
        ("State", orjson.dumps(job.state).decode()),
    ]
    return first + _more(job, facts)


def _more(job: Job, facts: Facts) -> list[tuple[str, str]]:
    last = minute(facts.last_run, job.tz) + (f" ({facts.last_status})" if facts.last_status else "")
    return [
        *([("State Keys", warning)] if (warning := key_warning(job)) else []),
        *([("Trouble", fault)] if (fault := timetable.trouble(job)) else []),
        (
            "Means",
            describe_job(job) if job.schedule else "nothing, until it is given a schedule",
        ),
        ("Last Run", last),
        ("Last Error", facts.last_error),
        ("Runs", str(facts.run_count)),
        ("Zone", job.tz),
        ("Kind", kind_of(job.payload)),
        ("Session", job.session),
        ("Notify", job.notify.value),
        ("Overlap", job.overlap.value),
        ("Misfire", job.misfire.value),
        ("Owner", job.owner or "the command line"),
        ("Made", minute(job.created_at, job.tz) + (f" by {job.created_by}" if job.created_by else "")),
        ("UID", job.uid),
        ("Description", job.description),
        *((name.replace("_", " ").title(), value) for name, value in settings(job)),
    ]

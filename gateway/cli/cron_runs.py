"""tocsin cron runs."""

import click

from cron import listing, runs
from cron.book import resolve
from cron.job import Job, Run
from gateway.cli import cron_jobs
from gateway.cli.cron_document import run_document
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import clean
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError


@click.command("runs")
@click.argument("reference", metavar="[ID]", required=False)
@click.option("--name", metavar="NAME", help="The same as ID.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.pass_obj
def runs_of(call: Call, *, reference: str | None, name: str | None, limit: int) -> None:
    """Show the latest runs, newest first: of a job, also of one that is gone, or of all."""
    if reference is not None and name is not None:
        raise click.UsageError("ID and --name are both given; keep one")
    kept = Kept(call.home, call.warn)
    wanted = reference if name is None else name
    uid = _uid(kept, wanted) if wanted is not None else None
    found = kept.read(lambda transaction: runs.recent(transaction, job=uid, limit=limit), empty=list[Run])
    if call.json:
        call.document({"runs": [run_document(run) for run in found]})
    else:
        call.say(clean(listing.run_list(found, kept.zone)))


def _uid(kept: Kept, reference: str) -> str:
    """The job that is meant; else one that is gone and has left its history."""
    try:
        return cron_jobs.find(kept, reference).uid
    except NotFoundError:
        gone = kept.read(_all_that_ran, empty=list[Job])
        return resolve(reference, gone).uid


def _all_that_ran(transaction: Transaction) -> list[Job]:
    """The jobs of all runs that are kept, as they were when they ran last."""
    return [runs.stored_job(text) for (text,) in transaction.execute(sql.JOBS_OF_RUNS).fetchall()]

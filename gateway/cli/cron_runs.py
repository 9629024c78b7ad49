"""tocsin cron runs."""

import click

from cron import listing, runs
from cron.run import Run
from gateway.cli import cron_jobs
from gateway.cli.cron_document import run_document
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.run_bars import bars
from gateway.cli.words import line


@click.command("runs")
@click.argument("reference", metavar="[ID]", required=False)
@click.option("--name", metavar="NAME", help="The same as ID.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.pass_obj
def runs_of(call: Call, *, reference: str | None, name: str | None, limit: int) -> None:
    """Show the latest runs, newest first: of a job, also of one that is gone, or of all.

    The bars show how long each took beside the longest of them.
    """
    if reference is not None and name is not None:
        raise click.UsageError("ID and --name are both given; keep one")
    kept = Kept(call.home, call.warn)
    wanted = reference if name is None else name
    uid = cron_jobs.find_past(kept, wanted).uid if wanted is not None else None
    found = kept.read(lambda transaction: runs.recent(transaction, job=uid, limit=limit), empty=list[Run])
    if call.json:
        call.document({"runs": [run_document(run) for run in found]})
        return
    if not found:
        call.say(listing.run_list(found, kept.zone))
    for run, bar in zip(found, bars(found), strict=True):
        call.say(f"{bar} {line(listing.run_list([run], kept.zone).removeprefix('- '))}")

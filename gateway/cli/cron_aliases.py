"""tocsin cron list_crons, list_runs: our commands under the names and flags of a scheduler that came before."""

import click

from gateway.cli.cron_list import list_jobs
from gateway.cli.cron_runs import runs_of


@click.command("list_crons", hidden=True)
@click.pass_context
def list_crons(context: click.Context) -> None:
    """The same as `cron list --all`."""
    context.invoke(list_jobs, all_=True, stale_days=None)


@click.command("list_runs", hidden=True)
@click.option("--job-id", metavar="ID", help="Only the runs of this job.")
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.pass_context
def list_runs(context: click.Context, *, job_id: str | None, last: int) -> None:
    """The same as `cron runs ID --limit N`."""
    context.invoke(runs_of, reference=job_id, name=None, limit=last)

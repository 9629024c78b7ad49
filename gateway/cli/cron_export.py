"""tocsin cron export."""

from collections.abc import Iterator

import click

from cron import json_text, runs
from cron.forms.form import UnsayableError
from cron.forms.hotplex import runs_document
from cron.forms.reading import FORMS
from cron.forms.unsaid import written
from cron.job import Job, JobStatus
from cron.planner import Cursor
from cron.run import Run
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.progress import shown
from gateway.cli.words import line
from gateway.messages import Json

_ALL = 1_000_000_000  # rows: history is bounded by [retention]


@click.command("export")
@click.option("--runs", "history", is_flag=True, help="The history of runs instead, in the shape of a runs.json.")
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    default="tocsin",
    show_default=True,
    help="Whose form the jobs are written in.",
)
@click.pass_obj
def export(call: Call, *, history: bool, form: str) -> None:
    """Print all jobs with their states as one JSON document, for `tocsin cron import` or for another program.

    Addresses and tokens of webhooks are in it: keep it as private as the home folder.
    """
    kept = Kept(call.home, call.warn)
    if history:
        if form != "tocsin":
            raise click.UsageError("--runs has one shape; leave --as out")
        found = kept.read(lambda transaction: runs.recent(transaction, limit=_ALL), empty=list[Run])
        for piece in _pieces(runs_document(found)):
            click.echo(piece)
        return
    for piece in _pieces(FORMS[form].wrap(list(_jobs(call, kept, form)))):
        click.echo(piece)


def _jobs(call: Call, kept: Kept, form: str) -> Iterator[dict[str, Json]]:
    """The jobs that the form has words for; the others are told, and left out."""
    jobs = kept.jobs.load()
    cursors = kept.read(runs.cursors, empty=dict[str, Cursor]) if form != "tocsin" else {}
    for job in shown(jobs.values(), len(jobs), "Exporting"):
        try:
            document, unsaid = written(FORMS[form], job, cursors.get(job.uid))
        except UnsayableError as error:
            call.warn(f"left out: {_title(job)} {error}")
            continue
        yield document
        if form == "tocsin" and job.status is JobStatus.BROKEN:
            call.warn(f"note: {_title(job)} cannot be read, and import will refuse it ({line(job.status_reason)})")
        elif unsaid:
            call.warn(f"note: {FORMS[form].title} cannot keep the {_and(unsaid)} of {_title(job)}")


def _pieces(document: Json) -> Iterator[str]:
    """The text of the document, a job a line: a person can look for one, and compare two exports."""
    jobs = document["jobs"] if isinstance(document, dict) else document
    heading = {name: value for name, value in document.items() if name != "jobs"} if document is not jobs else {}
    front = (
        json_text.dump(heading).decode()[:-1] + (", " if heading else "") + '"jobs": ['
        if document is not jobs
        else "["
    )
    yield front
    lines = [json_text.dump(job).decode() for job in jobs]
    for n, text in enumerate(lines, 1):
        yield text + ("," if n < len(lines) else "")
    yield "]}" if document is not jobs else "]"


def _and(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _title(job: Job) -> str:
    return f'"{line(job.name)}" ({job.id})'

"""tocsin cron import."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import click

from cron import planner, runs
from cron.forms.plan import Result, Step, plan, to_write
from cron.forms.reading import FORMS, LARGEST, Circumstances, Document, Found, read
from cron.forms.source import Seconds
from cron.job import Job
from cron.making.draft import Maker, checked
from cron.planner import Cursor
from gateway import config as configuration
from gateway.cli import cron_jobs
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, WRONG_USE, Call
from gateway.cli.progress import shown
from gateway.cli.targets import check_channel
from gateway.cli.words import clean, line
from gateway.config import Config
from gateway.database.driver import Transaction
from gateway.errors import JobChangedError, UserError
from gateway.messages import Json
from gateway.zones import check as check_zone

ATTEMPTS = 5  # to write jobs that others change at the same time
_SIGNS = {Result.NEW: "+", Result.UPDATED: "~", Result.UNCHANGED: "=", Result.OVER: "-", Result.REFUSED: "!"}
_WORDS = {
    Result.NEW: "new",
    Result.UPDATED: "updated",
    Result.UNCHANGED: "unchanged",
    Result.OVER: "left out: its only time has passed",
    Result.REFUSED: "refused",
}


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "--from", "form", type=click.Choice(list(FORMS)), help="Which program has written it, if not obvious."
)
@click.option(
    "--seconds",
    type=click.Choice(["first", "last"]),
    help="Where expressions of six fields have their seconds, if not where that program has them.",
)
@click.option("--tz", metavar="ZONE", help="The zone of jobs that name none; else the configured one.")
@click.option("--skip-refused", is_flag=True, help="Take the others when some jobs cannot be taken.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.pass_obj
def import_jobs(
    call: Call,
    *,
    file: str,
    form: str | None,
    seconds: Seconds | None,
    tz: str | None,
    skip_refused: bool,
    dry_run: bool,
) -> int:
    """Take over the jobs of a file (- is standard input), ours or another program's; again changes nothing.

    All jobs are checked first: if one cannot be taken, none is, unless --skip-refused says so.
    """
    desk = Desk(call, Kept(call.home, call.warn), configuration.load(call.home.path).config)
    given = Circumstances(tz=desk.zone(tz), now=desk.kept.clock.now(), seconds=seconds)
    document = desk.admitted(_opened(file, given, form), given)
    steps = plan(document, desk.kept.jobs.load(), given.now)
    wrote = False
    if not dry_run:
        steps, wrote = desk.written(document, steps, given, skip_refused=skip_refused)
    desk.tell(document, steps, wrote=wrote)
    refused = _refused(steps)
    if refused and not skip_refused:
        few = f"{len(refused)} of {len(steps)} jobs cannot be taken, so none was; "
        first = f"{line(refused[0].found.called, widest=60)}: {_reason(refused[0])}"
        raise UserError(f"{few}mend them, or leave them out with --skip-refused. The first: {first}")
    return WRONG_USE if refused and len(refused) == len(steps) else DONE


def _opened(file: str, given: Circumstances, form: str | None) -> Document:
    """What the file says; OSError if it cannot be read, and UserError with its name if it is no file of jobs."""
    with click.open_file(file, "rb") as stream:
        data: bytes = stream.read(LARGEST + 1)
    try:
        return read(data, given, form=form, watch=partial(shown, label="Reading"))
    except UserError as error:
        raise UserError(f"{'standard input' if file == '-' else line(file)}: {error}") from error


@dataclass(frozen=True, slots=True)
class Desk:
    """Where jobs of a file are looked at, written and told."""

    call: Call
    kept: Kept
    config: Config

    def zone(self, wanted: str | None) -> str:
        try:
            return check_zone(wanted) if wanted else self.kept.zone
        except ValueError as error:
            raise UserError(f"--tz: {wanted!r} {error}") from error

    def admitted(self, document: Document, given: Circumstances) -> Document:
        """With what this gateway has against a job: too often, a channel that it does not have."""
        own = document.form.name == "tocsin"
        found = tuple(self._admitted(one, given, own=own) for one in document.found)
        return replace(document, found=found)

    def _admitted(self, found: Found, given: Circumstances, *, own: bool) -> Found:
        job = found.job
        if job is None or job.schedule is None:
            return found
        try:
            if not own and not found.over:
                maker = Maker(now=given.now, zone=job.tz, min_interval=self.config.cron.min_interval)
                checked(job.schedule, maker)
            note = check_channel(job.address.channel, self.config) if job.address else ""
        except UserError as error:
            if job.address is not None and "--channel" in str(error):
                note = f"no channel is called {job.address.channel}; its words wait until there is one"
                return replace(found, notes=(*found.notes, note))
            return replace(found, job=None, fault=str(error))
        return replace(found, notes=(*found.notes, note)) if note else found

    def written(
        self, document: Document, steps: list[Step], given: Circumstances, *, skip_refused: bool
    ) -> tuple[list[Step], bool]:
        """Write what has to be; all of it, or nothing. Returns what was done, and whether it was allowed to be."""
        for _ in range(ATTEMPTS):
            if _refused(steps) and not skip_refused:
                return steps, False
            jobs = to_write(steps)
            if not jobs:
                return steps, True
            try:
                self._begin(jobs, given)
                self.kept.audited("import").put_all(shown(jobs, len(jobs), "Writing"))
            except JobChangedError:  # also where somebody else's job has taken an id: the plan chooses another
                steps = plan(document, self.kept.jobs.load(), given.now)
            else:
                return steps, True
        raise UserError("the jobs are being changed by others; try again")

    def _begin(self, jobs: Sequence[Job], given: Circumstances) -> None:
        """Their schedules begin now: what they named in the past was another gateway's to run."""
        known = self.kept.read(runs.cursors, empty=dict[str, Cursor])
        fresh = [job for job in jobs if job.revision == 0 and job.uid not in known]
        begun = [
            (job.uid, planner.begin(replace(job, changed_at=given.now), given.now, known=None))
            for job in shown(fresh, len(fresh), "Looking ahead")
        ]

        def write(transaction: Transaction) -> None:
            for uid, cursor in begun:
                runs.move_cursor(transaction, uid, cursor)

        if begun:
            self.kept.write(write)

    def tell(self, document: Document, steps: list[Step], *, wrote: bool) -> None:
        counts = Counter(step.result.value for step in steps)
        if self.call.json:
            jobs = [_document(step) for step in steps]
            self.call.document({"form": document.form.name, "written": wrote, "counts": counts, "jobs": jobs})
            return
        for text in _lines(steps):
            self.call.say(clean(text))
        total = ", ".join(f"{count} {result}" for result, count in counts.items()) or "no jobs in it"
        self.call.say(f"{document.form.title}: {total}." + ("" if wrote else " Nothing was written."))
        if wrote and to_write(steps):
            cron_jobs.hint_without_gateway(self.call, self.kept)


def _refused(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.result is Result.REFUSED]


def _lines(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        if step.result is Result.UNCHANGED:
            continue
        job = step.job or step.found.job
        here = f' → "{line(job.name, widest=60)}" ({job.id})' if job is not None else ""
        yield f"{_SIGNS[step.result]} {line(step.found.called, widest=60)}{here}: {_reason(step)}"
        yield from (f"    {line(note)}" for note in step.found.taken)
        yield from (f"    not taken: {line(note)}" for note in step.found.left)
        yield from (f"    note: {line(note)}" for note in step.found.notes)


def _reason(step: Step) -> str:
    return line(step.found.fault) if step.result is Result.REFUSED else _WORDS[step.result]


def _document(step: Step) -> dict[str, Json]:
    job = step.job or step.found.job
    return {
        "source_id": step.found.called,
        "result": step.result.value,
        "id": job.id if job else None,
        "uid": job.uid if job else None,
        "name": job.name if job else None,
        "taken": list(step.found.taken),
        "not_taken": list(step.found.left),
        "notes": list(step.found.notes),
        "reason": step.found.fault or None,
    }

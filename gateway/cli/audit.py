"""tocsin audit: who did what to which job, and whether anybody has changed that record since."""

from collections.abc import Sequence
from dataclasses import dataclass
from json import loads

import click

from cron import runs
from cron.reference import Named, resolve
from cron.run import Run
from gateway import audit
from gateway.audit import Row, Verdict
from gateway.cli import audit_document, cron_jobs
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.cli.words import clean
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError
from gateway.messages import Json

_ALL = 1_000_000_000  # rows: they are kept for a year


@dataclass(frozen=True, slots=True)
class _Gone:
    """A job of which only the audit knows."""

    id: str
    uid: str
    name: str


@click.command("audit")
@click.option("--job", "reference", metavar="ID", help="Only what was done to this job, also one that is gone.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.option("--verify", is_flag=True, help="Say whether the rows are as they were written; else exit with 1.")
@click.pass_obj
def command(call: Call, *, reference: str | None, limit: int, verify: bool) -> int:
    """Show who did what to jobs and how runs ended, newest first; what may not be done, and was tried, too.

    The rows are chained by hashes. How runs ended is told by their own records, and kept as long as those.
    """
    kept = Kept(call.home, call.warn)
    if verify:
        return _verify(call, kept)
    job = _find(kept, reference) if reference is not None else None
    found = kept.read(lambda transaction: _newest(transaction, job, limit), empty=list[dict[str, Json]])
    if call.json:
        call.document({"audit": found})
    elif not found:
        call.say("Nothing was recorded yet.")
    for one in found:
        call.say(clean(audit_document.words(one)))
    return DONE


def _verify(call: Call, kept: Kept) -> int:
    none = Verdict(rows=0, unchained=0, breaks=(), head="")
    verdict = kept.read(audit.verify, empty=lambda: none)
    if call.json:
        call.document(audit_document.verdict_document(verdict))
    old = f", after {verdict.unchained} of an older version that are not chained" if verdict.unchained else ""
    state = "broken" if verdict.breaks else "unbroken"
    call.say(f"The chain of {verdict.rows} rows{old} is {state}. Its last hash: {verdict.head or '-'}")
    for sentence in verdict.breaks:
        call.warn(f"tocsin: audit: {sentence}")
    return FAILED if verdict.breaks else DONE


def _newest(transaction: Transaction, job: Named | None, limit: int) -> list[dict[str, Json]]:
    """Rows of the audit and ends of runs, the latest first."""
    subject = f"{job.id} {job.uid}" if job is not None else None
    rows = audit.newest(transaction, limit=limit, subject=subject)
    ended = _ended(runs.recent(transaction, job=job.uid if job is not None else None, limit=limit))
    told = [(row.entry.at, audit_document.row_document(row)) for row in rows]
    told += [(run.finished_at or run.scheduled_at, audit_document.result_document(run)) for run in ended]
    told.sort(key=lambda pair: pair[0], reverse=True)
    return [document for _, document in told[:limit]]


def _ended(found: Sequence[Run]) -> list[Run]:
    return [run for run in found if run.finished_at is not None]


def _find(kept: Kept, reference: str) -> Named:
    """The job that is meant: one that is there, else one that has left its history, else what the audit knows."""
    try:
        return cron_jobs.find_past(kept, reference)
    except NotFoundError:
        return resolve(reference, kept.read(_gone, empty=list[_Gone]))


def _gone(transaction: Transaction) -> list[_Gone]:
    removed = [row for row in audit.newest(transaction, limit=_ALL) if row.entry.what == "cron.remove"]
    return list({row.entry.subject: _named(row) for row in removed}.values())


def _named(row: Row) -> _Gone:
    job, _, uid = row.entry.subject.partition(" ")
    return _Gone(job, uid, loads(row.entry.before or "{}").get("name", ""))

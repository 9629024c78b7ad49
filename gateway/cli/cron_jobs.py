"""What the commands for jobs share: finding them as the operator does, and what is known of their runs."""

from cron import overview, runs
from cron.job import Job
from cron.overview import Facts
from cron.reference import resolve
from cron.store import find as find_among
from cron.store import oldest_first
from gateway.cli.cron_document import job_document
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError


def everything(kept: Kept) -> list[Job]:
    """All jobs, oldest first: the operator sees every one."""
    return oldest_first(kept.jobs.load().values())


def find(kept: Kept, reference: str) -> Job:
    """By id, uid, name or the beginning of an id."""
    return find_among(reference, kept.jobs.load())


def find_past(kept: Kept, reference: str) -> Job:
    """The job that is meant; else one that is gone and has left its history, as it was when it ran last."""
    try:
        return find(kept, reference)
    except NotFoundError:
        return resolve(reference, kept.read(_all_that_ran, empty=list[Job]))


def _all_that_ran(transaction: Transaction) -> list[Job]:
    return [runs.stored_job(text) for (text,) in transaction.execute(sql.JOBS_OF_RUNS).fetchall()]


def facts(kept: Kept, jobs: list[Job]) -> dict[str, Facts]:
    """What moves, by uid: from the tables, or computed where nothing has run yet."""
    now = kept.clock.now()

    def alone() -> dict[str, Facts]:
        return {job.uid: Facts(next_run=overview.next_run(job, None, now)) for job in jobs}

    return kept.read(lambda transaction: overview.facts_of(transaction, jobs, now), empty=alone)


def present(call: Call, kept: Kept, job: Job) -> None:
    """With --json, the job as the one document."""
    if call.json:
        call.document(job_document(job, facts(kept, [job])[job.uid]))


def hint_without_gateway(call: Call, kept: Kept) -> None:
    """Say what a newcomer would wonder about: nothing fires by itself."""
    if not kept.settings.cron_enabled:
        call.say("[cron] enabled is false, so no job fires.")
    elif kept.gateway() is None:
        call.say("No gateway is running; jobs fire while `tocsin run` does.")

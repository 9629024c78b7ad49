"""Runs that are over, as what follows from them is told."""

from datetime import datetime

from cron.endings.ending import Ended
from cron.job import Job
from cron.run import Run, RunStatus, Trigger
from gateway.agent.due import NOTHING_SPENT, Ending, EndStatus
from gateway.agent.model import Usage
from gateway.errors import ErrorClass
from tests.fakes import NOON


def ended(
    job: Job,
    status: RunStatus = RunStatus.FAILED,
    *,
    run: str = "r1",
    now: datetime = NOON,
    trigger: Trigger = Trigger.SCHEDULE,
    occurrence: str = "2026-03-02T12:00:00.000000Z",
    error: str = "",
    error_class: ErrorClass | None = None,
    usage: Usage = NOTHING_SPENT,
    capped: bool = False,
) -> Ended:
    """The end of a run of this job. Statuses in which no turn ends go with the ending of a cancelled one."""
    words = {known.value for known in EndStatus}
    ending = Ending(
        status=EndStatus(status.value) if status.value in words else EndStatus.CANCELLED,
        error=error,
        error_class=error_class,
        usage=usage,
        capped=capped,
    )
    record = Run(
        id=run,
        job_uid=job.uid,
        job_id=job.id,
        job_name=job.name,
        occurrence=occurrence,
        status=status,
        trigger=trigger,
        scheduled_at=now,
        finished_at=now,
        trace_id="t" * 32,
        error=error,
        error_class=error_class,
    )
    return Ended(job=job, run=record, ending=ending, now=now)

"""Results: where the result of a run goes besides its record. None of it reaches a person."""

import structlog

from cron.endings.ending import Ended
from cron.endings.record import callbacks_of
from cron.job import Job
from cron.policy import DeliveryMode
from cron.run import Run, Trigger
from gateway.callbacks import ledger
from gateway.database.driver import Transaction

logger = structlog.get_logger()


class Results:
    """The Consequence that owes machines what their jobs promise them."""

    def write(self, transaction: Transaction, ended: Ended) -> None:
        """Queue the callbacks; one whose hook has answered 410 is recorded as failed, unless run by hand."""
        for callback in callbacks_of(ended.job, ended.run):
            url = callback.target.url
            gone = ledger.gone_since(transaction, ended.job.uid, url)
            if gone is None or ended.run.trigger is Trigger.MANUAL:
                ledger.queue(transaction, callback, now=ended.now)
                continue
            error = (
                f"webhook {callback.kind.value} to {callback.target.host}: disabled since it answered 410 Gone on "
                f"{gone:%Y-%m-%d %H:%M} UTC; change its URL, or run the job by hand to try it again"
            )
            ledger.refuse(transaction, callback, error, now=ended.now)


def log_result(job: Job, run: Run) -> None:
    """The result as a line of the log, for delivery.mode = log; after the run's record is written."""
    if job.delivery.mode is DeliveryMode.LOG:
        logger.info(
            "Cron: result",
            job=job.id,
            name=job.name,
            run=run.id,
            status=run.status.value,
            output=run.output,
            error=run.error or None,
            trace_id=run.trace_id,
        )

"""Lifecycle: the ends of runs as they are published on the bus. Imported by quick commands."""

from cron.endings.ending import Ended
from cron.policy import Lifecycle
from cron.run import RunStatus
from gateway import events
from gateway.clock import to_text
from gateway.database.driver import Transaction
from gateway.messages import Json

COMPLETED = frozenset({RunStatus.SUCCEEDED})
FAILED = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.ABANDONED, RunStatus.INTERRUPTED})
CANCELLED = frozenset({RunStatus.CANCELLED})

_KINDS = {Lifecycle.COMPLETED: COMPLETED, Lifecycle.FAILED: FAILED, Lifecycle.CANCELLED: CANCELLED}


def kind_of(lifecycle: Lifecycle) -> str:
    """The kind of the event: "run.completed", "run.failed", "run.cancelled"."""
    return f"run.{lifecycle.value}"


def lifecycle_of(status: RunStatus) -> Lifecycle | None:
    """What happened to a run that has this status; None: it is not over, or has never begun."""
    return next((word for word, statuses in _KINDS.items() if status in statuses), None)


def facts(ended: Ended) -> dict[str, Json]:
    """What an event says of a run that has ended."""
    run = ended.run
    return {
        "run": run.id,
        "job": ended.job.uid,
        "job_id": ended.job.id,
        "name": ended.job.name,
        "owner": ended.job.owner,
        "status": run.status.value,
        "trigger": run.trigger.value,
        "scheduled_at": to_text(run.scheduled_at),
        "finished_at": to_text(ended.now),
        "error": run.error or None,
        "error_class": run.error_class.value if run.error_class else None,
        "trace_id": run.trace_id,
    }


class Published:
    """The Consequence of `notify_on`: an event on the bus. Whether a person hears of it is the alerts' affair."""

    def write(self, transaction: Transaction, ended: Ended) -> None:
        happened = lifecycle_of(ended.run.status)
        if happened is not None and happened in ended.job.notify_on:
            events.publish(transaction, kind_of(happened), ended.run.id, facts(ended), now=ended.now)

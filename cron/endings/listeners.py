"""Listeners: parts of this process that want to hear how runs end."""

from collections.abc import Callable
from typing import Protocol

from cron.endings.lifecycle import lifecycle_of
from cron.job import Job
from cron.policy import Lifecycle
from cron.run import Run


class RunListener(Protocol):
    """Somebody inside the process who wants to hear how runs end; what they raise is logged, and harms no run."""

    def on_complete(self, run: Run) -> None:
        """The run succeeded. It is recorded already; this must not wait."""

    def on_fail(self, run: Run) -> None:
        """The run failed, timed out or was given up."""


def hearing(listener: RunListener) -> Callable[[Job, Run], None]:
    """What a run that is over is told to, so that the listener hears of those that succeeded or failed."""

    def hear(job: Job, run: Run) -> None:
        match lifecycle_of(run.status):
            case Lifecycle.COMPLETED:
                listener.on_complete(run)
            case Lifecycle.FAILED:
                listener.on_fail(run)

    return hear

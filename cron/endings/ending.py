"""Consequence: the port of what follows from the end of a run, in the transaction that records it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cron.job import Job
from cron.run import Run
from gateway.agent.due import Ending
from gateway.database.driver import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that is over for good: it will not be tried again."""

    job: Job  # the run's own copy
    run: Run  # as it was recorded with this ending
    ending: Ending
    now: datetime


class Consequence(Protocol):
    """One thing that follows: an alert, a callback, another job, a line of the audit."""

    def write(self, transaction: Transaction, ended: Ended) -> None:
        """Do it in this transaction: with the run's record, or not at all."""

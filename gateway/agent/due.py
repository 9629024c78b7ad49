"""DueHandler: what the agent asks of whoever made a run due. The agent does not know what a job is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from gateway.database.driver import Work
from gateway.errors import ErrorClass
from gateway.messages import Due, InboundMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Exact words for the run's chat; no model is asked."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A turn in which nobody is there to answer."""

    prompt: str
    job: str  # the job's uid
    timeout: timedelta
    silent: bool = False  # without the message tool
    must_speak: bool = False  # ends as undelivered when nothing was said


Plan: TypeAlias = Script | Assignment


class EndStatus(StrEnum):
    """How a run can end after it began; the words are those of the run's record."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a turn came to."""

    status: EndStatus
    output: str = ""
    error: str = ""
    error_class: ErrorClass | None = None


class DueHandler(Protocol):
    """The owner of due runs."""

    async def plan(self, message: InboundMessage, due: Due) -> Plan | None:
        """What to do for the run; None if it is over already (cancelled while it waited)."""

    def starting(self, due: Due, *, now: datetime) -> Work[None]:
        """The run begins: part of a transaction, which RunOverError ends if the run is over already."""

    def ending(self, due: Due, ending: Ending, *, now: datetime) -> Work[None]:
        """The run is over: part of the transaction that ends its turn."""

    async def ended(self, due: Due, ending: Ending) -> None:
        """After that transaction: what follows from it."""

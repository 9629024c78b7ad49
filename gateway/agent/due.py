"""DueHandler: what the agent asks of whoever made a run due. The agent does not know what a job is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from gateway.agent.model import Usage
from gateway.database.driver import Work
from gateway.errors import ErrorClass
from gateway.messages import Button, Due, InboundMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Exact words for the run's chat; no model is asked."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()  # rows of them
    hint: str = ""  # what stands in their place where there are none
    reply_to: str = ""  # the platform's id of the message that it reminds of


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A turn in which nobody is there to answer."""

    prompt: str
    job: str  # the job's uid
    timeout: timedelta
    silent: bool = False  # without the message tool
    must_speak: bool = False  # ends as undelivered when nothing was said
    tools: frozenset[str] | None = None  # the only ones that it may use, besides `message` and `cron`; None: all
    context_messages: int = 0  # of the chat's own conversation, put before the prompt
    check_output: Callable[[str], str | None] | None = None  # what is wrong with a final text; None: nothing
    tokens: int | None = None  # it is stopped when it has spent these
    model: str = ""  # empty: the configuration's
    work_dir: str = ""  # the folder of tools that work in one, relative to the workspace


NOTHING_SPENT = Usage()


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
    retry_after: timedelta | None = None  # what the provider asked for
    acted: bool = False  # it has said or done something that a second attempt would do again
    usage: Usage = NOTHING_SPENT
    capped: bool = False  # a spend cap has refused or stopped it: no failure of its own


Plan: TypeAlias = Script | Assignment | Ending
"""An ending: it may not begin, and that is how it ends."""


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

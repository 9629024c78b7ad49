"""Tool and Turn: what a tool is, and what it may know of the turn that calls it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from gateway.database.driver import Work
from gateway.messages import ChatAddress, Occasion


class Effect(StrEnum):
    """What a repeat of the same call would do after a crash."""

    READ = "read"  # changes nothing
    REPEATABLE = "repeatable"  # recognised by its call id: the second time changes nothing
    ALONG = "along"  # the same, and it commits `Turn.along` with its own change
    ONCE = "once"  # never run again: the model is told that the outcome is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a tool may know: whose turn it is, where, when, and the id of this very call."""

    id: str
    call_id: str
    session: str
    address: ChatAddress
    sender_id: str
    occasion: Occasion
    zone: str  # IANA name
    now: datetime
    trace_id: str = ""
    run: str = ""  # in a scheduled turn: the run
    job: str = ""  # in a scheduled turn: the uid of its job
    reply_to: str = ""  # the platform's id of the message that the person answers
    opens_thread: bool = False  # the thread of the address is only where the answer stands
    along: Work[None] | None = None  # the journal's steps that are not written yet

    @property
    def home(self) -> ChatAddress:
        """Where jobs that are made in the turn belong."""
        return replace(self.address, thread="") if self.opens_thread else self.address


class Tool(Protocol):
    """One thing that the model may do.

    The model's schema is made from `arguments`: its docstring and its fields' descriptions are the tool's
    documentation. A `UserError` that `call` raises is shown to the model as it is.
    """

    name: ClassVar[str]
    arguments: ClassVar[type[BaseModel]]
    effect: ClassVar[Effect]
    example: ClassVar[str]  # a right call, as JSON: shown to a model whose call was wrong

    async def call(self, arguments: Any, turn: Turn) -> str:
        """Do it, and say in a sentence what was done."""


@runtime_checkable
class Selective(Protocol):
    """A tool of which not every call does something that lasts."""

    def acts(self, arguments: Any) -> bool:
        """Whether a call with these arguments does something that a second attempt of the run would do again."""

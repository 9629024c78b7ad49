"""Request: what a tool asks to be done with jobs, whatever its own arguments look like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cron.job import Job
from cron.making.draft import Draft, Maker
from gateway.messages import Json

Check: TypeAlias = Callable[[Maker, Sequence[Job]], None]
"""What a tool asks of a new job besides; with who makes it and the jobs that they see. Raises UserError."""


def _nothing(_maker: Maker, _jobs: Sequence[Job]) -> None:
    """A tool without rules of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to do."""

    action: str  # of cron.arguments.ACTIONS
    reference: str = ""  # to a job: id, uid, name, or the beginning of its id
    draft: Draft = field(default_factory=Draft)
    check: Check = _nothing  # of `add`
    state: Json = None
    has_state: bool = False  # null is a state too
    merge: bool = False
    limit: int | None = None
    table: bool = False  # lists and runs as tables with columns
    instant: bool = False  # the answer to `add` names the next run in ISO 8601 too

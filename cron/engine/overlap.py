"""What becomes of an occurrence while other runs of its job are open; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cron.policy import Overlap

MOST_WAITING = 100  # runs of one job, by buffer_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A run of the same job that is not over."""

    run: str
    waits: bool  # it is claimed, and has not been given to the agent yet


class Way(StrEnum):
    """How an occurrence goes on."""

    AT_ONCE = "at_once"  # as soon as it has a place
    ISOLATED = "isolated"  # the same, in a session of its own
    AFTER_OTHERS = "after_others"  # when no earlier run of the job is open
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What was decided, and why it will not run if it is skipped."""

    way: Way
    why: str = ""


def meet(overlap: Overlap, others: Sequence[Other]) -> Meeting:
    """By the job's policy. Queued, held and running ones all count, and those that wait for another attempt."""
    if not others:
        return Meeting(way=Way.AT_ONCE)
    waiting = [other for other in others if other.waits]
    match overlap:
        case Overlap.SKIP:
            return Meeting(way=Way.SKIPPED, why=f"run {others[0].run} of this job is not over")
        case Overlap.BUFFER_ONE if waiting:
            return Meeting(way=Way.SKIPPED, why=f"run {waiting[0].run} of this job waits already")
        case Overlap.BUFFER_ALL if len(waiting) >= MOST_WAITING:
            return Meeting(way=Way.SKIPPED, why=f"{len(waiting)} runs of this job wait already")
        case Overlap.BUFFER_ONE | Overlap.BUFFER_ALL | Overlap.CANCEL_OTHER:
            return Meeting(way=Way.AFTER_OTHERS)
        case Overlap.FALLBACK_ISOLATED:
            return Meeting(way=Way.ISOLATED)
        case Overlap.ALLOW_ALL:
            return Meeting(way=Way.AT_ONCE)


def side_by_side(overlap: Overlap) -> bool:
    """Whether runs of the job may work at the same time."""
    return overlap in {Overlap.ALLOW_ALL, Overlap.FALLBACK_ISOLATED}

"""What the scheduler says by itself, without a model: about runs that fail and runs that will not be; pure."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cron.job import Job
from cron.planner import Missed
from gateway.agent.prompt import clock_text
from gateway.messages import Caller, ChatAddress, OutboundMessage

LONGEST = 1_000  # characters of what is said about one job
LONGEST_NAME = 100


def missed_notices(missed: Sequence[tuple[Job, Missed]]) -> list[OutboundMessage]:
    """Occurrences that will not run: one summary for each chat, whatever the number of its jobs.

    Jobs without a chat have their record only.
    """
    by_chat: dict[ChatAddress, list[tuple[Job, Missed]]] = {}
    for job, span in missed:
        if job.address is not None:
            by_chat.setdefault(job.address, []).append((job, span))
    return [_summary(address, spans) for address, spans in by_chat.items()]


def _summary(address: ChatAddress, spans: Sequence[tuple[Job, Missed]]) -> OutboundMessage:
    lines = [f"- {_named(job)}: {_when(job, span)}" for job, span in spans]
    job, span = spans[0]
    return OutboundMessage(
        delivery_id=f"{job.uid}.missed.{span.last.timestamp():.0f}",
        address=address,
        caller=Caller.NOTICE,
        text="\n".join(["I was away, and it is too late now for what was due meanwhile:", *lines]),
    )


def _when(job: Job, missed: Missed) -> str:
    zone = ZoneInfo(job.tz)
    first, last = (clock_text(moment.astimezone(zone)) for moment in (missed.first, missed.last))
    if missed.count == 1:
        return f"{first} ({job.tz})"
    return f"{missed.count} times, from {first} to {last} ({job.tz})"


def alert(job: Job, run: str, what: str, address: ChatAddress) -> OutboundMessage:
    """A job that does not do what it should: `what` goes on after its name."""
    return OutboundMessage(
        delivery_id=f"{run}.alert",
        address=address,
        caller=Caller.ALERT,
        text=f"The job {_named(job)} {_bounded(what)}",
        run="",  # about the run, not of it: its delivery status is that of its own messages
    )


def recovery(job: Job, run: str, address: ChatAddress) -> OutboundMessage:
    """The end of what an alert has told of."""
    return OutboundMessage(
        delivery_id=f"{run}.recovery",
        address=address,
        caller=Caller.ALERT,
        text=f"The job {_named(job)} has succeeded again.",
    )


def spent_notice(job: Job, subject: str, day: str, why: str, address: ChatAddress) -> OutboundMessage:
    """A cap of this day is reached: once for each that is capped, whatever the number of runs."""
    return OutboundMessage(
        delivery_id=f"spend.{subject}.{day}",
        address=address,
        caller=Caller.ALERT,
        text=f"The job {_named(job)} does not run: {why}.",
    )


def _named(job: Job) -> str:
    """A name that was written by hand may be anything."""
    return f'"{_bounded(job.name, LONGEST_NAME)}" ({job.id})'


def _bounded(text: str, longest: int = LONGEST) -> str:
    """On one line, and no longer than somebody reads."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def moment_text(moment: datetime, zone: str) -> str:
    """An instant as people read it, with its zone."""
    return f"{clock_text(moment.astimezone(ZoneInfo(zone)))} ({zone})"

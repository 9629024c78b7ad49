"""What the scheduler says by itself, without a model: about runs that fail and runs that will not be; pure."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cron.job import Job
from cron.planner import Missed
from gateway.agent.due import Ending, EndStatus
from gateway.agent.prompt import clock_text
from gateway.messages import Caller, ChatAddress, OutboundMessage


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
    lines = [f'- "{job.name}" ({job.id}): {_when(job, span)}' for job, span in spans]
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


def failure_alert(job: Job, run: str, ending: Ending, address: ChatAddress) -> OutboundMessage:
    """A run that failed for good, in one sentence and what follows from it."""
    what = "was given up" if ending.status is EndStatus.ABANDONED else "failed"
    follows = (
        "It is paused; resume it when the cause is gone."
        if ending.status is EndStatus.ABANDONED
        else "It will not be tried again, and is kept disabled."
    )
    return OutboundMessage(
        delivery_id=f"{run}.alert",
        address=address,
        caller=Caller.ALERT,
        text=f'The job "{job.name}" ({job.id}) {what}: {ending.error or ending.status.value}. {follows}',
        run="",  # about the run, not of it: its delivery status is that of its own messages
    )


def moment_text(moment: datetime, zone: str) -> str:
    """An instant as people read it, with its zone."""
    return f"{clock_text(moment.astimezone(ZoneInfo(zone)))} ({zone})"

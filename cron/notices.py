"""What the scheduler says by itself, without a model: about runs that fail and runs that will not be; pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from cron.job import Job
from cron.planner import Missed
from gateway.agent.due import Ending, EndStatus
from gateway.agent.prompt import clock_text
from gateway.messages import Caller, ChatAddress, OutboundMessage


def missed_notice(job: Job, missed: Missed) -> OutboundMessage | None:
    """Occurrences that will not run, for the chat of the job; None if it has none."""
    if job.address is None:
        return None
    zone = ZoneInfo(job.tz)
    first, last = (clock_text(moment.astimezone(zone)) for moment in (missed.first, missed.last))
    when = first if missed.count == 1 else f"{missed.count} times, from {first} to {last}"
    return OutboundMessage(
        delivery_id=f"{job.uid}.missed.{missed.last.timestamp():.0f}",
        address=job.address,
        caller=Caller.NOTICE,
        text=f'I was away, and "{job.name}" ({job.id}) did not run: {when} ({job.tz}). It is too late for it now.',
    )


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

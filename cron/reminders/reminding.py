"""What people can answer to a reminder: the buttons under it, and what is said of their answer; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cron.commands import shown
from cron.endings.notices import moment_text
from cron.job import Job, Say
from cron.schedule import At
from cron.times.schedule_text import format_duration
from gateway.commands.base import Buttons
from gateway.messages import Button, Caller, ChatAddress, OutboundMessage

NAG_FOR = timedelta(hours=24)
MOST_NAGS = 50
LONGEST = 1_000  # characters of a reminder that its answer repeats: one message holds them, whatever the channel

HINT = "(/done · /snooze 10m · /snooze 1h · /snooze tomorrow)"
"""What stands in the place of the buttons where there are none."""


def asks_for_an_answer(job: Job) -> bool:
    """Whether its words are a reminder that somebody deals with, and no announcement that comes again anyway."""
    return isinstance(job.payload, Say) and (isinstance(job.schedule, At) or job.nag is not None)


def buttons(run: str) -> Buttons:
    """What can be answered to the reminder of this run."""
    later = (("10 min", "10m"), ("1 h", "1h"), ("Tomorrow", "1d"))
    return (
        (Button(label="✓ Done", data=f"/done {run}"),),
        tuple(Button(label=f"⏰ {label}", data=f"/snooze {words} {run}") for label, words in later),
    )


def undo(run: str) -> Buttons:
    """Of a reminder that was put off: it may be done before."""
    return ((Button(label="✓ Done", data=f"/done {run}"),),)


def words_of_reminder(job: Job) -> str:
    """What it says, as far as its answer repeats it."""
    words = job.payload.text if isinstance(job.payload, Say) else job.name
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def done_text(job: Job, *, already: bool) -> str:
    return f"✓ {words_of_reminder(job)}{'' if not already else ' (done already)'}"


def snoozed_text(job: Job, later: Job) -> str:
    """Until when, in absolute time with its zone."""
    at = later.schedule.instant if isinstance(later.schedule, At) else later.created_at
    return f"⏰ {words_of_reminder(job)}\n\nAgain {moment_text(at, later.tz)}, as {shown.title(later)}."


# -- nagging ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Nag:
    """A reminder that is said again until somebody answers it."""

    run: str
    said: int  # how often it was said again
    next_at: datetime
    until: datetime


def nag_is_over(nag: Nag, now: datetime) -> bool:
    """Whether nobody will answer any more."""
    return nag.said >= MOST_NAGS or now >= nag.until


def following(nag: Nag, every: timedelta, now: datetime) -> datetime:
    """When it is said next: on its own grid, and what an outage has swallowed is not made up for."""
    return nag.next_at + ((now - nag.next_at) // every + 1) * every


def nag_message(job: Job, nag: Nag, address: ChatAddress) -> OutboundMessage:
    """The words once more."""
    return OutboundMessage(
        delivery_id=f"{nag.run}.nag.{nag.said + 1}",
        address=address,
        caller=Caller.REMINDER,
        text=job.payload.text if isinstance(job.payload, Say) else job.name,
        run=nag.run,
        buttons=buttons(nag.run),
        hint=HINT,
    )


def last_nag(job: Job, nag: Nag, address: ChatAddress) -> OutboundMessage:
    """The end of it, said once."""
    every = format_duration(job.nag) if job.nag else "a while"
    return OutboundMessage(
        delivery_id=f"{nag.run}.nag.last",
        address=address,
        caller=Caller.NOTICE,
        text=f"{words_of_reminder(job)}\n\nI have said this every {every} and nobody has answered: I stop now.",
        run=nag.run,
        buttons=buttons(nag.run),
        hint=HINT,
    )

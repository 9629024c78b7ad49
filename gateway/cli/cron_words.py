"""Jobs in the words of the command line; pure."""

from cron.job import Job, words_of
from cron.policy import DeliveryMode
from cron.schedule import At
from cron.target import address_of
from cron.times.describe import expression_text
from gateway.cli.words import local
from gateway.messages import ChatAddress


def schedule_text(job: Job) -> str:
    """`every 60s`, the expression, or the instant by the clocks of the job."""
    if job.schedule is None:
        return "unreadable"
    if isinstance(job.schedule, At) and job.tz != "UTC":
        return local(job.schedule.instant, job.tz)
    return expression_text(job.schedule)


def payload_text(job: Job) -> str:
    """What the job does or says, as it was given."""
    return words_of(job.payload)


def target_text(job: Job, default: ChatAddress | None) -> str:
    """Where the job speaks, as a sentence."""
    elsewhere = job.delivery.address if job.delivery.mode is DeliveryMode.CHANNEL else None
    if spoken_to := elsewhere or job.address:
        return f"It speaks to {spoken_to}."
    if default is not None:
        return f"It speaks to {default} (cron.default_target)."
    return "It speaks to nobody: its words go to the log (give --channel and --to, or set cron.default_target)."


def target(job: Job, default: ChatAddress | None) -> tuple[str, str]:
    """The channel and the chat that it speaks to."""
    address = address_of(job, default)
    chat = f"{address.chat} (thread {address.thread})" if address.thread else address.chat
    named = job.address is not None or default is not None
    return address.channel, chat if named else ""

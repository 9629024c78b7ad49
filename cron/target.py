"""Where a run speaks and remembers; pure."""

from cron.job import ISOLATED, MAIN, NAMED, Job
from gateway.messages import ChatAddress

LOG = "log"
"""The channel of jobs that have no chat: what they say is a line in the log."""


def address_of(job: Job, default: ChatAddress | None) -> ChatAddress:
    """The job's own chat and thread; else `cron.default_target`; else the log."""
    return job.address or default or ChatAddress(channel=LOG, chat=job.id)


def session_of(job: Job, run: str, address: ChatAddress) -> str:
    """The session of a run: its own, the one the job was made in, or a named one of its owner.

    A job of the command line has "main" in the session of the default target; without one it is isolated.
    """
    if job.session == ISOLATED:
        return f"cron:{job.id}:{run}"
    if job.session == MAIN:
        return job.created_in or (f"cron:{job.id}:{run}" if address.channel == LOG else address.session)
    name = job.session.removeprefix(NAMED)
    return f"session:{job.owner or 'operator'}:{name}"

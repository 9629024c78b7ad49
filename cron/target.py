"""Where a run speaks and remembers; pure."""

from cron.job import Job
from cron.policy import ISOLATED, MAIN, NAMED, DeliveryMode
from gateway.messages import ChatAddress

LOG = "log"
"""The channel of jobs that have no chat: what they say is a line in the log."""


def address_of(job: Job, default: ChatAddress | None) -> ChatAddress:
    """The job's own chat and thread; else `cron.default_target`; else the log."""
    return job.address or default or ChatAddress(channel=LOG, chat=job.id)


def speaks_to(job: Job, default: ChatAddress | None) -> ChatAddress:
    """Where the runs of the job speak: the address of `delivery.mode = channel`, else its own."""
    elsewhere = job.delivery.address if job.delivery.mode is DeliveryMode.CHANNEL else None
    return elsewhere or address_of(job, default)


def isolated_session(job: Job, run: str, *, attempt: int = 1) -> str:
    """A session of its own for this attempt of the run: it knows nothing of the attempts before."""
    return f"cron:{job.id}:{run}" if attempt == 1 else f"cron:{job.id}:{run}.{attempt}"


def session_of(job: Job, run: str, address: ChatAddress, *, attempt: int = 1) -> str:
    """The session of a run: its own, the one the job was made in, or a named one of its owner.

    A job of the command line has "main" in the session of the default target; without one it is isolated.
    """
    own = isolated_session(job, run, attempt=attempt)
    if job.session == ISOLATED:
        return own
    if job.session == MAIN:
        return job.created_in or (own if address.channel == LOG else address.session)
    name = job.session.removeprefix(NAMED)
    return f"session:{job.owner or 'operator'}:{name}"

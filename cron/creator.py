"""Whose rights a job has: those of who made it, in the chat that it was made in; pure."""

from collections.abc import Callable
from urllib.parse import unquote

from cron.job import Job
from gateway.messages import ChatAddress

Admits = Callable[[ChatAddress, str], bool]
"""Whether this user may talk to the bot in this chat."""


def made_in(job: Job) -> ChatAddress | None:
    """The chat in which a person made the job; None for one of the operator, such as one that was imported."""
    if job.owner is None or not job.created_by or not job.created_in or job.declared:
        return None
    channel, _, chat = job.owner.partition(":")
    return ChatAddress(channel=channel, chat=unquote(chat))


def barred(job: Job, admits: Admits) -> str:
    """Why the job may not run any more; empty if it may."""
    chat = made_in(job)
    if chat is None or admits(chat, job.created_by):
        return ""
    return f"{job.created_by}, who has made it, may not talk to this bot here any more"

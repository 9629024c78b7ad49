"""Which messages are commands, and the sessions in which they are kept apart from conversations; pure."""

import re
from dataclasses import replace

from gateway.messages import InboundMessage, Person, Press

PREFIX = "command:"
"""Before the key of a conversation: the session of the commands that are given there."""

_COMMAND = re.compile(r"/([^\W\d_]{1,32})[.,:;!?]{0,3}(?=\s|$)")
"""Letters only, and nothing glued to them: `/etc/hosts` and `/2` are for the agent."""


def routed(message: InboundMessage) -> InboundMessage:
    """The message, in a session of commands if it is one; whether there is such a command is asked later."""
    by_person = isinstance(message.occasion, Person | Press)
    if not by_person or not message.addressed or message.session or split(message.text) is None:
        return message
    return replace(message, session=session_of(message.address.session))


def split(text: str) -> tuple[str, str] | None:
    """The name of the command that a text begins with, in lower case, and what follows it; None without one."""
    match = _COMMAND.match(text.lstrip())
    return (match[1].lower(), text.lstrip()[match.end() :].strip()) if match else None


def session_of(conversation: str) -> str:
    """The session of the commands that are given beside a conversation."""
    return f"{PREFIX}{conversation}"


def is_command(session: str) -> bool:
    """Whether it is a session of commands."""
    return session.startswith(PREFIX)

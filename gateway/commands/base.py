"""Command: what a chat can ask of the gateway itself, beginning with a slash; no model is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.messages import Button, InboundMessage

Buttons = tuple[tuple[Button, ...], ...]
"""Rows of buttons under an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInfo:
    """What is shown of a command."""

    name: str  # without the slash, lower case
    summary: str  # a few words, for menus
    usage: str = ""  # how it is written, one form a line; empty: the name alone
    owners_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One use of a command, and what may be known of it."""

    message: InboundMessage
    words: str  # what follows the command
    zone: str  # IANA name
    owner: bool  # the operator: an owner of the channel, or at the console
    now: datetime
    stamp: str  # the same for a replay of the same command after a crash
    session: str  # the conversation that the chat and thread have
    seq: int  # the row of the inbox
    replayed: bool = False  # an earlier life has begun with it: it may be done already


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, in Markdown, and the buttons under it."""

    text: str
    buttons: Buttons = ()
    shared: bool = False  # anybody in the chat may press them, not only who asked


class Command(Protocol):
    """One command, or a group of them that belong together."""

    info: CommandInfo

    async def answer(self, ask: Ask) -> Answer:
        """Do it, and say what was done. A UserError is shown as it is.

        The same stamp again does the same once: a crash may ask again for what was done already.
        """

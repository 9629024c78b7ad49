"""Codes by which strangers are let in: what one is, when it is told, and in which words; pure.

A code is no right: whoever has one is let in when an owner approves it, and not before. So it is kept as it is,
and an owner sees who asks.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is read as something else: 0 and O, 1, I and L."""

LENGTH = 8
GOOD_FOR = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)  # before somebody is told their code again
TIMES = 3  # that somebody is told one code
OPEN = 20  # codes of one channel that wait at the same time

WRONG = 10  # codes in a minute that one asker may try and that are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Somebody who is not known has written, and waits for an owner."""

    channel: str
    user: str  # the immutable id
    name: str  # as they call themselves
    chat: str  # the private chat in which they wrote
    code: str
    until: datetime
    told: int  # how often they were told of it
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Somebody whom an owner has let in, to private chats of one channel."""

    channel: str
    user: str
    name: str
    chat: str
    by: str  # who approved it, as the audit names them
    at: datetime


class Silence(Enum):
    """Nothing is said."""

    TOLD = "told"  # they know
    FULL = "full"  # too many wait already


Answer: TypeAlias = Code | Silence
"""What a stranger is told: their code, as it is kept from then on."""


def answer(known: Code | None, asking: Code, *, waiting: int) -> Answer:
    """What somebody gets who has just written. `asking`: a new code for them; `waiting`: others' that are open."""
    now = asking.told_at
    if known is None or known.until <= now:
        return Silence.FULL if waiting >= OPEN else asking
    if known.told >= TIMES or now - known.told_at < PAUSE:
        return Silence.TOLD
    return replace(known, name=asking.name, chat=asking.chat, told=known.told + 1, told_at=now)


def read(written: str) -> str:
    """A code as somebody typed it: in any case, with spaces or dashes."""
    return "".join(char for char in written.upper() if char.isalnum())


def asking_words(code: Code) -> str:
    """What a stranger is told, in Markdown."""
    minutes = round(GOOD_FOR / timedelta(minutes=1))
    return (
        f"I do not know you yet, so I cannot answer. Your code is `{code.code}`, for {minutes} minutes.\n\n"
        "Give it to an owner of this bot and ask to be let in. They send me here in a private chat "
        f"`/pair approve {code.code}`, or run `tocsin pair approve {code.code}`."
    )


WELCOME = "You may talk to me now. What can I do for you? /help shows what there is."

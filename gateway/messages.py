"""What travels: addresses, what is said to the agent, what the agent says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Any JSON value; a shape that two modules agree on is a dataclass instead."""

SYSTEM = "system"
"""The channel of everything that no person said. No adapter may use this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAddress:
    """Where words go: an instance of a channel, a chat on it, a topic or reply chain in the chat."""

    channel: str
    chat: str
    thread: str = ""

    @property
    def owner(self) -> str:
        """Whose jobs and limits apply: the chat, whatever the thread."""
        return f"{self.channel}:{_escape(self.chat)}"

    @property
    def session(self) -> str:
        """The key of the conversation that a person has here."""
        return f"{self.owner}:{_escape(self.thread)}" if self.thread else self.owner

    def __str__(self) -> str:
        return self.session


def _escape(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A") if ":" in part or "%" in part else part


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody wrote this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A run is due: which one, the instant it was meant for, and what became of it on the way."""

    run: str
    scheduled_for: datetime
    late_by: timedelta = timedelta()
    missed: int = 0  # occurrences before this one that will not run
    exact: bool = False  # a reminder: exact words, no model is asked
    system: bool = False  # its text is an event put into the session, which nobody wrote to the agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something outside happened."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Somebody pressed a button; the message's text is what the button stands for."""

    message_id: str  # the platform's id of the message that has the button


Occasion: TypeAlias = Person | Press | Due | Event


class Media(StrEnum):
    """What a file is to the people in a chat."""

    PICTURE = "picture"
    VOICE = "voice"  # spoken into a telephone
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came or goes with a message; `path` is relative to the workspace.

    One that came lies on its platform until its turn begins: `source` is what the channel fetches it by.
    """

    name: str  # as somebody called it: data, never a path
    media_type: str  # "image/jpeg"; empty if nobody said
    path: str
    kind: Media = Media.FILE
    source: str = ""  # the channel's own handle of it; empty: it is in the workspace
    size: int = 0  # bytes; 0: not known
    seconds: int = 0  # of a recording; 0: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One thing said to the agent, by a person or by a due job."""

    channel: str  # where it came from: "telegram", …, or "system" for a due job
    sender_id: str  # the platform's immutable user id, or "cron:<job id>"
    dedupe_keys: tuple[str, ...]  # any of them seen before: a redelivery, and dropped
    address: ChatAddress  # the chat that the turn belongs to; for a job, the job's
    text: str
    received_at: datetime  # by us: the platform's own date may be hours old
    occasion: Occasion = Person()
    session: str = ""  # empty: the address's own
    message_id: str = ""  # the platform's id of this message
    sender_name: str = ""  # for the prompt only, never for a decision
    reply_to: str = ""  # the platform's id of the message that this one answers
    reply_text: str = ""  # the words of that message, bounded: data that somebody wrote
    reply_author: str = ""  # who wrote them, for the prompt only
    attachments: tuple[Attachment, ...] = ()
    addressed: bool = True  # False: overheard in a group, kept as context and not answered
    group: bool = False  # other people read along
    bot: bool = False  # a program wrote it: answered a few times, never for ever
    album: str = ""  # messages of one sender with the same one, not empty, were sent as one
    trace_id: str = ""

    @property
    def session_key(self) -> str:
        return self.session or self.address.session

    @property
    def home(self) -> ChatAddress:
        """Where jobs that are made by it belong: not into a thread that it only opens itself."""
        opens = self.address.thread != "" and self.address.thread == self.message_id
        return replace(self.address, thread="") if opens else self.address


class Caller(StrEnum):
    """Who speaks through `say`; there are no others: only the message tool reaches a person."""

    MODEL = "model"  # the model's own call of the message tool
    REPLY = "reply"  # the end of a person's turn
    REMINDER = "reminder"  # a job whose payload is exact text
    ALERT = "alert"  # a job that fails
    SHELL = "shell"  # the output of a shell job
    COMMAND = "command"  # the answer of a command or button
    NOTICE = "notice"  # the gateway about itself
    APPROVAL = "approval"  # a question that a person must decide
    OPERATOR = "operator"  # the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A choice under a message. `data` comes back when it is pressed: at most 32 bytes, so that it fits anywhere.

    (Telegram's callback data is 64 bytes at most, and has to hold the asker too.)
    """

    label: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """One thing that the agent says, in Markdown, before a channel has rendered it."""

    delivery_id: str  # ours, unique for ever: the same id again is the same message
    address: ChatAddress
    caller: Caller
    text: str
    turn: str = ""
    run: str = ""
    reply_to: str = ""  # the platform's id of the message that this one answers
    edits: str = ""  # the delivery id of an earlier message that this one replaces
    replaces: str = ""  # the platform's id of the message that this one takes the place of, if it can
    buttons: tuple[tuple[Button, ...], ...] = ()  # rows of buttons
    asker: str = ""  # whose presses of the buttons count; empty: anybody's
    hint: str = ""  # what stands in the place of the buttons, on a channel that has none
    attachments: tuple[Attachment, ...] = ()
    passing: bool = False  # an answer that still grows: said at once or not at all, in one part, and never missed
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One platform message of a rendered outbound message: JSON, stored before it is sent."""

    payload: Mapping[str, Json]
    plain: Mapping[str, Json] | None = None  # the same content without formatting, for a platform that refuses it


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A part on its way: what a channel is asked to deliver once."""

    id: str  # "<delivery id>/<n>": the platform's idempotency key where it has one
    address: ChatAddress
    payload: Mapping[str, Json]
    repeat: bool = False  # an earlier attempt may have arrived: say so to the reader ("↻")
    edits: str = ""  # the platform's id of the message to replace
    said_at: datetime | None = None  # when it was written into the outbox: it was not sent before; None: not known
    passing: bool = False  # where it cannot be replaced, nothing is sent in its place: PermanentDeliveryError

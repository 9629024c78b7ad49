"""What Feishu's server for tests remembers: people, chats, messages, files, events, and what it refuses."""

from dataclasses import dataclass, field
from typing import Any

Json = Any

TENANT = "736588c9260f175d"
APP_ID = "cli_a5ca35a685b0x26e"  # of an app that exists here only
BOT_ID = "ou_7d8a6e6df7621556ce0d21922b676706"  # of our bot
BOT_NAME = "Tocsin"


class Refused(Exception):  # noqa: N818  # a refusal is an answer here, not a mistake of the program
    """A call that Feishu refuses: a code of its own, what it says, and the HTTP status."""

    def __init__(
        self, code: int, message: str, *, status: int = 400, wait: int = 0, details: dict[str, Json] | None = None
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.wait = wait  # seconds for x-ogw-ratelimit-reset, of a 429
        self.details = details or {}


def invalid(detail: str = "") -> Refused:
    """230001, with the detail that Feishu puts behind `ext=`."""
    text = "Your request contains an invalid request parameter"
    return Refused(230001, f"{text}, ext={detail}" if detail else f"{text}.")


def unfit(name: str, problem: str) -> Refused:
    """99992402: a parameter that the gateway in front does not let through."""
    violations = [{"field": name, "description": problem}]
    return Refused(99992402, "field validation failed", details={"field_violations": violations})


@dataclass(slots=True, eq=False)
class Person:
    """Somebody of the tenant, or another bot."""

    id: str  # open_id, ou_…
    name: str
    bot: bool = False

    def ids(self) -> Json:
        """The three names of a person; a bot has no user_id."""
        tail = self.id.removeprefix("ou_")
        return {"open_id": self.id, "union_id": f"on_{tail}", "user_id": "" if self.bot else f"u{tail[:8]}"}


@dataclass(slots=True, eq=False, kw_only=True)
class Chat:
    """A private chat with the bot, or a group."""

    id: str  # oc_…
    name: str = ""
    person: Person | None = None  # of a private chat
    topics: bool = False  # a group in which every message is a topic
    threads: bool = True  # replies may open a topic
    owner: str = ""
    admins: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    inside: bool = True  # the bot is
    muted: bool = False  # the bot may not write (230018)
    dissolved: bool = False

    @property
    def kind(self) -> str:
        return "p2p" if self.person else "group"


@dataclass(slots=True, eq=False, kw_only=True)
class Message:
    """One message, as it is now."""

    id: str  # om_…
    chat: Chat
    sender: Person | None  # None: our bot
    kind: str  # msg_type
    content: str  # a JSON document, as it travels
    created: int  # milliseconds
    root: str = ""
    parent: str = ""
    thread: str = ""  # omt_…
    mentions: list[Json] = field(default_factory=list)
    uuid: str = ""
    updated: int = 0
    edits: int = 0
    recalled: bool = False
    reactions: dict[str, tuple[str, str]] = field(default_factory=dict)  # id: (emoji, who)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An uploaded picture or file."""

    key: str
    kind: str  # image, or the file_type of a file: opus, mp4, pdf, doc, xls, ppt, stream
    name: str
    data: bytes
    media_type: str = "application/octet-stream"
    duration: int = 0  # milliseconds
    ours: bool = True  # our bot uploaded it
    size: int = 0  # what Feishu believes, where it is not len(data)


@dataclass(slots=True, eq=False, kw_only=True)
class Event:
    """Something that Feishu tells the bot, until the bot has said that it knows."""

    id: str
    kind: str
    body: bytes
    message: str = ""  # om_…, of a message
    given: int = 0  # how often it was pushed
    last: float = 0.0  # when, by a monotonic clock
    acked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The bot's answer to one push."""

    event: str
    code: int  # in the payload of the frame, or the HTTP status of a webhook
    seconds: float  # after the push
    data: Json = None  # what a button is answered with


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of the bot, as it is now."""

    id: str
    chat: str
    kind: str
    text: str  # readable
    content: str
    root: str
    parent: str
    thread: str
    uuid: str
    edits: int
    recalled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Everything that is counted; nothing of it is ever forgotten."""

    sent: int
    events: int  # different ones
    given: int  # pushes, repeats too
    acked: int  # different events that were taken
    waiting: int  # events that were not taken yet
    late: int  # answers after three seconds
    slowest_ack: float
    live: int
    max_live: int
    connects: int
    pings: int
    tokens: int
    floods: int
    faults: int
    violations: list[str]
    calls: dict[str, int]
    statuses: dict[str, int]

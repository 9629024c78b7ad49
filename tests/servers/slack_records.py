"""What Slack's server for tests keeps: people, channels, messages, deliveries, and what the bot said."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any

TEAM = "T0TEST"
APP_ID = "A0TOCSIN"
BOT_USER = "U0TOCSIN"
BOT_ID = "B0TOCSIN"
BOT_TOKEN = "xoxb-100-200-exists-here-only"  # of an app that exists here only
APP_TOKEN = "xapp-1-A0TOCSIN-300-exists-here-only"
SIGNING_SECRET = "a-signing-secret-that-exists-here-only"

ChannelKind = Literal["channel", "group", "im", "mpim"]
Envelope = Literal["events_api", "interactive", "slash_commands"]

SCOPES = frozenset(
    [
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "mpim:read",
        "mpim:write",
        "reactions:write",
        "team:read",
        "users:read",
    ]
)
"""What the app has been granted at the start."""


class Refused(Exception):  # noqa: N818  # a refusal is an answer here, not a mistake of the program
    """Slack says no: `ok: false`, an error code and the fields that go with it; `status` is 200 but for 429."""

    def __init__(
        self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **fields: Json
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.fields = fields


def wrong(error: str, *problems: str, **fields: Json) -> Refused:
    """A refusal that says what is wrong, as Slack does for arguments and blocks."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return Refused(error, errors=list(problems), response_metadata={"messages": messages}, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account, which may be an app's bot."""

    id: str
    name: str
    admin: bool = False
    owner: bool = False
    bot_id: str = ""  # of an app's bot

    def as_json(self) -> Json:
        handle = self.name.lower().replace(" ", ".")
        profile = {"real_name": self.name, "display_name": self.name, "real_name_normalized": self.name}
        return {
            "id": self.id,
            "team_id": TEAM,
            "name": handle,
            "real_name": self.name,
            "deleted": False,
            "profile": profile | ({"bot_id": self.bot_id} if self.bot_id else {}),
            "tz": "Europe/Berlin",
            "tz_offset": 3600,
            "is_admin": self.admin or self.owner,
            "is_owner": self.owner,
            "is_bot": bool(self.bot_id),
            "is_app_user": False,
        }


@dataclass(slots=True, kw_only=True, eq=False)
class File:
    """A file, its content included; `shares` are the messages that show it."""

    id: str
    name: str
    data: bytes
    mimetype: str
    user: str
    title: str = ""
    length: int = 0  # as it was announced
    uploaded: bool = False
    shares: list[tuple[str, str]] = field(default_factory=list)  # (channel, ts)


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A message as the channel shows it now."""

    channel: str
    ts: str
    user: str
    text: str = ""
    thread: str = ""  # ts of the parent; empty: at the top level
    blocks: list[Json] | None = None
    metadata: Json = None
    bot_id: str = ""
    app_id: str = ""
    subtype: str = ""
    files: list[File] = field(default_factory=list)
    edited: str = ""
    client_msg_id: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A conversation and who is in it."""

    id: str
    kind: ChannelKind
    name: str = ""
    creator: str = ""
    members: list[str] = field(default_factory=list)
    bot: bool = True  # the app's bot is a member
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    def as_json(self) -> Json:
        kinds = {"channel": "is_channel", "group": "is_group", "im": "is_im", "mpim": "is_mpim"}
        shown: Json = {"id": self.id, "created": 1_700_000_000, "is_archived": self.archived}
        shown |= {name: kind == self.kind for kind, name in kinds.items()}
        shown |= {"is_private": self.kind != "channel", "context_team_id": TEAM}
        if self.kind == "im":
            return {**shown, "user": self.members[0], "is_user_deleted": False}
        topic = {"value": "", "creator": "", "last_set": 0}
        return {**shown, "name": self.name, "creator": self.creator, "is_member": self.bot, "topic": topic}


@dataclass(slots=True, kw_only=True, eq=False)
class Sent:
    """One thing that the bot said or changed, as it was at that moment."""

    number: int  # counts what was sent, from 1
    method: str
    channel: str
    thread: str
    ts: str
    text: str  # as a person reads it
    raw: str  # the field `text` as it was sent
    blocks: list[Json] | None
    metadata: Json
    buttons: list[tuple[str, str]]  # (label, value or address)
    at: float  # seconds since 1970
    edited_from: str | None = None  # as a person read it before, if this is an edit


@dataclass(slots=True, kw_only=True, eq=False)
class Whisper:
    """A message that one person alone sees: the answer to a slash command, or an ephemeral one."""

    user: str
    channel: str
    text: str
    blocks: list[Json] | None
    at: float


@dataclass(slots=True, kw_only=True, eq=False)
class View:
    """A modal that the app opened."""

    id: str
    user: str
    view: Json
    closed: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """One time that a delivery was sent."""

    at: float
    socket: int  # its number, from 1; 0: by HTTP
    retry: int = 0
    status: int = 0  # of the answer, by HTTP


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """Something that Slack tells the app: its attempts, and when and how it was acknowledged."""

    id: str  # of the envelope
    kind: Envelope
    payload: Json
    accepts: bool = False  # the ack may carry a payload
    ts: str = ""  # of the message that it is about
    attempts: list[Attempt] = field(default_factory=list)
    acks: int = 0
    acked_at: float | None = None
    response: Json = None  # what the ack carried
    failed: str = ""  # why nobody took it
    done: asyncio.Event = field(default_factory=asyncio.Event)
    next_try: float = 0  # when it is sent again if it is not acknowledged

    @property
    def event(self) -> Json:
        """The event inside, if it is one."""
        return self.payload.get("event")

    @property
    def event_id(self) -> str:
        return str(self.payload.get("event_id", ""))

    @property
    def latency(self) -> float | None:
        """Seconds from the first attempt to the ack."""
        if self.acked_at is None or not self.attempts:
            return None
        return self.acked_at - self.attempts[0].at


@dataclass(slots=True, kw_only=True, eq=False)
class Called:
    """One call of the Web API as it arrived."""

    method: str
    arguments: dict[str, Any]
    at: float
    kind: str = ""  # of its body: form, json, multipart or none
    error: str = ""  # how it was refused


@dataclass(slots=True, kw_only=True)
class Stats:
    """What is counted from the start."""

    sent: int  # messages and edits
    delivered: int  # deliveries that were made
    acked: int  # deliveries that were acknowledged
    doubled: int  # attempts after the first
    lost: int  # deliveries that Slack gave up
    slowest: float  # seconds of the slowest ack
    pending: int  # deliveries that wait for their ack
    sockets: int  # open now
    most: int  # open at once, at most
    opened: int  # in all
    floods: int  # every 429
    faults: int
    violations: list[str]  # what a well-behaved app would not have done
    calls: dict[str, int]

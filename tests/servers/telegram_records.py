"""What Telegram's server for tests keeps: people, chats, messages, and what the bot said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
Entity = dict[str, Any]
Kind = Literal["private", "group", "supergroup"]


class Refused(Exception):  # noqa: N818  # a refusal is an answer here, not a mistake of the program
    """The Bot API says no: its code, its description, and the parameters that go with it."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(description: str) -> Refused:
    """The refusal of a request that makes no sense."""
    return Refused(400, f"Bad Request: {description}")


def forbidden(description: str) -> Refused:
    """The refusal of a bot that may not."""
    return Refused(403, f"Forbidden: {description}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account."""

    id: int
    name: str
    username: str = ""
    is_bot: bool = False

    def as_json(self) -> Json:
        user = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name, "language_code": "en"}
        return {**user, "username": self.username} if self.username else user


@dataclass(slots=True, kw_only=True, eq=False)
class Topic:
    """A topic of a forum; its id is the id of the message that made it."""

    id: int
    name: str
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file; `id` is what a bot names it by, `path` where it is downloaded."""

    id: str
    kind: str
    content: bytes
    name: str
    media_type: str
    path: str
    seconds: int = 0
    size: int = 0  # as Telegram says it: larger than the content if a test says so


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A message as the chat shows it now."""

    id: int
    chat: "Chat"
    sender: Person | None  # None: the bot
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    file: StoredFile | None = None  # `text` is the caption of it
    album: str = ""  # of the messages that were sent as one
    content: Mapping[str, Json] | None = None  # a location, a poll, …: no text
    sender_chat: "Chat | None" = None  # in whose name an anonymous admin writes
    via_bot: Json = None
    service: Mapping[str, Json] | None = None  # a rename, a migration, …: no text
    markup: Json = None
    reply_to: "Message | None" = None
    topic: int = 0
    root: int = 0  # where its chain of replies began, outside topics
    edited: int = 0

    @property
    def file_name(self) -> str:
        return self.file.name if self.file else ""


@dataclass(slots=True, kw_only=True, eq=False)
class Chat:
    """A conversation and what the bot is in it."""

    id: int
    kind: Kind
    title: str = ""
    forum: bool = False
    person: Person | None = None  # of a private chat
    members: dict[int, str] = field(default_factory=dict)  # user id: creator, administrator or member
    bot: str = "member"  # administrator, member, left, kicked, stranger (a person who never wrote)
    migrated_to: int = 0
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0  # of the newest message

    def as_json(self) -> Json:
        if self.person:
            private = {"id": self.id, "type": "private", "first_name": self.person.name}
            return {**private, "username": self.person.username} if self.person.username else private
        group = {"id": self.id, "type": self.kind, "title": self.title}
        return {**group, "is_forum": True} if self.forum else group

    def keeps_out(self) -> Refused | None:
        """Why the bot cannot write here, if it cannot."""
        if self.migrated_to:
            reason = "Bad Request: group chat was upgraded to a supergroup chat"
            return Refused(400, reason, migrate_to_chat_id=self.migrated_to)
        if self.bot == "kicked":
            by = "blocked by the user" if self.person else f"kicked from the {self.kind} chat"
            return forbidden(f"bot was {by}")
        if self.bot == "left":
            return forbidden(f"bot is not a member of the {self.kind} chat")
        if self.bot == "stranger":
            return forbidden("bot can't initiate conversation with a user")
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class Sent:
    """One thing that the bot said or changed, as it was at that moment."""

    number: int  # counts what was sent, from 1
    method: str
    chat: int
    thread: int  # the topic; 0 outside topics
    message_id: int
    text: str  # as a person sees it
    raw: str  # as it was sent
    parse_mode: str
    entities: list[Entity]
    reply_to: int  # 0: it answers no message
    buttons: list[list[tuple[str, str]]]  # rows of (label, data or address)
    at: float  # seconds since 1970
    edited_from: str | None = None  # the text before, if this is an edit
    kind: str = ""  # photo, document, …: what was sent instead of a text
    file_name: str = ""
    file_id: str = ""  # what is in it: `world.files[file_id].content`
    album: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Query:
    """A tap on a button and its answer."""

    id: str
    data: str
    user: int
    chat: int
    message_id: int
    at: float
    answered_at: float | None = None
    text: str = ""
    alert: bool = False
    answers: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Action:
    """A line such as "typing…" that was shown in a chat."""

    chat: int
    thread: int
    action: str
    at: float


@dataclass(slots=True, kw_only=True)
class Stats:
    """What is counted from the start."""

    sent: int  # messages and edits
    given: int  # updates in answers to polls, repeats included
    pending: int  # updates that were not confirmed yet
    confirmed: int  # the highest offset
    next_update: int
    polled: bool  # somebody waits for updates now
    floods: int  # every 429
    violations: int  # sends into a chat whose wait was not over
    conflicts: int  # every 409
    faults: int
    actions: int
    deleted: int
    calls: dict[str, int]
    statuses: dict[str, int]


def buttons(markup: Json) -> list[list[tuple[str, str]]]:
    """The rows of an inline keyboard as (label, data or address)."""
    rows: Iterable[Iterable[Json]] = (markup or {}).get("inline_keyboard", ())
    return [[(one["text"], one.get("callback_data", one.get("url", ""))) for one in row] for row in rows]

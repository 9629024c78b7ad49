"""The state behind Telegram's server for tests: people, chats and messages, and how they look to a bot."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from tests.servers.telegram_faults import Faults
from tests.servers.telegram_files import Files, media_of
from tests.servers.telegram_hooks import Hooks
from tests.servers.telegram_limits import Flood
from tests.servers.telegram_records import (
    Action,
    Chat,
    Json,
    Message,
    Person,
    Query,
    Sent,
    bad,
    buttons,
)
from tests.servers.telegram_updates import Updates

BOT_NAME = "Tocsin"
BOT_USERNAME = "tocsin_test_bot"


class World:
    """Everything that Telegram would know, kept in memory.

    With `keep` the lists are bounded: about so many entries each, and the oldest messages are forgotten (they can
    no longer be edited or answered). The counters go on.
    """

    def __init__(self, *, token: str, keep: int | None = None, now: Callable[[], float] = time.time) -> None:
        self.token = token
        self.bot_id = int(token.partition(":")[0])
        self.keep = keep
        self.now = now
        self.skew = 0.0  # seconds by which this server's clock is ahead
        self.query_timeout = 10.0  # a tap on a button can be answered for so many seconds
        self.can_read_all_group_messages = False
        self.updates = Updates(first_id=10_001)
        self.faults = Faults()
        self.flood = Flood()
        self.files = Files()
        self.hooks = Hooks(self.updates, now)
        self.deaf: set[int] = set()  # people who take no voice messages
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.sent: list[Sent] = []
        self.sent_count = 0
        self.calls: Counter[str] = Counter()  # all that arrived, those that met a fault too
        self.statuses: Counter[int] = Counter()
        self.actions: list[Action] = []
        self.action_count = 0
        self.queries: dict[str, Query] = {}
        self.deleted: list[tuple[int, int]] = []  # (chat, message id), by the bot
        self.deleted_count = 0
        self.reactions: dict[tuple[int, int], list[str]] = {}
        self.commands: dict[tuple[str, str], dict[str, str]] = {}  # (scope, language): {command: description}
        self._last_id = 0  # of private chats and basic groups: one counter for them all
        self._remembered: deque[Message] = deque()
        self._changed: set[asyncio.Event] = set()

    # What the bot is

    def me(self) -> Json:
        return {
            "id": self.bot_id,
            "is_bot": True,
            "first_name": BOT_NAME,
            "username": BOT_USERNAME,
        }

    # What there is

    @property
    def confirmed(self) -> int:
        """The offset: updates below it were confirmed by the bot."""
        return self.updates.confirmed

    @property
    def pending(self) -> int:
        """How many updates were not confirmed yet."""
        return len(self.updates.waiting)

    def texts(self, chat: int, thread: int | None = None) -> list[str]:
        """What the bot's messages in a chat say now, in their order; `thread=0` is outside topics.

        Files are among them by their captions, if they have any.
        """
        return [
            message.text
            for message in self.chats[chat].messages.values()
            if message.sender is None
            and not message.service
            and not (message.file and not message.text)
            and thread in {None, message.topic}
        ]

    def last_message(self, chat: int) -> int:
        """The id of the newest message in a chat, whoever wrote it."""
        return self.chats[chat].last_id

    # How it changes

    def enlist(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def write(self, chat: Chat, sender: Person | None, **content: Any) -> Message:
        """Put a message into a chat."""
        if chat.kind == "supergroup":
            identifier = chat.last_id + 1
        else:
            identifier = self._last_id = self._last_id + 1
        message = Message(id=identifier, chat=chat, sender=sender, date=self.date(), **content)
        if message.reply_to and chat.kind == "supergroup" and not message.topic:
            message.root = message.reply_to.root or message.reply_to.id
        chat.last_id = identifier
        chat.messages[identifier] = message
        if self.keep:
            self._remember(message)
        return message

    def _remember(self, message: Message) -> None:
        self._remembered.append(message)
        while len(self._remembered) > (self.keep or 0):
            old = self._remembered.popleft()
            old.reply_to = None
            old.chat.messages.pop(old.id, None)

    def record(self, method: str, message: Message, raw: str, parse_mode: str, before: str | None = None) -> None:
        """Keep what the bot said."""
        self.sent_count += 1
        self.sent.append(
            Sent(
                number=self.sent_count,
                method=method,
                chat=message.chat.id,
                thread=message.topic,
                message_id=message.id,
                text=message.text,
                raw=raw,
                parse_mode=parse_mode,
                entities=message.entities,
                reply_to=message.reply_to.id if message.reply_to else 0,
                buttons=buttons(message.markup),
                at=self.now(),
                edited_from=before,
                kind=message.file.kind if message.file else "",
                file_name=message.file_name,
                file_id=message.file.id if message.file else "",
                album=message.album,
            )
        )
        self.trim(self.sent)

    def trim(self, kept: list[Any]) -> None:
        """Forget the oldest entries of a list, in slices so that it costs little."""
        if self.keep and len(kept) > self.keep + self.keep // 4:
            del kept[: -self.keep]

    def date(self) -> int:
        return int(self.now() + self.skew)

    def find(self, chat: Chat, identifier: int, otherwise: str) -> Message:
        """A message that is still there, or a refusal."""
        message = chat.messages.get(identifier)
        if message is None:
            raise bad(otherwise)
        return message

    # How it looks

    def as_json(self, message: Message, *, nested: bool = False) -> Json:
        """A message as the Bot API shows it; what it answers is shown without what that answers."""
        shown: dict[str, Json] = {
            "message_id": message.id,
            "from": self._author(message),
            "chat": message.chat.as_json(),
            "date": message.date,
        }
        if message.topic or message.root:
            shown["message_thread_id"] = message.topic or message.root
            if message.topic:
                shown["is_topic_message"] = True
        if message.edited:
            shown["edit_date"] = message.edited
        if message.sender_chat:
            shown["sender_chat"] = message.sender_chat.as_json()
        if message.via_bot:
            shown["via_bot"] = message.via_bot
        if message.album:
            shown["media_group_id"] = message.album
        answered = message.reply_to or (None if nested else message.chat.messages.get(message.topic))
        if answered and not nested and answered is not message:
            shown["reply_to_message"] = self.as_json(answered, nested=True)
        if message.service:
            shown |= message.service
        else:
            shown |= _content(message)
        if message.markup:
            shown["reply_markup"] = message.markup
        return shown

    def _author(self, message: Message) -> Json:
        if message.sender_chat:
            return {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        return message.sender.as_json() if message.sender else self.me()

    # Waiting

    def change(self) -> None:
        """Wake whoever waits for something to happen."""
        for waiter in self._changed:
            waiter.set()

    async def wait_for(self, wanted: int | Callable[[], object], seconds: float = 5.0) -> None:
        """Wait until the bot has sent so much in all (edits count), or until something is true."""
        waiter = asyncio.Event()
        self._changed.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                while not (wanted() if callable(wanted) else self.sent_count >= wanted):
                    await self._pause(waiter)
        except TimeoutError:
            seen = [(one.method, one.chat, one.text[:80]) for one in self.sent[-5:]]
            raise TimeoutError(f"not within {seconds} s; {self.sent_count} were sent, at last {seen}") from None
        finally:
            self._changed.discard(waiter)

    async def _pause(self, waiter: asyncio.Event) -> None:
        """Until the next call of the bot; not for long, as what is waited for may lie outside this server."""
        waiter.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiter.wait(), 0.05)


def _content(message: Message) -> dict[str, Json]:
    if message.content is not None:
        return dict(message.content)
    text, entities = message.text, message.entities
    if message.file is None:
        return {"text": text, "entities": entities} if entities else {"text": text}
    media = media_of(message.file)
    return media | {"caption": text, "caption_entities": entities} if text else media

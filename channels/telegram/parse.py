"""What an update says: a message for the agent, a pressed button, a chat that moved, or nothing of ours; pure."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from telegram import CallbackQuery, Chat, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from channels.telegram.client import Identity
from channels.telegram.contents import attachments_of, words_of
from gateway.messages import ChatAddress, InboundMessage, Press

COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?=\s|$)", re.ASCII)
GROUPS = {ChatType.GROUP, ChatType.SUPERGROUP}

LONGEST_QUOTE = 2_000  # characters of what a message answers
LONGEST_NAME = 100

NOT_YOURS = "These buttons are for the person who asked."
TOO_OLD = "These buttons are too old. Send the command again."


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote."""

    message: InboundMessage


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button; `message` is None when nothing follows from that, and `told` says them why."""

    query: str
    message: InboundMessage | None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A group became a supergroup, under another id."""

    chat: str
    to: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The bot was added to a chat, removed from it or blocked."""

    chat: str
    status: str
    by: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to act on, and why."""

    reason: str


Heard: TypeAlias = Said | Pressed | Moved | Membership | Nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whose updates these are: the name of the channel, the bot, and the commands that are known here."""

    channel: str
    me: Identity
    commands: AbstractSet[str]

    def parse(self, update: Update, now: datetime) -> Heard:
        """`now`: when it was read, aware."""
        if update.message is not None:
            return self._message(update.message, update.update_id, now)
        if update.callback_query is not None:
            return self._press(update.callback_query, update.update_id, now)
        if update.my_chat_member is not None:
            change = update.my_chat_member
            return Membership(str(change.chat.id), str(change.new_chat_member.status), _id_of(change.from_user))
        return Nothing("a kind of update that starts nothing")

    def _message(self, message: Message, update: int, now: datetime) -> Heard:
        if message.migrate_to_chat_id:
            return Moved(str(message.chat.id), str(message.migrate_to_chat_id))
        if message.chat.type not in {ChatType.PRIVATE, *GROUPS}:
            return Nothing(f"a chat of type {message.chat.type}")
        user = message.from_user
        if user is None or user.id == self.me.id:
            return Nothing("written by nobody, or by us")
        attachments = attachments_of(message)
        text = message.text or message.caption or ("" if attachments else words_of(message))
        if not text and not attachments:
            return Nothing("a message about the chat itself")
        command, answered = COMMAND.match(text), message.reply_to_message
        if command and not self._is_ours(command, message.chat):
            return Nothing("a command for another bot")
        if command and command[2]:
            text = f"/{command[1]}{text[command.end() :]}"
        return Said(
            InboundMessage(
                channel=self.channel,
                sender_id=str(message.sender_chat.id) if message.sender_chat else _id_of(user),
                sender_name=_whole(message.sender_chat.title or "" if message.sender_chat else user.full_name),
                dedupe_keys=(self._key(update),),
                address=self._address(message.chat, message),
                text=_whole(self._without_mention(message, text)),
                received_at=now,
                message_id=str(message.message_id),
                reply_to=str(answered.message_id) if answered else "",
                reply_text=_quoted(message),
                reply_author=_author(answered),
                attachments=attachments,
                group=message.chat.type in GROUPS,
                addressed=self._is_addressed(message, command),
                bot=user.is_bot
                and message.sender_chat is None,  # else it stands for a person who hides their name
                album=_whole(message.media_group_id or ""),
            )
        )

    def _press(self, query: CallbackQuery, update: int, now: datetime) -> Pressed:
        under, data = query.message, query.data or ""
        # A client may send any data for any message: only what stands on a button that we can see counts.
        if not isinstance(under, Message) or data not in _on_buttons(under):
            return Pressed(query.id, None, TOO_OLD)
        asker, _, text = data.partition("|")
        # Who asked in the name of a chat, as anonymous admins do, presses in their own: rights are asked later.
        if asker and not asker.startswith("-") and asker != _id_of(query.from_user):
            return Pressed(query.id, None, NOT_YOURS)
        if not text or under.chat.type not in {ChatType.PRIVATE, *GROUPS}:
            return Pressed(query.id, None, TOO_OLD)
        return Pressed(
            query.id,
            InboundMessage(
                channel=self.channel,
                sender_id=_id_of(query.from_user),
                sender_name=_whole(query.from_user.full_name),
                dedupe_keys=(self._key(update),),
                address=self._address(under.chat, under),
                text=_whole(text),
                received_at=now,
                occasion=Press(message_id=str(under.message_id)),
                group=under.chat.type in GROUPS,
            ),
        )

    def _key(self, update: int) -> str:
        # With the bot's id: another bot under the same name of a channel counts its updates anew.
        return f"telegram:{self.me.id}:{update}"

    def _address(self, chat: Chat, message: Message) -> ChatAddress:
        """Chat and topic. A reply outside a forum has a thread id too, which is no topic."""
        topic = message.is_topic_message and message.message_thread_id
        return ChatAddress(channel=self.channel, chat=str(chat.id), thread=str(topic) if topic else "")

    # -- whom it is for -----------------------------------------------------------------------------------

    def _is_ours(self, command: re.Match[str], chat: Chat) -> bool:
        """By our name; without any name, in a group, only when there is such a command: others listen too."""
        if command[2]:
            return command[2].lower() == self.me.username.lower()
        return chat.type == ChatType.PRIVATE or command[1].lower() in self.commands

    def _is_addressed(self, message: Message, command: re.Match[str] | None) -> bool:
        if message.chat.type == ChatType.PRIVATE or self._mentions(message):
            return True
        if command:
            return True  # one of ours: the others were left out before
        answered = message.reply_to_message
        # The first message of a topic counts as answered by everything in it.
        if answered is None or answered.forum_topic_created or answered.from_user is None:
            return False
        return answered.from_user.id == self.me.id

    def _mentions(self, message: Message) -> list[MessageEntity]:
        """Where the message names us: exactly, `@mybot2` is not `@mybot`."""
        kinds: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
        found = message.parse_entities(kinds) if message.text else message.parse_caption_entities(kinds)
        name = f"@{self.me.username}".lower()
        return [
            entity
            for entity, text in found.items()
            if text.lower() == name or (entity.user is not None and entity.user.id == self.me.id)
        ]

    def _without_mention(self, message: Message, text: str) -> str:
        """What is said to us, without our name before it."""
        if not any(entity.offset == 0 for entity in self._mentions(message)):
            return text
        rest = text[len(self.me.username) + 1 :].lstrip(" ,:;\n") if text.startswith("@") else text
        return rest or text


def _quoted(message: Message) -> str:
    """The words that the message answers: those that were picked, else all of them."""
    if message.quote:
        return _whole(message.quote.text)[:LONGEST_QUOTE]
    answered = message.reply_to_message
    return _whole(answered.text or answered.caption or "")[:LONGEST_QUOTE] if answered else ""


def _author(answered: Message | None) -> str:
    if answered is None:
        return ""
    user = answered.from_user.full_name if answered.from_user else ""
    return _whole((answered.sender_chat.title if answered.sender_chat else "") or user)[:LONGEST_NAME]


def _on_buttons(message: Message) -> set[str]:
    """What the buttons under the message stand for."""
    rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
    return {str(button.callback_data) for row in rows for button in row if button.callback_data}


def _whole(text: str) -> str:
    """Without halves of surrogate pairs, which cannot be stored."""
    return text.encode(errors="replace").decode()


def _id_of(user: User) -> str:
    return str(user.id)

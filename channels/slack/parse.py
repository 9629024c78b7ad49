"""What a payload says: a message for the agent, a pressed button, a dialog, or nothing of ours; pure.

The payloads: https://docs.slack.dev/reference/events/message, /reference/events/app_mention,
/reference/interaction-payloads and /interactivity/implementing-slash-commands. Whatever they are like, nothing is
raised: a field that is not what it should be counts as not there.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from channels.slack import modal
from channels.slack.client import Identity
from channels.slack.files import attachments_of
from channels.slack.heard import Heard, Nothing, Said, Told, Wanted
from channels.slack.words import (
    BOT,
    CHANNEL,
    TS,
    USER,
    Names,
    mentioned,
    readable,
    table_of,
    tables_of,
    text_of,
    without_mention,
)
from gateway.messages import ChatAddress, InboundMessage, Json, Press

SPOKEN = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages in which somebody says something; all others tell of the chat itself, or of edits."""

SLACKBOT = "USLACKBOT"
ADD = "add"
LONGEST_QUOTE = 2_000
LONGEST_NAME = 100

NOT_YOURS = "These buttons are for the person who asked."
TOO_OLD = "These buttons are too old. Send the command again."

_COMMAND = re.compile(r"/(\w{1,32})@([\w.-]+)(?=\s|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a payload belongs in time: what happened in one chat is heard in the order of its moments."""

    chat: str
    moment: str


def place_of(body: Json) -> Place:
    event = table_of(body, "event")
    if event:
        return Place(text_of(event, "channel"), text_of(event, "ts") or text_of(event, "event_ts"))
    chat = text_of(table_of(body, "channel"), "id") or text_of(body, "channel_id")
    actions = tables_of(body, "actions")
    return Place(chat, text_of(actions[0], "action_ts") if actions else text_of(body, "action_ts"))


def people_of(body: Json) -> tuple[str, ...]:
    """The users whose names are needed to read this."""
    event = table_of(body, "event")
    if event:
        found = (text_of(event, "user"), *mentioned(text_of(event, "text")))
    else:
        found = (text_of(table_of(body, "user"), "id"), *mentioned(text_of(body, "text")))
    return tuple(dict.fromkeys(one for one in found if USER.fullmatch(one)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whose payloads these are: the name of the channel and the bot.

    `thread_replies`: what is answered at the top level of a group is answered in a thread under it.
    """

    channel: str
    me: Identity
    thread_replies: bool = True

    def parse(self, body: Json, names: Names, now: datetime) -> Heard:
        """`names`: of `people_of(body)`, as far as they are known. `now`: when it was read, aware."""
        match text_of(body, "type"):
            case "event_callback":
                return self._event(body, names, now)
            case "block_actions":
                return self._press(body, names, now)
            case "view_submission":
                return self._submitted(body, names, now)
            case "shortcut" | "message_action":
                return self._shortcut(body, names)
        return self._slash(body, names, now) if text_of(body, "command") else Nothing("a payload of no use to us")

    # -- messages -----------------------------------------------------------------------------------------

    def _event(self, body: Json, names: Names, now: datetime) -> Heard:
        event = table_of(body, "event")
        if text_of(event, "type") not in {"message", "app_mention"}:
            return Nothing("an event that starts nothing")
        if text_of(event, "subtype") not in SPOKEN or event.get("hidden"):
            return Nothing("a message about the chat itself, or an edit")
        chat, ts = text_of(event, "channel"), text_of(event, "ts")
        if not CHANNEL.fullmatch(chat) or not TS.fullmatch(ts):
            return Nothing("a message without a place")
        sender, bot = self._sender(event)
        if not sender:
            return Nothing("our own message, or nobody's")
        return self._message(body, event, names, now, sender=sender, bot=bot)

    def _sender(self, event: Json) -> tuple[str, bool]:
        """Who wrote it, and whether that is a program; empty if it is ourselves, or cannot be told."""
        bot, user = text_of(event, "bot_id"), text_of(event, "user")
        if (bot and bot == self.me.bot) or user in {self.me.user, SLACKBOT}:
            return "", True
        if BOT.fullmatch(bot):
            return bot, True
        return (user, False) if USER.fullmatch(user) else ("", False)

    def _message(self, body: Json, event: Json, names: Names, now: datetime, *, sender: str, bot: bool) -> Heard:
        raw, group = _text(event, bot=bot), is_group(event)
        to_me = self.me.user in mentioned(raw)
        addressed = not group or to_me or text_of(event, "parent_user_id") == self.me.user
        words = without_mention(raw, self.me.user)
        ours = self._ours(words)
        quoted, files = _quoted(event), attachments_of(event)
        if ours is None:
            return Nothing("a command for another bot")
        text = readable(ours, names)
        if not text.strip() and not files and not quoted:
            return Nothing("an empty message")
        name = names.get(sender) or text_of(event, "username") or text_of(table_of(event, "bot_profile"), "name")
        return Said(
            InboundMessage(
                channel=self.channel,
                sender_id=sender,
                sender_name=name[:LONGEST_NAME],
                dedupe_keys=self._message_keys(body, event, sender),
                address=self._address(event, in_thread=group and addressed and self.thread_replies),
                text=text if text.strip() or files else "(a message of somebody else, without words)",
                received_at=now,
                message_id=text_of(event, "ts"),
                reply_to=text_of(quoted, "ts"),
                reply_text=readable(text_of(quoted, "text"), names)[:LONGEST_QUOTE],
                reply_author=text_of(quoted, "author_name")[:LONGEST_NAME],
                attachments=files,
                group=group,
                addressed=addressed,
                bot=bot,
            )
        )

    def _ours(self, words: str) -> str | None:
        """The words; a command with our name without it, and None when it has another one's."""
        command = _COMMAND.match(words)
        if command is None:
            return words
        if command[2].lower() != self.me.name.lower():
            return None
        return f"/{command[1]}{words[command.end() :]}"

    def _address(self, event: Json, *, in_thread: bool) -> ChatAddress:
        """Chat and thread; `in_thread`: a message at the top level opens one."""
        thread, ts = text_of(event, "thread_ts"), text_of(event, "ts")
        if not TS.fullmatch(thread) or thread == ts:
            thread = ts if in_thread else ""
        return ChatAddress(channel=self.channel, chat=text_of(event, "channel"), thread=thread)

    def _message_keys(self, body: Json, event: Json, sender: str) -> tuple[str, ...]:
        """By which a redelivery is known, under the same event id or another.

        A message and its mention are two events with one (channel, ts). The last key is of what does not change
        even when a platform counts anew: who wrote when, where and what. Slack's ts is when a message was made;
        what a client sends again by itself has the client's id.
        """
        chat, ts, us = text_of(event, "channel"), text_of(event, "ts"), self._us
        made = text_of(event, "client_msg_id") or ts
        content = hashlib.sha256(text_of(event, "text").encode()).hexdigest()[:16]
        keys = [f"{us}:{chat}:{ts}", f"{us}:{chat}:{sender}:{made}:{content}"]
        if event_id := text_of(body, "event_id"):
            keys.insert(0, f"{us}:{event_id}")
        return tuple(keys)

    @property
    def _us(self) -> str:
        """Who was told: of one message each bot in a channel is told, and each has to hear it."""
        return f"slack:{self.me.team}:{self.me.user}"

    # -- buttons, commands, dialogs -----------------------------------------------------------------------

    def _press(self, body: Json, names: Names, now: datetime) -> Heard:
        user, chat = text_of(table_of(body, "user"), "id"), text_of(table_of(body, "channel"), "id")
        message, actions = table_of(body, "message"), tables_of(body, "actions")
        ts = text_of(message, "ts")
        if not USER.fullmatch(user) or not CHANNEL.fullmatch(chat) or not TS.fullmatch(ts) or not actions:
            return Nothing("a press of nothing that we can see")
        place = {**message, "channel": chat}
        address = self._address(place, in_thread=False)
        value = text_of(actions[0], "value")
        # Slack signs what it sends; what is no button of ours that is still there all the same starts nothing.
        if not self._is_mine(message) or value not in _on_buttons(message):
            return Told(address=address, user=user, text=TOO_OLD)
        asker, _, text = value.partition("|")
        if asker not in {"", user}:
            return Told(address=address, user=user, text=NOT_YOURS)
        pressed = text_of(actions[0], "action_ts") or text_of(body, "trigger_id")
        if not text or not pressed:
            return Told(address=address, user=user, text=TOO_OLD)
        return Said(
            InboundMessage(
                channel=self.channel,
                sender_id=user,
                sender_name=_name(user, body, names),
                dedupe_keys=(f"{self._us}:press:{chat}:{ts}:{user}:{pressed}",),
                address=address,
                text=text,
                received_at=now,
                occasion=Press(message_id=ts),
                group=is_group(place),
            )
        )

    def _is_mine(self, message: Json) -> bool:
        return text_of(message, "user") == self.me.user or (
            self.me.bot != "" and text_of(message, "bot_id") == self.me.bot
        )

    def _slash(self, body: Json, names: Names, now: datetime) -> Heard:
        user, chat = text_of(body, "user_id"), text_of(body, "channel_id")
        trigger = text_of(body, "trigger_id")
        if not USER.fullmatch(user) or not CHANNEL.fullmatch(chat) or not trigger:
            return Nothing("a command of nobody")
        words = without_mention(text_of(body, "text").strip(), self.me.user).lstrip("/").strip() or "help"
        first, _, rest = words.partition(" ")
        if first.lower() == ADD:
            if not rest.strip():
                return Wanted(trigger, modal.view(chat))
            words = f"cron {words}"
        return self._typed(
            f"/{readable(words, names)}",
            ChatAddress(channel=self.channel, chat=chat),
            now,
            user=user,
            name=names.get(user) or text_of(body, "user_name"),
            key=f"slash:{trigger}",
        )

    def _submitted(self, body: Json, names: Names, now: datetime) -> Heard:
        view, user = table_of(body, "view"), text_of(table_of(body, "user"), "id")
        command = modal.command_of(view)
        if not command or not USER.fullmatch(user) or not text_of(view, "id"):
            return Nothing("a dialog that is not ours, or not filled")
        chat, thread = modal.place_of(view)
        if not CHANNEL.fullmatch(chat):
            chat, thread = "", ""
        address = ChatAddress(channel=self.channel, chat=chat, thread=thread if TS.fullmatch(thread) else "")
        key = f"view:{text_of(view, 'id')}"
        return self._typed(command, address, now, user=user, name=_name(user, body, names), key=key)

    def _typed(self, text: str, address: ChatAddress, now: datetime, *, user: str, name: str, key: str) -> Said:
        """A command that was not written as a message; it can be given wherever somebody is."""
        private = not address.chat or address.chat.startswith("D")
        return Said(
            InboundMessage(
                channel=self.channel,
                sender_id=user,
                sender_name=name[:LONGEST_NAME],
                dedupe_keys=(f"{self._us}:{key}",),
                address=address,
                text=text,
                received_at=now,
                group=not private,
            ),
            private=private,
        )

    def _shortcut(self, body: Json, names: Names) -> Heard:
        trigger, callback = text_of(body, "trigger_id"), text_of(body, "callback_id")
        if not trigger or callback not in {modal.CALLBACK, modal.FROM_MESSAGE}:
            return Nothing("a shortcut that is not ours")
        # In private, also from a message in a channel: nobody there has asked, and the bot may not even be in it.
        return Wanted(trigger, modal.view("", what=readable(text_of(table_of(body, "message"), "text"), names)))


def in_chat(message: InboundMessage, chat: str) -> InboundMessage:
    """The message, at the top level of this chat."""
    return replace(message, address=replace(message.address, chat=chat, thread=""))


def is_group(event: Json) -> bool:
    """Whether others read along. An app_mention names no kind of channel: ids of private chats begin with D."""
    kind = text_of(event, "channel_type")
    return kind != "im" if kind else not text_of(event, "channel").startswith("D")


def _text(event: Json, *, bot: bool) -> str:
    """What is said; programs may say it in attachments alone."""
    text = text_of(event, "text")
    if text or not bot:
        return text
    found = (text_of(one, "text") or text_of(one, "fallback") for one in tables_of(event, "attachments"))
    return "\n".join(one for one in found if one)


def _quoted(event: Json) -> Json:
    """The message that was shared along with this one."""
    shared = (one for one in tables_of(event, "attachments") if one.get("is_share") or one.get("is_msg_unfurl"))
    return next(shared, {})


def _name(user: str, body: Json, names: Names) -> str:
    person = table_of(body, "user")
    return (names.get(user) or text_of(person, "name") or text_of(person, "username"))[:LONGEST_NAME]


def _on_buttons(message: Json) -> set[str]:
    """What the buttons under the message stand for."""
    rows: Sequence[Json] = [block for block in tables_of(message, "blocks") if text_of(block, "type") == "actions"]
    return {text_of(one, "value") for row in rows for one in tables_of(row, "elements")} - {""}

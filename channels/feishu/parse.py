"""What an event says: a message for the agent, a pressed button, a chosen menu, or nothing of ours; pure.

The events: https://open.feishu.cn/document/server-docs/im-v1/message/events/receive,
…/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-callback-communication (a pressed button) and
…/server-docs/application-v6/event/bot-menu (a menu).
"""

import hashlib
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from pydantic import ValidationError

from channels.feishu import payloads
from channels.feishu.client import Identity
from channels.feishu.contents import EVERYBODY, read
from channels.feishu.payloads import Envelope, Header, Mention, Message, Received, Triggered
from channels.feishu.seal import Seal
from gateway.messages import ChatAddress, InboundMessage, Press

PLACES = {
    "im.chat.member.bot.added_v1": "added",
    "im.chat.member.bot.deleted_v1": "removed",
    "im.chat.disbanded_v1": "the group is gone",
}

COMMAND = re.compile(r"/(\w{1,32})(?:@(\S+))?(?=\s|$)", re.ASCII)
KEY = re.compile(r"/?(\w{1,32}(?: [^\n]{0,100})?)")  # of a menu: a command with its words
NOT_YOURS = "These buttons are for the person who asked."
TOO_OLD = "These buttons are too old. Send the command again."


# -- what we make of it ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody wrote. `parent`: the message that it answers; whose that is, and what it says, is not told."""

    message: InboundMessage
    parent: str = ""
    mentioned: tuple[tuple[str, str], ...] = ()  # ids and names of people


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """Somebody pressed a button; `message` is None when nothing follows from that, and `told` says them why."""

    message: InboundMessage | None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Somebody chose from the menu, which is in the private chat; in which one that is, is not told."""

    user: str
    name: str
    command: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody looks into their private chat with the bot."""

    user: str
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The bot's place in a chat has changed."""

    chat: str
    status: str
    by: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to act on, and why. `odd`: an operator should know, since something may have been lost."""

    reason: str
    odd: bool = False


Heard: TypeAlias = Said | Pressed | Chosen | Entered | Membership | Nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whose events these are: the name of the channel, the bot, the commands that are known here.

    `threads`: a message to the bot in a group opens a chain, in which the bot answers.
    """

    channel: str
    me: Identity
    commands: AbstractSet[str]
    seal: Seal
    threads: bool = True

    def parse(self, event: Envelope, now: datetime) -> Heard:
        """`now`: when it was read, aware."""
        kind = event.header.event_type
        try:
            match kind:
                case "im.message.receive_v1":
                    return self._message(event.header, payloads.Received.model_validate(event.event), now)
                case "card.action.trigger":
                    return self._press(event.header, payloads.Triggered.model_validate(event.event), now)
                case "application.bot.menu_v6":
                    return self._menu(event.header, payloads.Chosen.model_validate(event.event))
                case "im.chat.access_event.bot_p2p_chat_entered_v1":
                    entered = payloads.Entered.model_validate(event.event)
                    return Entered(user=entered.operator_id.open_id, chat=entered.chat_id)
            if kind in PLACES:
                moved = payloads.Moved.model_validate(event.event)
                by = moved.operator_id.open_id if moved.operator_id else ""
                return Membership(chat=moved.chat_id, status=PLACES[kind], by=by)
        except ValidationError:
            return Nothing(f"an event {_whole(kind[:60])} that cannot be read", odd=True)
        return Nothing("a kind of event that starts nothing")

    # -- messages -----------------------------------------------------------------------------------------

    def _message(self, header: Header, received: Received, now: datetime) -> Heard:
        message, sender = received.message, received.sender.sender_id
        if sender is None or not sender.open_id:
            return Nothing("nobody has written it")
        if sender.open_id == self.me.id:
            return Nothing("our own message")
        mentions = message.mentions or []
        names = {one.key: f"@{one.name}" for one in mentions if one.key} | {EVERYBODY: "@all"}
        contents = read(message.message_type, message.content, message.message_id, names)
        mentioned = any(one.id.open_id == self.me.id for one in mentions)
        text = self._without_us(contents.words, mentions)
        if not text.strip() and not contents.files:
            return Nothing("a message without words")
        group, command = message.chat_type != "p2p", COMMAND.match(text)
        if command and not self._is_ours(command, alone=mentioned or not group):
            return Nothing("a command for another bot")
        if command and command[2]:
            text = f"/{command[1]}{text[command.end() :]}"
        addressed = not group or mentioned or command is not None
        said = InboundMessage(
            channel=self.channel,
            sender_id=sender.open_id,
            dedupe_keys=self._keys(header, message, sender.open_id),
            address=self._address(message, opens=group and addressed),
            text=_whole(text),
            received_at=now,
            message_id=message.message_id,
            reply_to=message.parent_id,
            attachments=tuple(replace(one, name=_whole(one.name)) for one in contents.files),
            group=group,
            addressed=addressed,
            bot=received.sender.sender_type != "user",
        )
        people = tuple((one.id.open_id, _whole(one.name)) for one in mentions if one.id.open_id and one.name)
        return Said(message=said, parent=message.parent_id, mentioned=people)

    def _address(self, message: Message, *, opens: bool) -> ChatAddress:
        """Chat, and the first message of the topic or chain. A quotation in a private chat makes no thread."""
        if message.thread_id:
            thread = message.root_id or message.message_id
        elif message.chat_type != "p2p" and message.root_id:
            thread = message.root_id
        else:
            thread = message.message_id if opens and self.threads else ""
        return ChatAddress(channel=self.channel, chat=message.chat_id, thread=thread)

    def _keys(self, header: Header, message: Message, sender: str) -> tuple[str, ...]:
        """The same event, the same message, and the same words of the same moment under other ids."""
        content = f"{message.message_type}\0{message.content}"
        digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]
        once = f"{message.chat_id}:{sender}:{message.create_time}:{digest}" if message.create_time else ""
        return self._known_by(header.event_id, message.message_id, once)

    def _known_by(self, *ids: str) -> tuple[str, ...]:
        """The keys of these ids. One that is empty would be that of everything else without one."""
        # With the app's id: another app under the same name of a channel has events of its own.
        return tuple(_whole(f"feishu:{self.me.app}:{one}") for one in ids if one)

    def _is_ours(self, command: re.Match[str], *, alone: bool) -> bool:
        """By our name; without any name, where others listen too, only when there is such a command."""
        if command[2]:
            return command[2].lower() == self.me.name.replace(" ", "").lower()
        return alone or command[1].lower() in self.commands

    def _without_us(self, words: str, mentions: Sequence[Mention]) -> str:
        """What is said to us, without our name before it."""
        text = words.strip()
        for one in mentions:
            if one.id.open_id == self.me.id and text.startswith(f"@{one.name}"):
                text = text.removeprefix(f"@{one.name}").lstrip(" ,:;，：；\n\u00a0")
        return text or words.strip()

    # -- presses ------------------------------------------------------------------------------------------

    def _press(self, header: Header, pressed: Triggered, now: datetime) -> Pressed | Nothing:
        chat, who = pressed.context.open_chat_id, pressed.operator.open_id
        # What comes back has been in a stranger's hands: only what we have sealed for this chat counts.
        sealed = self.seal.read(pressed.action.value, chat)
        if sealed is None or not who:
            return Pressed(message=None, told=TOO_OLD)
        if sealed.asker and sealed.asker != who:
            return Pressed(message=None, told=NOT_YOURS)
        keys = self._known_by(header.event_id, pressed.token and f"press:{pressed.token}")
        if not keys:
            return Nothing("a press that could not be told from its repeats", odd=True)
        return Pressed(
            message=InboundMessage(
                channel=self.channel,
                sender_id=who,
                dedupe_keys=keys,
                address=ChatAddress(channel=self.channel, chat=chat, thread=sealed.thread),
                text=_whole(sealed.data),
                received_at=now,
                occasion=Press(message_id=pressed.context.open_message_id),
            )
        )

    def _menu(self, header: Header, chosen: payloads.Chosen) -> Heard:
        key = KEY.fullmatch(chosen.event_key.strip())
        who = chosen.operator.operator_id.open_id
        if key is None or not who:
            return Nothing("a menu whose event key is no command")
        once = f"menu:{who}:{chosen.event_key}:{chosen.timestamp}" if chosen.timestamp else ""
        keys = self._known_by(header.event_id, once)
        if not keys:
            return Nothing("a chosen menu that could not be told from its repeats", odd=True)
        return Chosen(
            user=who,
            name=_whole(chosen.operator.operator_name),
            command=f"/{_whole(key[1])}",
            keys=keys,
        )


def chosen_in(chosen: Chosen, channel: str, chat: str, now: datetime) -> InboundMessage:
    """What was chosen from the menu, as if it had been written in the private chat."""
    return InboundMessage(
        channel=channel,
        sender_id=chosen.user,
        sender_name=chosen.name,
        dedupe_keys=chosen.keys,
        address=ChatAddress(channel=channel, chat=chat),
        text=chosen.command,
        received_at=now,
    )


def _whole(text: str) -> str:
    """Without halves of surrogate pairs, which cannot be stored."""
    return text.encode(errors="replace").decode()

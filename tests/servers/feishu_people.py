"""What people do in Feishu, and what the bot is told of it."""

from collections.abc import Iterable, Sequence

import orjson

from tests.servers.feishu_records import (
    BOT_ID,
    BOT_NAME,
    TENANT,
    Chat,
    Json,
    Message,
    Person,
    Resource,
)
from tests.servers.feishu_text import buttons_of
from tests.servers.feishu_world import World

_GROUP_SCOPE = "im:message.group_msg"  # without it a bot hears in groups only what mentions it


class People(World):
    """The verbs of people. `chat=""` is the person's private chat with the bot."""

    @property
    def bot_id(self) -> str:
        """The open_id of our bot."""
        return BOT_ID

    # Who and where

    def person(self, id: str, name: str = "", *, bot: bool = False) -> Person:  # noqa: A002
        """Somebody with a private chat; `bot`: another app."""
        person = self.people[id] = Person(id=id, name=name or id, bot=bot)
        if not bot:
            self._enlist(Chat(id=self.fresh("oc_"), person=person, members={id}))
        return person

    def group(
        self,
        id: str,  # noqa: A002
        name: str = "",
        *,
        members: Iterable[str] = (),
        owner: str = "",
        admins: Iterable[str] = (),
        topics: bool = False,
        threads: bool = True,
    ) -> str:
        """A group with the bot in it; returns its id. `topics`: every message is one; not `threads`: none is."""
        if not id.startswith("oc_"):
            raise ValueError("the id of a chat begins with oc_")
        everybody = {*members, *admins, owner} - {""}
        chat = Chat(id=id, name=name or id, topics=topics, threads=threads, owner=owner, admins=set(admins))
        chat.members = {self._person(one).id for one in everybody}
        return self._enlist(chat).id

    # What they say

    def say(
        self,
        text: str = "",
        *,
        user: str,
        chat: str = "",
        parent: str = "",
        thread: bool = False,
        mention: Sequence[str] = (),
        post: Json = None,
        kind: str = "text",
        content: Json = None,
    ) -> str:
        """Write a message and return its id; the bot hears of it if Feishu lets it.

        `mention`: open_ids, put before the text as @_user_1 …, unless the text has @_user_1 in it. `post`: the
        paragraphs of a post, or a whole one with its title. `kind` and `content`: any other message.
        """
        found = [_mention(place, self._named(one)) for place, one in enumerate(mention, 1)]
        if content is None:
            kind, content = _spoken(text, found, post)
        where = self._chat_of(user, chat)
        place = {}
        if parent:
            place = self.answer_to(self.messages_by_id[parent], thread=thread)
        message = self.write(
            where, self._person(user), kind, orjson.dumps(content).decode(), mentions=found, **place
        )
        where.members.add(user)
        if self._hears(message):
            self.tell("im.message.receive_v1", self.received(message), message=message.id)
        return message.id

    def picture(self, data: bytes, *, user: str, chat: str = "", parent: str = "", size: int = 0) -> str:
        """Send a picture; `size` is what Feishu believes its length to be."""
        key = self.keep_file("image", "", data, ours=False, media_type="image/png", size=size)
        return self.say(user=user, chat=chat, parent=parent, kind="image", content={"image_key": key})

    def file(
        self,
        name: str,
        data: bytes,
        *,
        user: str,
        chat: str = "",
        parent: str = "",
        kind: str = "file",
        duration: int = 0,
        size: int = 0,
    ) -> str:
        """Send a file, an audio (its `duration` in milliseconds) or a media: a video."""
        stored = {"file": "stream", "audio": "opus", "media": "mp4"}[kind]
        key = self.keep_file(stored, name, data, ours=False, size=size)
        content: dict[str, Json] = {"file_key": key}
        if kind != "audio":
            content["file_name"] = name
        if kind != "file":
            content["duration"] = duration
        return self.say(user=user, chat=chat, parent=parent, kind=kind, content=content)

    def press(self, message: str, label_or_value: Json, *, user: str) -> str:
        """Tap a button of a card; returns the event's id."""
        card = self.messages_by_id[message]
        offered = buttons_of(card.content)
        value = next((value for label, value in offered if label_or_value in (label, value)), None)
        if value is None:
            raise LookupError(f"{message} has no button {label_or_value!r}, only {offered}")
        event = {
            "operator": {**self._person(user).ids(), "tenant_key": TENANT},
            "token": self.fresh("c-"),
            "action": {"value": value, "tag": "button"},
            "host": "im_message",
            "context": {"open_message_id": message, "open_chat_id": card.chat.id},
        }
        return self.tell("card.action.trigger", event, message=message)

    def menu(self, key: str, *, user: str) -> str:
        """Choose from the bot's menu in the private chat; returns the event's id."""
        person = self._person(user)
        operator = {"operator_name": person.name, "operator_id": person.ids()}
        told = {"operator": operator, "event_key": key, "timestamp": int(self.now())}
        return self.tell("application.bot.menu_v6", told)

    def recall(self, message: str) -> str:
        """Take a message back; returns the event's id."""
        taken = self.messages_by_id[message]
        taken.recalled = True
        told = {"message_id": message, "chat_id": taken.chat.id, "recall_time": str(int(self.now() * 1000))}
        return self.tell("im.message.recalled_v1", {**told, "recall_type": "message_owner"})

    def redeliver(self, message: str, *, new_event: bool = False, new_message: bool = False) -> str:
        """Push a message's event again; returns the id of the event."""
        event = next(one for one in reversed(self.events.values()) if one.message == message)
        if not new_event and not new_message:
            event.acked = False
            self.push_out(event)
            return event.id
        told = orjson.loads(event.body)["event"]
        if new_message:
            told["message"]["message_id"] = self.fresh("om_")
        return self.tell(event.kind, told, message=message)

    def push(self, kind: str, event: Json, event_id: str = "") -> str:
        """Tell the bot anything at all; returns the event's id."""
        return self.tell(kind, event, event_id=event_id)

    # What becomes of chats

    def kick(self, chat: str) -> str:
        """The bot is removed from a group."""
        self.chats[chat].inside = False
        return self._moved("im.chat.member.bot.deleted_v1", self.chats[chat])

    def add(self, chat: str) -> str:
        """The bot is taken into a group."""
        self.chats[chat].inside = True
        return self._moved("im.chat.member.bot.added_v1", self.chats[chat])

    def dissolve(self, chat: str) -> str:
        """A group ends."""
        self.chats[chat].dissolved = True
        return self._moved("im.chat.disbanded_v1", self.chats[chat])

    # How it looks

    def received(self, message: Message) -> Json:
        """The event of a message, with the fields of open.feishu.cn/.../im-v1/message/events/receive."""
        sender = message.sender or self._named(BOT_ID)
        told: dict[str, Json] = {
            "message_id": message.id,
            "root_id": message.root,
            "parent_id": message.parent,
            "create_time": str(message.created),
            "update_time": str(message.updated),
            "chat_id": message.chat.id,
            "thread_id": message.thread,
            "chat_type": message.chat.kind,
            "message_type": message.kind,
            "content": message.content,
            "mentions": message.mentions,
        }
        said_by = {"sender_id": sender.ids(), "sender_type": "app" if sender.bot else "user"}
        there = {name: value for name, value in told.items() if value}
        return {"sender": {**said_by, "tenant_key": TENANT}, "message": there}

    def keep_file(
        self,
        kind: str,
        name: str,
        data: bytes,
        *,
        ours: bool,
        media_type: str = "",
        size: int = 0,
        duration: int = 0,
    ) -> str:
        """Store an upload and return its key."""
        key = self.fresh("img_v3_" if kind == "image" else "file_v3_")
        self.files[key] = Resource(
            key=key,
            kind=kind,
            name=name,
            data=data,
            media_type=media_type or "application/octet-stream",
            ours=ours,
            size=size or len(data),
            duration=duration,
        )
        return key

    # How it is done

    def _hears(self, message: Message) -> bool:
        chat = message.chat
        if chat.person:
            return True
        mentioned = any(one["id"]["open_id"] == BOT_ID for one in message.mentions)
        return chat.inside and (mentioned or _GROUP_SCOPE in self.scopes)

    def _moved(self, kind: str, chat: Chat) -> str:
        somebody = Person(id=next(iter(sorted(chat.members)), "ou_nobody"), name="")
        told = {"chat_id": chat.id, "operator_id": somebody.ids(), "external": False, "name": chat.name}
        return self.tell(kind, {**told, "operator_tenant_key": TENANT})

    def _enlist(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def _named(self, who: str) -> Person:
        return Person(id=BOT_ID, name=BOT_NAME, bot=True) if who == BOT_ID else self._person(who)

    def _person(self, who: str) -> Person:
        return self.people.get(who) or self.person(who)

    def _chat_of(self, user: str, chat: str) -> Chat:
        self._person(user)
        return self.chats[chat or self.private(user)]


def _spoken(text: str, mentions: list[Json], post: Json) -> tuple[str, Json]:
    if post is None:
        said = " ".join(one["key"] for one in mentions)
        whole = text if "@_user_1" in text or not said else f"{said} {text}"
        return "text", {"text": whole}
    whole_post = post if isinstance(post, dict) else {"title": "", "content": post}
    heads = [{"tag": "at", "user_id": one["key"], "user_name": one["name"], "style": []} for one in mentions]
    if heads:
        first, *rest = whole_post["content"] or [[]]
        whole_post = {**whole_post, "content": [[*heads, *first], *rest]}
    return "post", whole_post


def _mention(place: int, person: Person) -> Json:
    return {
        "key": f"@_user_{place}",
        "id": person.ids(),
        "mentioned_type": "bot" if person.bot else "user",
        "name": person.name,
        "tenant_key": TENANT,
    }

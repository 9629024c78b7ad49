"""What people do in the chats of Telegram's server for tests; the bot hears of it as of the real ones."""

import re
from collections.abc import Iterable
from typing import Any

from tests.servers.telegram_records import Chat, Entity, Json, Message, Person, Query, Topic, buttons
from tests.servers.telegram_sharing import Sharing
from tests.servers.telegram_text import spoken_entities
from tests.servers.telegram_world import BOT_USERNAME, World

_COMMAND = re.compile(r"/\w+(?:@(\w+))?")
_WITHOUT_RIGHTS = ("left", "kicked", "stranger")


class People(Sharing, World):
    """The verbs of people. Chats and people are named by id; `chat=None` is the person's own chat with the bot."""

    # Who and where

    def person(
        self,
        id: int,  # noqa: A002
        name: str = "",
        username: str = "",
        *,
        started: bool = True,
        is_bot: bool = False,
    ) -> Person:
        """Somebody with a private chat; without `started` they never wrote to the bot."""
        person = self.people[id] = Person(id=id, name=name or f"Person {id}", username=username, is_bot=is_bot)
        chat = Chat(id=id, kind="private", person=person, bot="member" if started else "stranger")
        self.enlist(chat)
        return person

    def group(
        self,
        id: int,  # noqa: A002
        title: str,
        *,
        supergroup: bool = True,
        forum: bool = False,
        members: Iterable[int | Person] = (),
        admins: Iterable[int | Person] = (),
        bot: str = "member",
    ) -> int:
        """A group; returns its id. The first of its admins made it; the bot is a member, administrator or left."""
        if supergroup and not str(id).startswith("-100"):
            raise ValueError("the id of a supergroup begins with -100")
        chat = self.enlist(
            Chat(id=id, kind="supergroup" if supergroup else "group", title=title, forum=forum, bot=bot)
        )
        chat.last_id = 1 if forum else 0  # the first message of a forum is its General topic
        chat.members.update({self._person(one).id: "member" for one in members})
        for place, one in enumerate(admins):
            chat.members[self._person(one).id] = "creator" if place == 0 else "administrator"
        return chat.id

    def topic(self, chat: int, name: str) -> int:
        """Make a topic in a forum and return its thread id."""
        forum = self.chats[chat]
        if not forum.forum:
            raise ValueError(f"{forum.title} has no topics")
        made = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        message = self.write(forum, self._somebody(forum), service=made)
        message.topic = message.id
        forum.topics[message.id] = Topic(id=message.id, name=name)
        self._tell(message)
        return message.id

    def close_topic(self, chat: int, thread: int, *, closed: bool = True) -> None:
        """Let nobody write into a topic any more."""
        self.chats[chat].topics[thread].closed = closed

    def delete_topic(self, chat: int, thread: int) -> None:
        """Remove a topic and what was said in it."""
        forum = self.chats[chat]
        del forum.topics[thread]
        forum.messages = {one.id: one for one in forum.messages.values() if one.topic != thread}

    # What they say

    def say(
        self,
        text: str,
        *,
        user: int | Person,
        chat: int | None = None,
        thread: int = 0,
        reply_to: int = 0,
        entities: list[Entity] | None = None,
        via_bot: Json = None,
    ) -> int:
        """Write a message; returns the id of its update, or 0 if privacy mode keeps it from the bot.

        Mentions and commands are found as Telegram finds them, unless `entities` are given.
        """
        found = spoken_entities(text) if entities is None else entities
        said = {"text": text, "entities": found, "via_bot": via_bot}
        return self._say(self._person(user), chat, thread, reply_to, **said)

    def say_many(self, messages: Iterable[dict[str, Any]]) -> list[int]:
        """Many at once; each is what `say` takes."""
        return [self.say(**message) for message in messages]

    def edit(self, message_id: int, text: str, *, user: int | Person, chat: int | None = None) -> int:
        """Change what somebody has written; returns the id of the update."""
        message = self._chat_of(user, chat).messages[message_id]
        message.text, message.entities, message.edited = text, spoken_entities(text), self.date()
        return self._tell(message, "edited_message") if self._hears(message) else 0

    def delete(self, message_id: int, *, chat: int) -> None:
        """Remove a message; bots are not told."""
        del self.chats[chat].messages[message_id]

    def press(self, message_id: int, label_or_data: str, *, user: int | Person, chat: int | None = None) -> str:
        """Tap a button and return the id of the query."""
        where = self._chat_of(user, chat)
        message, person = where.messages[message_id], self._person(user)
        offered = [button for row in buttons(message.markup) for button in row]
        data = next((data for label, data in offered if label_or_data in {label, data}), None)
        if data is None:
            raise LookupError(f"message {message_id} has no button {label_or_data!r}, only {offered}")
        query = Query(
            id=str(4_000_000_000_000 + len(self.queries) + self.updates.next_id * 1000),
            data=data,
            user=person.id,
            chat=where.id,
            message_id=message_id,
            at=self.now(),
        )
        self.queries[query.id] = query
        if self.keep and len(self.queries) > self.keep:
            del self.queries[next(iter(self.queries))]
        told = {"id": query.id, "from": person.as_json(), "message": self.as_json(message), "data": data}
        self.updates.add("callback_query", {**told, "chat_instance": str(where.id)})
        return query.id

    def push(self, update: Json) -> int:
        """Give the bot any update at all; without an id it gets the next one."""
        return self.updates.add_raw(dict(update))

    # What becomes of chats

    def rename(self, chat: int, title: str) -> int:
        """Give a group another title; returns the id of the update."""
        group = self.chats[chat]
        group.title = title
        return self._tell(self.write(group, self._somebody(group), service={"new_chat_title": title}))

    def migrate(self, chat: int, new_id: int = 0) -> int:
        """Make a basic group a supergroup and return its new id; both chats are told."""
        old = self.chats[chat]
        if old.kind != "group":
            raise ValueError("only a basic group becomes a supergroup")
        new_id = new_id or -1_000_000_000_000 + chat
        new = self.chats[self.group(new_id, old.title, bot=old.bot)]
        new.members.update(old.members)
        by = self._somebody(old)
        self._tell(self.write(old, by, service={"migrate_to_chat_id": new_id}))
        old.migrated_to = new_id
        self._tell(self.write(new, by, service={"migrate_from_chat_id": chat}))
        return new_id

    def block(self, user: int | Person) -> None:
        """Somebody stops the bot in their private chat."""
        self._become(self._chat_of(user, None), "kicked", self._person(user))

    def unblock(self, user: int | Person) -> None:
        """Somebody starts the bot again."""
        self._become(self._chat_of(user, None), "member", self._person(user))

    def kick(self, chat: int) -> None:
        """The bot is removed from a group."""
        self._become(self.chats[chat], "kicked", self._somebody(self.chats[chat]))

    def add(self, chat: int, *, admin: bool = False) -> None:
        """The bot is taken into a group."""
        self._become(self.chats[chat], "administrator" if admin else "member", self._somebody(self.chats[chat]))

    def promote(self, user: int, chat: int, *, rank: str = "administrator") -> None:
        """Make somebody an administrator of a group, or a member again."""
        self.chats[chat].members[user] = rank

    # How it is done

    def _say(self, person: Person, chat: int | None, thread: int, reply_to: int, **content: Any) -> int:
        where = self.chats[person.id if chat is None else chat]
        if where.migrated_to or (where.person and where.bot == "kicked"):
            raise ValueError(f"nobody can write to the bot in {where.id} now")
        if where.bot == "stranger":
            where.bot = "member"
        if thread and thread not in where.topics:
            raise LookupError(f"{where.title} has no topic {thread}")
        answered = where.messages[reply_to] if reply_to else None
        where.members.setdefault(person.id, "member")
        message = self.write(where, person, topic=thread, reply_to=answered, **content)
        return self._tell(message) if self._hears(message) else 0

    def _hears(self, message: Message) -> bool:
        """Whether privacy mode lets the bot hear a message."""
        chat = message.chat
        if chat.bot in _WITHOUT_RIGHTS:
            return False
        if chat.kind == "private" or self.can_read_all_group_messages or chat.bot == "administrator":
            return True
        if message.reply_to and message.reply_to.sender is None:
            return True
        return any(_is_for_bot(message.text, entity) for entity in message.entities)

    def _tell(self, message: Message, kind: str = "message") -> int:
        if message.chat.bot in _WITHOUT_RIGHTS:
            return 0
        return self.updates.add(kind, self.as_json(message))

    def _become(self, chat: Chat, status: str, by: Person) -> None:
        before, chat.bot = chat.bot, status
        change = {"old_chat_member": self.membership(before), "new_chat_member": self.membership(status)}
        told = {"chat": chat.as_json(), "from": by.as_json(), "date": self.date()}
        self.updates.add("my_chat_member", told | change)

    def membership(self, status: str, person: Person | None = None) -> Json:
        """A ChatMember: the bot's, or a person's."""
        member: dict[str, Json] = {"user": person.as_json() if person else self.me(), "status": status}
        if status == "administrator":
            return member | dict.fromkeys(_RIGHTS, True) | {"is_anonymous": False, "can_be_edited": False}
        if status == "creator":
            return member | {"is_anonymous": False}
        return member | {"until_date": 0} if status == "kicked" else member

    def _person(self, who: int | Person) -> Person:
        if isinstance(who, Person):
            return who
        return self.people.get(who) or self.person(who)

    def _chat_of(self, user: int | Person, chat: int | None) -> Chat:
        return self.chats[self._person(user).id if chat is None else chat]

    def _somebody(self, chat: Chat) -> Person:
        """Who does things in a group when it does not matter who: the first that is there."""
        return self._person(next(iter(chat.members), 1))


_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


def _is_for_bot(text: str, entity: Entity) -> bool:
    wide = text.encode("utf-16-le")
    said = wide[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le", "replace")
    if entity["type"] == "mention":
        return said.lower() == f"@{BOT_USERNAME}"
    if entity["type"] == "bot_command" and (command := _COMMAND.fullmatch(said)):
        return command[1] is None or command[1].lower() == BOT_USERNAME
    return False

"""Speaks to Telegram's server for tests when it is another process: the same verbs, over HTTP."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from tests.servers.telegram_faults import Kind
from tests.servers.telegram_records import Action, Entity, Json, Query, Sent, Stats


class Control:
    """The server at `url`; `async with Control(url) as telegram:`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def do(self, verb: str, **given: Any) -> Json:
        """Any verb at all; LookupError, ValueError, TypeError and TimeoutError of the server are raised here."""
        body = orjson.dumps({name: value for name, value in given.items() if value is not None})
        async with self._http.post(f"{self.url}/control/{verb}", data=body) as response:
            answer = orjson.loads(await response.read())
        if answer["ok"]:
            return answer["result"]
        raise _ERRORS.get(answer["error"], RuntimeError)(answer["description"])

    # Who and where

    async def person(self, id: int, name: str = "", username: str = "", *, started: bool = True) -> int:  # noqa: A002
        return int(await self.do("person", id=id, name=name, username=username, started=started))

    async def group(
        self,
        id: int,  # noqa: A002
        title: str,
        *,
        supergroup: bool = True,
        forum: bool = False,
        members: Iterable[int] = (),
        admins: Iterable[int] = (),
        bot: str = "member",
    ) -> int:
        there = {"members": list(members), "admins": list(admins), "bot": bot}
        return int(await self.do("group", id=id, title=title, supergroup=supergroup, forum=forum, **there))

    async def topic(self, chat: int, name: str) -> int:
        return int(await self.do("topic", chat=chat, name=name))

    async def close_topic(self, chat: int, thread: int, *, closed: bool = True) -> None:
        await self.do("close_topic", chat=chat, thread=thread, closed=closed)

    async def delete_topic(self, chat: int, thread: int) -> None:
        await self.do("delete_topic", chat=chat, thread=thread)

    # What they say

    async def say(
        self,
        text: str,
        *,
        user: int,
        chat: int | None = None,
        thread: int = 0,
        reply_to: int = 0,
        entities: list[Entity] | None = None,
    ) -> int:
        where = {"user": user, "chat": chat, "thread": thread, "reply_to": reply_to}
        return int(await self.do("say", text=text, entities=entities, **where))

    async def say_many(self, messages: Iterable[dict[str, Any]]) -> list[int]:
        return list(await self.do("say_many", messages=list(messages)))

    async def caption(
        self, text: str, *, user: int, chat: int | None = None, thread: int = 0, reply_to: int = 0
    ) -> int:
        where = {"user": user, "chat": chat, "thread": thread, "reply_to": reply_to}
        return int(await self.do("caption", text=text, **where))

    async def edit(self, message_id: int, text: str, *, user: int, chat: int | None = None) -> int:
        return int(await self.do("edit", message_id=message_id, text=text, user=user, chat=chat))

    async def delete(self, message_id: int, *, chat: int) -> None:
        await self.do("delete", message_id=message_id, chat=chat)

    async def press(self, message_id: int, label_or_data: str, *, user: int, chat: int | None = None) -> str:
        where = {"user": user, "chat": chat}
        return str(await self.do("press", message_id=message_id, label_or_data=label_or_data, **where))

    async def push(self, update: Json) -> int:
        return int(await self.do("push", update=update))

    # What becomes of chats

    async def rename(self, chat: int, title: str) -> int:
        return int(await self.do("rename", chat=chat, title=title))

    async def migrate(self, chat: int, new_id: int = 0) -> int:
        return int(await self.do("migrate", chat=chat, new_id=new_id))

    async def block(self, user: int) -> None:
        await self.do("block", user=user)

    async def unblock(self, user: int) -> None:
        await self.do("unblock", user=user)

    async def kick(self, chat: int) -> None:
        await self.do("kick", chat=chat)

    async def add(self, chat: int, *, admin: bool = False) -> None:
        await self.do("add", chat=chat, admin=admin)

    # What goes wrong

    async def fault(
        self, kind: Kind, *, method: str = "", times: int | None = 1, seconds: float | None = None, **details: Any
    ) -> None:
        await self.do("fault", kind=kind, method=method, times=times, seconds=seconds, **details)

    async def heal(self) -> None:
        await self.do("heal")

    async def limits(self, **details: Any) -> None:
        await self.do("limits", **details)

    async def webhook(self, url: str = "") -> None:
        await self.do("webhook", url=url)

    async def no_limits(self) -> None:
        await self.do("no_limits")

    async def refuse(self, seconds: float) -> None:
        await self.do("refuse", seconds=seconds)

    async def settings(self, **given: Any) -> Json:
        return await self.do("settings", **given)

    # What the bot did

    async def sent(self, since: int = 0, limit: int = 1000) -> list[Sent]:
        """What was sent after number `since`, the oldest first."""
        return [_sent(one) for one in await self.do("sent", since=since, limit=limit)]

    async def texts(self, chat: int, thread: int | None = None) -> list[str]:
        return list(await self.do("texts", chat=chat, thread=thread))

    async def last_message(self, chat: int) -> int:
        return int(await self.do("last_message", chat=chat))

    async def actions(self) -> list[Action]:
        return [Action(**one) for one in await self.do("actions")]

    async def queries(self) -> list[Query]:
        return [Query(**one) for one in await self.do("queries")]

    async def commands(self) -> dict[tuple[str, str], dict[str, str]]:
        return {(scope, language): commands for scope, language, commands in await self.do("commands")}

    async def stats(self) -> Stats:
        return Stats(**await self.do("stats"))

    async def wait_for(self, count: int, seconds: float = 5.0) -> int:
        """Wait until the bot has sent so much in all, and return how much it is now."""
        return int(await self.do("wait_for", count=count, seconds=seconds))


_ERRORS: dict[str, type[Exception]] = {
    "KeyError": KeyError,
    "LookupError": LookupError,
    "ValueError": ValueError,
    "TypeError": TypeError,
    "TimeoutError": TimeoutError,
}


def _sent(given: Json) -> Sent:
    rows = [[(label, data) for label, data in row] for row in given.pop("buttons")]
    return Sent(buttons=rows, **given)

"""Feishu as a rig: by the long connection, or by webhooks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from gateway.outbox.port import Repeat
from tests.contract.rigs.base import Nature, Place, Rig, Said, Who, usual
from tests.servers.feishu import BOT_ID, FeishuServer, serve_feishu
from tests.servers.feishu_records import Event, Sent

IDS = {Who.OLGA: "ou_olga", Who.ANNA: "ou_anna", Who.BORIS: "ou_boris", Who.MALLORY: "ou_mallory"}
GROUP = "oc_group"
ELSEWHERE = "oc_elsewhere"
OTHER_BOT = "ou_other"

AGAIN = (
    0.2,
    0.3,
    0.5,
    1.0,
    2.0,
)  # seconds after which an event comes again that was not taken; the real ones: 15 …

CHATTER = ("hello everybody", "Tocsin should answer this", "@Tocsin hello", "/help@another_bot")


class FeishuEvents:
    """What the platform brings besides words, and what it brings again, as `Events` says."""

    def __init__(self, server: FeishuServer) -> None:
        self._server = server
        self._pressed = ""

    def press(self, place: Place, label: str, who: Who) -> None:
        message = next(one for one in reversed(_bots(self._server, place)) if self._server.buttons(one.id))
        self._pressed = self._server.press(message.id, label, user=IDS[who])

    def press_again(self) -> None:
        event = self._server.events[self._pressed]
        event.acked = False
        self._server.push_out(event)

    def again(self, said: Said) -> None:
        self._server.redeliver(said.ref)

    def anew(self, said: Said) -> None:
        self._server.redeliver(said.ref, new_event=True, new_message=True)

    def forge(self, sender: str) -> None:
        anna = self._server.people[IDS[Who.ANNA]]
        chat = self._server.chats[self._server.private(anna.id)]
        told = self._server.received(self._server.write(chat, anna, "text", '{"text": "obey"}'))
        told["sender"]["sender_id"] = {"open_id": sender, "union_id": sender, "user_id": sender}
        self._server.push("im.message.receive_v1", told)


class FeishuPeople(FeishuEvents):
    """As `People` says."""

    group = Place(GROUP)
    elsewhere = Place(ELSEWHERE)
    ids: Mapping[Who, str] = IDS
    other_bot = OTHER_BOT

    def __init__(self, server: FeishuServer) -> None:
        super().__init__(server)
        for who, identifier in IDS.items():
            server.person(identifier, who.value)
        server.scopes.add("contact:contact.base:readonly")
        server.person(OTHER_BOT, "Other", bot=True)
        for chat in (GROUP, ELSEWHERE):
            server.group(chat, chat, members=list(IDS.values()), owner=IDS[Who.OLGA])

    def private(self, who: Who) -> Place:
        return Place(self._server.private(IDS[who]))

    def thread(self) -> Place:
        """A topic under words of somebody."""
        root = self._server.say("let us talk about news", user=IDS[Who.BORIS], chat=GROUP)
        self._server.say("what do you think?", user=IDS[Who.BORIS], chat=GROUP, parent=root, thread=True)
        return Place(GROUP, root)

    def say(
        self, text: str, who: Who, place: Place | None = None, *, mention: bool = False, reply_to: str = ""
    ) -> Said:
        place = place or self.private(who)
        message = self._server.say(
            text,
            user=IDS[who],
            chat=place.chat,
            parent=reply_to or place.thread,
            thread=bool(place.thread),
            mention=[BOT_ID] if mention else [],
        )
        return Said(message, who, place, self._answers(message, place))

    def _answers(self, message: str, place: Place) -> Place:
        written = self._server.messages_by_id[message]
        in_private = written.chat.person is not None and not written.thread
        return place if in_private else Place(place.chat, written.root or message)

    def command(self, text: str, who: Who, place: Place | None = None) -> Place:
        return self.say(text, who, place, mention=place is not None).answers

    def chatter(self, who: Who) -> int:
        for text in CHATTER:
            self.say(text, who, self.group)
        self._server.say("hello", user=IDS[who], chat=GROUP, mention=[IDS[Who.BORIS]])
        self._server.say("hello", user=IDS[who], chat=GROUP, mention=[OTHER_BOT])
        return len(CHATTER) + 2

    def bot_says(self, text: str) -> Said:
        message = self._server.say(text, user=OTHER_BOT, chat=GROUP, mention=[BOT_ID])
        return Said(message, None, self.group, Place(GROUP, message))

    def change(self, said: Said, text: str) -> None:
        """Feishu tells of no edits; but of messages that are taken back."""
        self._server.recall(said.ref)

    def rename(self, who: Who, name: str) -> None:
        self._server.people[IDS[who]].name = name

    def promote(self, who: Who) -> None:
        self._server.chats[GROUP].admins.add(IDS[who])

    def bring(self, name: str, data: bytes, who: Who) -> Said:
        place = self.private(who)
        return Said(self._server.file(name, data, user=IDS[who]), who, place, place)


def _bots(server: FeishuServer, place: Place) -> list[Sent]:
    return [one for one in server.messages(place.chat) if one.root == place.thread and not one.recalled]


class FeishuScreen:
    """As `Screen` says."""

    def __init__(self, server: FeishuServer) -> None:
        self._server = server

    def texts(self, place: Place) -> list[str]:
        return [one.text for one in _bots(self._server, place) if one.kind in {"text", "post", "interactive"}]

    def last(self, place: Place) -> str:
        return _bots(self._server, place)[-1].id

    def files(self, place: Place) -> list[str]:
        shown = [one for one in _bots(self._server, place) if one.kind == "file"]
        return [self._server.files[orjson.loads(one.content)["file_key"]].name for one in shown]

    def reactions(self, said: Said) -> int:
        return len(self._server.reactions(said.ref))

    def taken(self, said: Said) -> bool:
        return all(one.acked for one in self._events() if one.message == said.ref)

    def _events(self) -> list[Event]:
        return list(self._server.events.values())

    def slowest(self) -> float:
        return self._server.slowest_ack

    def connected(self) -> bool:
        return bool(self._server.hooks._url or self._server.sockets.live)

    def pending(self) -> int:
        return sum(not one.acked for one in self._events())

    def misuse(self) -> list[str]:
        refused = [f"400 x{count}" for status, count in self._server.statuses.items() if status == 400]
        return [*self._server.violations, *refused]

    def most_connections(self) -> int:
        return self._server.sockets.max_live

    def floods(self) -> int:
        return self._server.flood.refused

    def edits(self) -> int:
        return self._server.calls["patch"] + self._server.calls["edit"]


class FeishuTrouble:
    """As `Trouble` says."""

    def __init__(self, server: FeishuServer) -> None:
        self._server = server
        self._secret = server.app_secret

    def _write(self, kind: Any, times: int | None = 1, **details: Any) -> None:
        for call in ("send", "reply"):
            self._server.fault(kind, call=call, times=times, **details)

    def flood(self, place: Place, seconds: int) -> None:
        call = "reply" if place.thread else "send"
        self._server.fault("flood", call=call, chat=place.chat, retry_after=seconds)

    def lose(self, times: int | None = 1) -> None:
        self._server.fault("lost", call="send", times=times)

    def fail(self, times: int | None = 1) -> None:
        self._server.fault("status", call="send", status=502, times=times)

    def spoil(self, times: int | None = 1) -> None:
        self._server.fault("code", call="send", code=230099, message="Failed to create card content", times=times)

    def shut(self, place: Place) -> None:
        self._server.fault(
            "code", call="send", chat=place.chat, code=230013, message="no availability", times=None
        )

    def refuse_files(self) -> None:
        self._server.fault(
            "code", call="file", code=234006, message="The file size exceed the max value", times=None
        )

    def refuse_token(self) -> None:
        self._server.app_secret = "another"
        self._server.expire_tokens()

    async def vanish(self, seconds: float) -> None:
        await self._server.refuse(seconds)

    def drop(self) -> None:
        self._server.drop()

    def freeze(self) -> None:
        self._server.freeze()

    def limits(self) -> None:
        self._server.limits()

    def heal(self) -> None:
        self._server.app_secret = self._secret
        self._server.heal()


def _rig(server: FeishuServer, **own: Any) -> Rig:
    people = FeishuPeople(server)
    app = {"app_id": server.app_id, "app_secret": server.app_secret, "api_base": server.url}
    return Rig(
        name="feishu",
        settings=app | own | usual(people),
        people=people,
        screen=FeishuScreen(server),
        trouble=FeishuTrouble(server),
        nature=Nature(repeat=Repeat.DEDUPED),
    )


@asynccontextmanager
async def websocket() -> AsyncIterator[Rig]:
    async with serve_feishu() as server:
        server.client(ping=12)  # seconds of the gateway's clock
        server.retries = AGAIN
        yield _rig(server)


@asynccontextmanager
async def webhook() -> AsyncIterator[Rig]:
    async with serve_feishu() as server:
        keys = {"encrypt_key": server.encrypt_key, "verification_token": server.verification_token}
        rig = _rig(server, mode="webhook", **keys)
        rig.hook = server.hook
        server.retries = AGAIN
        yield rig

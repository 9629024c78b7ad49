"""Telegram as a rig: a forum with topics, long polling or a webhook."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson

from channels.base import Channel, Surroundings
from channels.telegram import create
from gateway.clock import Clock
from gateway.config import Config
from gateway.outbox.port import Repeat
from tests.contract.rigs.base import Nature, Place, Rig, Said, Who, usual
from tests.journeys.telegram.story import impatient
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram
from tests.servers.telegram_records import Json, Message
from tests.servers.telegram_world import BOT_USERNAME

IDS = {Who.OLGA: "7000", Who.ANNA: "7001", Who.BORIS: "7002", Who.MALLORY: "6666"}
GROUP = -1_005_002
ELSEWHERE = -1_005_003
OTHER_BOT = 424_242
BOT = f"@{BOT_USERNAME}"

CHATTER = (
    "hello everybody",
    f"{BOT_USERNAME} should answer this",
    f"{BOT}2 hello",
    f"x{BOT} hello",
    "/help@another_bot",
    "mail me at me@tocsin_test_bot.example",
    "@anna hello",
)


class TelegramEvents:
    """What the platform brings besides words, and what it brings again, as `Events` says."""

    def __init__(self, server: TelegramServer) -> None:
        self._server = server
        self._updates: dict[str, Json] = {}  # by the id of the message, or "press"

    def update(self, said: Said) -> int:
        """The id of the update in which it came."""
        return int(self._updates[said.ref]["update_id"])

    def press(self, place: Place, label: str, who: Who) -> None:
        chat = int(place.chat)
        message = next(one for one in reversed(_bots(self._server, place)) if one.markup)
        self._server.press(message.id, label, user=int(IDS[who]), chat=chat)
        self._updates["press"] = orjson.loads(self._server.updates.waiting[-1].body)

    def press_again(self) -> None:
        self._server.push(self._updates["press"])

    def again(self, said: Said) -> None:
        self._server.push(self._updates[said.ref])

    def anew(self, said: Said) -> None:
        raise NotImplementedError("Telegram has one id for an update")

    def forge(self, sender: str) -> None:
        message = {"message_id": 1, "date": 1, "chat": {"id": int(IDS[Who.ANNA]), "type": "private"}}
        user = {"id": sender, "is_bot": False, "first_name": sender}
        self._server.push({"message": {**message, "from": user, "text": "obey"}})


class TelegramPeople(TelegramEvents):
    """As `People` says."""

    group = Place(str(GROUP))
    elsewhere = Place(str(ELSEWHERE))
    ids: Mapping[Who, str] = IDS
    other_bot = str(OTHER_BOT)

    def __init__(self, server: TelegramServer) -> None:
        super().__init__(server)
        for who, number in IDS.items():
            server.person(int(number), who.value)
        members = [int(number) for number in IDS.values()]
        server.group(GROUP, "Group", forum=True, members=members)
        server.group(ELSEWHERE, "Elsewhere", members=members)
        server.can_read_all_group_messages = True  # the bot is shown every word

    def private(self, who: Who) -> Place:
        return Place(IDS[who])

    def thread(self) -> Place:
        return Place(str(GROUP), str(self._server.topic(GROUP, "News")))

    def say(
        self, text: str, who: Who, place: Place | None = None, *, mention: bool = False, reply_to: str = ""
    ) -> Said:
        place = place or self.private(who)
        self._server.say(
            f"{BOT} {text}" if mention else text,
            user=int(IDS[who]),
            chat=int(place.chat),
            thread=int(place.thread or 0),
            reply_to=int(reply_to.rpartition("/")[2] or 0),
        )
        return self._said(who, place)

    def _said(self, who: Who | None, place: Place) -> Said:
        ref = f"{place.chat}/{self._server.last_message(int(place.chat))}"
        self._updates[ref] = orjson.loads(self._server.updates.waiting[-1].body)
        return Said(ref, who, place, place)

    def command(self, text: str, who: Who, place: Place | None = None) -> Place:
        return self.say(text, who, place).answers

    def chatter(self, who: Who) -> int:
        for text in CHATTER:
            self.say(text, who, self.group)
        return len(CHATTER)

    def bot_says(self, text: str) -> Said:
        said = self.say(text, Who.BORIS, self.group, mention=True)
        update = self._updates[said.ref]
        bot = {"id": OTHER_BOT, "is_bot": True, "first_name": "Other", "username": "another_bot"}
        update["message"]["from"] = bot
        self._server.updates.waiting.pop()
        self._server.push(update)
        return replace(said, who=None)

    def change(self, said: Said, text: str) -> None:
        chat, _, message = said.ref.partition("/")
        self._server.edit(int(message), text, user=int(IDS[said.who or Who.ANNA]), chat=int(chat))

    def rename(self, who: Who, name: str) -> None:
        self._server.person(int(IDS[who]), name, name.lower().replace(" ", "_"))

    def promote(self, who: Who) -> None:
        self._server.promote(int(IDS[who]), GROUP)

    def bring(self, name: str, data: bytes, who: Who) -> Said:
        place = self.private(who)
        self._server.document(name, data, user=int(IDS[who]))
        return self._said(who, place)


def _bots(server: TelegramServer, place: Place) -> list[Message]:
    messages = server.chats[int(place.chat)].messages.values()
    topic = int(place.thread or 0)
    return [one for one in messages if one.sender is None and not one.service and one.topic == topic]


class TelegramScreen:
    """As `Screen` says."""

    def __init__(self, server: TelegramServer, people: TelegramPeople) -> None:
        self._server = server
        self._people = people

    def texts(self, place: Place) -> list[str]:
        return [one.text for one in _bots(self._server, place) if not one.file_name]

    def last(self, place: Place) -> str:
        return str(_bots(self._server, place)[-1].id)

    def files(self, place: Place) -> list[str]:
        return [one.file_name for one in _bots(self._server, place) if one.file_name]

    def reactions(self, said: Said) -> int:
        chat, _, message = said.ref.partition("/")
        return len(self._server.reactions.get((int(chat), int(message)), []))

    def taken(self, said: Said) -> bool:
        wanted = self._people.update(said)
        return (
            all(one.id != wanted for one in self._server.updates.waiting)
            if self._server.updates.webhook
            else (self._server.confirmed > wanted)
        )

    def slowest(self) -> float:
        return max(
            (one.seconds for one in self._server.hooks.calls), default=0.0
        )  # who polls keeps nobody waiting

    def connected(self) -> bool:
        return self._server.updates.polled or bool(self._server.updates.webhook)

    def pending(self) -> int:
        return self._server.pending

    def misuse(self) -> list[str]:
        refused = [f"400 x{count}" for status, count in self._server.statuses.items() if status == 400]
        return refused + ["sent too early"] * self._server.flood.violations

    def most_connections(self) -> int:
        return 1 + self._server.updates.conflicts

    def floods(self) -> int:
        return int(self._server.flood.refused)

    def edits(self) -> int:
        return sum(one.edited_from is not None for one in self._server.sent)


class TelegramTrouble:
    """As `Trouble` says."""

    def __init__(self, server: TelegramServer) -> None:
        self._server = server

    def flood(self, place: Place, seconds: int) -> None:
        self._server.fault("flood", method="sendMessage", chat=int(place.chat), retry_after=seconds)

    def lose(self, times: int | None = 1) -> None:
        self._server.fault("lost", method="sendMessage", times=times)

    def fail(self, times: int | None = 1) -> None:
        self._server.fault("status", method="sendMessage", times=times)

    def spoil(self, times: int | None = 1) -> None:
        words = "Bad Request: can't parse entities: Unsupported start tag"
        self._server.fault("refused", method="sendMessage", times=times, status=400, description=words)

    def shut(self, place: Place) -> None:
        self._server.block(int(place.chat))

    def refuse_files(self) -> None:
        words = "Bad Request: wrong type of the file"
        self._server.fault("refused", method="sendDocument", times=None, status=400, description=words)

    def refuse_token(self) -> None:
        self._server.token = "1:another"

    async def vanish(self, seconds: float) -> None:
        await self._server.refuse(seconds)

    def drop(self) -> None:
        self._server.fault("lost", method="getUpdates")

    def freeze(self) -> None:
        self._server.fault("hang", method="getUpdates")

    def limits(self) -> None:
        self._server.limits()

    def heal(self) -> None:
        self._server.token = TOKEN
        self._server.heal()


@asynccontextmanager
async def polling() -> AsyncIterator[Rig]:
    async with serve_telegram() as server:
        yield _rig(server, {"token": TOKEN, "api_base": server.url})
        await asyncio.sleep(0.01)  # who connected in the last moment is seen by the server before it closes


def _rig(server: TelegramServer, own: dict[str, Any]) -> Rig:
    people = TelegramPeople(server)

    def make(config: Config, clock: Clock, around: Surroundings) -> Channel:
        return impatient(server, clock) if rig.impatient else create("telegram", config, clock, around)

    rig = Rig(
        name="telegram",
        settings=own | usual(people),
        people=people,
        screen=TelegramScreen(server, people),
        trouble=TelegramTrouble(server),
        nature=Nature(repeat=Repeat.MARKED, renumbers=False, threads_open=False),
        make=make,
    )
    return rig


PUBLIC = "https://bot.example.org/webhooks/telegram"
SECRET = "a-secret_of-the-webhook-0123456789"


@asynccontextmanager
async def webhook() -> AsyncIterator[Rig]:
    async with serve_telegram() as server:
        own = {"mode": "webhook", "webhook_secret": SECRET, "webhook_url": PUBLIC}
        rig = _rig(server, {"token": TOKEN, "api_base": server.url, **own})
        rig.hook = lambda url: server.hooks.route(PUBLIC, url)
        yield rig
        await asyncio.sleep(0.01)

"""Slack as a rig: by Socket Mode, or by signed HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.outbox.port import Repeat
from tests.contract.rigs.base import Nature, Place, Rig, Said, Who, usual
from tests.servers.slack import APP_TOKEN, BOT_ID, BOT_TOKEN, BOT_USER, SIGNING_SECRET, SlackServer, serve_slack
from tests.servers.slack_records import Delivery, Json

IDS = {Who.OLGA: "U0OLGA", Who.ANNA: "U0ANNA", Who.BORIS: "U0BORIS", Who.MALLORY: "U0MALLORY"}
GROUP = "C0GROUP"
ELSEWHERE = "C0ELSEWHERE"
OTHER_BOT = "B0OTHER"

NOBODY = "http://127.0.0.1:9/nobody"  # where the bot is called before it is there

CHATTER = (
    "hello everybody",
    "tocsin should answer this",
    "@Tocsin hello",
    f"<@{BOT_USER}2> hello",
    "<@U0BORIS> hello",
    "/help@another_bot",
    f"<#{GROUP}|group> hello",
    f"&lt;@{BOT_USER}&gt; hello",
)


class SlackEvents:
    """What the platform brings besides words, and what it brings again, as `Events` says."""

    def __init__(self, server: SlackServer) -> None:
        self._server = server
        self._pressed: Delivery | None = None

    def press(self, place: Place, label: str, who: Who) -> None:
        message = next(
            one for one in reversed(_bots(self._server, place)) if any("actions" in b["type"] for b in one.blocks)
        )
        self._pressed = self._server.press(message.ts, label, user=IDS[who], channel=place.chat)

    def press_again(self) -> None:
        assert self._pressed is not None
        self._server.redeliver(self._pressed)

    def again(self, said: Said) -> None:
        for delivery in self._server.deliveries_of(said.ref)[:2]:
            self._server.redeliver(delivery)

    def anew(self, said: Said) -> None:
        self._server.replay(self._server.deliveries_of(said.ref)[0])

    def forge(self, sender: str) -> None:
        where = {"channel": self._server.im(IDS[Who.ANNA]), "channel_type": "im", "ts": self._server.stamp()}
        self._server.push({"type": "message", "user": sender, "text": "obey", **where})


class SlackPeople(SlackEvents):
    """As `People` says."""

    group = Place(GROUP)
    elsewhere = Place(ELSEWHERE)
    ids: Mapping[Who, str] = IDS
    other_bot = OTHER_BOT

    def __init__(self, server: SlackServer) -> None:
        super().__init__(server)
        for who, identifier in IDS.items():
            server.person(identifier, who.value)
        for chat in (GROUP, ELSEWHERE):
            server.channel(chat, chat.lower(), members=list(IDS.values()))

    def private(self, who: Who) -> Place:
        return Place(self._server.im(IDS[who]))

    def thread(self) -> Place:
        return Place(GROUP, self._server.say("let us talk about news", user=IDS[Who.BORIS], channel=GROUP))

    def say(
        self, text: str, who: Who, place: Place | None = None, *, mention: bool = False, reply_to: str = ""
    ) -> Said:
        """On Slack a message is answered in the thread under it."""
        place = place or self.private(who)
        thread = place.thread or reply_to
        ts = self._server.say(text, user=IDS[who], channel=place.chat, thread=thread, mention=mention)
        return Said(ts, who, place, _answers(place, thread, ts))

    def command(self, text: str, who: Who, place: Place | None = None) -> Place:
        """Slack's own commands are ours behind one word; in a thread there are none, and they are written."""
        place = place or self.private(who)
        if place.thread:
            return self.say(text, who, place, mention=True).answers
        self._server.slash(text.removeprefix("/"), user=IDS[who], channel=place.chat)
        return place

    def chatter(self, who: Who) -> int:
        for text in CHATTER:
            self.say(text, who, self.group)
        return len(CHATTER)

    def bot_says(self, text: str) -> Said:
        ts = self._server.bot_say(text, bot=OTHER_BOT, channel=GROUP, mention=True)
        return Said(ts, None, self.group, Place(GROUP, ts))

    def change(self, said: Said, text: str) -> None:
        self._server.edit(said.ref, text, channel=said.place.chat)

    def rename(self, who: Who, name: str) -> None:
        self._server.person(IDS[who], name)

    def promote(self, who: Who) -> None:
        self._server.person(IDS[who], who.value, admin=True)

    def bring(self, name: str, data: bytes, who: Who) -> Said:
        place = self.private(who)
        file = self._server.file(name, data, user=IDS[who])
        ts = self._server.say("", user=IDS[who], channel=place.chat, files=[file])
        return Said(ts, who, place, place)


def _answers(place: Place, thread: str, ts: str) -> Place:
    if place.chat.startswith("D") and not thread:
        return place
    return Place(place.chat, thread or ts)


def _bots(server: SlackServer, place: Place) -> list[Any]:
    return [one for one in server.messages(place.chat, place.thread) if one.bot_id == BOT_ID]


class SlackScreen:
    """As `Screen` says."""

    def __init__(self, server: SlackServer) -> None:
        self._server = server

    def texts(self, place: Place) -> list[str]:
        return [self._server.plain(one) for one in _bots(self._server, place) if not one.files]

    def last(self, place: Place) -> str:
        return str(_bots(self._server, place)[-1].ts)

    def files(self, place: Place) -> list[str]:
        return [file.name for one in _bots(self._server, place) for file in one.files]

    def reactions(self, said: Said) -> int:
        return len(self._server.channels[said.place.chat].messages[said.ref].reactions)

    def taken(self, said: Said) -> bool:
        return all(one.acked_at is not None for one in self._server.deliveries_of(said.ref))

    def slowest(self) -> float:
        return self._server.slowest

    def connected(self) -> bool:
        return self._server.hooks.url not in {"", NOBODY} or bool(self._server.sockets.open)

    def pending(self) -> int:
        return self._server.pending

    def misuse(self) -> list[str]:
        wrong = [f"{one.method}: {one.error}" for one in self._server.calls if one.error]
        return [*self._server.violations, *wrong]

    def most_connections(self) -> int:
        return self._server.sockets.most

    def floods(self) -> int:
        return self._server.flood.refused

    def edits(self) -> int:
        return sum(one.edited_from is not None for one in self._server.sent)


class SlackTrouble:
    """As `Trouble` says."""

    def __init__(self, server: SlackServer) -> None:
        self._server = server

    def _post(self, kind: Any, times: int | None = 1, **details: Json) -> None:
        self._server.fault(kind, method="chat.postMessage", times=times, **details)

    def flood(self, place: Place, seconds: int) -> None:
        self._post("flood", channel=place.chat, retry_after=seconds)

    def lose(self, times: int | None = 1) -> None:
        self._post("lost", times)

    def fail(self, times: int | None = 1) -> None:
        self._post("status", times)

    def spoil(self, times: int | None = 1) -> None:
        self._post("error", times, error="invalid_blocks")

    def shut(self, place: Place) -> None:
        self._server.channels[place.chat].archived = True

    def refuse_files(self) -> None:
        self._server.fault("error", method="files.getUploadURLExternal", times=None, error="file_uploads_disabled")

    def refuse_token(self) -> None:
        self._server.fault("error", times=None, error="invalid_auth")

    async def vanish(self, seconds: float) -> None:
        await self._server.refuse(seconds)

    def drop(self) -> None:
        self._server.sockets.drop()

    def freeze(self) -> None:
        self._server.sockets.freeze()

    def limits(self) -> None:
        self._server.limits()

    def heal(self) -> None:
        self._server.heal()


def _rig(server: SlackServer, **own: Any) -> Rig:
    people = SlackPeople(server)
    return Rig(
        name="slack",
        settings={"bot_token": BOT_TOKEN, "api_base": server.api_base, **own} | usual(people),
        people=people,
        screen=SlackScreen(server),
        trouble=SlackTrouble(server),
        nature=Nature(repeat=Repeat.SEARCHABLE),
    )


@asynccontextmanager
async def socket() -> AsyncIterator[Rig]:
    async with serve_slack() as server:
        server.sockets.ack_within = 0.2  # seconds, after which it comes again; the real ones: 3
        server.sockets.attempts = 10
        yield _rig(server, app_token=APP_TOKEN)


@asynccontextmanager
async def http() -> AsyncIterator[Rig]:
    async with serve_slack() as server:
        rig = _rig(server, mode="http", signing_secret=SIGNING_SECRET)
        rig.hook = server.hook
        server.hooks.delays = (0.2, 0.3, 0.5)  # seconds; longer than a restart takes
        server.hook(NOBODY)
        yield rig

"""Platforms that cost next to nothing, and are asked for messages: POST /feed, /acks, /sent, see `bench.feeding`.

They know just enough of their protocol for a channel to connect, to be told of messages at a given pace, and to
answer. How strict a platform is, the servers of the tests show; here only time is taken, and beside the gateway
there is little of it.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from bench.feeding import APP_ID, BOT, SECRET
from channels.feishu.frames import CONTROL, DATA, Frame, decode, encode

TICK = 0.005
"""Seconds between two looks at how many events are due."""

Json = Any


class Platform(ABC):
    """Tells of messages, and notes when each was told and when it was acknowledged."""

    def __init__(self) -> None:
        self.url = ""
        self.told: dict[str, float] = {}  # events that wait for their ack
        self.acks: list[float] = []  # milliseconds, in the order of the acks
        self.sent: list[float] = []  # moments at which the bot said something
        self.number = 0
        self.address = ""  # of the webhook, where events go by calls

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request at all."""
        match request.path:
            case "/feed":
                return as_json(await self._feed(**orjson.loads(await request.read())))
            case "/acks":
                return as_json(await self._acked(**orjson.loads(await request.read())))
            case "/sent":
                return as_json(self.sent)
        return await self.called(request)

    @abstractmethod
    async def called(self, request: web.BaseRequest) -> web.StreamResponse:
        """A call of the channel's."""

    @abstractmethod
    async def tell(self, name: str, text: str, person: int) -> None:
        """Bring one message."""

    @property
    @abstractmethod
    def listened(self) -> bool:
        """Whether the channel is there."""

    def ack(self, name: str) -> None:
        told = self.told.pop(name, None)
        if told is not None:
            self.acks.append((time.perf_counter() - told) * 1000)

    def said(self) -> str:
        """The bot says something; the message's id."""
        self.sent.append(time.perf_counter())
        return f"{len(self.sent):06d}"

    async def _feed(self, count: int, rate: float, people: int, address: str) -> Json:
        """Bring so many messages at this pace (a second), from so many people in turn; ends when all are sent."""
        self.address = address
        while not self.listened:
            await asyncio.sleep(TICK)
        began, done, first = time.perf_counter(), 0, self.number
        while done < count:
            due = min(int((time.perf_counter() - began) * rate) + 1, count)
            for n in range(done, due):
                name = f"e{first + n}"
                self.told[name] = time.perf_counter()
                await self.tell(name, f"m{first + n}", (first + n) % people)
            done = due
            await asyncio.sleep(TICK if rate < 1e5 else 0)
        self.number += count
        return {"seconds": time.perf_counter() - began}

    async def _acked(self, patience: float) -> Json:
        """Wait until all is acknowledged, or no longer; the acks since the last call, and how many are missing."""
        ends = time.perf_counter() + patience
        while self.told and time.perf_counter() < ends:
            await asyncio.sleep(TICK)
        found, self.acks = self.acks, []
        return {"acks": found, "missing": len(self.told)}


class Slack(Platform):
    """Socket Mode and chat.postMessage."""

    def __init__(self) -> None:
        super().__init__()
        self.socket: web.WebSocketResponse | None = None

    @property
    def listened(self) -> bool:
        return self.socket is not None

    async def called(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/link":
            return await self._talk(request)
        form = await request.post()
        match request.path.removeprefix("/api/"):
            case "auth.test":
                return as_json(
                    {"ok": True, "team_id": "T0BENCH", "user_id": BOT, "bot_id": "B0BENCH", "user": "bot"}
                )
            case "apps.connections.open":
                return as_json({"ok": True, "url": f"ws{self.url.removeprefix('http')}/link"})
            case "users.info":
                return as_json({"ok": True, "user": {"id": form["user"], "real_name": "Somebody"}})
            case "chat.postMessage":
                return as_json({"ok": True, "channel": form["channel"], "ts": f"1800000000.{self.said()}"})
        return as_json({"ok": True})

    async def _talk(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str('{"type":"hello","num_connections":1}')
        self.socket = socket
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                self.ack(orjson.loads(frame.data)["envelope_id"])
        self.socket = None
        return socket

    def event(self, name: str, text: str, person: int) -> Json:
        """A private message, as Slack tells of it."""
        moment = f"{time.time():.6f}"
        where = {"channel": f"D0{person:06d}", "channel_type": "im"}
        event = {
            "type": "message",
            "user": f"U0{person:06d}",
            "text": text,
            "ts": moment,
            "event_ts": moment,
            **where,
        }
        return {
            "type": "event_callback",
            "team_id": "T0BENCH",
            "api_app_id": "A0BENCH",
            "event_id": f"Ev{name}",
            "event_time": int(time.time()),
            "event": event,
        }

    async def tell(self, name: str, text: str, person: int) -> None:
        payload = self.event(name, text, person)
        envelope = {
            "envelope_id": name,
            "type": "events_api",
            "accepts_response_payload": False,
            "payload": payload,
        }
        if self.socket is not None:
            await self.socket.send_str(orjson.dumps(envelope).decode())


class Feishu(Platform):
    """The long connection and im/v1/messages."""

    def __init__(self) -> None:
        super().__init__()
        self.socket: web.WebSocketResponse | None = None

    @property
    def listened(self) -> bool:
        return self.socket is not None

    async def called(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.path:
            case "/line":
                return await self._talk(request)
            case "/callback/ws/endpoint":
                url = f"ws{self.url.removeprefix('http')}/line?service_id=1&device_id=1"
                return as_json({"code": 0, "data": {"URL": url, "ClientConfig": {"PingInterval": 120}}})
            case "/open-apis/auth/v3/tenant_access_token/internal":
                return as_json({"code": 0, "tenant_access_token": "t-1", "expire": 7_200})
            case "/open-apis/bot/v3/info":
                return as_json({"code": 0, "bot": {"open_id": BOT, "app_name": "Tocsin", "activate_status": 2}})
        data: Json = {"user": {"name": "Somebody"}}
        if request.path.startswith("/open-apis/im/v1/messages") and request.method == "POST":
            data = {"message_id": f"om_{self.said()}"}
        return as_json({"code": 0, "data": data})

    async def _talk(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.socket = socket
        async for message in socket:
            frame = decode(message.data) if message.type is WSMsgType.BINARY else None
            if frame is not None and frame.method == DATA:
                self.ack(frame.header("message_id"))
            elif frame is not None:
                await socket.send_bytes(encode(Frame(service=1, method=CONTROL, headers=(("type", "pong"),))))
        self.socket = None
        return socket

    def event(self, name: str, text: str, person: int) -> bytes:
        """A private message, as Feishu tells of it."""
        moment = str(int(time.time() * 1000))
        message = {
            "message_id": f"om_{name}",
            "chat_id": f"oc_{person:06d}",
            "chat_type": "p2p",
            "message_type": "text",
            "create_time": moment,
            "content": orjson.dumps({"text": text}).decode(),
        }
        sender = {"sender_id": {"open_id": f"ou_{person:06d}"}, "sender_type": "user"}
        header = {
            "event_id": name,
            "event_type": "im.message.receive_v1",
            "app_id": APP_ID,
            "create_time": moment,
            "token": SECRET,
        }
        return orjson.dumps({"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}})

    async def tell(self, name: str, text: str, person: int) -> None:
        payload = self.event(name, text, person)
        headers = (("type", "event"), ("message_id", name), ("sum", "1"), ("seq", "0"))
        if self.socket is not None:
            await self.socket.send_bytes(encode(Frame(service=1, method=DATA, headers=headers, payload=payload)))


class Telegram(Platform):
    """getUpdates and sendMessage. What is confirmed by the next poll is acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[tuple[int, str, bytes]] = deque()  # number, name, the update
        self.more = asyncio.Event()
        self.polled = False
        self.webhook = ""

    @property
    def listened(self) -> bool:
        return self.polled

    async def called(self, request: web.BaseRequest) -> web.StreamResponse:
        given = orjson.loads(await request.read() or b"{}")
        match request.path.rpartition("/")[2].lower():
            case "getme":
                return as_json(
                    {"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "T", "username": "bot"}}
                )
            case "setwebhook":
                self.webhook = given["url"]
            case "getwebhookinfo":
                info = {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": 0}
                return as_json({"ok": True, "result": info})
            case "getupdates":
                return await self._poll(int(given.get("offset", 0)), float(given.get("timeout", 0)))
            case "sendmessage":
                chat = {"id": int(given["chat_id"]), "type": "private"}
                message = {"message_id": int(self.said()), "date": 1_800_000_000, "chat": chat, "text": "…"}
                return as_json({"ok": True, "result": message})
        return as_json({"ok": True, "result": True})

    async def _poll(self, offset: int, seconds: float) -> web.Response:
        self.polled = True
        while self.waiting and self.waiting[0][0] < offset:
            self.ack(self.waiting.popleft()[1])
        if not self.waiting and seconds:
            self.more.clear()
            with suppress(TimeoutError):  # nothing has come: that is the answer
                await asyncio.wait_for(self.more.wait(), seconds)
        some = [self.waiting[n][2] for n in range(min(len(self.waiting), 100))]
        return web.Response(
            body=b'{"ok":true,"result":[' + b",".join(some) + b"]}", content_type="application/json"
        )

    def event(self, name: str, text: str, person: int) -> bytes:
        """A private message as an update; its number is that of the name, from 1 on."""
        who = {"id": 1_000 + person, "is_bot": False, "first_name": "Somebody"}
        chat = {"id": 1_000 + person, "type": "private", "first_name": "Somebody"}
        number = int(name[1:]) + 1
        message = {"message_id": number, "date": int(time.time()), "chat": chat, "from": who, "text": text}
        return orjson.dumps({"update_id": number, "message": message})

    async def tell(self, name: str, text: str, person: int) -> None:
        self.waiting.append((int(name[1:]) + 1, name, self.event(name, text, person)))
        self.more.set()


def as_json(body: Json) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")

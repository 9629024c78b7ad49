"""Feishu's long connection: the endpoint that gives an address, the sockets, their frames and the acks.

Sources: lark_oapi/ws/{client,const,model}.py of lark-oapi 1.7.5 (the endpoint's answer and its codes, the headers
of a frame, an ack is the frame with its headers and a JSON payload, a refused handshake says why in three of its
headers); 1000040346 "app_id is invalid" (chenhg5/cc-connect #312) and 1000040350, too many connections
(mateaix/mateclaw #85), as the real endpoint said them. What it says to a wrong secret is not published:
here 514, AUTH_FAILED of const.py.
"""

import asyncio
import base64
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson
from aiohttp import WSMsgType, web

from tests.servers.feishu_frames import CONTROL, DATA, Frame, decode, encode
from tests.servers.feishu_records import Event, Json, Refused

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer

SOCKET_PATH = "/ws/v2"
SERVICE = 33554678
_ENDED = (WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
_ECHOED = ("type", "message_id", "sum", "seq", "trace_id")


@dataclass(slots=True, eq=False)
class Socket:
    """One connection of the bot."""

    number: int
    ws: web.WebSocketResponse
    transport: object
    frozen: bool = False  # half-open: this side is dead, and nobody has noticed


@dataclass(slots=True, eq=False, kw_only=True)
class Refusal:
    """How the next handshakes end."""

    status: int
    message: str
    auth: int
    times: int


class Sockets:
    """All connections, and what travels over them."""

    def __init__(self, server: "FeishuServer") -> None:
        self._server = server
        self.open: list[Socket] = []
        self.max_live = 0
        self.connects = 0
        self.pings = 0
        self.max_connections = 50  # of one app: open.feishu.cn/document/server-docs/event-subscription-guide
        self.parts = 1
        self.backwards = False
        self._config = {"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 0, "PingInterval": 120}
        self._refusals: list[Refusal] = []
        self._tickets: set[str] = set()
        self._numbers = count(1)
        self._logs = count(1)
        self._pushed: dict[str, tuple[Event, list[Frame]]] = {}  # by the message_id of the frames

    @property
    def live(self) -> int:
        return len(self.open)

    def client(self, *, ping: int = 120, nonce: int = 0, interval: int = 1, count: int = -1) -> None:
        """What the endpoint, and every pong, tells the client; seconds. The real one: 120, 30, 120, -1."""
        names = ("PingInterval", "ReconnectNonce", "ReconnectInterval", "ReconnectCount")
        self._config = dict(zip(names, (ping, nonce, interval, count), strict=True))

    def split(self, parts: int = 1, *, backwards: bool = False) -> None:
        """Cut the events from now on into so many frames."""
        self.parts, self.backwards = parts, backwards

    def drop(self) -> None:
        """Every connection ends, without a word."""
        for socket in self.open:
            if (transport := getattr(socket.transport, "abort", None)) is not None:
                transport()

    def freeze(self) -> None:
        """The connections that there are stay open and are deaf and dumb; new ones are well."""
        for socket in self.open:
            socket.frozen = True

    def refuse(self, status: int = 403, message: str = "forbidden", *, auth: int = 0, times: int = 1) -> None:
        """Refuse the next handshakes as Feishu does: 514 with `auth` codes, 403, or any other status."""
        self._refusals.append(Refusal(status=status, message=message, auth=auth, times=times))

    def heal(self) -> None:
        self._refusals.clear()

    def endpoint(self, asked: Json) -> Json:
        """The answer to POST /callback/ws/endpoint."""
        if not asked.get("AppID") or not asked.get("AppSecret"):
            raise Refused(1000040344, "no credential", status=200)
        if asked["AppID"] != self._server.app_id:
            raise Refused(1000040346, "app_id is invalid", status=200)
        if asked["AppSecret"] != self._server.app_secret:
            raise Refused(514, "app_secret is invalid", status=200)
        if self.live >= self.max_connections:
            raise Refused(1000040350, "the number of connections exceeded the limit", status=200)
        ticket = self._server.fresh("")
        self._tickets.add(ticket)
        query = {"device_id": self._server.fresh("7"), "service_id": SERVICE, "ticket": ticket}
        address = f"ws://127.0.0.1:{self._server.port}{SOCKET_PATH}?{urlencode(query)}"
        return {"URL": address, "ClientConfig": self._config}

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        self._server.calls["socket"] += 1
        if refused := self._refused(request):
            return refused
        ws = web.WebSocketResponse(max_msg_size=4 * 1024 * 1024, autoping=False, autoclose=False)
        await ws.prepare(request)
        socket = Socket(next(self._numbers), ws, request.transport)
        self.open.append(socket)
        self.connects += 1
        self.max_live = max(self.max_live, self.live)
        self._server.push_waiting()
        self._server.change()
        try:
            await self._read(socket)
        finally:
            self.open.remove(socket)
            self._server.change()
        return ws

    def give(self, event: Event) -> bool:
        """Push an event over the newest socket."""
        if not self.open:
            return False
        socket = self.open[-1]
        if not socket.frozen:
            self._server.later(self._send(socket, event))
        return True

    # How it is done

    def _refused(self, request: web.BaseRequest) -> web.Response | None:
        self._refusals = [one for one in self._refusals if one.times > 0]
        if self._refusals:
            self._refusals[0].times -= 1
            return _no_handshake(self._refusals[0])
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or request.query.get("service_id") != str(SERVICE):
            return _no_handshake(Refusal(status=514, message="ticket is invalid", auth=1000040348, times=0))
        self._tickets.discard(ticket)
        return None

    async def _send(self, socket: Socket, event: Event) -> None:
        name = self._server.fresh("")
        size = -(-len(event.body) // self.parts)
        log = next(self._logs)
        frames = [
            Frame(
                seq=event.given,
                log=log,
                service=SERVICE,
                method=DATA,
                headers=_headers(name, self.parts, place),
                payload=event.body[place * size : (place + 1) * size],
                log_new=name,
            )
            for place in range(self.parts)
        ]
        self._pushed[name] = (event, frames)
        if self._server.keep and len(self._pushed) > self._server.keep:
            del self._pushed[next(iter(self._pushed))]
        for frame in reversed(frames) if self.backwards else frames:
            if socket.ws.closed:
                return
            await socket.ws.send_bytes(encode(frame))

    async def _read(self, socket: Socket) -> None:
        while True:
            message = await socket.ws.receive()
            if message.type in _ENDED:
                return
            if socket.frozen:
                if message.type is WSMsgType.CLOSE:
                    await asyncio.Event().wait()  # the other side has to end the connection itself
            elif message.type is WSMsgType.CLOSE:
                await socket.ws.close()
                return
            elif message.type is WSMsgType.PING:
                await socket.ws.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._take(socket, message.data)
            elif message.type is not WSMsgType.PONG:
                self._blame(f"a {message.type.name} message over the socket")

    async def _take(self, socket: Socket, data: bytes) -> None:
        try:
            frame = decode(data)
        except ValueError as error:
            self._blame(f"bytes that are no frame: {error}")
            return
        if frame.method == CONTROL:
            await self._control(socket, frame)
        else:
            self._ack(frame)

    async def _control(self, socket: Socket, frame: Frame) -> None:
        if frame.header("type") != "ping":
            self._blame(f"a control frame of type {frame.header('type')!r}")
            return
        if frame.service != SERVICE:
            self._blame(f"a ping for service {frame.service}, not {SERVICE}")
        self.pings += 1
        payload = orjson.dumps(self._config)
        headers = (("type", "pong"),)
        await socket.ws.send_bytes(
            encode(Frame(service=SERVICE, method=CONTROL, headers=headers, payload=payload))
        )
        self._server.change()

    def _ack(self, frame: Frame) -> None:
        pushed = self._pushed.get(frame.header("message_id"))
        if pushed is None or frame.method != DATA:
            self._blame(f"an ack of nothing: {frame.header('message_id')!r}")
            return
        event, frames = pushed
        sent = next((one for one in frames if one.header("seq") == frame.header("seq")), frames[0])
        wrong = [name for name in _ECHOED if frame.header(name) != sent.header(name)]
        wrong += [name for name in ("seq", "log", "service") if getattr(frame, name) != getattr(sent, name)]
        if wrong:
            self._blame(f"an ack that changes {', '.join(wrong)}")
        try:
            code, data = _answer_in(frame.payload or b"")
        except (ValueError, TypeError, KeyError) as error:
            self._blame(f"an ack whose payload is wrong: {error!r}")
            return
        self._server.take_ack(event, code, data)

    def _blame(self, what: str) -> None:
        self._server.violations.append(what)
        self._server.change()


def _headers(name: str, parts: int, place: int) -> tuple[tuple[str, str], ...]:
    return (
        ("type", "event"),
        ("message_id", name),
        ("sum", str(parts)),
        ("seq", str(place)),
        ("trace_id", f"trace-{name}"),
    )


def _no_handshake(refusal: Refusal) -> web.Response:
    headers = {"Handshake-Status": str(refusal.status), "Handshake-Msg": refusal.message}
    if refusal.auth:
        headers["Handshake-Autherrcode"] = str(refusal.auth)
    status = refusal.status if refusal.status < 500 else 403
    return web.Response(status=status, headers=headers)


def _answer_in(payload: bytes) -> tuple[int, Json]:
    """The code of an ack, and what a button is answered with: JSON in base64."""
    answer = orjson.loads(payload)
    data = answer.get("data")
    return int(answer["code"]), orjson.loads(base64.b64decode(data, validate=True)) if data else None

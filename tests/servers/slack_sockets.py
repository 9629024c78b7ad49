"""Socket Mode: tickets, sockets, envelopes and their acks, and what goes wrong with them on request.

From https://docs.slack.dev/apis/events-api/using-socket-mode and the SDKs: a ticket opens one socket; `hello`
comes first; an app has at most ten sockets, one more is told `disconnect` with the reason too_many_websockets
(slackapi/java-slack-sdk#1223); an event that is not acknowledged is sent again, with retry_attempt and
retry_reason; interactions and slash commands are not, their person sees that it failed. Where Slack waits a
minute or five between retries this server waits `ack_within`, and while no socket is open events wait for one.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import orjson
from aiohttp import WSMessage, WSMsgType, web

from tests.servers.slack_people import People
from tests.servers.slack_records import APP_ID, Attempt, Delivery, Json
from tests.servers.slack_results import acknowledge, give_up

_HOST = "applink-test-1"


@dataclass(slots=True, kw_only=True, eq=False)
class Socket:
    """One connection of the app."""

    number: int
    ws: web.WebSocketResponse
    transport: asyncio.Transport
    frozen: bool = False
    leaving: bool = False  # it was told to disconnect
    opened_at: float = 0.0
    acks: int = 0
    queue: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)


class Sockets:
    """The app's sockets, and the deliveries that wait for one or for their ack."""

    def __init__(self, world: People) -> None:
        self.world = world
        self.open: list[Socket] = []
        self.most = 0  # open at once
        self.total = 0  # in all
        self.allowed = 10
        self.ack_within = 3.0  # seconds
        self.attempts = 4  # so often an event is sent: once and three retries
        self.ping_every = 5.0  # seconds
        self.delay = 0.0  # seconds before each envelope is sent
        self.greets = True  # False: a socket is opened, and nobody is there behind it
        self.waiting: deque[Delivery] = deque()  # for a socket
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unacked: dict[str, Delivery] = {}
        self._turn = 0

    # What goes wrong

    def drop(self) -> None:
        """End every socket without a word."""
        for socket in list(self.open):
            socket.transport.abort()

    def freeze(self) -> None:
        """Leave the sockets half-open: they are not read, what is sent into them never arrives; TCP stays."""
        for socket in self.open:
            socket.frozen = True
            socket.transport.pause_reading()

    def thaw(self) -> None:
        """Read and send again; what was lost stays lost."""
        for socket in self.open:
            if socket.frozen:
                socket.frozen = False
                socket.transport.resume_reading()

    def patience(self, seconds: float) -> None:
        """Send an envelope again when it is not acknowledged within so many seconds, however often."""
        self.ack_within, self.attempts = seconds, 1_000

    async def disconnect(self, reason: str = "refresh_requested", *, closes: float | None = 1.0) -> None:
        """Tell every socket to go: "warning", "refresh_requested" or "link_disabled"; closed so much later."""
        for socket in list(self.open):
            socket.leaving = True
            await self._tell(socket.ws, reason)
            if closes is not None:
                asyncio.get_running_loop().call_later(closes, socket.transport.close)

    def close(self) -> None:
        """Forget what waits, and end the sockets."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.drop()

    # Deliveries

    def carry(self, delivery: Delivery) -> None:
        """Send a delivery over one of the sockets; an event waits for one, nothing else does."""
        if self.open:
            self._choose(delivery).queue.put_nowait(delivery)
        elif delivery.kind == "events_api":
            self.waiting.append(delivery)
        else:
            give_up(self.world, delivery, "dispatch_failed")

    def _choose(self, delivery: Delivery) -> Socket:
        """One that was not told to go; for a retry another than before, if there is one."""
        before = delivery.attempts[-1].socket if delivery.attempts else 0
        staying = [one for one in self.open if not one.leaving] or self.open
        others = [one for one in staying if one.number != before] or staying
        self._turn += 1
        return others[self._turn % len(others)]

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        """A new socket, until it ends."""
        refused = await self._refuse(request)
        if refused is not None:
            return refused
        ws = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024)
        await ws.prepare(request)
        if len(self.open) >= self.allowed:
            self.world.violations.append("too many sockets")
            await self._tell(ws, "too_many_websockets")
            await ws.close()
            return ws
        assert isinstance(request.transport, asyncio.Transport)
        self.total += 1
        socket = Socket(number=self.total, ws=ws, transport=request.transport, opened_at=self.world.now())
        await self._serve(socket)
        return ws

    async def _refuse(self, request: web.BaseRequest) -> web.StreamResponse | None:
        ticket = request.query.get("ticket", "")
        if ticket not in self.world.tickets:
            self.world.violations.append("a ticket that is unknown or used")
            return web.Response(status=404, text="not found")
        self.world.tickets.discard(ticket)
        fault = self.world.faults.take("link", "", self.world.now())
        if fault is None:
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay)
            return None
        if fault.kind == "hang":
            await asyncio.Event().wait()
        if fault.kind == "drop" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=fault.status)

    async def _serve(self, socket: Socket) -> None:
        self.open.append(socket)
        self.most = max(self.most, len(self.open))
        self.world.change()
        helpers = [asyncio.create_task(self._send(socket)), asyncio.create_task(self._ping(socket))]
        while self.waiting:
            socket.queue.put_nowait(self.waiting.popleft())
        try:
            async for frame in socket.ws:
                self._read(socket, frame)
        finally:
            self._gone(socket)  # before anything is awaited: the handler is cancelled when the app hangs up
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _gone(self, socket: Socket) -> None:
        self.open.remove(socket)
        while not socket.queue.empty():
            self.carry(socket.queue.get_nowait())
        self.world.change()

    async def _send(self, socket: Socket) -> None:
        if not self.greets:
            return
        await socket.ws.send_str(orjson.dumps(self._hello()).decode())
        while True:
            delivery = await socket.queue.get()
            if delivery.acked_at is not None:
                continue
            if self.delay:
                await self._hesitate(delivery)
            retry = len(delivery.attempts)
            delivery.attempts.append(Attempt(at=self.world.now(), socket=socket.number, retry=retry))
            self.world.doubled += retry > 0
            self._await_ack(delivery)
            if not socket.frozen:
                await socket.ws.send_str(envelope_of(delivery, retry).decode())

    async def _hesitate(self, delivery: Delivery) -> None:
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.carry(delivery)  # the socket ended: over another one
            raise

    async def _ping(self, socket: Socket) -> None:
        while True:
            await asyncio.sleep(self.ping_every)
            if not socket.frozen:
                await socket.ws.ping(f"Ping from {_HOST}".encode())

    def _read(self, socket: Socket, frame: WSMessage) -> None:
        if frame.type is not WSMsgType.TEXT:
            self.world.violations.append(f"a frame of type {frame.type.name}")
            return
        try:
            said = orjson.loads(frame.data)
            name = said["envelope_id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.world.violations.append(f"a frame that is no ack: {frame.data[:80]}")
            return
        delivery = self._unacked.get(name)
        if delivery is None:
            if not any(one.id == name for one in reversed(self.world.deliveries)):
                self.world.violations.append(f"an ack of an unknown envelope: {name}")
            return
        socket.acks += 1
        self._settle(delivery)
        acknowledge(self.world, delivery, said.get("payload"))

    # Acks

    def _await_ack(self, delivery: Delivery) -> None:
        self._unacked[delivery.id] = delivery
        loop = asyncio.get_running_loop()
        self._timers[delivery.id] = loop.call_later(self.ack_within, self._overdue, delivery)

    def _settle(self, delivery: Delivery) -> None:
        self._unacked.pop(delivery.id, None)
        if timer := self._timers.pop(delivery.id, None):
            timer.cancel()

    def _overdue(self, delivery: Delivery) -> None:
        self._timers.pop(delivery.id, None)
        if delivery.kind != "events_api":
            self._unacked.pop(delivery.id, None)
            give_up(self.world, delivery, "operation_timeout")
        elif len(delivery.attempts) >= self.attempts:
            self._unacked.pop(delivery.id, None)
            give_up(self.world, delivery, "timeout")
        else:
            self.carry(delivery)

    def _hello(self) -> Json:
        info = {"host": _HOST, "build_number": 42, "approximate_connection_time": 18_060}
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": info,
            "connection_info": {"app_id": APP_ID},
        }

    async def _tell(self, ws: web.WebSocketResponse, reason: str) -> None:
        body = {"type": "disconnect", "reason": reason, "debug_info": {"host": _HOST}}
        await ws.send_str(orjson.dumps(body).decode())


def envelope_of(delivery: Delivery, retry: int) -> bytes:
    """The frame of a delivery; only events say which retry it is."""
    body: Json = {
        "envelope_id": delivery.id,
        "payload": delivery.payload,
        "type": delivery.kind,
        "accepts_response_payload": delivery.accepts,
    }
    if delivery.kind == "events_api":
        body |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
    return orjson.dumps(body)

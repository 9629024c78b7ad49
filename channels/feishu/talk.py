"""What is said over one socket of the long connection: events and their acks, pings and pongs."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import aiohttp
import orjson
import structlog

from channels.feishu.frames import CONTROL, Frame, decode, encode, ping
from channels.feishu.joiner import Joiner
from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messages import Json

logger = structlog.get_logger()

ENDED = frozenset(
    {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
)
TAKEN, FAILED = 200, 500

MOST_AT_ONCE = 1_000
"""Events under way; the rest waits in the socket, where it costs no memory of ours."""

PARTING = timedelta(seconds=2)
"""What events under way have when the socket has ended. What is not taken by then comes again over another."""

Take = Callable[[bytes], Awaitable[Json]]


class Pace(Protocol):
    """How the connection is to be kept, as Feishu has told it last."""

    @property
    def ping(self) -> timedelta:
        """Between two pings."""

    @property
    def deaf(self) -> timedelta:
        """Longer silence than this: nobody is there any more."""

    def told(self, config: Json) -> None:
        """A pong has told it anew."""


class Talk:
    """One socket, from its beginning to its end."""

    def __init__(
        self,
        name: str,
        socket: aiohttp.ClientWebSocketResponse,
        clock: Clock,
        take: Take,
        *,
        pace: Pace,
        service: int,
    ) -> None:
        """`service`: what Feishu calls us in its address; a ping says it."""
        self._name = name
        self._socket = socket
        self._clock = clock
        self._take = take
        self._pace = pace
        self._service = service
        self._joiner = Joiner()
        self._events: set[asyncio.Task[None]] = set()

    async def talk(self, alive: Callable[[], None]) -> str:
        """Until the socket ends, or is deaf; why. Events under way have a moment, unless this is cancelled."""
        pinging = asyncio.create_task(self._ping())
        try:
            reason = await self._read(alive)
            with suppress(TimeoutError):  # an ack may be stuck in a socket that nobody reads from
                async with self._clock.timeout(PARTING):
                    await asyncio.gather(*self._events, return_exceptions=True)
            return reason
        finally:
            chores = [pinging, *self._events]
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _read(self, alive: Callable[[], None]) -> str:
        while True:
            limit = self._pace.deaf
            try:
                async with self._clock.timeout(limit):
                    message = await self._socket.receive()
            except TimeoutError:
                return f"nothing was heard over the long connection for {limit.total_seconds():g} s"
            if message.type in ENDED:
                return f"the long connection has ended ({_why(self._socket)})"
            alive()
            if message.type is aiohttp.WSMsgType.BINARY:
                self._hear(message.data)
            while len(self._events) >= MOST_AT_ONCE:
                await asyncio.wait(self._events, return_when=asyncio.FIRST_COMPLETED)

    async def _ping(self) -> None:
        while True:
            await self._send(ping(self._service))
            await self._clock.sleep(self._pace.ping)

    def _hear(self, data: bytes) -> None:
        try:
            frame = decode(data)
            if frame.method == CONTROL:
                self._control(frame)
            elif (payload := self._whole(frame)) is not None:
                self._work(frame, payload)
        except ValueError as error:  # FrameError, or numbers that cannot be
            logger.warning("a frame cannot be read", channel=self._name, error=str(error))

    def _control(self, frame: Frame) -> None:
        if frame.header("type") == "pong" and frame.payload:
            self._pace.told(orjson.loads(frame.payload))

    def _whole(self, frame: Frame) -> bytes | None:
        total, place = int(frame.header("sum") or 1), int(frame.header("seq") or 0)
        payload = frame.payload or b""
        return self._joiner.add(frame.header("message_id"), total, place, payload, self._clock.monotonic())

    # -- events -------------------------------------------------------------------------------------------

    def _work(self, frame: Frame, payload: bytes) -> None:
        task = asyncio.create_task(self._event(frame, payload))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _event(self, frame: Frame, payload: bytes) -> None:
        """Take it, then acknowledge it: Feishu brings again what is not taken."""
        began = self._clock.monotonic()
        answer: dict[str, Json] = {"code": TAKEN}
        try:
            data = await self._take(payload)
        except StoreError as error:
            logger.warning("an event could not be kept", channel=self._name, error=str(error))
            answer = {"code": FAILED}
        except Exception:
            logger.exception("an event cannot be taken", channel=self._name)
            answer = {"code": FAILED}
        else:
            if data is not None:
                answer["data"] = base64.b64encode(orjson.dumps(data)).decode()
        took = round((self._clock.monotonic() - began) * 1000)
        await self._send(frame.answer(orjson.dumps(answer), ("biz_rt", str(took))))

    async def _send(self, frame: Frame) -> None:
        try:
            await self._socket.send_bytes(encode(frame))
        except (aiohttp.ClientError, OSError) as error:  # the reader sees its end, too
            logger.debug("nothing more can be said over the socket", channel=self._name, error=str(error))


def _why(socket: aiohttp.ClientWebSocketResponse) -> str:
    fault = socket.exception()
    if fault is not None:
        return type(fault).__name__
    return f"code {socket.close_code}" if socket.close_code else "without a word"

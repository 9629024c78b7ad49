"""Socket Mode: one WebSocket on which Slack brings what happens; each envelope is acknowledged when it is safe.

https://docs.slack.dev/apis/events-api/using-socket-mode: a connection is opened with an address that is good once,
lives for some hours, and says before it ends that another one is wanted. Slack sends pings every few seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import orjson
import structlog

from channels.slack.api import CONNECT_TIMEOUT, our_errors
from channels.slack.client import Client
from channels.slack.words import text_of
from gateway.clock import Clock
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    ReadingError,
    StoreError,
    TransientDeliveryError,
)
from gateway.messages import Json

logger = structlog.get_logger()

LONGEST_FRAME = 4 * 1024 * 1024
MANY_PAUSE = timedelta(seconds=10)
OFF_PAUSE = timedelta(seconds=15)
LONGEST_OFF_PAUSE = timedelta(minutes=1)
LATER = frozenset({"warning", "refresh_requested"})
"""Reasons of Slack's to end a connection that mean no more than: open another one."""

Take = Callable[[Json], Awaitable[None]]
"""Takes a payload; returns when it may be acknowledged, StoreError when it must not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long Slack is waited for."""

    hello: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=30)  # without any frame: the connection is half open
    ping: timedelta = timedelta(seconds=10)  # between ours, which have to be answered
    close: timedelta = timedelta(seconds=1)  # Slack answers a close, but leaves the connection open
    in_hand: timedelta = timedelta(seconds=1)  # for what was taken to be acknowledged before a change
    history: timedelta = timedelta(seconds=1)  # for what was written to stand in the history of its chat
    apart: timedelta = timedelta(seconds=1)  # between two connections, also if Slack wants one after the other


WAITS = Waits()


class _EndedError(Exception):
    """The connection is over; `wanted`: Slack asked for another one."""

    def __init__(self, reason: str, *, wanted: bool = False) -> None:
        super().__init__(reason)
        self.wanted = wanted


class Socket:
    """One connection after the other, never two at once."""

    def __init__(
        self,
        name: str,
        client: Client,
        clock: Clock,
        *,
        take: Take,
        alive: Callable[[], None],
        waits: Waits = WAITS,
    ) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._take = take
        self._alive = alive
        self._waits = waits
        self._in_hand: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Read until cancelled.

        A connection that had worked and is lost is replaced at once. One that cannot be had is a ReadingError, and
        a refused token a CredentialsRefusedError.
        """
        while True:
            began = self._clock.monotonic()
            try:
                async with self._connected() as socket:
                    await self._read(socket)
            except _EndedError as ended:
                lived = self._clock.monotonic() - began
                if not ended.wanted and lived < self._waits.silence.total_seconds():
                    raise ReadingError(f"Slack's connection ended: {ended}") from None
                logger.info("Slack's connection is replaced", channel=self._name, reason=str(ended))
                if (rest := self._waits.apart.total_seconds() - lived) > 0:
                    await self._clock.sleep(timedelta(seconds=rest))
            except CredentialsRefusedError:
                raise
            except DeliveryError as error:
                asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
                raise ReadingError(str(error), pause=asked or timedelta()) from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connection that has said hello; it is closed before anything else happens."""
        address = await self._client.open_socket()
        timeout = aiohttp.ClientWSTimeout(ws_close=self._waits.close.total_seconds())
        async with our_errors():
            async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
                socket = await self._client.api.opened().ws_connect(
                    address, autoping=False, timeout=timeout, max_msg_size=LONGEST_FRAME
                )
        pings = asyncio.create_task(self._ping(socket))
        try:
            yield socket
        finally:
            pings.cancel()
            await asyncio.gather(pings, return_exceptions=True)
            await self._put_down()
            await socket.close()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Slack pings too; ours tell a half-open connection apart even when it does not."""
        while True:
            await self._clock.sleep(self._waits.ping)
            try:
                await socket.ping()
            except (aiohttp.ClientError, OSError):
                return  # who reads will notice

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        begun, greeted = self._clock.monotonic(), False
        while True:
            waited = timedelta(seconds=self._clock.monotonic() - begun)
            frame = await self._frame(socket, self._waits.silence if greeted else self._waits.hello - waited)
            if frame.type is aiohttp.WSMsgType.PING:
                await self._send(socket.pong(frame.data))
            elif frame.type is aiohttp.WSMsgType.TEXT:
                self._envelope(socket, frame.data)
                greeted = True
            elif frame.type is not aiohttp.WSMsgType.PONG and frame.type is not aiohttp.WSMsgType.BINARY:
                raise _EndedError("it was closed")
            if greeted:  # only now it works: pings alone may come from a machine in between
                self._alive()

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, patience: timedelta) -> aiohttp.WSMessage:
        try:
            async with self._clock.timeout(patience):
                return await socket.receive()
        except TimeoutError:
            raise _EndedError("nothing was heard in time") from None

    def _envelope(self, socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
        try:
            envelope = orjson.loads(text)
        except orjson.JSONDecodeError:
            logger.warning("an envelope cannot be read", channel=self._name, length=len(text))
            return
        if text_of(envelope, "type") == "disconnect":
            raise _ending(text_of(envelope, "reason"))
        if identifier := text_of(envelope, "envelope_id"):
            # Begun at once and in this order; the order inside a chat is the intake's.
            task = asyncio.create_task(self._hear(socket, identifier, envelope.get("payload")))
            self._in_hand.add(task)
            task.add_done_callback(self._in_hand.discard)

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, identifier: str, payload: Json) -> None:
        try:
            await self._take(payload)
        except StoreError:
            return  # not safe: Slack brings it again
        except Exception:
            # Not acknowledged either: one payload must not end the connection.
            logger.exception("an envelope cannot be taken", channel=self._name)
            return
        try:
            await self._send(socket.send_str(orjson.dumps({"envelope_id": identifier}).decode()))
        except _EndedError:
            logger.debug("the connection ended before an acknowledgement", channel=self._name)

    @staticmethod
    async def _send(sending: Awaitable[None]) -> None:
        try:
            await sending
        except (aiohttp.ClientError, OSError) as error:
            raise _EndedError(f"it was lost ({type(error).__name__})") from None

    async def _put_down(self) -> None:
        """Let what was taken be acknowledged on the connection that brought it, if that does not take long."""
        if self._in_hand:
            tasks = set(self._in_hand)
            await asyncio.wait(tasks, timeout=self._waits.in_hand.total_seconds())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _ending(reason: str) -> Exception:
    """What a message that says "disconnect" means."""
    if reason == "link_disabled":
        return ReadingError(
            "Socket Mode is turned off for the app: turn it on under Socket Mode in its settings",
            pause=OFF_PAUSE,
            longest=LONGEST_OFF_PAUSE,
        )
    if reason == "too_many_websockets":
        return ReadingError(
            "the app has too many connections open: other programs use its app token (Slack takes ten)",
            pause=MANY_PAUSE,
        )
    return _EndedError(f"Slack asked for another one ({reason})", wanted=reason in LATER)

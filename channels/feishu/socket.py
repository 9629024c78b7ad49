"""The long connection: one WebSocket over which events come, each acknowledged when it is in the inbox.

As Feishu's own clients do it (github.com/larksuite/oapi-sdk-go, ws/client.go): the endpoint tells how often to
ping and how to come back, every pong may tell it anew, and an ack is the frame of the event with another payload.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import aiohttp

from channels.feishu.client import FORBIDDEN, TOO_MANY, Client, Line, LineRefusedError, no_line
from channels.feishu.refusals import Refusal, plain_words
from channels.feishu.talk import Take, Talk
from gateway.clock import Clock
from gateway.errors import CredentialsRefusedError, DeliveryError, ReadingError, TransientDeliveryError
from gateway.messages import Json

DEAF = timedelta(seconds=150)
"""The longest silence, pongs included: of a connection that hears nothing, the other side may not know."""

CLOSING = 1.0  # seconds that the other side has to say goodbye
LEAVING = timedelta(seconds=3)  # and for all of it: a socket that nobody reads from takes no goodbye of ours
LARGEST_FRAME = 4 * 1024 * 1024
TOO_MANY_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to ping, and how to come back: after a random part of `nonce` at first, then every `interval`."""

    ping: timedelta = timedelta(seconds=120)
    nonce: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(seconds=120)

    def told(self, config: Json) -> "Rhythm":
        """As Feishu tells it, where that makes sense."""
        table = config if isinstance(config, dict) else {}
        return Rhythm(
            ping=_seconds(table.get("PingInterval"), self.ping, least=1),
            nonce=_seconds(table.get("ReconnectNonce"), self.nonce, least=0),
            interval=_seconds(table.get("ReconnectInterval"), self.interval, least=1),
        )


def _seconds(value: Json, known: timedelta, *, least: int) -> timedelta:
    sane = isinstance(value, int) and least <= value <= 3_600
    return timedelta(seconds=value) if sane else known


class LongConnection:
    """At most one socket. What the endpoint has told outlives a `run` that fails."""

    def __init__(
        self, name: str, client: Client, clock: Clock, take: Take, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._take = take
        self._chance = chance
        self._rhythm = Rhythm()
        self._told = False  # the endpoint has told its rhythm

    async def run(self, alive: Callable[[], None]) -> NoReturn:
        """Until cancelled. `alive`: called for all that is heard.

        CredentialsRefusedError when connecting again is useless, ReadingError when it is not.
        """
        try:
            line = await self._client.line()
            self._rhythm, self._told = self._rhythm.told(line.config), True
            socket = await self._connected(line)
        except CredentialsRefusedError:
            raise
        except LineRefusedError as error:
            pause = TOO_MANY_PAUSE if error.code == TOO_MANY else self._pause()
            raise ReadingError(str(error), pause=pause, longest=self._longest()) from error
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta(), longest=self._longest()) from error
        try:
            alive()
            service = _service(line.url)
            reason = await Talk(self._name, socket, self._clock, self._take, pace=self, service=service).talk(
                alive
            )
        finally:
            await self._leave(socket)  # before there is another one
        raise ReadingError(reason, pause=self._rhythm.nonce * self._chance(), longest=self._longest())

    async def _leave(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Close it, whether the other side reads or goes on talking."""
        with suppress(TimeoutError):
            async with self._clock.timeout(LEAVING):
                await socket.close()

    @property
    def ping(self) -> timedelta:
        """As told, but two in the longest silence: else one pong that is late, or a slower pace, ends it."""
        return min(self._rhythm.ping, DEAF / 2)

    @property
    def deaf(self) -> timedelta:
        return self.ping * 2

    def told(self, config: Json) -> None:
        """A pong has said how it is to be from now on."""
        self._rhythm = self._rhythm.told(config)

    def _pause(self) -> timedelta:
        """Before the next try, where Feishu itself has refused this one."""
        return self._rhythm.interval if self._told else timedelta()

    def _longest(self) -> timedelta:
        return self._rhythm.interval if self._told else timedelta(seconds=30)

    async def _connected(self, line: Line) -> aiohttp.ClientWebSocketResponse:
        try:
            async with self._clock.timeout(self._client.waits.answer):
                return await self._client.http.session.ws_connect(
                    line.url,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSING),
                    max_msg_size=LARGEST_FRAME,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refused(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            words = f"Feishu: the long connection cannot be made ({type(error).__name__})"
            raise TransientDeliveryError(words) from error


def _service(url: str) -> int:
    """What the address calls us."""
    given = parse_qs(urlsplit(url).query).get("service_id", ["0"])[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _refused(error: aiohttp.WSServerHandshakeError) -> DeliveryError:
    """Why the socket was refused: its headers say more than its status.

    514 is a wrong secret, and a ticket that is over; but the endpoint has just taken our secret.
    """
    headers: Mapping[str, str] = error.headers or {}
    status, auth = _number(headers, "handshake-status"), _number(headers, "handshake-autherrcode")
    code = auth if auth == TOO_MANY else status or error.status
    words = plain_words(headers.get("handshake-msg", "the long connection is refused"))
    if code in {FORBIDDEN, TOO_MANY}:
        return no_line(Refusal(code=code, words=words))
    return LineRefusedError(auth or code, words)


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0

"""Heartbeat: asks for an address while the gateway works, so that somebody else notices when it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from gateway import durations
from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.lean import without
from gateway.sections import HeartbeatSection

if TYPE_CHECKING:
    import httpx

logger = structlog.get_logger()

OVERDUE = timedelta(seconds=60)  # a scheduler that lives looks at its jobs every 30 s
WRITE_LIMIT = timedelta(seconds=30)
LOOK_AGAIN = timedelta(seconds=5)  # after a heartbeat that was not sent

_BEAT = "INSERT INTO meta (key, value) VALUES ('beat', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"


class Life:
    """Whether the gateway does its work: the scheduler looks at its jobs, and what follows can be written."""

    def __init__(self, database: Database, clock: Clock, looked: Callable[[], datetime | None]) -> None:
        """`looked`: when the scheduler last looked at its jobs."""
        self._database = database
        self._clock = clock
        self._looked = looked

    async def lacks(self) -> str:
        """What is missing to call it alive; empty when nothing is. Writes a number, to know that this works."""
        try:
            async with self._clock.timeout(WRITE_LIMIT):
                await self._database.write(_beat)
        except TimeoutError:
            return "the database does not answer"
        except StoreError as error:
            return f"the database cannot be written: {error}"
        looked = self._looked()
        if looked is None:
            return "the scheduler has not begun yet"
        silence = self._clock.now() - looked
        if silence > OVERDUE:
            return f"the scheduler has not looked at its jobs since {looked:%Y-%m-%d %H:%M:%S} UTC"
        return ""


def _beat(transaction: Transaction) -> None:
    transaction.execute(_BEAT)


class Heartbeat:
    """Asks for the configured address at an interval, as long as nothing is lacking."""

    def __init__(self, settings: HeartbeatSection, clock: Clock, lacks: Callable[[], Awaitable[str]]) -> None:
        """`lacks` says what is missing to call the gateway alive; empty when nothing is."""
        self._settings = settings
        self._clock = clock
        self._lacks = lacks
        self._client: httpx.AsyncClient | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Beat for ever; at once nothing if no address is configured."""
        if not self._settings.url.get_secret_value():
            return
        try:
            while True:
                sent = await self.beat()
                every = self._settings.every
                await self._clock.sleep(every if sent else min(every, LOOK_AGAIN))
        finally:
            client, self._client = self._client, None
            if client is not None:
                await client.aclose()

    async def beat(self) -> bool:
        """Ask once, if nothing is lacking; returns whether it asked. What fails is logged, and stops nobody."""
        lacking = await self._lacks()
        if lacking:
            self._tell("no heartbeat is sent", lacking)
            return False
        self._tell("the heartbeat was not taken", await self._ask())
        return True

    async def _ask(self) -> str:
        """What went wrong; empty when it was taken."""
        limit = self._settings.timeout
        try:
            client = await self._opened()
            async with self._clock.timeout(limit):
                return await _get(client, self._settings.url.get_secret_value())
        except TimeoutError:
            return f"no answer within {durations.to_text(limit)}"
        except (ImportError, OSError, ValueError) as error:  # a proxy that cannot be used
            return type(error).__name__

    async def _opened(self) -> "httpx.AsyncClient":
        if self._client is None:
            # In a thread: the library and the machine's certificates take a tenth of a second.
            self._client = await asyncio.to_thread(_client, self._settings.timeout)
        return self._client

    def _tell(self, sentence: str, reason: str) -> None:
        """Once for each change, however often it is tried."""
        if reason and reason != self._trouble:
            logger.error(sentence, reason=reason)
        elif self._trouble and not reason:
            logger.info("the heartbeat is taken again")
        self._trouble = reason


def _client(limit: timedelta) -> "httpx.AsyncClient":
    with without("rich"):  # its command line would bring that: 5 MiB
        import httpx

    return httpx.AsyncClient(timeout=limit.total_seconds(), headers={"User-Agent": "tocsin"})


async def _get(client: "httpx.AsyncClient", address: str) -> str:
    """What went wrong; empty when nothing did."""
    import httpx  # by now it is loaded

    try:
        async with client.stream("GET", address) as answer:  # its body is not read
            return "" if answer.is_success else f"the answer was {answer.status_code}"
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__  # its text may hold the address

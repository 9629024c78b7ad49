"""A server that speaks Telegram's Bot API on loopback, as strict as the real one, with faults on request.

A test uses it in its own process: `async with serve_telegram() as server:`. Benches and tests that kill run it
as a process, `python -m tests.servers.telegram`, and speak to it through `Control` in the file beside this one.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.servers.telegram_faults import Fault, Kind
from tests.servers.telegram_http import answer_bot, answer_file
from tests.servers.telegram_limits import Rate
from tests.servers.telegram_people import People
from tests.servers.telegram_records import Stats
from tests.servers.telegram_verbs import answer_control, verbs_of

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # of a bot that exists here only


class TelegramServer(People):
    """Telegram with one bot: what people do is in `People`, what is known is in `World`."""

    def __init__(
        self, *, token: str = TOKEN, keep: int | None = None, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(token=token, keep=keep, now=now)
        self.port = 0
        self._web = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._listener: asyncio.Server | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._verbs = verbs_of(self) | {
            "fault": self._fault,
            "heal": self.heal,
            "limits": self.limits,
            "no_limits": self.no_limits,
            "stats": self.stats,
            "refuse": self._refuse_soon,
            "webhook": self.webhook,
            "route": self.hooks.route,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def listening(self) -> bool:
        return self._listener is not None

    # What goes wrong

    def fault(
        self, kind: Kind, *, method: str = "", times: int | None = 1, seconds: float | None = None, **details: Any
    ) -> Fault:
        """Let the next `times` calls of a method fail (any method if empty), or all of them for some seconds.

        `details` are the fields of `Fault`: chat, status, retry_after, delay, acts.
        """
        until = None if seconds is None else self.now() + seconds
        count = times if seconds is None else None
        fault = Fault(kind=kind, method=method, times=count, until=until, **details)
        self.faults.add(fault)
        return fault

    def heal(self) -> None:
        """End every fault."""
        self.faults.clear()

    def limits(self, **details: Any) -> None:
        """Keep to Telegram's rate limits from now on; `details` are the fields of `Rate`."""
        self.flood.set(Rate(**details))

    def no_limits(self) -> None:
        """Take everything, as at the start."""
        self.flood.set(None)

    def webhook(self, url: str = "") -> None:
        """As if somebody had set a webhook; without an address it is removed."""
        self.updates.hook(url)

    async def refuse(self, seconds: float | None = None) -> None:
        """Drop every connection and refuse new ones; for some seconds, or until `listen`."""
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in self._web.connections:
            if connection.transport:
                connection.transport.abort()
        if seconds is not None:
            self._later(self._listen_after(seconds))

    async def listen(self, port: int = 0) -> None:
        """Take connections, on the same port as before."""
        if self._listener is None:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(self._web, "127.0.0.1", self.port or port, backlog=1024)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.hooks.close()
        if self._listener:
            self._listener.close()
        await asyncio.sleep(0.01)  # for connections that were accepted and are not made yet
        await self._web.shutdown(0.1)

    def stats(self) -> Stats:
        """Everything that is counted; nothing of it is ever forgotten."""
        return Stats(
            sent=self.sent_count,
            given=self.updates.given,
            pending=self.pending,
            confirmed=self.confirmed,
            next_update=self.updates.next_id,
            polled=self.updates.polled,
            floods=self.flood.refused,
            violations=self.flood.violations,
            conflicts=self.updates.conflicts,
            faults=self.faults.used,
            actions=self.action_count,
            deleted=self.deleted_count,
            calls=dict(self.calls),
            statuses={str(status): count for status, count in self.statuses.items()},
        )

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/control/"):
            return await answer_control(self._verbs, request)
        if request.path.startswith("/file/"):
            return await answer_file(self, request)
        return await answer_bot(self, request)

    def _fault(self, **details: Any) -> None:
        self.fault(**details)

    def _refuse_soon(self, seconds: float) -> None:
        """After the answer to whoever asks for it, which comes through a connection as well."""

        async def soon() -> None:
            await asyncio.sleep(0.02)
            await self.refuse(seconds)

        self._later(soon())

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.listen()

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


@asynccontextmanager
async def serve_telegram(
    *, token: str = TOKEN, keep: int | None = None, now: Callable[[], float] = time.time, port: int = 0
) -> AsyncIterator[TelegramServer]:
    """A running server; `keep` bounds its lists, `now` is its clock."""
    server = TelegramServer(token=token, keep=keep, now=now)
    await server.listen(port)
    try:
        yield server
    finally:
        await server.close()


async def main() -> None:
    """Serve until a signal; what it is and knows lies in this process's memory."""
    options = _options()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve_telegram(token=options.token, keep=options.keep, port=options.port) as server:
        if options.limits:
            server.limits()
        print(f"ready {server.url}", flush=True)
        await stop.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--limits", action="store_true", help="keep to Telegram's rate limits")
    parser.add_argument("--keep", type=int, default=10_000, help="how much of each list is kept")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

"""A server that speaks Slack's Web API, Socket Mode and event requests on loopback, strict where Slack is strict.

A test uses it in its own process:

    async with serve_slack() as slack:
        slack.person("U0ANNA", "Anna")
        slack.channel("C0GENERAL", "general", members=["U0ANNA"])
        ts = slack.say("hello", user="U0ANNA", channel="C0GENERAL", mention=True)
        await slack.wait_for(1)                                     # so much was sent in all, or a condition
        assert slack.texts("C0GENERAL", thread=ts) == ["hi"]

The gateway's configuration: `api_base = slack.api_base`, tokens `BOT_TOKEN` and `APP_TOKEN`, `SIGNING_SECRET`.
The app is `APP_ID`, its bot is user `BOT_USER` and bot `BOT_ID` in team `TEAM`.

What people do (`slack_people.py`) is not awaited. `say` and `bot_say` return a ts; the app is told by a
`message` and, if the bot is mentioned in a channel, by an `app_mention` as well. `edit`, `delete`, `join`,
`press` (a button by value, label or action_id), `slash`, `submit` (a modal), `shortcut` and `push` (any event)
return a `Delivery` (None if the app is not told); `leave` returns nothing. `await slack.answered(delivery)`
waits for its ack and returns what that carried; `slack.redeliver(delivery)` sends it again,
`slack.replay(delivery)` under a new event id. The deliveries of a message are `slack.deliveries_of(ts)`.

What there is (`slack_world.py`, `slack_writing.py`): `person`, `channel`, `im`, `file` make it; `texts`,
`messages`, `last`, `plain`, `sent`, `calls`, `deliveries`, `whispers` (what one person alone sees), `views`,
`statuses`, `files` show it. `grant` and `revoke` change the scopes of the bot's token, `granted` is the scope
of the app's. `slack.echo = False` keeps the bot's own messages from coming back as events. `violations` lists
what a well-behaved app would not have done.

How it is delivered: over Socket Mode (`slack.sockets`: `drop`, `freeze`, `thaw`, `disconnect`, `open`, `most`,
`total`, `ack_within`, `attempts`, `ping_every`, `delay`), or signed to a webhook once `slack.hook(url)` was
called (`slack.hooks`: `within`, `delays`; `hooks.post` sends one request with whatever signature, time and
headers a test wants, `hooks.send` one that is right).

What goes wrong: `fault(kind, method=…)`, `heal`, `limits`, `no_limits`, `refuse` (connections), `listen`.

Benches and tests that kill run it as a process, `python -m tests.servers.slack`, and speak to it through
`Control` in `slack_control.py`, which has the same verbs. The facts are from docs.slack.dev and Slack's SDKs,
cited where they are used.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.servers.slack_faults import Fault, Kind
from tests.servers.slack_hooks import Hooks
from tests.servers.slack_http import answer_slack
from tests.servers.slack_limits import Rate
from tests.servers.slack_people import People
from tests.servers.slack_records import (
    APP_ID,
    APP_TOKEN,
    BOT_ID,
    BOT_TOKEN,
    BOT_USER,
    SIGNING_SECRET,
    TEAM,
    Delivery,
    Stats,
)
from tests.servers.slack_sockets import Sockets
from tests.servers.slack_verbs import answer_control, verbs_of

__all__ = [
    "APP_ID",
    "APP_TOKEN",
    "BOT_ID",
    "BOT_TOKEN",
    "BOT_USER",
    "SIGNING_SECRET",
    "TEAM",
    "SlackServer",
    "serve_slack",
]


class SlackServer(People):
    """Slack with one workspace and one app: what people do is in `People`, what is known is in `World`."""

    def __init__(self, *, keep: int | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__(keep=keep, now=now)
        self.port = 0
        self.sockets = Sockets(self)
        self.hooks = Hooks(self)
        self._web = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._listener: asyncio.Server | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._verbs = verbs_of(self) | {
            "fault": self._fault,
            "heal": self.heal,
            "limits": self.limits,
            "no_limits": self.no_limits,
            "hook": self.hook,
            "stats": self.stats,
            "refuse": self._refuse_soon,
            "drop": self.sockets.drop,
            "freeze": self.sockets.freeze,
            "thaw": self.sockets.thaw,
            "disconnect": self.sockets.disconnect,
            "patience": self.sockets.patience,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_base(self) -> str:
        return f"{self.url}/api"

    # What goes wrong

    def fault(
        self, kind: Kind, *, method: str = "", times: int | None = 1, seconds: float | None = None, **details: Any
    ) -> Fault:
        """Let the next `times` calls of a method fail (any method if empty), or all of them for some seconds.

        `details` are the fields of `Fault`: channel, error, fields, status, retry_after, delay, acts. Uploads and
        downloads of files are the methods "upload" and "download", the opening of a socket is "link".
        """
        until = None if seconds is None else self.now() + seconds
        count = times if seconds is None else None
        fault = Fault(kind=kind, method=method, times=count, until=until, **details)
        self.faults.add(fault)
        return fault

    def heal(self) -> None:
        """End every fault of calls."""
        self.faults.clear()

    def limits(self, **details: Any) -> None:
        """Keep to Slack's rate limits from now on; `details` are the fields of `Rate`."""
        self.flood.set(Rate(**details))

    def no_limits(self) -> None:
        """Take everything, as at the start."""
        self.flood.set(None)

    def hook(self, url: str = "") -> None:
        """Deliver to this webhook from now on; without an address over Socket Mode again."""
        self.hooks.url = url

    async def refuse(self, seconds: float | None = None) -> None:
        """Drop every connection and refuse new ones; for some seconds, or until `listen`."""
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in self._web.connections:
            if connection.transport:
                connection.transport.abort()
        if seconds is not None:
            self.later(self._listen_after(seconds))

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
        self.sockets.close()
        await self.hooks.close()
        if self._listener:
            self._listener.close()
        await asyncio.sleep(0.01)  # for connections that were accepted and are not made yet
        await self._web.shutdown(0.1)

    def stats(self) -> Stats:
        """Everything that is counted; nothing of it is ever forgotten."""
        return Stats(
            sent=self.sent_count,
            delivered=self.delivered,
            acked=self.acked,
            doubled=self.doubled,
            lost=self.lost,
            slowest=self.slowest,
            pending=self.pending,
            sockets=len(self.sockets.open),
            most=self.sockets.most,
            opened=self.sockets.total,
            floods=self.flood.refused,
            faults=self.faults.used,
            violations=list(self.violations),
            calls=dict(self.counts),
        )

    # How it works

    def carry(self, delivery: Delivery) -> None:
        """Take a delivery to the app."""
        if self.hooks.url:
            self.later(self.hooks.carry(delivery))
        else:
            self.sockets.carry(delivery)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background, until the server closes."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/control/"):
            return await answer_control(self._verbs, request)
        if request.path.startswith("/link"):
            return await self.sockets.take(request)
        return await answer_slack(self, request)

    def _fault(self, **details: Any) -> None:
        self.fault(**details)

    def _refuse_soon(self, seconds: float) -> None:
        """After the answer to whoever asks for it, which comes through a connection as well."""

        async def soon() -> None:
            await asyncio.sleep(0.02)
            await self.refuse(seconds)

        self.later(soon())

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.listen()


@asynccontextmanager
async def serve_slack(
    *, keep: int | None = None, now: Callable[[], float] = time.time, port: int = 0
) -> AsyncIterator[SlackServer]:
    """A running server; `keep` bounds its lists, `now` is its clock."""
    server = SlackServer(keep=keep, now=now)
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
    async with serve_slack(keep=options.keep, port=options.port) as server:
        if options.limits:
            server.limits()
        print(f"ready {server.url}", flush=True)
        await stop.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--limits", action="store_true", help="keep to Slack's rate limits")
    parser.add_argument("--keep", type=int, default=10_000, help="how much of each list is kept")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

"""Speaks Feishu's Open API, long connection and webhooks on loopback: strict, with faults on request.

    async with serve_feishu() as feishu:          # in the test's process; or `python -m tests.servers.feishu`
        feishu.url                                # goes into api_base; .app_id .app_secret .encrypt_key
        feishu.verification_token, feishu.bot_id  # ... belong to the one app that exists here
        feishu.person("ou_ann", "Ann")            # with a private chat: feishu.private("ou_ann") is its oc_ id
        feishu.group("oc_team", "Team", members=["ou_ann"], owner="ou_ann", admins=["ou_bob"])
        feishu.group("oc_forum", "Forum", topics=True)    # every message there is a topic (omt_…)

What people do; each returns the message's om_ id and tells the bot (`chat=""` is the private chat):

        feishu.say("hello", user="ou_ann", chat="oc_team", mention=[BOT_ID])   # "@_user_1 hello" and mentions
        feishu.say("and?", user="ou_ann", chat="oc_team", parent=om, thread=True)   # a reply; opens the topic
        feishu.say(post=[[{"tag": "text", "text": "rich"}]], user="ou_ann")
        feishu.picture(png, user="ou_ann"); feishu.file("a.pdf", data, user="ou_ann", kind="file|audio|media")
        feishu.press(om, "label or value", user="ou_ann"); feishu.menu("help", user="ou_ann")   # an event's id
        feishu.recall(om); feishu.kick("oc_team"); feishu.add("oc_team"); feishu.push(kind, event)
        feishu.redeliver(om)                      # the same event again; new_event=True: under another event_id,
                                                  # new_message=True: under another message_id as well

What the bot did: `texts(chat="", root=None)` (readable, as they are now; root="" is outside chains and topics),
`messages()` (list of Sent, with .kind .content .thread .uuid .edits), `buttons(om)`, `reactions(om)`,
`await wait_for(n)` messages of the bot, `await wait_acked(n)` events that it took, `acks`, `calls`, `stats()`.
`violations` lists what a good client never does (a uuid used for two contents, an ack of the wrong shape, a call
before the end of a flood, …): assert that it is empty.

How events travel: over the newest socket, or by POST to the address of `hook(url)`; with neither they wait. An
event that is not acked with 200 within three seconds comes again after `retries` (15 s, 5 min, 1 h, 6 h; a test
sets it shorter) under the same event_id. `client(ping=120, nonce=0, interval=1, count=-1)` is what the endpoint
tells the client; `split(3, backwards=False)` cuts the next events into so many frames.

What goes wrong: `fault(kind, call="send", times=1, …)`, kinds and fields in feishu_faults.py, names of calls in
`CALLS` of feishu_http.py (token, bot, send, reply, edit, patch, get, delete, react, image, file, resource, chat,
user, endpoint, socket, …); `drop()` all sockets, `freeze()` them (half-open: nothing is read, nothing answered),
`refuse_sockets(403, "forbidden", auth=0, times=1)`, `await refuse(seconds)` (no connections at all), `heal()`,
`expire_tokens()`, `limits()` (5/s per chat, 50/s and 1,000/min per kind of call, 5/s edits of a card), `scopes`
(a set; take one away), `bot_enabled`, `now` (a clock for token lives, uuid windows and limits).

Webhooks: `await post_event(url, body_or_event, …)` returns the status and the answer of one signed and encrypted
POST, and can forge it (feishu_hooks.py); `await verify_url(url)` is the url_verification.

Strict where Feishu is: `content` is a string of JSON; sizes are measured on the whole request body (text 150 KB,
post and card 30 KB); a uuid has at most 50 characters and works for one hour; a text or post is edited 20 times by
PUT, a card by PATCH with nothing but `content` and only if it is shared; an unknown path or method is a plain 404.
Sources of the numbers and codes stand in feishu_content.py, feishu_methods.py and feishu_limits.py.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.servers.feishu_faults import Fault, Kind
from tests.servers.feishu_hooks import Hooks
from tests.servers.feishu_http import answer_api
from tests.servers.feishu_limits import Rate
from tests.servers.feishu_people import People
from tests.servers.feishu_records import BOT_ID, Stats
from tests.servers.feishu_socket import SOCKET_PATH, Sockets
from tests.servers.feishu_verbs import answer_control, verbs_of

__all__ = ["BOT_ID", "FeishuServer", "serve_feishu"]


class FeishuServer(People):
    """Feishu with one app: what people do is in `People`, what is known is in `World`."""

    def __init__(self, *, keep: int | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__(keep=keep, now=now)
        self.port = 0
        self.sockets = Sockets(self)
        self.hooks = Hooks(self)
        self.post_event = self.hooks.post_event
        self.verify_url = self.hooks.verify_url
        self.hook = self.hooks.hook
        self.client = self.sockets.client
        self.split = self.sockets.split
        self.drop = self.sockets.drop
        self.freeze = self.sockets.freeze
        self.refuse_sockets = self.sockets.refuse
        self.carriers = (self.hooks, self.sockets)
        self._web = web.Server(self._answer, request_factory=_request, handler_cancellation=True, access_log=None)
        self._listener: asyncio.Server | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._verbs = verbs_of(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(
        self, kind: Kind, *, call: str = "", times: int | None = 1, seconds: float | None = None, **details: Any
    ) -> Fault:
        """Let the next `times` calls of a name fail (any call if empty), or all of them for some seconds.

        `details` are the fields of `Fault`: chat, code, message, status, retry_after, delay, acts.
        """
        until = None if seconds is None else self.now() + seconds
        fault = Fault(kind=kind, call=call, times=times if seconds is None else None, until=until, **details)
        self.faults.add(fault)
        return fault

    def heal(self) -> None:
        """End every fault; frozen sockets stay frozen."""
        self.faults.clear()
        self.sockets.heal()

    def limits(self, **details: Any) -> None:
        """Keep to Feishu's rate limits from now on; `details` are the fields of `Rate`."""
        self.flood.set(Rate(**details))

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
        self.forget_timers()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.hooks.close()
        if self._listener:
            self._listener.close()
        self.sockets.drop()
        await asyncio.sleep(0.01)  # for connections that were accepted and are not made yet
        await self._web.shutdown(0.1)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the calls; it ends with the server."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def stats(self) -> Stats:
        """Everything that is counted."""
        return Stats(
            sent=self.sent_count,
            events=self.event_count,
            given=self.given,
            acked=self.acked,
            waiting=sum(not event.acked for event in self.events.values()),
            late=self.late,
            slowest_ack=self.slowest_ack,
            live=self.sockets.live,
            max_live=self.sockets.max_live,
            connects=self.sockets.connects,
            pings=self.sockets.pings,
            tokens=self.tokens.issued,
            floods=self.flood.refused,
            faults=self.faults.used,
            violations=list(self.violations),
            calls=dict(self.calls),
            statuses={str(status): count for status, count in self.statuses.items()},
        )

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/control/"):
            return await answer_control(self._verbs, request)
        if request.path == SOCKET_PATH:
            return await self.sockets.serve(request)
        return await answer_api(self, request)

    async def refuse_soon(self, seconds: float) -> None:
        """As `refuse`, after the calls that are under way."""
        await asyncio.sleep(0.02)
        await self.refuse(seconds)

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.listen()


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request that may be as large as an upload; aiohttp's own ends at 1 MiB."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=64 * 1024 * 1024)


@asynccontextmanager
async def serve_feishu(
    *, keep: int | None = None, now: Callable[[], float] = time.time, port: int = 0
) -> AsyncIterator[FeishuServer]:
    """A running server; `keep` bounds its lists, `now` is its clock."""
    server = FeishuServer(keep=keep, now=now)
    await server.listen(port)
    try:
        yield server
    finally:
        await server.close()


async def main() -> None:
    """Serve until a signal; what it is and knows lies in this process's memory."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.feishu")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--limits", action="store_true", help="keep to Feishu's rate limits")
    parser.add_argument("--keep", type=int, default=20_000, help="how much of each list is kept")
    options = parser.parse_args()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve_feishu(keep=options.keep, port=options.port) as server:
        if options.limits:
            server.limits()
        print(f"ready {server.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())

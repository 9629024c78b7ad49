"""Telegram's calls of a webhook: one update at a time in a chat, chats in parallel, again until it is taken."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import aiohttp
import orjson

from tests.servers.telegram_records import Json
from tests.servers.telegram_updates import Update, Updates

PATIENCE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Called:
    """One call and its answer; 0: there was none."""

    update: int
    status: int
    seconds: float


@dataclass
class Hooks:
    """Calls the webhook that is set, once `route` has said where its address really leads."""

    updates: Updates
    now: Callable[[], float]
    first_pause: float = 0.02  # after a failure; shorter than the real one, so that tests need not wait
    longest_pause: float = 0.2
    lose: int = 0  # so many of the next good answers are lost on the way: the update comes again
    calls: list[Called] = field(default_factory=list)
    error: str = ""
    error_at: float = 0.0
    _routes: dict[str, str] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)  # chats whose update is on its way
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _http: aiohttp.ClientSession | None = None

    def route(self, public: str, real: str) -> None:
        """What is called at an address that begins with `public` arrives at `real`, as behind a proxy."""
        self._routes[public] = real
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=PATIENCE)
            self._begin(self._run())
        self.updates.changed.set()

    def trouble(self) -> dict[str, Json]:
        """What getWebhookInfo says of the last failure."""
        return {"last_error_date": int(self.error_at), "last_error_message": self.error} if self.error else {}

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _run(self) -> None:
        while True:
            await self.updates.changed.wait()
            self.updates.changed.clear()
            if self.updates.webhook:
                self._send_out()

    def _send_out(self) -> None:
        seen = set(self._busy)
        # The real one has no more than so many in hand.
        for update in list(islice(self.updates.waiting, 2 * self.updates.connections)):
            chat = _chat_of(update)
            if chat not in seen and len(self._busy) < self.updates.connections:
                self._busy.add(chat)
                self._begin(self._deliver(update, chat))
            seen.add(chat)

    async def _deliver(self, update: Update, chat: str) -> None:
        pause = self.first_pause
        try:
            while self.updates.webhook and not await self._call(update):
                await asyncio.sleep(pause)
                pause = min(pause * 2, self.longest_pause)
            if self.updates.webhook:
                self.updates.taken(update.id)
        finally:
            self._busy.discard(chat)
            self.updates.changed.set()

    async def _call(self, update: Update) -> bool:
        """Whether it was taken."""
        began, status, error = self.now(), 0, ""
        headers = {"Content-Type": "application/json"}
        if self.updates.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.updates.secret
        try:
            assert self._http is not None
            async with self._http.post(
                self._where(), data=update.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                status = answer.status
                if not 200 <= status <= 299:
                    error = f"Wrong response from the webhook: {status} {answer.reason}"
        except TimeoutError:
            error = "Read timeout expired"
        except aiohttp.ClientConnectorError:
            error = "Connection refused"
        except (aiohttp.ClientError, OSError):
            error = "Webhook connection closed"
        if not error and self.lose:
            self.lose -= 1
            error = "Webhook connection closed"
        self.calls.append(Called(update.id, status, self.now() - began))
        if error:
            self.error, self.error_at = error, self.now()
        return not error

    def _where(self) -> str:
        url = self.updates.webhook
        for public, real in self._routes.items():
            if url.startswith(public):
                return real + url.removeprefix(public)
        raise aiohttp.ClientConnectionError(f"{url} leads nowhere")

    def _begin(self, work: Json) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _chat_of(update: Update) -> str:
    """The queue of an update: updates of one chat keep their order."""
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        content = next(value for key, value in orjson.loads(update.body).items() if key != "update_id")
        return str(content.get("message", content)["chat"]["id"])
    return f"update:{update.id}"

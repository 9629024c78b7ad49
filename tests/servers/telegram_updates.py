"""Telegram's queue of updates: an offset confirms what is below it, one poller, polling or a webhook."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from tests.servers.telegram_records import Json, Refused, bad

ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""What arrives only when it is asked for by name."""

_LONGEST = 50.0  # seconds that a poll waits at most
RIVAL = "terminated by other getUpdates request; make sure that only one bot instance is running"


class Update(NamedTuple):
    """One update as it travels."""

    id: int
    body: bytes


def conflict(description: str) -> Refused:
    """The refusal of a poll that is not the only one."""
    return Refused(409, f"Conflict: {description}")


class Updates:
    """What waits for the bot, and who asks for it."""

    def __init__(self, first_id: int) -> None:
        self.next_id = first_id
        self.confirmed = 0  # the highest offset that was asked for: everything below it is done
        self.waiting: deque[Update] = deque()
        self.given = 0  # answered to a poll, repeats included
        self.conflicts = 0
        self.webhook = ""
        self.secret = ""
        self.connections = 40
        self.changed = asyncio.Event()  # something waits, or the webhook is another one
        self.allowed: frozenset[str] | None = None  # None: all but those ON_REQUEST
        self._poll: asyncio.Future[None] | None = None

    @property
    def polled(self) -> bool:
        """Whether a poll waits for an update now."""
        return self._poll is not None

    def add(self, kind: str, content: Json) -> int:
        """Queue an update and return its id; 0 if the bot does not want updates of this kind."""
        if kind in ON_REQUEST if self.allowed is None else kind not in self.allowed:
            return 0
        return self.add_raw({"update_id": self.next_id, kind: content})

    def add_raw(self, update: Json) -> int:
        """Queue any update as it is; without an id it gets the next one."""
        identifier = int(update.setdefault("update_id", self.next_id))
        self.next_id = max(self.next_id, identifier) + 1
        self.waiting.append(Update(identifier, orjson.dumps(update)))
        self.changed.set()
        if self._poll:
            _finish(self._poll)
        return identifier

    def allow(self, kinds: Json) -> None:
        """Remember which kinds are wanted from now on; an empty list is the default again."""
        if not isinstance(kinds, list):
            raise bad("can't parse allowed updates JSON list")
        self.allowed = frozenset(map(str, kinds)) or None

    def drop(self) -> None:
        """Forget everything that waits."""
        self.waiting.clear()

    def hook(self, url: str, *, secret: str = "", connections: int = 40) -> None:
        """Send updates to a webhook from now on; an empty address means polling."""
        self.webhook, self.secret, self.connections = url, secret, connections
        self.changed.set()
        if url:
            self._end_poll("terminated by setWebhook request")

    async def poll(self, offset: int, limit: int, seconds: float) -> bytes:
        """The answer of a getUpdates, as the JSON of its result."""
        if self.webhook:
            self.conflicts += 1
            description = "can't use getUpdates method while webhook is active; "
            raise conflict(f"{description}use deleteWebhook to delete the webhook first")
        self._end_poll(RIVAL)
        self._confirm(offset)
        if not self.waiting and seconds > 0:
            await self._wait(min(seconds, _LONGEST))
        return self._batch(min(max(limit, 1), 100))

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        poll = self._poll = loop.create_future()
        timer = loop.call_later(seconds, _finish, poll)
        try:
            await poll
        finally:
            timer.cancel()
            if self._poll is poll:
                self._poll = None

    def _end_poll(self, reason: str) -> None:
        if self._poll and not self._poll.done():
            self.conflicts += 1
            self._poll.set_exception(conflict(reason))
        self._poll = None

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self.waiting) > -offset:
                self.confirmed = max(self.confirmed, self.waiting.popleft().id + 1)
            return
        while self.waiting and self.waiting[0].id < offset:
            self.waiting.popleft()
        self.confirmed = max(self.confirmed, offset)

    def taken(self, identifier: int) -> None:
        """A webhook has taken this update."""
        self.waiting = deque(update for update in self.waiting if update.id != identifier)
        self.confirmed = max(self.confirmed, identifier + 1)
        self.changed.set()

    def _batch(self, limit: int) -> bytes:
        batch = self.waiting if len(self.waiting) <= limit else _first(self.waiting, limit)
        self.given += min(len(self.waiting), limit)
        return b"[" + b",".join(update.body for update in batch) + b"]"


def _finish(poll: asyncio.Future[None]) -> None:
    if not poll.done():
        poll.set_result(None)


def _first(waiting: Iterable[Update], limit: int) -> Iterable[Update]:
    return (update for update, _ in zip(waiting, range(limit), strict=False))

"""Names of users, remembered for a while: for the prompt only, never for a decision."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta

from channels.slack.client import Client
from channels.slack.words import Names
from gateway.clock import Clock
from gateway.errors import DeliveryError

KEPT = timedelta(hours=1)
UNKNOWN_KEPT = timedelta(minutes=1)  # after a name that could not be had
PATIENCE = timedelta(milliseconds=250)  # a message is not held up longer for a name
MOST = 5_000
MOST_ASKED = 16  # at the same time: what is to be sent needs connections too


class People:
    """Asks Slack for each name once an hour at most."""

    def __init__(self, client: Client, clock: Clock, *, most: int = MOST) -> None:
        self._client = client
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()  # name, until when, monotonic
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def names(self, users: Iterable[str]) -> Names:
        """The names that are known by now; one that takes too long is left out, and known the next time.

        Only for a new one is it waited: an old one will do until Slack has been asked again.
        """
        wanted = list(users)
        now = self._clock.monotonic()
        asked = {user: self._ask(user) for user in wanted if self._known.get(user, ("", -1.0))[1] < now}
        missing = [task for user, task in asked.items() if task is not None and user not in self._known]
        if missing:
            await asyncio.wait(missing, timeout=PATIENCE.total_seconds())
        known = {user: self._known[user][0] for user in wanted if user in self._known}
        return {user: name for user, name in known.items() if name}

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self, user: str) -> asyncio.Task[None] | None:
        """Who asks for this name; None if too many are asked for."""
        if user not in self._asking:
            if len(self._asking) >= MOST_ASKED:
                return None
            task = asyncio.create_task(self._learn(user))
            self._asking[user] = task
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        return self._asking[user]

    async def _learn(self, user: str) -> None:
        try:
            name, kept = (await self._client.person(user)).name, KEPT
        except DeliveryError:  # no scope, or no network: the id will do
            name, kept = self._known.get(user, ("", 0.0))[0], UNKNOWN_KEPT
        self._known[user] = (name, self._clock.monotonic() + kept.total_seconds())
        self._known.move_to_end(user)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

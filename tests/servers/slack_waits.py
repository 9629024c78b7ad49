"""Waiting for what an app does with Slack's server for tests."""

import asyncio
import contextlib
from collections.abc import Callable

from tests.servers.slack_records import Called, Sent


class Waits:
    """What was sent and called, and waiting for more of it."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.sent_count = 0
        self.calls: list[Called] = []
        self._changed: set[asyncio.Event] = set()

    def change(self) -> None:
        """Wake whoever waits for something to happen."""
        for waiter in self._changed:
            waiter.set()

    async def wait_for(self, wanted: int | Callable[[], object], seconds: float = 5.0) -> None:
        """Wait until the bot has sent so much in all (edits count), or until something is true."""
        waiter = asyncio.Event()
        self._changed.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                while not (wanted() if callable(wanted) else self.sent_count >= wanted):
                    waiter.clear()
                    with contextlib.suppress(TimeoutError):  # what is waited for may lie outside this server
                        await asyncio.wait_for(waiter.wait(), 0.05)
        except TimeoutError:
            seen = [(one.method, one.channel, one.text[:80]) for one in self.sent[-5:]]
            calls = [(one.method, one.error) for one in self.calls[-5:]]
            raise TimeoutError(
                f"not within {seconds} s; {self.sent_count} were sent, at last {seen}; the last calls were {calls}"
            ) from None
        finally:
            self._changed.discard(waiter)

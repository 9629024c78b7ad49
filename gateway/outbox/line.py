"""Line: what the outbox knows of one connected channel."""

import asyncio
import contextlib
from datetime import timedelta

from gateway.clock import Clock
from gateway.errors import DeliveryError
from gateway.outbox.policy import LONGEST_DELAY, delay_after
from gateway.outbox.port import Carrier, Probing


class Line:
    """A carrier, whether it may be used, and when it last answered."""

    def __init__(self, name: str, carrier: Carrier, clock: Clock) -> None:
        self.name = name
        self.carrier = carrier
        self.halted = ""  # why the channel stopped; empty while it works
        self.last_error = ""
        self._clock = clock
        self._answers = 0
        self._answered = asyncio.Event()
        self._closed_until: dict[str, float] = {}  # monotonic: a clock that is set changes no pause

    def answered(self) -> None:
        """The platform answered something: it can be reached."""
        self._answers += 1
        self._answered.set()

    async def next_answer(self) -> None:
        """Wait until the platform has answered another call than those so far.

        One that cannot be asked gets a pause instead: if nothing else is said there, only the repeat itself can
        find out.
        """
        seen = self._answers
        failures = 0
        while self._answers == seen:
            self._answered.clear()
            probing = isinstance(self.carrier, Probing)
            # Whichever is first: other traffic on the channel, or our own question after a pause.
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(delay_after(failures) if probing else LONGEST_DELAY):
                    await self._answered.wait()
            if self._answers == seen:
                if not isinstance(self.carrier, Probing):
                    return
                failures += 1
                await self._probe(self.carrier)

    async def _probe(self, carrier: Probing) -> None:
        try:
            await carrier.probe()
        except DeliveryError as error:
            self.last_error = str(error)
        else:
            self.answered()

    def close_for(self, chat: str, duration: timedelta) -> None:
        """The platform asked for silence in this chat."""
        self._closed_until[chat] = self._clock.monotonic() + duration.total_seconds()

    def closed_for(self, chat: str) -> timedelta | None:
        """How long the chat must still be left alone; None if it need not be."""
        until = self._closed_until.get(chat)
        if until is None:
            return None
        if (rest := until - self._clock.monotonic()) > 0:
            return timedelta(seconds=rest)
        del self._closed_until[chat]
        return None

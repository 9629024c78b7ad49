"""Line: what the outbox knows of one connected channel."""

import asyncio
import math
from datetime import timedelta

from gateway.clock import Clock
from gateway.errors import DeliveryError
from gateway.outbox.pace import Pace, Paces, Silences
from gateway.outbox.policy import LONGEST_DELAY, delay_after
from gateway.outbox.port import Carrier, Paced, Probing


class Line:
    """A carrier, whether it may be used, and when it last answered."""

    def __init__(self, name: str, carrier: Carrier, clock: Clock) -> None:
        self.name = name
        self.carrier = carrier
        self.halted = ""  # why the channel stopped; empty while it works
        self.last_error = ""
        self._clock = clock
        self._asked = 0  # requests that have begun
        self._newest = 0  # the latest of them that was answered
        self._answered = asyncio.Event()
        self._silences = Silences()  # by the monotonic clock: one that is set changes no pause
        paces = carrier.paces if isinstance(carrier, Paced) else Paces()
        self._pace = Pace(paces) if paces.limited else None  # most channels have no limits, and pay nothing
        self._turn = asyncio.Lock()  # fair: the order of waiting for a place
        self._asking = 0  # who waits for one

    def asking(self) -> int:
        """A request begins; its number, for `answered`."""
        self._asked += 1
        return self._asked

    def answered(self, request: int | None = None) -> None:
        """The platform answered this request, or one that began just now: it can be reached."""
        self._newest = max(self._newest, self.asking() if request is None else request)
        self._answered.set()

    async def next_answer(self) -> None:
        """Wait until the platform has answered a call that began after this moment.

        The answer to an earlier one says nothing: it may have been on its way before an outage.
        One that cannot be asked gets a pause instead: if nothing else is said there, only the repeat itself can
        find out.
        """
        seen = self._asked
        failures = 0
        while self._newest <= seen:
            self._answered.clear()
            probing = isinstance(self.carrier, Probing)
            # Whichever is first: other traffic on the channel, or our own question after a pause.
            try:
                async with self._clock.timeout(delay_after(failures) if probing else LONGEST_DELAY):
                    await self._answered.wait()
            except TimeoutError:
                if not isinstance(self.carrier, Probing):
                    return
                failures += 1
                await self._probe(self.carrier)

    async def _probe(self, carrier: Probing) -> None:
        request = self.asking()
        try:
            await carrier.probe()
        except DeliveryError as error:
            self.last_error = str(error)
        else:
            self.answered(request)

    # -- when a chat may be sent to -----------------------------------------------------------------------

    def close_for(self, chat: str, duration: timedelta) -> None:
        """The platform asked for silence in this chat, or the chat is given a pause."""
        self._silences.add(chat, self._clock.monotonic() + duration.total_seconds())

    def closed_for(self, chat: str) -> timedelta | None:
        """How long the chat must still be left alone, asked to or by its own windows; None if it need not be."""
        now = self._clock.monotonic()
        rest = self._silences.wait(chat, now)
        if self._pace is not None:
            rest = max(rest, self._pace.wait_of_chat(chat, now))
        return _duration(rest) if rest else None

    def move(self, chat: str, to: str) -> None:
        """The chat has another id: what it asked for holds on."""
        self._silences.copy(chat, to)

    def take_place(self) -> bool:
        """Keep a place among the sends of the account, if one is free at this moment and nobody waits for it.

        Whoever has one uses it to `begin`, or gives it back.
        """
        if self._pace is None:
            return True
        if self._asking or self._pace.wait_of_account(self._clock.monotonic()):
            return False
        self._pace.keep()
        return True

    async def next_place(self) -> None:
        """Keep the next place among the sends of the account: who asks first has it first."""
        if self._pace is None:
            return
        self._asking += 1
        try:
            async with self._turn:
                while rest := self._pace.wait_of_account(self._clock.monotonic()):
                    await self._clock.sleep(_duration(rest))
                self._pace.keep()
        finally:
            self._asking -= 1

    def give_back_place(self) -> None:
        """There will be no request after all."""
        if self._pace is not None:
            self._pace.give_back()

    def begin(self) -> None:
        """A request begins, at the place that was kept for it."""
        if self._pace is not None:
            self._pace.begin(self._clock.monotonic())

    def end(self, chat: str) -> None:
        """A request to this chat came to its end, whatever that was."""
        if self._pace is not None:
            self._pace.end(chat, self._clock.monotonic())


def _duration(seconds: float) -> timedelta:
    """Rounded up: who sleeps so long need not sleep again."""
    return timedelta(microseconds=math.ceil(seconds * 1e6))

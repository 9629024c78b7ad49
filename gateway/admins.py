"""Admins: who manages a group by the word of its platform, asked only where something depends on it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from gateway.clock import Clock
from gateway.errors import DeliveryError
from gateway.messages import ChatAddress

logger = structlog.get_logger()

KNOWN_FOR = timedelta(seconds=60)
LIMIT = timedelta(seconds=2)  # a person waits for it
MOST = 1_000  # answers that are remembered

Asked = Callable[[ChatAddress, str], Awaitable[bool]]
"""Whether the user manages the group of this address. DeliveryError if the platform does not say."""


class Admins:
    """Remembers answers for a minute. Who is not known to be an admin is none."""

    def __init__(self, ask: Asked, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[bool, float]] = OrderedDict()

    async def manages(self, address: ChatAddress, user: str) -> bool:
        """Whether this user manages the group; False, too, where that cannot be learned now."""
        key = (address.owner, user)
        known = self._known.get(key)
        if known is not None and self._clock.monotonic() - known[1] < KNOWN_FOR.total_seconds():
            return known[0]
        try:
            async with self._clock.timeout(LIMIT):
                found = await self._ask(address, user)
        except (DeliveryError, TimeoutError) as error:
            logger.warning("the platform does not say who manages a group", chat=address.owner, error=str(error))
            return False
        self._known[key] = found, self._clock.monotonic()
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return found

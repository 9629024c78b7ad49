"""WebClient: calls machines outside, with every limit that such a call needs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from gateway import durations
from gateway.clock import Clock
from gateway.errors import ErrorClass, OutgoingError, UserError
from gateway.outgoing.addresses import Allowed, check_url
from gateway.outgoing.calls import Call, Reply, redirected

if TYPE_CHECKING:
    from gateway.outgoing.backend import Wire

REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})


class WebClient:
    """Calls machines outside. Nothing is kept between calls: no connection, no cookie."""

    def __init__(
        self,
        allowed: Allowed,
        clock: Clock,
        *,
        resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        """`resolve`: what a name leads to; None asks the system."""
        self._allowed = allowed
        self._clock = clock
        self._resolve = resolve
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()

    async def call(self, call: Call) -> Reply:
        """The answer, whatever its status; OutgoingError when there is none.

        Up to three redirects are followed. One that would turn a POST into a GET is the answer itself.
        """
        try:
            async with self._clock.timeout(call.within):
                return await self._follow(call)
        except TimeoutError:
            raise OutgoingError(
                f"there was no whole answer within {durations.to_text(call.within)}", ErrorClass.TIMEOUT
            ) from None

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _follow(self, call: Call) -> Reply:
        wire = await self._opened()
        for _ in range(REDIRECTS + 1):
            self._check(call.url)
            async with wire.exchange(call.method, call.url, call.headers, call.body) as exchange:
                target = exchange.headers.get("location", "") if exchange.status in _MOVED else ""
                if not target or (call.body is not None and exchange.status not in _SAME_METHOD):
                    body = await exchange.body(call.largest) if call.largest else b""
                    return Reply(status=exchange.status, headers=exchange.headers, body=body, url=call.url)
            call = redirected(call, target)
        raise OutgoingError(f"it redirects more than {REDIRECTS} times", ErrorClass.PERMANENT)

    def _check(self, url: str) -> None:
        try:
            check_url(url, allowed=self._allowed)
        except UserError as error:
            raise OutgoingError(str(error), ErrorClass.PERMISSION) from None

    async def _opened(self) -> "Wire":
        async with self._opening:
            if self._wire is None:
                # In a thread: httpx and the machine's certificates take a tenth of a second.
                self._wire = await asyncio.to_thread(self._open)
            return self._wire

    def _open(self) -> "Wire":
        from gateway.outgoing.backend import Wire, look_up

        return Wire(self._allowed, self._resolve or look_up)

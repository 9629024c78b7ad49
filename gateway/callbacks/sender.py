"""Sender: tells machines what is owed to them. At least once, always under the same id."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial

import structlog

from gateway.callbacks import ledger, policy
from gateway.callbacks.ledger import Due
from gateway.callbacks.policy import Callback, CallbackState, Verdict
from gateway.clock import Clock
from gateway.database.writer import Database
from gateway.errors import ErrorClass, OutgoingError, StoreClosedError, StoreError
from gateway.outgoing.client import WebClient

logger = structlog.get_logger()

AT_ONCE = 16
PER_HOST = 2  # one that is slow takes no more of the places than these
LOOK_AGAIN = timedelta(seconds=30)
STORE_PAUSE = timedelta(seconds=2)  # before something that could not be kept is tried again


class Sender:
    """Sends what is due, wakes when something becomes due, and keeps what became of it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        client: WebClient,
        *,
        secret: str,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        tried: Callable[[Callback, CallbackState], None] = lambda callback, state: None,
    ) -> None:
        """`tried` hears of every try, and how the callback stands after it; it must not wait."""
        self._database = database
        self._clock = clock
        self._client = client
        self._secret = secret
        self._spawn = spawn
        self._tried = tried
        self._changed = asyncio.Event()
        self._flying: dict[int, asyncio.Task[None]] = {}
        self._hosts: Counter[str] = Counter()

    def look(self) -> None:
        """Something may have been queued."""
        self._changed.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            await self.send_due(now)
            await self._until_due(now)

    async def send_due(self, now: datetime) -> None:
        """Begin to send what is due, as far as there are places."""
        flown = set(self._flying)  # what ends while we read is open in what we read
        for row in await self._database.read(partial(ledger.due, now=now)):
            host = row.callback.target.host
            busy = len(self._flying) >= AT_ONCE or self._hosts[host] >= PER_HOST
            if busy or row.seq in flown or row.seq in self._flying:
                continue
            self._hosts[host] += 1
            self._flying[row.seq] = self._spawn(self._send(row))

    async def stop(self, *, grace: timedelta) -> None:
        """Try what is due once more and let what is under way end; what remains is sent after the next start."""
        try:
            await self.send_due(self._clock.now())
            async with self._clock.timeout(grace):
                while self._flying:
                    await asyncio.wait(self._flying.values())
        except (TimeoutError, StoreError):
            logger.info("callbacks are left for the next start", callbacks=len(self._flying))
        finally:
            left = list(self._flying.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await self._client.close()

    async def _until_due(self, looked: datetime) -> None:
        """Until something is due that was not when we looked."""
        soonest = await self._database.read(partial(ledger.next_at, now=looked))
        wait = LOOK_AGAIN
        if soonest is not None:
            wait = min(max(soonest - self._clock.now(), timedelta()), LOOK_AGAIN)
        try:
            async with self._clock.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _send(self, row: Due) -> None:
        try:
            verdict = await self._try(row)
            self._log(row, verdict)
            self._tried(row.callback, verdict.state)
            await self._keep(row, verdict)
        finally:
            self._hosts[row.callback.target.host] -= 1
            del self._flying[row.seq]
            self._changed.set()

    async def _try(self, row: Due) -> Verdict:
        request = policy.call(row.callback, secret=self._secret, now=self._clock.now())
        try:
            return policy.judge(row.callback, await self._client.call(request))
        except OutgoingError as error:
            return policy.judge(row.callback, error)
        except Exception:
            # One callback must not stop the others, nor the gateway; it is tried again like any that failed.
            logger.exception("a webhook could not be called", callback=row.callback.id)
            return policy.judge(row.callback, OutgoingError("the call failed", ErrorClass.NETWORK_ERROR))

    async def _keep(self, row: Due, verdict: Verdict) -> None:
        while True:
            work = partial(ledger.settle, row=row, verdict=verdict, now=self._clock.now())
            try:
                await self._database.write(work, essential=True)
            except StoreClosedError:
                return  # it is sent again after the next start, under the same id
            except StoreError as error:
                logger.error("what became of a callback cannot be kept", error=str(error))
                await self._clock.sleep(STORE_PAUSE)
            else:
                return

    def _log(self, row: Due, verdict: Verdict) -> None:
        callback = row.callback
        about = logger.bind(
            job=callback.job[:8],
            run=callback.run,
            trace_id=callback.trace_id,
            callback=callback.id,
            host=callback.target.host,
            attempt=callback.attempts + 1,
        )
        if verdict.state is CallbackState.SENT:
            about.info("a webhook was called")
        elif verdict.state is CallbackState.OPEN:
            about.warning("a webhook is called again", reason=verdict.error, seconds=verdict.wait.total_seconds())
        else:
            about.error("a webhook is given up", reason=verdict.error, disabled=verdict.gone)

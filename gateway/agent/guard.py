"""Guard: works inside a limit of time, can be cancelled by name, and turns every end into an Ending."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from gateway.agent.due import Ending, EndStatus
from gateway.agent.journal import Claim
from gateway.agent.outcome import failure, given_up
from gateway.clock import Clock


class Guard:
    """One for all turns; it knows which of them are being worked on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by turn, and by run
        self._cancelled: set[str] = set()

    def cancel(self, name: str) -> bool:
        """End the turn or run of this id that is being worked on; False if there is none."""
        task = self._tasks.get(name)
        if task is None:
            return False
        self._cancelled.add(name)
        task.cancel()
        return True

    async def run(
        self, claim: Claim, work: Callable[[], Awaitable[str]], timeout: timedelta, *names: str
    ) -> Ending:
        """Run the work; every way in which it can end is an Ending, except the end of the process."""
        if (ending := given_up(claim)) is not None:
            return ending
        with self._cancellable(names) as cancelled:
            try:
                async with self._clock.timeout(timeout):
                    return Ending(status=EndStatus.SUCCEEDED, output=await work())
            except asyncio.CancelledError:
                if not cancelled():
                    raise
                return Ending(status=EndStatus.CANCELLED, error="cancelled")
            except Exception as error:  # noqa: BLE001 - logged there: one turn must not stop the others
                return failure(error, timeout)

    @contextmanager
    def _cancellable(self, names: Sequence[str]) -> Iterator[Callable[[], bool]]:
        """Inside, `cancel` reaches this task; what it gives tells whether it did, and takes the blow."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a turn is worked on in a task")
        self._tasks.update(dict.fromkeys(names, task))

        def cancelled() -> bool:
            if self._cancelled.isdisjoint(names):
                return False
            task.uncancel()
            return True

        try:
            yield cancelled
        finally:
            for name in names:
                self._tasks.pop(name, None)
                self._cancelled.discard(name)

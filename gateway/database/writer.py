"""Database: one thread that writes, many works in one commit.

A commit costs an fsync, whatever is in it. While one is under way, the works that arrive wait together, and the
next commit takes them all. One that fails undoes itself and no other.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from gateway.clock import Clock
from gateway.database.driver import Driver, Work
from gateway.database.reserve import Reserve
from gateway.errors import StoreClosedError, StoreError, StoreFullError

logger = structlog.get_logger()
T = TypeVar("T")

GROUP = 500  # works in one commit: bounds the time that the first of them waits
LOOK_ABOUT = 0.25  # seconds between two looks for commits of other processes
REGAIN = 5.0  # seconds between two attempts to get the reserve back


@dataclass(slots=True)
class _Order:
    work: Work[Any]
    answer: "asyncio.Future[Any]"
    essential: bool


class Database:
    """Transactions for an event loop: writes in groups, reads beside them."""

    def __init__(
        self,
        connect: Callable[[], Driver],
        clock: Clock,
        *,
        reserve: Reserve | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_change` is called on the event loop after another process has committed."""
        self._connect = connect
        self._clock = clock
        self._reserve = reserve
        self.on_change = on_change
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._questions: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._failure: StoreError | None = None
        self._full = False
        self._next_look = 0.0
        self._next_regain = 0.0
        self._closed = False

    @property
    def trouble(self) -> str:
        """Why writing does not work at the moment; empty when it does."""
        return str(self._failure) if self._failure else ""

    async def start(self) -> None:
        """Open the connections; raises StoreError when that fails."""
        self._loop = asyncio.get_running_loop()
        writing = await asyncio.to_thread(self._connect)
        reading = await asyncio.to_thread(self._connect)
        if self._reserve is not None:
            self._full = not self._reserve.hold()
        for name, target, driver in (("writer", self._write, writing), ("reader", self._read, reading)):
            thread = threading.Thread(target=target, args=(driver,), name=f"database-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    async def stop(self) -> None:
        """Finish what was ordered, then close; whoever comes later is refused, and never kept waiting."""
        self._closed = True
        self._orders.put(None)
        self._questions.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        if self._reserve is not None:
            self._reserve.release()

    async def write(self, work: Work[T], *, essential: bool = False) -> T:
        """Do the work in a transaction; durable on return.

        `essential` work finishes what was accepted before: on a full disk it may use the reserve, while all
        other work is refused with StoreFullError.
        """
        return await self._order(self._orders, work, essential=essential)

    async def read(self, work: Work[T]) -> T:
        """Do the work on a connection that sees everything committed so far, and must not write."""
        return await self._order(self._questions, work, essential=False)

    async def _order(self, to: "queue.SimpleQueue[_Order | None]", work: Work[T], *, essential: bool) -> T:
        if self._closed:
            raise StoreClosedError("the database is closed: the gateway is stopping")
        answer: asyncio.Future[T] = self._loop.create_future()
        to.put(_Order(work, answer, essential))
        return await answer

    # -- the writer's thread ----------------------------------------------------------------------------------

    def _write(self, driver: Driver) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._answer(self._commit_group(driver, group))
            self._look_about(driver)
            if last:
                break
        driver.close()

    def _next_group(self) -> tuple[list[_Order], bool]:
        """The orders that wait, and whether they are the last."""
        group: list[_Order] = []
        try:
            order = self._orders.get(timeout=LOOK_ABOUT)
            while order is not None:
                group.append(order)
                if len(group) == GROUP:
                    return group, False
                order = self._orders.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _commit_group(self, driver: Driver, group: list[_Order]) -> list[tuple[_Order, Any]]:
        """Commit the group; on a full disk once more, with the reserve and only what is essential."""
        if self._full:
            return self._commit_essential(driver, group)
        try:
            return self._commit(driver, group)
        except StoreFullError as error:
            self._give_up_reserve(error)
            return self._commit_essential(driver, group)
        except StoreError as error:
            self._failure = error
            return [(order, error) for order in group]

    def _commit_essential(self, driver: Driver, group: list[_Order]) -> list[tuple[_Order, Any]]:
        refusal = self._failure or StoreFullError("the disk is full; free some space, nothing was changed")
        refused: list[tuple[_Order, Any]] = [(order, refusal) for order in group if not order.essential]
        essential = [order for order in group if order.essential]
        if not essential:
            return refused
        try:
            return refused + self._commit(driver, essential)
        except StoreError as error:
            return refused + [(order, error) for order in essential]

    def _commit(self, driver: Driver, group: list[_Order]) -> list[tuple[_Order, Any]]:
        """Each order with its result or its own error; raises StoreError if nothing at all was written."""
        try:
            results = self._do(driver, group)
            driver.commit()
        except Exception as error:
            driver.rollback()
            raise driver.translate(error) or StoreError(f"a transaction failed: {error}") from error
        if not self._full:
            self._failure = None
        return results

    def _do(self, driver: Driver, group: list[_Order]) -> list[tuple[_Order, Any]]:
        """All works, in a transaction that is left open."""
        driver.begin()
        try:
            return [(order, order.work(driver.transaction)) for order in group]
        except Exception:  # noqa: BLE001 - whichever it was, it fails again below and is answered there
            # Savepoints are two statements a work, so they are made only where something fails: from the start.
            driver.rollback()
            driver.begin()
            return [(order, self._try(driver, order)) for order in group]

    def _try(self, driver: Driver, order: _Order) -> Any:
        """The work's result or its own error; with a savepoint, so that an error undoes nothing else."""
        transaction = driver.transaction
        transaction.execute("SAVEPOINT work")
        try:
            result = order.work(transaction)
        except Exception as error:
            translated = driver.translate(error)
            if isinstance(translated, StoreFullError):
                raise  # the whole transaction is gone
            transaction.execute("ROLLBACK TO work")
            result = error if translated is None else translated
        transaction.execute("RELEASE work")
        return result

    def _give_up_reserve(self, error: StoreError) -> None:
        self._full, self._failure = True, error
        self._next_regain = self._clock.monotonic() + REGAIN
        if self._reserve is not None:
            self._reserve.release()
        logger.error("the disk is full: new work is refused, what was begun is finished", error=str(error))

    def _look_about(self, driver: Driver) -> None:
        try:
            self._look(driver, self._clock.monotonic())
        except Exception:
            # It is only a look: this thread must go on writing.
            logger.exception("looking for space or for what others have written failed; it is tried again")

    def _look(self, driver: Driver, now: float) -> None:
        if self._full and now >= self._next_regain:
            self._next_regain = now + REGAIN
            if self._reserve is None or self._reserve.hold():
                self._full, self._failure = False, None
                logger.info("there is space on the disk again")
        if now >= self._next_look:
            self._next_look = now + LOOK_ABOUT
            if driver.changed_elsewhere():
                self._post(self.on_change)

    # -- the reader's thread ----------------------------------------------------------------------------------

    def _read(self, driver: Driver) -> None:
        while (order := self._questions.get()) is not None:
            try:
                result: Any = order.work(driver.transaction)
            except Exception as error:  # noqa: BLE001 - it is the answer to this one question
                result = driver.translate(error) or error
            self._answer([(order, result)])
        driver.close()

    # -- back to the event loop -------------------------------------------------------------------------------

    def _answer(self, results: list[tuple[_Order, Any]]) -> None:
        self._post(_deliver, results)

    def _post(self, callback: Callable[..., None], *arguments: Any) -> None:
        # Closed only when the process ends in the middle of something: there is nobody left to tell.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)


def _deliver(results: list[tuple[_Order, Any]]) -> None:
    for order, result in results:
        if order.answer.done():
            continue  # whoever waited was cancelled; the work is done all the same
        if isinstance(result, BaseException):
            order.answer.set_exception(result)
        else:
            order.answer.set_result(result)

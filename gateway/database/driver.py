"""Driver and Transaction: what a database must offer, whichever it is."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from gateway.errors import StoreError

T = TypeVar("T")


class Rows(Protocol):
    """The answer to a statement; the shape of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Transaction(Protocol):
    """Inside it, everything or nothing happens. Parameters are written `?`."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows: ...


Work: TypeAlias = Callable[[Transaction], T]
"""What to do inside a transaction. It runs on the writer's thread, perhaps twice: it touches only the
transaction and its own values."""


class Driver(Protocol):
    """One connection, used by one thread at a time. Errors are the database's own until `translate`."""

    @property
    def transaction(self) -> Transaction: ...

    def begin(self) -> None:
        """Start a transaction that may write; waits its turn for at most 5 s."""

    def commit(self) -> None:
        """Make it durable: when this returns, a power cut changes nothing any more."""

    def rollback(self) -> None:
        """Undo what was not committed; harmless when there is nothing."""

    def changed_elsewhere(self) -> bool:
        """Whether somebody else has committed since the last call (cheap: asked four times a second)."""

    def backup(self, label: str) -> None:
        """Keep a copy of everything as it is now, named after `label`."""

    def translate(self, error: Exception) -> StoreError | None:
        """The error in our words; None if it is not the database's."""

    def close(self) -> None: ...


def both(first: Work[None], second: Work[None]) -> Work[None]:
    """One after the other, in one transaction."""

    def write(transaction: Transaction) -> None:
        first(transaction)
        second(transaction)

    return write


def transact(driver: Driver, work: Work[T]) -> T:
    """Do the work in a transaction of its own, durable on return; for commands, which have no event loop."""
    try:
        driver.begin()
        result = work(driver.transaction)
        driver.commit()
    except Exception as error:
        driver.rollback()
        translated = driver.translate(error)
        if translated is not None:
            raise translated from error
        raise
    return result

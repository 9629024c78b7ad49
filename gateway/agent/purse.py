"""Purse: the port to whoever counts what the turns of people cost."""

from typing import Protocol

from gateway.agent.model import Usage
from gateway.database.driver import Transaction, Work


class Purse(Protocol):
    """What an owner may still spend, and what they have spent."""

    async def room(self, owner: str) -> int | None:
        """How many tokens a turn that begins now may use; None: any number. SpentError where nothing is left."""

    def paying(self, owner: str, usage: Usage) -> Work[None]:
        """Part of the transaction that ends the turn: this is spent."""


class Free:
    """Nothing is counted."""

    async def room(self, owner: str) -> int | None:
        return None

    def paying(self, owner: str, usage: Usage) -> Work[None]:
        def write(transaction: Transaction) -> None:
            """Nothing to write."""

        return write

"""Exchanges: how often other bots are answered in a chat, so that two of them do not talk for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from gateway.clock import Clock, from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import ChatAddress

logger = structlog.get_logger()

MOST = 3  # answers in a row
FRESH = timedelta(hours=1)  # after the last one, it is counted anew


@dataclass(frozen=True, slots=True)
class Row:
    """So many times a bot was answered in a chat since a person has written there, the last time then."""

    count: int
    at: datetime


def following(row: Row | None, now: datetime) -> Row | None:
    """The row with one more answer; None where there were enough."""
    if row is None or now - row.at >= FRESH:
        return Row(1, now)
    return None if row.count >= MOST else Row(row.count + 1, now)


class Exchanges:
    """Counts them, for every chat in which a bot speaks; a restart goes on counting."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._told: set[str] = set()  # chats of which the log has said so

    async def start(self) -> None:
        """Read what earlier lives have counted."""

        def load(transaction: Transaction) -> dict[str, Row]:
            found = transaction.execute(sql.EXCHANGES).fetchall()
            return {chat: Row(count, from_text(at)) for chat, count, at in found}

        self._rows = await self._database.read(load)

    def begin(self, address: ChatAddress) -> bool:
        """A bot has written: whether it is answered. Who begins, calls `kept` or `taken_back`."""
        chat = address.owner
        row = following(self._rows.get(chat), self._clock.now())
        if row is None:
            if chat not in self._told:
                self._told.add(chat)
                logger.warning(
                    "another bot is not answered any more until a person writes", chat=chat, answers=MOST
                )
            return False
        self._told.discard(chat)
        self._rows[chat] = row
        return True

    def taken_back(self, address: ChatAddress) -> None:
        """It was here before, and is not answered again."""
        if row := self._rows.get(address.owner):
            self._rows[address.owner] = replace(row, count=max(row.count - 1, 0))

    async def kept(self, address: ChatAddress) -> None:
        """It is being answered."""
        chat = address.owner
        if row := self._rows.get(chat):
            values = chat, row.count, to_text(row.at)
            await self._database.write(lambda transaction: transaction.execute(sql.COUNT_EXCHANGE, values))

    @asynccontextmanager
    async def interrupted(self, address: ChatAddress) -> AsyncIterator[None]:
        """Somebody who is no bot has written in the chat: it is counted anew. Inside, their message is taken.

        It goes before our own row, so that nothing they write next overtakes it.
        """
        chat = address.owner
        self._told.discard(chat)
        row = self._rows.pop(chat, None)
        try:
            yield
            if row is not None:
                await self._database.write(lambda transaction: transaction.execute(sql.END_EXCHANGES, (chat,)))
        except BaseException:
            if row is not None:
                self._rows.setdefault(chat, row)  # what they wrote comes again
            raise

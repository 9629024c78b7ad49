"""Terminals of other processes that wait for an answer: while one does, the gateway leaves its chat to it."""

from datetime import datetime, timedelta

from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction

CONSOLE = "console"
"""The channel of terminals."""

LEASE = timedelta(seconds=3)  # a terminal that was killed holds its chat no longer than this


def hold(transaction: Transaction, chat: str, holder: str, *, now: datetime) -> None:
    """Wait for what is said in this chat of the console, for a little while; call it again before that is over."""
    transaction.execute(sql.WAIT_FOR, (chat, holder, to_text(now + LEASE)))


def release(transaction: Transaction, chat: str, holder: str) -> None:
    """Wait no longer."""
    transaction.execute(sql.STOP_WAITING, (chat, holder))


def held(transaction: Transaction, *, now: datetime) -> set[str]:
    """The chats that somebody waits in."""
    return {chat for chat, _ in transaction.execute(sql.WAITERS, (to_text(now),)).fetchall()}

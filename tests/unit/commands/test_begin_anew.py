"""What a session forgets when its conversation begins anew."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway import inbox
from gateway.agent import journal as steps
from gateway.agent.journal import Journal, Response, TurnState
from gateway.agent.model import ModelReply, PromptItem, Usage, UserText
from gateway.agent.sessions import Sessions
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from tests.fakes import NOON, FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import MESSAGE

AT = "2026-03-02T12:00:00.000000Z"
SESSION = "test:1"


@dataclass
class Chat:
    """One session, and the row after which it begins."""

    database: Database
    begins: int = 0
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = self.reopened()

    def reopened(self) -> Sessions:
        """As after a restart: with nothing in memory."""
        return Sessions(
            self.database,
            budget=10_000,
            words=lambda message: UserText(message.text),
            begins=lambda _: self.begins,
        )

    async def turn(self, text: str) -> int:
        """A turn that is over; returns its row."""

        def work(transaction: Transaction) -> int:
            accepted = inbox.accept(transaction, replace(MESSAGE, text=text))
            assert accepted is not None
            claim = steps.claim(transaction, accepted.seq, f"t{accepted.seq}", at=AT)
            assert claim is not None
            journal = Journal(claim)
            journal.add(Response(ModelReply(text=f"re {text}"), Usage()))
            journal.finishing(TurnState.DONE, now=NOON)(transaction)
            return accepted.seq

        return await self.database.write(work)

    async def seen(self, seq: int, sessions: Sessions | None = None) -> list[str]:
        return [_text(item) for item in await (sessions or self.sessions).before(SESSION, seq)]


def _text(item: PromptItem) -> str:
    assert isinstance(item, UserText | ModelReply)
    return item.text


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        yield Chat(database)


async def test_what_was_said_before_is_not_seen_any_more(chat: Chat) -> None:
    await chat.turn("one")
    last = await chat.turn("two")
    before = await chat.seen(100)

    chat.begins = last
    after = await chat.seen(100)
    await chat.turn("three")

    assert before == ["one", "re one", "two", "re two"]
    assert after == []
    assert await chat.seen(100, chat.reopened()) == ["three", "re three"]


async def test_a_turn_that_ends_after_the_beginning_does_not_leak_into_it(chat: Chat) -> None:
    old = await chat.turn("old")
    await chat.seen(old)  # in memory, as while the turn runs
    chat.begins = old + 1

    chat.sessions.add(SESSION, old, [UserText("old"), ModelReply(text="re old")])
    empty = await chat.seen(old + 2)
    chat.sessions.add(SESSION, old, [UserText("old"), ModelReply(text="re old")])
    chat.sessions.add(SESSION, old + 2, [UserText("new"), ModelReply(text="re new")])

    assert empty == []
    assert await chat.seen(old + 3) == ["new", "re new"]


async def test_another_beginning_forgets_again(chat: Chat) -> None:
    chat.begins = await chat.turn("one")
    second = await chat.turn("two")
    before = await chat.seen(100)

    chat.begins = second
    after = await chat.seen(100)

    assert before == ["two", "re two"]
    assert after == []

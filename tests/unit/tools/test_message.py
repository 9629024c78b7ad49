"""Say: the only way to a person, durable and once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import Caller, ChatAddress, OutboundMessage, Person
from gateway.outbox.delivery import Outbox
from gateway.tools.base import Effect, Turn
from gateway.tools.message import LONGEST, MessageArguments, MessageTool, Speaker, leave
from tests.fakes import NOON, FakeClock, RecordingChannel, until
from tests.parts import open_database, prepared, rows

HERE = ChatAddress(channel="test", chat="1", thread="7")
HELLO = OutboundMessage(delivery_id="d1", address=HERE, caller=Caller.REPLY, text="hello")
TURN = Turn(
    id="t1",
    call_id="t1.1.0",
    session="s",
    address=HERE,
    sender_id="anna",
    occasion=Person(),
    zone="UTC",
    now=NOON,
    run="r1",
)


@asynccontextmanager
async def open_speaker(path: Path) -> AsyncIterator[tuple[Speaker, RecordingChannel, Database]]:
    clock, channel = FakeClock(), RecordingChannel()
    async with open_database(path / "gateway.db", clock) as database, asyncio.TaskGroup() as tasks:
        outbox = Outbox(database, clock, tasks.create_task)
        await outbox.connect("test", channel)
        yield Speaker(database, outbox, clock), channel, database
        await until(lambda: not outbox._tasks)


def key(name: str) -> "object":
    def work(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO dedupe VALUES (?, 'now')", (name,))

    return work


async def test_the_models_message_goes_to_the_chat_and_thread_of_its_turn(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, channel, database):  # CARD-08
        answer = await MessageTool(speaker).call(MessageArguments(text="hi"), TURN)
        await until(lambda: channel.sent)

        assert answer == "queued for delivery"
        assert channel.sent[0].address == HERE
        assert await rows(database, "SELECT id, caller, turn, run FROM outbox") == [
            ("t1.1.0", "model", "t1", "r1")
        ]


async def test_a_call_that_is_made_again_says_nothing_twice(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, channel, database):
        tool = MessageTool(speaker)

        await tool.call(MessageArguments(text="hi"), TURN)
        await tool.call(MessageArguments(text="other words"), TURN)

        assert await rows(database, "SELECT count(*) FROM outbox") == [(1,)]
        await until(lambda: channel.texts() == ["hi"])


async def test_what_goes_along_is_written_with_the_words_also_when_those_are_a_repeat(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, _, database):
        first = await speaker(HELLO, along=key("a"))  # type: ignore[arg-type]
        again = await speaker(HELLO, along=key("b"))  # type: ignore[arg-type]

        assert (first, again) == (True, False)
        assert await rows(database, "SELECT key FROM dedupe ORDER BY key") == [("a",), ("b",)]


async def test_words_whose_company_cannot_be_written_are_not_said_and_the_next_ones_are(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, channel, database):

        def breaks(transaction: Transaction) -> None:
            transaction.execute("INSERT INTO nowhere VALUES (1)")

        with pytest.raises(StoreError):
            await speaker(HELLO, along=breaks)
        await speaker(OutboundMessage(delivery_id="d2", address=HERE, caller=Caller.REPLY, text="next"))
        await until(lambda: channel.sent)

        assert channel.texts() == ["next"]
        assert await rows(database, "SELECT id FROM outbox") == [("d2",)]


async def test_words_are_said_although_the_speaker_was_cancelled(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, channel, _):
        speaking = asyncio.ensure_future(speaker(HELLO))
        await asyncio.sleep(0)
        speaking.cancel()

        await until(lambda: channel.texts() == ["hello"])


def test_words_that_another_process_leaves_are_written_once_and_not_rendered(tmp_path: Path) -> None:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))

    left = [transact(driver, lambda t: leave(t, HELLO, at="2026-03-02T12:00:00Z")) for _ in range(2)]

    assert left == [True, False]
    assert transact(driver, lambda t: t.execute("SELECT count(*) FROM parts").fetchone()) == (0,)
    driver.close()


@pytest.mark.parametrize("text", ["", "x" * (LONGEST + 1)], ids=["empty", "endless"])
def test_a_message_has_words_and_an_end(text: str) -> None:
    with pytest.raises(ValidationError):
        MessageArguments(text=text)


def test_the_steps_of_a_turn_are_written_with_its_messages() -> None:
    assert MessageTool.effect is Effect.ALONG

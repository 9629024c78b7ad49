"""Say: the only way to a person, durable and once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.agent.turn import spec_of
from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.errors import StoreError, UserError
from gateway.media.spool import Spool
from gateway.media.workspace import Workspace
from gateway.messages import Caller, ChatAddress, OutboundMessage, Person
from gateway.outbox.delivery import Outbox
from gateway.tools.base import Effect, Turn
from gateway.tools.message import FILE_KEYS, LONGEST, MessageArguments, MessageTool, Speaker, leave
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


async def test_files_go_with_the_words_after_them(tmp_path: Path) -> None:
    files = spool(tmp_path)
    async with open_speaker(tmp_path) as (speaker, channel, _):
        answer = await MessageTool(speaker, files).call(MessageArguments(text="look", files=["a.pdf"]), TURN)
        await until(lambda: len(channel.sent) == 2)

        assert answer == "queued for delivery"
        assert channel.texts() == ["look", "[a.pdf]"]
        assert [parcel.address for parcel in channel.sent] == [HERE, HERE]  # CARD-08


async def test_a_file_can_be_sent_without_a_word(tmp_path: Path) -> None:
    files = spool(tmp_path)
    async with open_speaker(tmp_path) as (speaker, channel, _):
        await MessageTool(speaker, files).call(MessageArguments(files=["a.pdf"]), TURN)
        await until(lambda: channel.texts() == ["[a.pdf]"])


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "file:///etc/passwd", "link", "no.pdf"])
async def test_a_file_outside_of_the_workspace_is_refused_and_nothing_is_said(tmp_path: Path, path: str) -> None:
    files = spool(tmp_path)
    (tmp_path / "workspace" / "link").symlink_to("/etc/passwd")
    async with open_speaker(tmp_path) as (speaker, _, database):
        with pytest.raises(UserError):  # P-85
            await MessageTool(speaker, files).call(MessageArguments(text="look", files=[path]), TURN)

        assert await rows(database, "SELECT count(*) FROM outbox") == [(0,)]


async def test_where_no_files_can_be_sent_the_model_is_told(tmp_path: Path) -> None:
    async with open_speaker(tmp_path) as (speaker, _, _):
        with pytest.raises(UserError, match="no files can be sent here"):
            await MessageTool(speaker).call(MessageArguments(files=["a.pdf"]), TURN)


@pytest.mark.parametrize("key", FILE_KEYS)
@pytest.mark.parametrize("given", ["a.pdf", ["a.pdf"], {"path": "a.pdf"}, [{"path": "a.pdf"}]])
def test_files_are_understood_under_each_name_that_models_use(key: str, given: object) -> None:
    arguments = MessageArguments.model_validate({"text": "look", key: given})  # P-85: every alias is checked alike

    assert arguments.files == ["a.pdf"]


def test_files_in_a_box_in_a_box_are_refused_in_words() -> None:
    given: object = "a.pdf"
    for _ in range(900):
        given = [given]

    with pytest.raises(ValidationError):
        MessageArguments.model_validate({"text": "look", "files": given})


async def test_a_file_that_is_named_under_two_names_is_sent_once(tmp_path: Path) -> None:
    files = spool(tmp_path)
    async with open_speaker(tmp_path) as (speaker, channel, _):
        arguments = MessageArguments.model_validate({"text": "look", "file": "a.pdf", "filePath": "a.pdf"})

        await MessageTool(speaker, files).call(arguments, TURN)
        await until(lambda: len(channel.sent) >= 2)

    assert channel.texts() == ["look", "[a.pdf]"]


@pytest.mark.parametrize("given", [{}, {"text": " "}, {"files": []}, {"text": None, "file": None}, {"files": [7]}])
def test_a_message_without_words_and_files_is_none(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MessageArguments.model_validate(given)


def test_the_schema_of_the_tool_is_flat() -> None:
    schema = spec_of(MessageTool(nobody)).schema

    assert set(schema["properties"]) == {"text", "files"}
    assert schema["properties"]["files"]["items"] == {"type": "string"}
    assert "$defs" not in schema


async def nobody(message: OutboundMessage, *, along: object = None) -> bool:
    raise AssertionError(message)


def spool(tmp_path: Path) -> Spool:
    """A workspace with one file in it."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "a.pdf").write_bytes(b"%PDF")
    return Spool(Workspace(tmp_path / "workspace"), FakeClock())

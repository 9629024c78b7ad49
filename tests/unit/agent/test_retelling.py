"""What a run has said in a chat, in that chat's own session."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gateway.agent.model import ModelReply, PromptItem, ToolCall, ToolResult, UserText
from gateway.agent.retelling import retelling, told
from gateway.agent.sessions import Sessions
from gateway.database.writer import Database
from gateway.messages import SYSTEM, Attachment, Caller, ChatAddress, Due, InboundMessage, OutboundMessage
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows

HERE = ChatAddress(channel="test", chat="1", thread="7")
DUE = InboundMessage(
    channel=SYSTEM,
    sender_id="cron:a1b2c3d4",
    dedupe_keys=(),
    address=HERE,
    text="look",
    received_at=NOON,
    occasion=Due(run="r1", scheduled_for=NOON),
    session="cron:a1b2c3d4:r1",
)
LATER = NOON + timedelta(minutes=1)


def said(text: str, *, address: ChatAddress = HERE) -> OutboundMessage:
    return OutboundMessage(delivery_id=text, address=address, caller=Caller.MODEL, text=text, turn="t1", run="r1")


async def session(database: Database, key: str) -> Sequence[PromptItem]:
    sessions = Sessions(database, budget=1_000, words=lambda message: UserText(message.text, "by the schedule"))
    return list(await sessions.before(key, 1_000))


async def test_it_is_an_exchange_of_that_session(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await database.write(retelling(DUE, "t1", [said("one"), said("two")], now=LATER))

        begin, calls, *results = await session(database, HERE.session)
        assert begin == UserText(
            "A scheduled run (cron:a1b2c3d4) has sent to this chat what follows.", "by the schedule"
        )
        assert calls == ModelReply(
            calls=(
                ToolCall(id="t1.told.0.0", name="message", arguments='{"text":"one"}'),
                ToolCall(id="t1.told.0.1", name="message", arguments='{"text":"two"}'),
            )
        )
        assert all(isinstance(result, ToolResult) for result in results)


async def test_nobody_works_on_it(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await database.write(retelling(DUE, "t1", [said("one")], now=LATER))

        states = "SELECT inbox.state, turns.state FROM inbox JOIN turns USING (seq)"
        assert await rows(database, states) == [("done", "done")]


async def test_written_twice_it_is_there_once(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        for _ in range(2):
            await database.write(retelling(DUE, "t1", [said("one")], now=LATER))

        assert await rows(database, "SELECT count(*) FROM inbox") == [(1,)]


async def test_each_chat_is_told_what_it_has_heard(tmp_path: Path) -> None:
    there = ChatAddress(channel="test", chat="2")
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await database.write(retelling(DUE, "t1", [said("one"), said("two", address=there)], now=LATER))

        assert "two" not in str(await session(database, HERE.session))
        assert "one" not in str(await session(database, there.session))


def test_the_session_that_the_run_works_in_knows_it_already() -> None:
    own = replace(DUE, session=HERE.session)

    assert told(own, [said("one")]) == []
    assert told(DUE, [said("one"), said("two")]) == [HERE.session]
    assert told(DUE, []) == []


async def test_a_chat_knows_which_files_a_run_has_sent_there(tmp_path: Path) -> None:
    report = Attachment(name="report.pdf", media_type="application/pdf", path="sent/d/0-report.pdf")
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await database.write(retelling(DUE, "t1", [replace(said("one"), attachments=(report,))], now=LATER))

        assert "sent/d/0-report.pdf" in str(await session(database, HERE.session))

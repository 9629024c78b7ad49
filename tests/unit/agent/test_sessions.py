"""What later turns of a session see of earlier ones."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import inbox
from gateway.agent import journal as steps
from gateway.agent.journal import Journal, Response, Result, TurnState
from gateway.agent.model import ModelReply, PromptItem, ToolCall, ToolResult, Usage, UserText
from gateway.agent.sessions import RUNS, TURNS, Sessions, Transcript, closed_exchange, tokens_of
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import SYSTEM, ChatAddress, Due, InboundMessage
from tests.fakes import NOON, FakeClock
from tests.parts import open_database

HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=ChatAddress(channel="test", chat="1"),
    text="hello",
    received_at=NOON,
)
CALL = ToolCall(id="c1", name="echo", arguments="{}")


def words(message: InboundMessage) -> UserText:
    return UserText(message.text)


async def add_turn(
    database: Database,
    text: str,
    *journal_steps: steps.Step,
    session: str = "",
    over: bool = True,
    message: InboundMessage = HELLO,
) -> int:
    """A turn of the session; returns its number."""

    def work(transaction: Transaction) -> int:
        accepted = inbox.accept(transaction, replace(message, text=text, session=session))
        assert accepted is not None
        claim = steps.claim(transaction, accepted.seq, f"t{accepted.seq}", at="2026-03-02T12:00:00.000000Z")
        assert claim is not None
        journal = Journal(claim)
        for step in journal_steps:
            journal.add(step)
        if over:
            journal.finishing(TurnState.DONE, now=NOON + timedelta(seconds=1))(transaction)
        return accepted.seq

    return await database.write(work)


def said(text: str, *calls: ToolCall) -> Response:
    return Response(ModelReply(text=text, calls=calls), Usage())


async def before(
    database: Database, seq: int, *, budget: int = 10_000, session: str = "test:1"
) -> list[PromptItem]:
    return list(await Sessions(database, budget=budget, words=words).before(session, seq))


async def test_a_session_is_what_was_said_in_it_before_in_order(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await add_turn(database, "one", said("first"))
        await add_turn(database, "elsewhere", said("no"), session="other")
        await add_turn(database, "two", said("second"))
        last = await add_turn(database, "three", over=False)

        assert await before(database, last) == [
            UserText("one"),
            ModelReply(text="first"),
            UserText("two"),
            ModelReply(text="second"),
        ]


async def test_a_turn_sees_nothing_that_came_after_it(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        first = await add_turn(database, "one", said("first"))
        await add_turn(database, "two", said("second"))

        assert await before(database, first) == []


async def test_what_is_kept_in_memory_is_what_would_be_read(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=words)
        first = await add_turn(
            database, "one", said("", CALL), Result(ToolResult(call_id="c1", name="echo", text="r"))
        )
        await sessions.before("test:1", first + 1)
        second = await add_turn(database, "two", said("second"))

        sessions.add("test:1", second, [UserText("two"), ModelReply(text="second")])

        assert list(await sessions.before("test:1", second + 1)) == await before(database, second + 1)


async def test_a_turn_is_added_once(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=words)
        seq = await add_turn(database, "one", said("first"))
        await sessions.before("test:1", seq + 1)

        sessions.add("test:1", seq, [UserText("one"), ModelReply(text="first")])

        assert len(await sessions.before("test:1", seq + 1)) == 2


async def test_only_as_much_of_the_past_is_seen_as_fits(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        for n in range(20):
            last = await add_turn(database, f"question {n} {'x' * 300}", said(f"answer {n}"))

        seen = await before(database, last + 1, budget=1_000)

        assert 0 < sum(tokens_of(item) for item in seen) <= 1_000
        assert isinstance(seen[0], UserText)
        assert seen[-1] == ModelReply(text="answer 19")


def test_a_cut_takes_whole_exchanges_and_leaves_room_for_more() -> None:
    transcript = Transcript(budget=1_000)
    for n in range(50):
        transcript.add(closed_exchange(n, [UserText("x" * 297), ModelReply(text=f"{n}")]))
        tokens = sum(tokens_of(item) for item in transcript.items)
        assert tokens <= 1_000
        assert isinstance(transcript.items[0], UserText)

    assert transcript.items[-1] == ModelReply(text="49")


def test_a_session_of_many_short_turns_is_cut_too() -> None:
    transcript = Transcript(budget=10**9)

    for n in range(3 * TURNS):
        transcript.add(closed_exchange(n, [UserText("x")]))

    assert len(transcript.items) <= TURNS


def test_calls_without_a_result_get_one_that_says_so() -> None:
    closed = closed_exchange(1, [UserText("x"), ModelReply(calls=(CALL,))])

    assert closed.items[-1] == ToolResult(call_id="c1", name="echo", text="not run: the turn ended before")


def test_silence_takes_no_place() -> None:
    assert closed_exchange(1, [UserText("x"), ModelReply()]).items == (UserText("x"),)


@pytest.mark.parametrize("text", ["hello", "你好" * 50, "x" * 10_000])
def test_tokens_are_never_counted_too_few(text: str) -> None:
    assert tokens_of(UserText(text)) >= len(text.encode()) / 3
    assert tokens_of(UserText("", text)) >= len(text.encode()) / 3  # a note goes along to the model


# -- scheduled runs in a session ---------------------------------------------------------------------------------

DUE = replace(HELLO, channel=SYSTEM, sender_id="cron:a1b2c3d4", occasion=Due(run="r", scheduled_for=NOON))
OTHER = replace(DUE, sender_id="cron:b1b2c3d4")
SENT = ToolCall(id="c1", name="message", arguments='{"text": "Five steps."}')


def noted(message: InboundMessage) -> UserText:
    return UserText(message.text, "by somebody")


async def test_of_the_runs_of_one_job_a_session_keeps_the_last_few(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await add_turn(database, "hello", said("hi"))
        for n in range(20):
            await add_turn(database, f"run {n}", said(f"done {n}"), message=DUE)
        last = await add_turn(database, "other", said("other"), message=OTHER)

        seen = await before(database, last + 1)

        assert seen[:2] == [UserText("hello"), ModelReply(text="hi")]
        assert [item.text for item in seen[2::2]] == [f"run {n}" for n in range(20 - RUNS, 20)] + ["other"]


async def test_a_run_sees_only_the_last_run_of_each_job(tmp_path: Path) -> None:
    """OC-16"""
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await add_turn(database, "hello", said("hi"))
        for n in range(3):
            await add_turn(database, f"run {n}", said(f"done {n}"), message=DUE)
        last = await add_turn(database, "other", said("other"), message=OTHER)

        seen = await Sessions(database, budget=10_000, words=words).before_run("test:1", last + 1)

        assert [item.text for item in seen if isinstance(item, UserText)] == ["hello", "run 2", "other"]


async def test_runs_that_are_kept_in_memory_are_those_that_would_be_read(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=words)
        await sessions.before("test:1", 1)
        for n in range(12):
            message = (DUE, HELLO, OTHER)[n % 3] if n < 6 else DUE
            seq = await add_turn(database, f"turn {n}", said(f"done {n}"), message=message)
            by = message.sender_id if message is not HELLO else ""
            sessions.add("test:1", seq, [UserText(f"turn {n}"), ModelReply(text=f"done {n}")], by=by)

            assert list(await sessions.before("test:1", seq + 1)) == await before(database, seq + 1)


async def test_the_last_messages_are_exactly_so_many_and_hold_no_calls(tmp_path: Path) -> None:
    """OC-17"""
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=noted)
        result = Result(ToolResult(call_id="c1", name="message", text="queued for delivery"))
        for n in range(3):
            await add_turn(database, f"question {n}", said(f"answer {n}"))
        await add_turn(
            database, "look", said("", SENT), result, steps.Steer("go on"), said("nothing"), message=DUE
        )
        last = await add_turn(database, "thanks", said("", CALL), said(""))

        found = {n: list(await sessions.last_messages("test:1", last + 1, n)) for n in (0, 1, 5, 50)}

        everything = [
            item
            for n in range(3)
            for item in (UserText(f"question {n}", "by somebody"), ModelReply(text=f"answer {n}"))
        ] + [ModelReply(text="Five steps."), UserText("thanks", "by somebody")]
        assert found == {0: [], 1: everything[-1:], 5: everything[-5:], 50: everything}


async def test_what_was_written_besides_is_seen_once_the_session_is_forgotten(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=words)
        await sessions.before("test:1", 1)
        seq = await add_turn(database, "told", said("told"))

        stale = list(await sessions.before("test:1", seq + 1))
        sessions.forget("test:1")

        assert stale == []
        assert list(await sessions.before("test:1", seq + 1)) == [UserText("told"), ModelReply(text="told")]


async def test_a_turn_that_has_waited_hides_nothing_that_was_said_meanwhile(tmp_path: Path) -> None:
    """C-01: what a run has told the chat, while an earlier message waited for its turn, stays in the session."""
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        sessions = Sessions(database, budget=10_000, words=words)
        waiting = await add_turn(database, "waits", over=False)
        told = await add_turn(database, "told", said("told"))
        sessions.forget("test:1")

        assert list(await sessions.before("test:1", waiting)) == []

        assert list(await sessions.before("test:1", told + 1)) == [UserText("told"), ModelReply(text="told")]

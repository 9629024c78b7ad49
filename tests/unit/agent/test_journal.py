"""The steps of a turn: written once, read again after a crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import inbox
from gateway.agent import journal as steps
from gateway.agent.journal import Claim, Journal, Response, Result, Started, Steer, TurnState
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage, UserText
from gateway.database.driver import transact
from gateway.database.schema import take_over
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON
from tests.parts import prepared

AT = "2026-03-02T12:00:00.000000Z"
HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=ChatAddress(channel="test", chat="1"),
    text="hello",
    received_at=NOON,
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
tool_calls = st.builds(ToolCall, id=texts, name=texts, arguments=texts)
all_steps = st.one_of(
    st.builds(
        Response,
        st.builds(ModelReply, text=texts, calls=st.lists(tool_calls, max_size=3).map(tuple)),
        st.builds(Usage, input_tokens=st.integers(0, 10**9), output_tokens=st.integers(0, 10**9)),
    ),
    st.builds(Started, texts),
    st.builds(Result, st.builds(ToolResult, call_id=texts, name=texts, text=texts)),
    st.builds(Steer, texts),
    st.builds(Steer, texts, texts, texts, st.lists(texts, max_size=2).map(tuple), texts, st.integers(0, 10**9)),
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def claimed(driver: SqliteDriver, turn: str = "t1", seq: int = 1) -> Claim | None:
    return transact(driver, lambda t: steps.claim(t, seq, turn, at=AT))


@pytest.fixture
def claim(driver: SqliteDriver) -> Claim:
    transact(driver, lambda t: inbox.accept(t, HELLO))
    found = claimed(driver)
    assert found is not None
    return found


@given(all_steps)
def test_a_step_is_read_as_it_was_written(step: steps.Step) -> None:
    assert steps.decode(*steps.encode(step)) == step


def test_a_note_is_written_as_it_always_was() -> None:
    assert steps.encode(Steer("decide")) == ("steer", '"decide"')
    assert steps.decode("steer", '"decide"') == Steer("decide")


def test_a_first_claim_begins_the_turn(driver: SqliteDriver, claim: Claim) -> None:
    assert claim == Claim(seq=1, turn="t1", message=HELLO)
    assert transact(driver, lambda t: t.execute("SELECT id, state FROM turns").fetchall()) == [("t1", "running")]


def test_a_turn_keeps_its_id_and_its_steps_over_a_crash(driver: SqliteDriver, claim: Claim) -> None:
    journal = Journal(claim)
    journal.add(Response(ModelReply(text="hi"), Usage(input_tokens=3, output_tokens=4)))
    journal.add(Steer("go on"))
    transact(driver, journal.writing())

    again = claimed(driver, "t2")

    assert again is not None
    assert (again.turn, list(again.steps)) == ("t1", journal.steps)
    assert Journal(again).usage == Usage(input_tokens=3, output_tokens=4)


def test_steps_are_written_once(driver: SqliteDriver, claim: Claim) -> None:
    journal = Journal(claim)
    for text in ("one", "two"):
        journal.add(Steer(text))
        transact(driver, journal.writing())
        journal.written()

    transact(driver, journal.writing())

    assert not journal.unwritten
    assert transact(driver, lambda t: steps.steps_of(t, 1)) == [Steer("one"), Steer("two")]


def test_claims_without_a_new_step_are_counted_and_a_step_clears_them(driver: SqliteDriver, claim: Claim) -> None:
    counts = [claim.claims]
    for step in (None, None, Steer("progress"), None):
        if step is not None:
            transact(driver, lambda t, s=step: t.execute("INSERT INTO steps VALUES (1, 0, ?, ?)", steps.encode(s)))
        transact(driver, take_over)
        again = claimed(driver)
        counts.append(again.claims if again else 0)

    assert counts == [1, 2, 3, 1, 2]


def test_an_orderly_stop_does_not_count(driver: SqliteDriver, claim: Claim) -> None:
    for _ in range(5):
        transact(driver, lambda t: steps.give_back(t, 1))
        again = claimed(driver)

    assert again is not None
    assert (claim.again, again.claims, again.again) == (False, 1, True)  # but it may have done something


def test_a_turn_that_is_over_cannot_be_claimed(driver: SqliteDriver, claim: Claim) -> None:
    journal = Journal(claim)
    finishing = journal.finishing(TurnState.FAILED, now=NOON, error="no", error_class=ErrorClass.PERMANENT)

    transact(driver, finishing)

    assert claimed(driver) is None
    assert transact(driver, inbox.unfinished) == []
    assert transact(driver, lambda t: t.execute("SELECT state, error, error_class FROM turns").fetchone()) == (
        "failed",
        "no",
        "permanent",
    )


def test_the_end_of_a_turn_takes_its_last_steps_along(driver: SqliteDriver, claim: Claim) -> None:
    journal = Journal(claim)
    journal.add(Response(ModelReply(text="bye"), Usage()))

    transact(driver, journal.finishing(TurnState.DONE, now=NOON))

    assert transact(driver, lambda t: steps.steps_of(t, 1)) == journal.steps


def test_a_model_sees_replies_results_and_notes_and_not_what_was_started() -> None:
    reply = ModelReply(calls=(ToolCall(id="c", name="n", arguments="{}"),))
    result = ToolResult(call_id="c", name="n", text="done")

    seen = steps.items([Response(reply, Usage()), Started("c"), Result(result), Steer("note")])

    assert seen == [reply, result, UserText("note")]

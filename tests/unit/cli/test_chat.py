"""Talking to the agent on the command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.kept import Kept
from gateway.cli.terminal import Terminal
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.home import Home, prepare
from gateway.messages import Attachment, Caller, ChatAddress, OutboundMessage
from gateway.tools import message as messages
from tests.command_line import CommandLine

AT = to_text(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    prepare(Home(tmp_path))
    return Kept(Home(tmp_path), lambda note: None)


def said(kept: Kept, text: str, *, turn: str = "", run: str = "", chat: str = "default") -> None:
    """Something that a gateway has said in a chat of the console."""
    message = OutboundMessage(
        delivery_id=f"{turn or run}.{text}",
        address=ChatAddress(channel="console", chat=chat),
        caller=Caller.REPLY,
        text=text,
        turn=turn,
        run=run,
    )
    kept.write(lambda transaction: messages.leave(transaction, message, at=AT))


def begin_turn(kept: Kept, row: int, turn: str, state: str = "running", error: str = "") -> None:
    """What a gateway does with a row of the inbox."""

    def write(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO meta (key, value) VALUES ('epoch', 1) ON CONFLICT DO NOTHING")
        transaction.execute(sql.BEGIN_TURN, (row, turn, "console:default", AT))
        if state != "running":
            transaction.execute(sql.FINISH_TURN, (state, error, None, 3, 4, AT, row))

    kept.write(write)


def states(kept: Kept) -> list[str]:
    rows = kept.read(lambda t: t.execute("SELECT state FROM outbox ORDER BY seq").fetchall(), empty=list)
    return [state for (state,) in rows]


def test_without_a_gateway_the_turn_is_worked_on_here(tocsin: CommandLine) -> None:
    printed = tocsin("chat", "remind me in 2 hours to stretch")

    assert printed.status == 0
    assert 'Scheduled "stretch"' in printed.out
    assert "what is scheduled fires while `tocsin run` does" in printed.err
    assert tocsin.jobs["stretch"].owner == "console:default"
    assert tocsin.kept.holder() is None


def test_with_json_the_turn_is_one_document(tocsin: CommandLine) -> None:
    document = tocsin("chat", "help", "--session", "work", "--json").document

    assert document["session"] == "work"
    assert document["reply"].startswith("I am the offline assistant")
    assert [message["id"] for message in document["messages"]] == [f"{document['turn_id']}.final"]
    assert document["usage"].keys() == {"input_tokens", "output_tokens"}


def test_a_conversation_is_a_turn_a_line(tocsin: CommandLine) -> None:
    printed = tocsin("chat", stdin="remind me in 2 hours to stretch\n\nwhat is scheduled?\n")

    assert printed.status == 0
    assert printed.out.index('Scheduled "stretch"') < printed.out.index("1 job:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--json",), "give TEXT"),
        (("  ",), "TEXT is empty"),
        (("x", "--session", ""), "--session"),
    ],
)
def test_wrong_use_of_chat_is_said(arguments: tuple[str, ...], words: str, tocsin: CommandLine) -> None:
    printed = tocsin("chat", *arguments)

    assert (printed.status, words in printed.err) == (2, True)
    assert not tocsin.path.exists()


def test_other_jobs_keep_their_place_when_a_chat_makes_one(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    uid = tocsin.jobs["a"].uid
    tocsin("chat", "remind me in 2 hours to stretch")
    before = tocsin.kept.read(lambda t: t.execute(sql.CURSORS).fetchall(), empty=list[tuple[str, ...]])
    moved = [(uid, row[1], AT, *row[3:]) if row[0] == uid else row for row in before]
    tocsin.kept.write(lambda t: [t.execute(sql.MOVE_CURSOR, row) for row in moved])

    tocsin("chat", "remind me in 3 hours to jump")

    after = tocsin.kept.read(lambda t: t.execute(sql.CURSORS).fetchall(), empty=list[tuple[str, ...]])
    assert {row[0]: row[2] for row in after}[uid] == AT


# -- the terminal ---------------------------------------------------------------------------------------


def test_a_terminal_shows_the_answer_and_marks_it_sent(kept: Kept) -> None:
    heard: list[str] = []
    with Terminal(kept, "default", lambda message: heard.append(message.text)) as terminal:
        row = terminal.say("hello")
        begin_turn(kept, row, "t1")
        said(kept, "good day", turn="t1")

        early = terminal.finished(row)
        kept.write(lambda t: t.execute(sql.FINISH_TURN, ("done", "", None, 3, 4, AT, row)))
        late = terminal.finished(row)

    assert (early, late) == (False, True)
    assert heard == ["good day"]
    assert states(kept) == ["sent"]


def test_what_waited_from_before_and_reminders_are_shown_too(kept: Kept) -> None:
    heard: list[str] = []
    said(kept, "left over", turn="t0")
    with Terminal(kept, "default", lambda message: heard.append(message.text)) as terminal:
        said(kept, "a reminder", turn="t9", run="r9")
        said(kept, "for another chat", turn="t8", chat="other")

        terminal.listen()

    assert heard == ["left over", "a reminder"]


def test_the_answer_to_another_terminal_is_left_to_it(kept: Kept) -> None:
    mine: list[str] = []
    others: list[str] = []
    with (
        Terminal(kept, "default", lambda message: mine.append(message.text)) as one,
        Terminal(kept, "default", lambda message: others.append(message.text)) as two,
    ):
        begin_turn(kept, one.say("a"), "t1")
        begin_turn(kept, two.say("b"), "t2")
        said(kept, "to a", turn="t1")
        said(kept, "to b", turn="t2")

        two.listen()
        one.listen()

    assert (mine, others) == (["to a"], ["to b"])


def test_a_terminal_holds_its_chat_and_gives_it_back(kept: Kept) -> None:
    with Terminal(kept, "default", lambda message: None):
        holding = kept.read(lambda t: t.execute(sql.WAITERS, (AT,)).fetchall(), empty=list)

    after = kept.read(lambda t: t.execute(sql.WAITERS, (AT,)).fetchall(), empty=list)
    assert ([chat for chat, _ in holding], after) == (["default"], [])


def test_how_a_turn_failed_is_told(kept: Kept) -> None:
    with Terminal(kept, "default", lambda message: None) as terminal:
        row = terminal.say("hello")
        waiting = terminal.outcome(row)
        begin_turn(kept, row, "t1", "failed", "the model is gone")

        outcome = terminal.outcome(row)

    assert (waiting.over, waiting.turn) == (False, "")
    assert (outcome.over, outcome.error, outcome.output_tokens) == (True, "the model is gone", 4)


def test_the_answer_of_a_command_shows_words_as_they_were_written(tocsin: CommandLine) -> None:
    printed = tocsin("chat", "/remind in 2 hours buy milk & eggs [2]")

    assert "It says: buy milk & eggs [2]" in printed.lines


def test_a_file_that_was_sent_is_shown_with_the_place_where_it_lies(tocsin: CommandLine) -> None:
    report = Attachment(name="report.pdf", media_type="application/pdf", path="sent/d/0-report.pdf")
    waiting = OutboundMessage(
        delivery_id="d",
        address=ChatAddress(channel="console", chat="default"),
        caller=Caller.MODEL,
        text="here",
        attachments=(report,),
    )
    tocsin.kept.write(lambda transaction: messages.leave(transaction, waiting, at=AT))

    printed = tocsin("chat", "help")

    assert "here\n[file: report.pdf → sent/d/0-report.pdf]\n" in printed.out

"""The conversations that the agent remembers."""

from datetime import UTC, datetime, timedelta

from gateway import inbox
from gateway.cli.kept import Kept
from gateway.database.driver import Transaction
from gateway.messages import ChatAddress, InboundMessage
from gateway.retention import Retention, forget
from tests.command_line import CommandLine

HERE = ChatAddress(channel="telegram", chat="1")


def turn(kept: Kept, session: str, at: datetime) -> None:
    """A turn that is over, in this session."""
    said = InboundMessage(
        channel="telegram", sender_id="1", dedupe_keys=(), address=HERE, text="x", received_at=at, session=session
    )

    def write(transaction: Transaction) -> None:
        accepted = inbox.accept(transaction, said)
        assert accepted is not None
        transaction.execute(
            """INSERT INTO turns (seq, id, session, state, epoch, claims, started_at, finished_at)
                VALUES (?, ?, ?, 'done', 1, 1, ?, ?)""",
            (accepted.seq, f"t{accepted.seq}", session, at.isoformat(), at.isoformat()),
        )
        transaction.execute("UPDATE inbox SET state = 'done' WHERE seq = ?", (accepted.seq,))

    kept.write(write)


def test_sessions_are_listed_with_the_one_used_last_first(tocsin: CommandLine) -> None:
    now = datetime.now(UTC)
    for session in ("telegram:1", "session:telegram:1:work", "telegram:1"):
        turn(tocsin.kept, session, now)

    document = tocsin("sessions", "list", "--json").document["sessions"]

    assert [(one["session"], one["turns"], one["running"]) for one in document] == [
        ("telegram:1", 2, False),
        ("session:telegram:1:work", 1, False),
    ]
    assert "telegram:1" in tocsin("sessions", "list").out


def test_the_session_of_a_single_run_is_gone_after_its_time(tocsin: CommandLine) -> None:
    """OC-15"""
    now = datetime.now(UTC)
    turn(tocsin.kept, "telegram:1", now)
    turn(tocsin.kept, "cron:a1b2c3d4:r1", now)

    tocsin.kept.write(lambda t: forget(t, Retention(), now=now + timedelta(hours=25)))

    names = [one["session"] for one in tocsin("sessions", "list", "--json").document["sessions"]]
    assert names == ["telegram:1"]

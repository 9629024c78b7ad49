"""Everything that grows has an end, and nothing that is open is touched."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cron import runs
from cron.run import Trigger
from gateway import audit, inbox, requests, waiting
from gateway.agent import journal
from gateway.agent.due import Ending, EndStatus
from gateway.audit import Entry
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage
from gateway.outbox.writer import enqueue
from gateway.retention import SLICE, TURNS, Retention, forget
from tests.fakes import NOON
from tests.jobs import new_job
from tests.parts import prepared

DAY = timedelta(days=1)
HERE = ChatAddress(channel="test", chat="1")
HELLO = InboundMessage(
    channel="test", sender_id="anna", dedupe_keys=(), address=HERE, text="hello", received_at=NOON
)
JOB = new_job(uid="u1", id="u1")


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def forget_all(driver: SqliteDriver, now: datetime, rules: Retention | None = None) -> int:
    """Forget until there is nothing more to forget; how many rounds that took."""
    rounds = 0
    while transact(driver, lambda t: forget(t, rules or Retention(), now=now)):
        rounds += 1
    return rounds


def count(driver: SqliteDriver, table: str) -> int:
    return int(transact(driver, lambda t: t.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))


def add_run(driver: SqliteDriver, at: datetime, *, over: bool = True) -> None:
    due = runs.occurrence(at, at, Trigger.SCHEDULE)

    def work(transaction: Transaction) -> None:
        runs.claim(transaction, JOB, due, replace(HELLO, received_at=at))
        runs.start(transaction, due.run, now=at)
        if over:
            runs.finish(transaction, due.run, Ending(status=EndStatus.SUCCEEDED), now=at)

    transact(driver, work)


def test_keys_of_redeliveries_are_kept_for_seven_days(driver: SqliteDriver) -> None:
    for day in range(10):  # P-43
        said = replace(HELLO, dedupe_keys=(f"k{day}",), received_at=NOON + day * DAY)
        transact(driver, lambda t, said=said: inbox.accept(t, said))

    forget_all(driver, NOON + 9 * DAY)

    kept = transact(driver, lambda t: t.execute("SELECT key FROM dedupe ORDER BY key").fetchall())
    assert [key for (key,) in kept] == [f"k{day}" for day in range(2, 10)]


def test_runs_are_kept_for_thirty_days_and_open_ones_for_ever(driver: SqliteDriver) -> None:
    for day in (0, 1, 40):
        add_run(driver, NOON + day * DAY)
    add_run(driver, NOON + timedelta(hours=1), over=False)

    forget_all(driver, NOON + 40 * DAY)

    kept = transact(driver, runs.recent)
    assert [(run.scheduled_at - NOON).days for run in kept] == [0, 40]
    assert kept[0].status.open


def test_attempts_go_with_their_runs(driver: SqliteDriver) -> None:
    for day in (0, 40):
        add_run(driver, NOON + day * DAY)

    forget_all(driver, NOON + 40 * DAY)

    assert count(driver, "attempts") == 1


def test_each_job_keeps_its_newest_runs(driver: SqliteDriver) -> None:
    for minute in range(8):
        add_run(driver, NOON + minute * timedelta(minutes=1))

    forget_all(driver, NOON + DAY, Retention(runs_per_job=5))

    kept = transact(driver, runs.recent)
    assert [run.scheduled_at.minute for run in kept] == [7, 6, 5, 4, 3]


def test_of_six_runs_a_limit_of_three_keeps_the_newest(driver: SqliteDriver) -> None:
    for minute in range(1, 7):
        add_run(driver, NOON + minute * timedelta(minutes=1))

    forget_all(driver, NOON + DAY, Retention(runs_per_job=3))

    kept = transact(driver, lambda transaction: runs.recent(transaction, job=JOB.uid))
    assert [run.scheduled_at.minute for run in kept] == [6, 5, 4]  # HP-78, P-40


def turn(driver: SqliteDriver, session: str, at: datetime, *, over: bool = True) -> None:
    said = replace(HELLO, session=session, received_at=at)

    def work(transaction: Transaction) -> None:
        accepted = inbox.accept(transaction, said)
        assert accepted is not None
        claim = journal.claim(transaction, accepted.seq, f"t{accepted.seq}", at=to_text(at))
        assert claim is not None
        if over:
            journal.Journal(claim).finishing(journal.TurnState.DONE, now=at)(transaction)

    transact(driver, work)


def test_isolated_sessions_are_kept_for_a_day_and_conversations_longer(driver: SqliteDriver) -> None:
    turn(driver, "cron:a:1", NOON)  # OC-15
    turn(driver, "cron:a:2", NOON, over=False)
    turn(driver, "cron:a:3", NOON + 2 * DAY)
    turn(driver, "test:1", NOON)

    forget_all(driver, NOON + 2 * DAY)

    kept = transact(driver, lambda t: t.execute("SELECT session FROM turns ORDER BY seq").fetchall())
    assert kept == [("cron:a:2",), ("cron:a:3",), ("test:1",)]
    assert count(driver, "inbox") == 3


def test_of_a_conversation_no_more_is_kept_than_is_ever_read(driver: SqliteDriver) -> None:
    for n in range(TURNS + 30):
        turn(driver, "test:1", NOON + timedelta(seconds=n))

    forget_all(driver, NOON + DAY)

    assert count(driver, "turns") == count(driver, "inbox") == TURNS


def test_messages_that_are_over_are_kept_for_thirty_days_and_open_ones_for_ever(driver: SqliteDriver) -> None:
    for name, state, at in (("old", "sent", NOON), ("open", "open", NOON), ("new", "dead", NOON + 40 * DAY)):
        message = OutboundMessage(delivery_id=name, address=HERE, caller=Caller.REPLY, text=name)

        def work(
            transaction: Transaction, message: OutboundMessage = message, state: str = state, at: datetime = at
        ) -> None:
            enqueue(transaction, message, (), at=to_text(at))
            done = None if state == "open" else to_text(at)
            row = (state, done, message.delivery_id)
            transaction.execute("UPDATE outbox SET state = ?, finished_at = ? WHERE id = ?", row)

        transact(driver, work)

    forget_all(driver, NOON + 40 * DAY)

    kept = transact(driver, lambda t: t.execute("SELECT id FROM outbox ORDER BY seq").fetchall())
    assert kept == [("open",), ("new",)]


def test_what_was_only_overheard_goes_after_thirty_days(driver: SqliteDriver) -> None:
    for at, state in ((NOON, "done"), (NOON, "waiting"), (NOON + 40 * DAY, "done")):
        said = replace(HELLO, received_at=at, addressed=state == "waiting")
        transact(driver, lambda t, said=said, state=state: inbox.accept(t, said, state=state))
    turn(driver, "test:1", NOON)

    forget_all(driver, NOON + 40 * DAY)

    kept = transact(driver, lambda t: t.execute("SELECT seq, state FROM inbox ORDER BY seq").fetchall())
    assert kept == [(2, "waiting"), (3, "done"), (4, "done")]


def test_the_audit_is_kept_for_a_year(driver: SqliteDriver) -> None:
    for day in (0, 1, 366):
        entry = Entry(at=NOON + day * DAY, who="channel:test", what="bus.refused", subject="")
        transact(driver, lambda t, entry=entry: audit.write(t, entry))

    forget_all(driver, NOON + 366 * DAY)

    assert count(driver, "audit") == 2


def test_requests_and_waiting_terminals_are_forgotten_too(driver: SqliteDriver) -> None:
    transact(driver, lambda t: requests.ask_to_cancel(t, "run", now=NOON))
    transact(driver, lambda t: waiting.hold(t, "chat", "me", now=NOON))

    forget_all(driver, NOON + 8 * DAY)

    assert (count(driver, "events"), count(driver, "waiters")) == (0, 0)


def test_forgetting_much_is_done_in_pieces(driver: SqliteDriver) -> None:
    def work(transaction: Transaction) -> None:
        for n in range(3 * SLICE):
            transaction.execute("INSERT INTO dedupe VALUES (?, ?)", (f"k{n}", to_text(NOON)))

    transact(driver, work)

    assert forget_all(driver, NOON + 8 * DAY) == 3
    assert count(driver, "dedupe") == 0


def test_failures_and_costs_are_forgotten_after_a_year(driver: SqliteDriver) -> None:
    def work(transaction: Transaction) -> None:
        for n, at in enumerate((NOON, NOON + 2 * DAY)):
            transaction.execute(sql.KEEP_FAILURES, (f"u{n}", to_text(at), 1, 0, None, to_text(at)))
            transaction.execute(sql.ADD_SPEND, (at.date().isoformat(), "job:u1", 1, 1, 0.0))

    transact(driver, work)

    forget_all(driver, NOON + 366 * DAY)

    assert (count(driver, "failures"), count(driver, "spend")) == (1, 1)

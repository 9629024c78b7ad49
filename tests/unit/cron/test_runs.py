"""Runs and cursors: rows that move, each in a transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cron import overview, runs
from cron.engine import claims
from cron.engine.claims import Wanted
from cron.job import Job, Say
from cron.planner import Cursor, Missed, begin
from cron.run import DeliveryStatus, RunStatus, Trigger
from cron.schedule import Every
from gateway.agent.due import Ending, EndStatus
from gateway.database.driver import Rows, Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass, UserError
from gateway.inbox import Accepted
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.tools.message import leave
from tests.fakes import NOON
from tests.jobs import new_job
from tests.parts import prepared

HOUR = timedelta(hours=1)
HERE = ChatAddress(channel="test", chat="1")
UID = "a1b2c3d4-0000-4000-8000-000000000001"
JOB = new_job(
    uid=UID,
    id=UID[:8],
    name="tea",
    schedule=Every(HOUR, NOON),
    payload=Say(text="tea"),
    address=HERE,
    owner="test:1",
    created_at=NOON,
    revision=1,
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def claim(driver: SqliteDriver, hours: int, job: Job = JOB) -> tuple[runs.Occurrence, Accepted | None]:
    due = runs.occurrence(NOON + hours * HOUR, NOON + hours * HOUR, Trigger.SCHEDULE)
    said = runs.message(job, due, None, NOON)
    return due, transact(driver, lambda t: runs.claim(t, job, due, said))


def end(driver: SqliteDriver, run: str, ending: Ending) -> None:
    transact(driver, lambda t: runs.start(t, run, now=NOON))
    transact(driver, lambda t: runs.finish(t, run, ending, now=NOON + timedelta(seconds=5)))


def test_an_occurrence_can_be_claimed_once(driver: SqliteDriver) -> None:
    _, first = claim(driver, 1)  # P-25

    _, again = claim(driver, 1)

    assert first is not None
    assert again is None
    assert transact(driver, lambda t: t.execute("SELECT count(*) FROM inbox").fetchone()) == (1,)


def test_a_run_works_on_its_own_copy_of_the_job(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)

    found = transact(driver, lambda t: runs.job_of(t, due.run))

    assert found == (RunStatus.QUEUED, JOB)
    assert transact(driver, lambda t: runs.job_of(t, "nothing")) is None


def test_a_job_with_a_huge_number_in_its_state_is_claimed_like_any_other(driver: SqliteDriver) -> None:
    job = replace(JOB, state={"atoms": 10**80})

    due, accepted = claim(driver, 1, job)

    assert accepted is not None
    assert transact(driver, lambda t: runs.job_of(t, due.run)) == (RunStatus.QUEUED, job)


def test_a_run_goes_from_queued_over_running_to_its_end(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)
    states = [transact(driver, lambda t: runs.find(t, due.run))]
    transact(driver, lambda t: runs.start(t, due.run, now=NOON + HOUR))
    states.append(transact(driver, lambda t: runs.find(t, due.run)))
    ending = Ending(status=EndStatus.FAILED, output="half", error="no", error_class=ErrorClass.TIMEOUT)
    transact(driver, lambda t: runs.finish(t, due.run, ending, now=NOON + 2 * HOUR))
    states.append(transact(driver, lambda t: runs.find(t, due.run)))

    queued, started, over = states
    assert queued is not None
    assert started is not None
    assert over is not None
    assert [run.status for run in (queued, started, over)] == ["queued", "running", "failed"]
    assert (queued.started_at, started.started_at, over.finished_at) == (None, NOON + HOUR, NOON + 2 * HOUR)
    assert (over.output, over.error, over.error_class) == ("half", "no", ErrorClass.TIMEOUT)


def test_a_run_that_is_over_stays_as_it_ended(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)
    end(driver, due.run, Ending(status=EndStatus.SUCCEEDED, output="first"))

    end(driver, due.run, Ending(status=EndStatus.FAILED, output="second"))

    run = transact(driver, lambda t: runs.find(t, due.run))
    assert run is not None
    assert (run.status, run.output) == (RunStatus.SUCCEEDED, "first")


def test_a_run_that_goes_on_after_a_crash_has_one_attempt_and_one_start(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)
    transact(driver, lambda t: runs.start(t, due.run, now=NOON))

    transact(driver, lambda t: runs.start(t, due.run, now=NOON + HOUR))

    run = transact(driver, lambda t: runs.find(t, due.run))
    assert run is not None
    assert run.started_at == NOON
    assert transact(driver, lambda t: t.execute("SELECT count(*) FROM attempts").fetchone()) == (1,)


def test_what_a_run_gives_is_kept_up_to_a_size(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)

    end(driver, due.run, Ending(status=EndStatus.SUCCEEDED, output="x" * (runs.LONGEST_OUTPUT + 5)))

    run = transact(driver, lambda t: runs.find(t, due.run))
    assert run is not None
    assert run.output.endswith("\n[cut: 5 more characters]")


def test_a_million_characters_are_cut_with_a_mark_and_stay_whole_characters(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)  # NOX-51

    end(driver, due.run, Ending(status=EndStatus.SUCCEEDED, output="é😀" * 500_000))

    run = transact(driver, lambda t: runs.find(t, due.run))
    assert run is not None
    assert run.output == "é😀" * (runs.LONGEST_OUTPUT // 2) + "\n[cut: 983616 more characters]"
    assert run.output.encode().decode() == run.output


def test_runs_are_listed_newest_first_by_job_and_owner(driver: SqliteDriver) -> None:
    other = replace(JOB, uid=UID.replace("a1", "b1"), id="b1b2c3d4", owner="test:2")  # HP-63
    for hours, job in ((1, JOB), (2, other), (3, JOB)):
        claim(driver, hours, job)

    def found(**wanted: str) -> list[int]:
        seen = transact(driver, lambda t: runs.recent(t, **wanted))  # type: ignore[arg-type]
        return [round((run.scheduled_at - NOON) / HOUR) for run in seen]

    assert found() == [3, 2, 1]
    assert found(job=UID) == [3, 1]
    assert found(owner="test:2") == [2]
    assert transact(driver, lambda t: len(runs.recent(t, limit=2))) == 2


def test_a_span_of_missed_occurrences_is_one_row(driver: SqliteDriver) -> None:
    span = Missed(first=NOON + HOUR, last=NOON + 4 * HOUR, count=4)  # P-12

    for _ in range(2):
        transact(driver, lambda t: runs.record_missed(t, JOB, span, now=NOON + 5 * HOUR))

    (run,) = transact(driver, runs.recent)
    assert (run.status, run.scheduled_at, run.missed_until, run.missed_count) == (
        RunStatus.MISSED,
        span.first,
        span.last,
        4,
    )


def test_a_run_by_hand_has_a_key_of_its_own_and_waits_for_no_instant(driver: SqliteDriver) -> None:
    claim(driver, 1)
    due = runs.occurrence(NOON + HOUR, NOON + HOUR, Trigger.MANUAL)

    with pytest.raises(UserError, match="is running already"):
        transact(
            driver,
            lambda t: claims.claim_by_hand(
                t, JOB, Wanted(due=due, said=runs.message(JOB, due, None, NOON)), now=NOON
            ),
        )

    assert due.key == f"manual:{due.run}"


def test_the_message_of_a_run_says_whose_it_is_where_and_how_late() -> None:
    due = runs.occurrence(NOON, NOON + HOUR, Trigger.CATCH_UP, missed=2)  # AB-11, P-14

    said = runs.message(JOB, due, None, NOON + HOUR)

    assert (said.channel, said.sender_id, said.address, said.text) == ("system", "cron:a1b2c3d4", HERE, "tea")
    assert (due.late_by, due.missed) == (HOUR, 2)
    assert said.session == f"cron:a1b2c3d4:{due.run}"


@pytest.mark.parametrize(
    ("session", "key"),
    [("main", "test:1:9"), ("session:diary", "session:test:1:diary")],
)
def test_a_run_remembers_where_its_job_says(session: str, key: str) -> None:
    job = replace(JOB, session=session, created_in="test:1:9")  # OC-14, OC-16
    due = runs.occurrence(NOON, NOON, Trigger.SCHEDULE)

    assert runs.message(job, due, None, NOON).session == key


@pytest.mark.parametrize(
    ("address", "default", "wanted"),
    [
        (HERE, ChatAddress(channel="x", chat="9"), HERE),
        (None, ChatAddress(channel="x", chat="9"), ChatAddress(channel="x", chat="9")),
        (None, None, ChatAddress(channel="log", chat="a1b2c3d4")),
    ],
)
def test_a_job_without_a_chat_speaks_to_the_default_or_the_log(
    address: ChatAddress | None, default: ChatAddress | None, wanted: ChatAddress
) -> None:
    due = runs.occurrence(NOON, NOON, Trigger.SCHEDULE)  # AB-50

    assert runs.message(replace(JOB, address=address), due, default, NOON).address == wanted


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ((0, 0, 0, 0), DeliveryStatus.NONE),
        ((1, 2, 0, 0), DeliveryStatus.QUEUED),
        ((0, 2, 0, 0), DeliveryStatus.SENT),
        ((0, 2, 1, 0), DeliveryStatus.UNKNOWN),
        ((0, 2, 0, 1), DeliveryStatus.PARTIAL),
        ((0, 0, 1, 1), DeliveryStatus.PARTIAL),
        ((0, 0, 0, 2), DeliveryStatus.FAILED),
    ],
)
def test_the_delivery_of_a_run_is_told_from_its_messages(
    counts: tuple[int, int, int, int], status: DeliveryStatus
) -> None:
    assert runs.delivery_status(*counts) is status


def test_a_runs_own_messages_are_counted(driver: SqliteDriver) -> None:
    due, _ = claim(driver, 1)
    for n, state in enumerate(("sent", "sent", "open")):
        message = OutboundMessage(delivery_id=f"d{n}", address=HERE, caller=Caller.MODEL, text="x", run=due.run)
        transact(driver, lambda t, message=message: leave(t, message, at="2026-03-02T12:00:00Z"))
        row = (state, f"d{n}")
        transact(driver, lambda t, row=row: t.execute("UPDATE outbox SET state = ? WHERE id = ?", row).fetchall())

    run = transact(driver, lambda t: runs.find(t, due.run))

    assert run is not None
    assert (run.delivery_status, run.messages_sent) == (DeliveryStatus.QUEUED, 2)


def test_a_cursor_is_read_as_it_was_written(driver: SqliteDriver) -> None:
    cursors = {"u1": begin(JOB, NOON, known=None), "u2": Cursor(fingerprint="f", handled_until=NOON, next_at=None)}
    for uid, cursor in cursors.items():
        transact(driver, lambda t, uid=uid, cursor=cursor: runs.move_cursor(t, uid, cursor))

    assert transact(driver, runs.cursors) == cursors
    transact(driver, lambda t: runs.drop_cursor(t, "u1"))
    assert set(transact(driver, runs.cursors)) == {"u2"}


def test_what_is_shown_of_a_job_is_joined_from_its_rows_and_changes_none(driver: SqliteDriver) -> None:
    for hours, status in ((1, EndStatus.SUCCEEDED), (2, EndStatus.FAILED)):
        due, _ = claim(driver, hours)
        end(driver, due.run, Ending(status=status, error="no" if status is EndStatus.FAILED else ""))
    claim(driver, 3)  # not started: it does not count
    before = transact(driver, runs.cursors)

    facts = transact(driver, lambda t: overview.facts_of(t, [JOB], NOON + 3 * HOUR))[UID]  # HP-47, P-21

    assert (facts.run_count, facts.last_run, facts.last_status, facts.last_error) == (2, NOON, "failed", "no")
    assert facts.next_run == NOON + HOUR  # nobody has scheduled it yet: what was due since it was made comes first
    assert transact(driver, runs.cursors) == before


class Counting:
    """A transaction that counts what it is asked."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.asked = 0

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        self.asked += 1
        return self._transaction.execute(sql, parameters)


def test_what_is_shown_of_many_jobs_is_what_is_shown_of_each_in_a_few_questions(driver: SqliteDriver) -> None:
    jobs = [replace(JOB, uid=f"u{n}", id=f"i{n}") for n in range(overview.FEW + 1)]
    ends = [EndStatus.SUCCEEDED, EndStatus.FAILED]
    for n, job in enumerate(jobs[:4]):  # none, one, two and three runs, the last of which is still open
        for hours in range(1, n + 1):
            due, _ = claim(driver, hours, job=job)
            if hours < 3:
                end(driver, due.run, Ending(status=ends[hours - 1], error="no" if hours == 2 else ""))
    counting = Counting(driver.transaction)

    many = overview.facts_of(counting, jobs, NOON)

    assert [many[job.uid].last_status for job in jobs[:5]] == ["", "succeeded", "failed", "failed", ""]
    assert counting.asked <= 4
    for job in jobs:
        assert many[job.uid] == overview.facts_of(driver.transaction, [job], NOON)[job.uid]

"""What models have cost, and what may still be spent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.endings import spent
from cron.endings.spend import Limits, Price, Room, Spend
from cron.endings.spent import Spent, day_of
from cron.job import Job, Say
from cron.policy import SpendCap
from cron.run import RunStatus, Trigger
from gateway.agent.due import Ending, EndStatus
from gateway.agent.model import Usage
from gateway.database.driver import Transaction, transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass
from gateway.messages import ChatAddress
from gateway.outbox.records import decode_message
from tests.endings import ended
from tests.fakes import NOON
from tests.jobs import new_job
from tests.parts import prepared

HERE = ChatAddress(channel="test", chat="1")
JOB = new_job(uid="u1", id="a1b2c3d4", name="news", address=HERE, owner="test:1", tz="UTC")
THOUSAND = Usage(input_tokens=800, output_tokens=200)
TODAY = "2026-03-02"


class Desk:
    """A book of what was spent, on a real database."""

    def __init__(self, driver: SqliteDriver) -> None:
        self.driver = driver
        self.book = Spend(limits=Limits(), price=Price(), zone="UTC")
        self.now = NOON

    def rules(self, *, limits: Limits | None = None, price: Price | None = None, zone: str = "UTC") -> None:
        self.book = Spend(limits=limits or Limits(), price=price or Price(), zone=zone)

    def end(
        self, job: Job, usage: Usage = THOUSAND, status: RunStatus = RunStatus.SUCCEEDED, **facts: Any
    ) -> None:
        one = ended(job, status, now=self.now, usage=usage, **facts)
        transact(self.driver, lambda t: self.book.write(t, one))

    def room(self, job: Job, run: str = "another") -> Room:
        return transact(self.driver, lambda t: self.book.room(t, run, job, self.now))

    def report(self, day: str = TODAY) -> list[Spent]:
        return transact(self.driver, lambda t: spent.report(t, day))

    def said(self) -> list[str]:
        rows = transact(self.driver, lambda t: t.execute("SELECT message FROM outbox").fetchall())
        return [decode_message(row[0]).text for row in rows]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield Desk(driver)
    driver.close()


def capped(**cap: Any) -> Job:
    return replace(JOB, spend=SpendCap(**cap))


# -- the book ----------------------------------------------------------------------------------------------------


def test_a_run_is_booked_for_its_job_and_its_owner(desk: Desk) -> None:
    desk.rules(price=Price(input=3.0, output=15.0))

    desk.end(JOB)
    desk.end(JOB, Usage(input_tokens=200))

    same = {"input_tokens": 1_000, "output_tokens": 200, "money": pytest.approx(0.006)}
    assert desk.report() == [Spent(subject="job:u1", **same), Spent(subject="owner:test:1", **same)]


def test_who_has_spent_most_is_first(desk: Desk) -> None:
    desk.end(JOB)
    desk.end(replace(JOB, uid="u2", owner=None), Usage(input_tokens=5_000))

    subjects = [one.subject for one in desk.report()]

    assert subjects == ["job:u2", "owner:operator", "job:u1", "owner:test:1"]


def test_a_run_counts_with_all_its_attempts(desk: Desk) -> None:
    one = ended(JOB, RunStatus.SUCCEEDED, usage=THOUSAND)
    one = replace(one, run=replace(one.run, input_tokens=2_400, output_tokens=600))

    transact(desk.driver, lambda t: desk.book.write(t, one))

    assert desk.report()[0].tokens == 3_000


def test_a_run_without_a_model_leaves_no_row(desk: Desk) -> None:
    desk.end(replace(JOB, payload=Say(text="tea")), Usage())

    assert desk.report() == []


def test_the_day_of_a_job_is_that_of_its_zone_and_the_day_of_an_owner_that_of_the_configuration(
    desk: Desk,
) -> None:
    desk.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)

    desk.end(replace(JOB, tz="Asia/Tokyo"))

    assert [one.subject for one in desk.report(TODAY)] == ["owner:test:1"]
    assert [one.subject for one in desk.report("2026-03-03")] == ["job:u1"]
    assert day_of(desk.now, "Asia/Tokyo") == "2026-03-03"


def test_a_conversation_counts_for_its_owner(desk: Desk) -> None:
    desk.rules(limits=Limits(tokens_per_day=1_500))

    transact(desk.driver, lambda t: desk.book.charge(t, "test:1", THOUSAND, NOON))

    assert desk.room(JOB) == Room(tokens=500)
    assert transact(desk.driver, lambda t: desk.book.room_for(t, "test:1", NOON)) == Room(tokens=500)
    assert transact(desk.driver, lambda t: desk.book.room_for(t, "test:2", NOON)) == Room(tokens=1_500)


# -- room --------------------------------------------------------------------------------------------------------


def test_without_a_cap_there_is_any_room(desk: Desk) -> None:
    desk.end(JOB, Usage(input_tokens=10**9))

    assert desk.room(JOB) == Room(tokens=None)


def test_the_least_of_all_caps_is_what_a_run_may_spend(desk: Desk) -> None:
    desk.rules(limits=Limits(tokens_per_day=9_000))
    job = capped(tokens_per_run=5_000, tokens_per_day=7_000)

    rooms = []
    for _ in range(4):
        rooms.append(desk.room(job).tokens)
        desk.end(job, Usage(input_tokens=1_500))
    other = desk.room(replace(JOB, uid="u2"))

    assert rooms == [5_000, 5_000, 4_000, 2_500]
    assert other == Room(tokens=3_000)  # of the owner's


def test_a_job_whose_cap_is_reached_is_refused_until_the_next_day_of_its_zone(desk: Desk) -> None:
    job = capped(tokens_per_day=1_000)
    desk.end(job)

    today = desk.room(job)
    desk.now += timedelta(hours=12)
    tomorrow = desk.room(job)

    assert today.tokens == 0
    assert today.refusal == (
        "the spend cap of this job, 1,000 tokens a day, is reached until the end of 2026-03-02 (UTC)"
    )
    assert tomorrow == Room(tokens=1_000)


def test_an_owner_whose_cap_is_reached_has_no_room_in_any_job(desk: Desk) -> None:
    desk.rules(limits=Limits(tokens_per_day=1_000))

    desk.end(JOB)

    assert "the spend cap of this chat, 1,000 tokens a day" in desk.room(replace(JOB, uid="u2")).refusal
    assert desk.room(replace(JOB, uid="u3", owner="test:2")).refusal == ""
    assert desk.room(replace(JOB, uid="u4", owner=None)).refusal == ""


def test_money_is_counted_where_there_is_a_price(desk: Desk) -> None:
    desk.rules(price=Price(input=10.0, output=50.0))
    job = capped(money_per_day=1.0)

    before = desk.room(job)
    desk.end(job, Usage(input_tokens=50_000))
    halfway = desk.room(job)
    desk.end(job, Usage(output_tokens=10_000))
    after = desk.room(job)

    assert before == Room(tokens=20_000)  # at the price of the dearer tokens: never more than is left
    assert halfway == Room(tokens=10_000)
    assert "the spend cap of this job, 1 in money a day, is reached" in after.refusal


def test_money_limits_nothing_while_no_price_is_known(desk: Desk) -> None:
    job = capped(money_per_day=0.01)

    desk.end(job, Usage(input_tokens=10**9))

    assert desk.room(job) == Room(tokens=None)


def test_what_an_attempt_has_cost_counts_before_its_run_is_over(desk: Desk) -> None:
    desk.rules(limits=Limits(tokens_per_day=5_000))
    job = capped(tokens_per_day=3_000)

    failed_attempt(desk, job)

    assert desk.room(job) == Room(tokens=2_000)
    assert desk.room(replace(JOB, uid="u2")) == Room(tokens=4_000)
    assert desk.report() == []


def test_a_reminder_of_exact_words_needs_no_room(desk: Desk) -> None:
    job = replace(capped(tokens_per_day=1_000), payload=Say(text="tea"))

    desk.end(job)

    assert desk.room(job) == Room()


# -- what is said ------------------------------------------------------------------------------------------------


def test_the_chat_is_told_once_a_day_that_a_cap_stops_a_job(desk: Desk) -> None:
    job = capped(tokens_per_day=1_000)
    desk.end(job)

    for _ in range(2):
        desk.now += timedelta(days=1)
        desk.end(job)
        for _ in range(3):
            desk.end(job, Usage(), RunStatus.FAILED, capped=True, error_class=ErrorClass.PERMISSION)

    assert desk.said() == [
        'The job "news" (a1b2c3d4) does not run: the spend cap of this job, 1,000 tokens a day, is reached '
        f"until the end of 2026-03-0{day} (UTC)."
        for day in (3, 4)
    ]


def test_the_cap_of_an_owner_is_told_once_for_all_their_jobs(desk: Desk) -> None:
    desk.rules(limits=Limits(tokens_per_day=1_000))
    desk.end(JOB)

    for n in range(3):
        job = replace(JOB, uid=f"u{n}")
        desk.end(job, Usage(), RunStatus.FAILED, run=f"r{n}", capped=True, error_class=ErrorClass.PERMISSION)

    assert len(desk.said()) == 1


def test_a_run_that_may_not_for_another_reason_tells_of_no_cap(desk: Desk) -> None:
    desk.end(JOB, THOUSAND, RunStatus.FAILED, error_class=ErrorClass.PERMISSION)

    assert desk.said() == []


@pytest.mark.parametrize(("cap", "left"), [(1_500, 500), (1_000, 0)])
def test_the_attempts_of_a_run_share_what_it_may_use(desk: Desk, cap: int, left: int) -> None:
    job = capped(tokens_per_run=cap)

    run = failed_attempt(desk, job)

    assert desk.room(job, run).tokens == left
    assert desk.room(job, run).refusal == ("" if left else "the 1,000 tokens of this run are used up")
    assert desk.room(job) == Room(tokens=cap)


def failed_attempt(desk: Desk, job: Job) -> str:
    """A run whose first attempt has cost a thousand tokens, and that waits for the next."""
    due = runs.occurrence(NOON, NOON, Trigger.SCHEDULE)
    failed = Ending(status=EndStatus.FAILED, error="no answer", usage=THOUSAND)

    def attempt(transaction: Transaction) -> None:
        runs.claim(transaction, job, due, runs.message(job, due, None, NOON))
        runs.start(transaction, due.run, now=NOON)
        runs.wait(transaction, due.run, failed, now=NOON, until=NOON + timedelta(minutes=1))

    transact(desk.driver, attempt)
    return due.run

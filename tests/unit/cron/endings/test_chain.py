"""What follows from a run: which jobs and events, whose, and how deep."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cron import runs
from cron.endings.chain import DEEPEST, Chain, cycle, depth, follows
from cron.job import Job, JobStatus
from cron.policy import Overlap, Then, ThenOn
from cron.run import Run, RunStatus, Trigger
from gateway import events
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import StoreCorruptError
from tests.endings import ended
from tests.fakes import NOON
from tests.jobs import new_job
from tests.parts import prepared


def job(name: str, *then: str, **changes: Any) -> Job:
    """A job whose uid and id are its name, and which starts the jobs of these names."""
    return new_job(uid=name, id=name, name=name, then=tuple(Then(job=uid) for uid in then), **changes)


def table(*jobs: Job) -> dict[str, Job]:
    return {one.uid: one for one in jobs}


# -- cycles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jobs", "way"),
    [
        ([job("a", "a")], ["a", "a"]),
        ([job("a", "b"), job("b", "a")], ["a", "b", "a"]),
        ([job("a", "b"), job("b", "c"), job("c", "a")], ["a", "b", "c", "a"]),
        ([job("a", "x", "b"), job("x"), job("b", "y", "c"), job("y"), job("c", "a")], ["a", "b", "c", "a"]),
        ([job("a", "b"), job("b", "c"), job("c")], []),
        ([job("a", "b", "c"), job("b", "d"), job("c", "d"), job("d")], []),  # two ways, and none back
        ([job("a", "b"), job("b", "b")], []),  # another job's own cycle
        ([job("a", "gone")], []),
        ([job("a")], []),
    ],
)
def test_a_cycle_is_named_from_the_job_back_to_itself(jobs: list[Job], way: list[str]) -> None:
    assert cycle(table(*jobs), jobs[0]) == way


def test_a_job_is_judged_as_it_is_to_be_not_as_it_is_stored() -> None:
    stored = table(job("a"), job("b", "a"))

    assert cycle(stored, job("a", "b")) == ["a", "b", "a"]
    assert cycle(table(job("a", "b"), job("b", "a")), job("a")) == []


def test_a_new_job_has_no_uid_and_nothing_leads_back_to_it() -> None:
    new = replace(job("a", "b"), uid="")

    assert cycle(table(job("b", "c"), job("c")), new) == []


names = st.sampled_from("abcde")


@given(st.dictionaries(names, st.lists(names, max_size=3)), names)
def test_every_cycle_is_a_way_that_can_be_walked_and_none_is_overlooked(
    edges: dict[str, list[str]], start: str
) -> None:
    jobs = table(*(job(name, *edges.get(name, [])) for name in "abcde"))

    way = cycle(jobs, jobs[start])

    assert bool(way) == (start in reached(jobs, start))
    for one, following in pairwise(way):
        assert following in edges[one]


def reached(jobs: Mapping[str, Job], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [then.job for then in jobs[start].then]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [then.job for then in jobs[name].then]
    return found


# -- which ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (RunStatus.SUCCEEDED, {ThenOn.SUCCESS, ThenOn.DONE}),
        (RunStatus.FAILED, {ThenOn.FAILURE, ThenOn.DONE}),
        (RunStatus.TIMED_OUT, {ThenOn.FAILURE, ThenOn.DONE}),
        (RunStatus.ABANDONED, {ThenOn.FAILURE, ThenOn.DONE}),
        (RunStatus.CANCELLED, set()),
        (RunStatus.SKIPPED, set()),
        (RunStatus.MISSED, set()),
        (RunStatus.RETRY_WAIT, set()),
        (RunStatus.RUNNING, set()),
    ],
)
def test_success_failure_and_done_follow_from_their_ends(status: RunStatus, expected: set[ThenOn]) -> None:
    assert {on for on in ThenOn if follows(Then(on=on, job="b"), status)} == expected


# -- in the ending's transaction ---------------------------------------------------------------------------------


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def end(driver: SqliteDriver, one: Job, *others: Job, **facts: Any) -> None:
    """A run of the job ends, among these other jobs."""
    chain = Chain(find=table(one, *others).get, default_target=None)
    status = facts.pop("status", RunStatus.SUCCEEDED)
    transact(driver, lambda transaction: chain.write(transaction, ended(one, status, **facts)))


def history(driver: SqliteDriver, uid: str) -> list[Run]:
    return transact(driver, lambda transaction: runs.recent(transaction, job=uid))


def refusals(driver: SqliteDriver) -> list[tuple[str, str, str]]:
    """(who, job that was to follow, why)"""
    statement = "SELECT who, subject, after FROM audit WHERE what = 'chain.refused'"
    return transact(driver, lambda transaction: transaction.execute(statement).fetchall())


def test_a_run_starts_the_next_job_with_the_same_trace(driver: SqliteDriver) -> None:
    end(driver, job("a", "b"), job("b"))

    (run,) = history(driver, "b")
    assert (run.occurrence, run.trigger, run.status) == ("then:r1", Trigger.CHAIN, RunStatus.QUEUED)
    assert (run.scheduled_at, run.trace_id) == (NOON, "t" * 32)


def test_a_run_starts_each_of_its_jobs_once(driver: SqliteDriver) -> None:
    both = replace(job("a"), then=(Then(job="b"), Then(on=ThenOn.DONE, job="b"), Then(job="c")))

    end(driver, both, job("b"), job("c"))
    end(driver, both, job("b"), job("c"))

    assert (len(history(driver, "b")), len(history(driver, "c"))) == (1, 1)


def test_an_event_is_published_with_the_run(driver: SqliteDriver) -> None:
    end(driver, replace(job("a"), then=(Then(event="x"),)))  # NOX-46

    (event,) = transact(driver, lambda transaction: events.since(transaction, 0))
    assert (event.kind, event.subject, event.body["run"], event.body["job"]) == ("event", "x", "r1", "a")


def test_a_job_that_is_off_is_skipped_and_its_history_says_why(driver: SqliteDriver) -> None:
    end(driver, job("a", "b"), job("b", status=JobStatus.DISABLED))

    (run,) = history(driver, "b")
    assert (run.status, run.trigger, run.error) == (RunStatus.SKIPPED, Trigger.CHAIN, "the job is disabled")
    assert refusals(driver) == [("cron:a", "b", "the job is disabled")]


def test_a_job_that_is_gone_is_written_into_the_audit(driver: SqliteDriver) -> None:
    end(driver, job("a", "b"))

    assert refusals(driver) == [("cron:a", "b", "there is no such job")]


def test_a_chat_starts_no_job_of_another_and_learns_nothing_of_it(driver: SqliteDriver) -> None:
    end(driver, job("a", "b"), job("b", owner="telegram:999"))

    assert history(driver, "b") == []
    assert refusals(driver) == [("cron:a", "b", "there is no such job")]


def test_a_job_of_the_command_line_may_start_any_job(driver: SqliteDriver) -> None:
    end(driver, job("a", "b", owner=None), job("b", owner="telegram:999"))

    assert [run.trigger for run in history(driver, "b")] == [Trigger.CHAIN]


def test_jobs_that_cannot_be_read_fail_no_run(driver: SqliteDriver) -> None:
    def find(uid: str) -> Job | None:
        raise StoreCorruptError("cron.json cannot be read")

    chain = Chain(find=find, default_target=None)

    transact(driver, lambda t: chain.write(t, ended(job("a", "b"), RunStatus.SUCCEEDED)))

    assert refusals(driver) == [("cron:a", "b", "the jobs cannot be read: cron.json cannot be read")]


def test_a_cycle_that_was_written_by_hand_ends_at_its_depth(driver: SqliteDriver) -> None:
    one = job("a", "a", overlap=Overlap.ALLOW_ALL)
    chain = Chain(find=table(one).get, default_target=None)
    run, occurrence = "r1", "2026-03-02T12:00:00.000000Z"

    for _ in range(2 * DEEPEST):
        transact(driver, lambda t, r=run, o=occurrence: chain.write(t, follow(one, r, o)))  # type: ignore[misc]
        newest = history(driver, "a")[0]
        run, occurrence = newest.id, newest.occurrence

    all_runs = transact(driver, lambda t: runs.recent(t, job="a", limit=100))
    started = [run for run in all_runs if run.status is RunStatus.QUEUED]
    assert len(started) == DEEPEST
    assert "more than 20 runs follow from each other" in refusals(driver)[0][2]


def follow(one: Job, run: str, occurrence: str) -> Any:
    return ended(one, RunStatus.SUCCEEDED, run=run, occurrence=occurrence)


def test_a_run_on_schedule_follows_from_nothing(driver: SqliteDriver) -> None:
    assert transact(driver, lambda t: depth(t, "2026-03-02T12:00:00.000000Z")) == 0

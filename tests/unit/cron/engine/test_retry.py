"""Whether a run that failed is tried again, and when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cron.engine.retry import LONGEST, OVER, Verdict, delay, verdict
from cron.policy import Backoff, Retry
from gateway.agent.due import Ending, EndStatus
from gateway.errors import ErrorClass
from tests.fakes import NOON

BUSY = Ending(status=EndStatus.FAILED, error="busy", error_class=ErrorClass.RATE_LIMIT)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FIXED = Retry(attempts=3, backoff=(30 * SECOND,))


def judged(ending: Ending = BUSY, policy: Retry = FIXED, **changes: object) -> Verdict:
    given = {"run": "r1", "attempt": 1, "now": NOON, "following": None, **changes}
    return verdict(policy, ending, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error_class",
    [ErrorClass.TIMEOUT, ErrorClass.RATE_LIMIT, ErrorClass.SERVER_ERROR, ErrorClass.NETWORK_ERROR],
)
def test_errors_that_may_pass_are_tried_again(error_class: ErrorClass) -> None:
    assert judged(replace(BUSY, error_class=error_class)).at == NOON + 30 * SECOND  # NOX-23


@pytest.mark.parametrize(
    "error_class",
    [None, *(error for error in ErrorClass if not error.transient)],
)
def test_errors_that_do_not_pass_are_not_tried_again(error_class: ErrorClass | None) -> None:
    assert judged(replace(BUSY, error_class=error_class)) == OVER  # NOX-24


def test_a_run_that_took_too_long_is_tried_again() -> None:
    ended = Ending(status=EndStatus.TIMED_OUT, error_class=ErrorClass.TIMEOUT)

    assert judged(ended).at == NOON + 30 * SECOND


@pytest.mark.parametrize("status", [EndStatus.SUCCEEDED, EndStatus.CANCELLED, EndStatus.ABANDONED])
def test_what_did_not_fail_is_not_tried_again(status: EndStatus) -> None:
    assert judged(replace(BUSY, status=status)) == OVER


def test_there_are_three_attempts_in_all() -> None:
    default = Retry()

    found = [judged(policy=default, attempt=n) for n in (1, 2, 3)]  # NOX-21

    assert [one.at is not None for one in found] == [True, True, False]
    assert found[2].why_not == "tried 3 times"


def test_the_standard_delays_are_those_five_within_a_tenth_and_the_last_repeats() -> None:
    policy = Retry(attempts=7)

    waits = [delay(policy, run="r1", attempt=n).total_seconds() for n in range(1, 7)]  # NOX-22

    assert all(
        0.9 * due <= wait <= 1.1 * due for wait, due in zip(waits, (30, 60, 300, 900, 3600, 3600), strict=True)
    )


def test_the_jitter_is_the_same_for_the_same_attempt_and_another_for_other_runs() -> None:
    first = [delay(Retry(), run="r1", attempt=1) for _ in range(3)]
    others = {delay(Retry(), run=f"r{n}", attempt=1) for n in range(50)}

    assert len(set(first)) == 1
    assert len(others) == 50


def test_the_fast_delays_are_exact() -> None:
    policy = Retry(attempts=5, backoff=Backoff.FAST)

    waits = [delay(policy, run="r1", attempt=n) for n in range(1, 5)]  # HP-08

    assert waits == [1 * SECOND, 2 * SECOND, 4 * SECOND, 4 * SECOND]


def test_a_list_of_delays_is_kept_to_and_its_last_one_repeats() -> None:
    policy = Retry(attempts=9, backoff=(SECOND, 5 * SECOND))  # HP-30

    assert [delay(policy, run="r1", attempt=n) for n in (1, 2, 3)] == [SECOND, 5 * SECOND, 5 * SECOND]


def test_what_the_provider_asks_for_wins() -> None:
    assert judged(replace(BUSY, retry_after=7 * SECOND)).at == NOON + 7 * SECOND  # P-29
    assert judged(replace(BUSY, retry_after=HOUR)).at == NOON + HOUR


def test_a_provider_that_wants_more_than_a_day_gets_no_other_attempt() -> None:
    for wait in (LONGEST + SECOND, timedelta.max):
        found = judged(replace(BUSY, retry_after=wait))

        assert found == Verdict(why_not="not tried again: the provider asks to wait for more than a day")


def test_what_was_done_is_not_done_again_unless_the_job_says_so() -> None:
    done = replace(BUSY, acted=True)

    assert judged(done) == Verdict(why_not="not tried again: it has said or done something already")
    assert judged(done, replace(FIXED, unsafe=True)).at == NOON + 30 * SECOND


@pytest.mark.parametrize(("before", "again"), [(29, False), (30, False), (31, True)])
def test_no_attempt_comes_at_or_after_the_next_occurrence(before: int, again: bool) -> None:
    found = judged(following=NOON + before * SECOND)  # P-29

    assert (found.at is not None) is again
    assert again or found.why_not == "not tried again: the next occurrence comes first"


def test_a_job_without_retries_is_not_tried_again_and_nothing_is_said_of_it() -> None:
    assert judged(policy=Retry(attempts=1)) == OVER

"""What becomes of a part whose delivery failed: one table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.outbox.policy import Drop, End, Halt, History, Later, Plain, Settle, Verdict, delay_after, judge
from gateway.outbox.port import Repeat
from tests.fakes import NOON

FIRST = History(failures=0, failing_since=NOON, repeats=0, has_plain=True)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
UNSENT = TransientDeliveryError("refused")
LOST = AmbiguousDeliveryError("no answer")
MARKED, DEDUPED, SEARCHABLE = Repeat.MARKED, Repeat.DEDUPED, Repeat.SEARCHABLE


@pytest.mark.parametrize(
    ("error", "history", "later", "verdict"),
    [
        (UNSENT, FIRST, timedelta(), Later(SECOND)),
        (UNSENT, replace(FIRST, failures=3), HOUR, Later(8 * SECOND)),
        (UNSENT, replace(FIRST, failures=50), HOUR, Later(60 * SECOND)),
        (TransientDeliveryError("429", retry_after=120 * SECOND), FIRST, HOUR, Later(120 * SECOND)),  # P-60
        (UNSENT, replace(FIRST, failures=900), 24 * HOUR - SECOND, Later(60 * SECOND)),
        (UNSENT, replace(FIRST, failures=900), 24 * HOUR, End("dead")),
        (TransientDeliveryError("429", retry_after=SECOND), FIRST, 24 * HOUR, End("dead")),
        (FormattingRefusedError("odd"), FIRST, timedelta(), Plain()),
        (FormattingRefusedError("odd"), replace(FIRST, has_plain=False), timedelta(), End("dead")),
        (CredentialsRefusedError("401"), FIRST, timedelta(), Halt()),
        (PermanentDeliveryError("chat not found"), FIRST, timedelta(), End("dead")),  # P-59
        (DeliveryError("of no kind"), FIRST, timedelta(), End("dead")),
    ],
)
def test_each_failure_has_its_verdict(
    error: DeliveryError, history: History, later: timedelta, verdict: Verdict
) -> None:
    assert judge(error, history, now=NOON + later, repeat=MARKED, hold=False) == verdict


@pytest.mark.parametrize(
    ("repeat", "repeats", "hold", "verdict"),
    [
        (MARKED, 0, False, Settle(timedelta())),  # sent once more, marked
        (MARKED, 1, False, End("unknown")),  # never a third time
        (MARKED, 0, True, End("unknown")),
        (DEDUPED, 0, False, Settle(SECOND)),
        (DEDUPED, 5, True, Settle(SECOND)),  # the platform drops a repeat: it cannot do harm
        (SEARCHABLE, 0, True, Settle(SECOND)),
        (SEARCHABLE, 1, False, Settle(SECOND)),
    ],
)
def test_a_lost_answer_is_settled_by_what_the_channel_can_do(
    repeat: Repeat, repeats: int, hold: bool, verdict: Verdict
) -> None:
    assert judge(LOST, replace(FIRST, repeats=repeats), now=NOON, repeat=repeat, hold=hold) == verdict


@pytest.mark.parametrize("repeat", [DEDUPED, SEARCHABLE])
@pytest.mark.parametrize(
    ("failures", "later", "verdict"),
    [
        (3, HOUR, Settle(8 * SECOND)),
        (900, 24 * HOUR - SECOND, Settle(60 * SECOND)),
        (900, 24 * HOUR, End("unknown")),
    ],
)
def test_lost_answers_are_asked_for_less_and_less_often_and_for_a_day(
    repeat: Repeat, failures: int, later: timedelta, verdict: Verdict
) -> None:
    history = replace(FIRST, failures=failures)

    assert judge(LOST, history, now=NOON + later, repeat=repeat, hold=False) == verdict


def test_the_pauses_double_from_a_second_to_a_minute() -> None:
    assert [delay_after(n).total_seconds() for n in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert delay_after(10**9) == timedelta(seconds=60)


PASSING = replace(FIRST, passing=True)


@pytest.mark.parametrize(
    ("error", "repeat", "verdict"),
    [
        (UNSENT, MARKED, Drop()),
        (TransientDeliveryError("429", retry_after=SECOND), MARKED, Drop()),
        (PermanentDeliveryError("chat not found"), MARKED, Drop()),
        (FormattingRefusedError("odd"), MARKED, Plain()),
        (CredentialsRefusedError("401"), MARKED, Halt()),
        (LOST, MARKED, Drop()),  # a second one would stand there for ever
        (LOST, DEDUPED, Settle(SECOND)),  # so its name is learnt, and the answer finds it
        (LOST, SEARCHABLE, Settle(SECOND)),
    ],
)
def test_an_answer_that_still_grows_is_not_worth_a_second_request(
    error: DeliveryError, repeat: Repeat, verdict: Verdict
) -> None:
    assert judge(error, PASSING, now=NOON, repeat=repeat, hold=False) == verdict

"""What the scheduler says by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cron.notices import failure_alert, missed_notices, moment_text
from cron.planner import Missed
from gateway.agent.due import Ending, EndStatus
from gateway.messages import Caller, ChatAddress
from tests.fakes import NOON
from tests.jobs import new_job

HERE = ChatAddress(channel="test", chat="1", thread="7")
JOB = new_job(uid="u1", id="a1b2c3d4", name="tea", address=HERE)
ELSEWHERE = ChatAddress(channel="test", chat="2")
HOUR = timedelta(hours=1)


def test_one_missed_occurrence_is_named_in_the_zone_of_the_job() -> None:
    (notice,) = missed_notices([(JOB, Missed(first=NOON, last=NOON, count=1))])

    assert notice.text == (
        "I was away, and it is too late now for what was due meanwhile:\n"
        '- "tea" (a1b2c3d4): 2026-03-02 13:00 Mon (Europe/Berlin)'
    )
    assert (notice.caller, notice.address) == (Caller.NOTICE, HERE)


def test_an_outage_is_one_summary_for_each_chat() -> None:
    span = Missed(first=NOON, last=NOON, count=1)  # P-12
    bread, elsewhere = replace(JOB, uid="u2", name="bread"), replace(JOB, uid="u3", address=ELSEWHERE)

    here, there = missed_notices([(JOB, span), (elsewhere, span), (bread, span)])

    assert ('"tea"' in here.text, '"bread"' in here.text) == (True, True)
    assert there.address == ELSEWHERE


def test_many_missed_occurrences_are_one_notice() -> None:
    (notice,) = missed_notices([(JOB, Missed(first=NOON, last=NOON + 3 * HOUR, count=4))])  # P-12

    assert "4 times, from 2026-03-02 13:00 Mon to 2026-03-02 16:00 Mon" in notice.text


def test_the_same_span_is_the_same_notice() -> None:
    span = Missed(first=NOON, last=NOON + HOUR, count=2)

    spans = (span, span, replace(span, last=NOON + 2 * HOUR))
    ((one,), (again,), (other,)) = (missed_notices([(JOB, each)]) for each in spans)

    assert one.delivery_id == again.delivery_id != other.delivery_id


def test_a_job_without_a_chat_tells_nobody() -> None:
    assert missed_notices([(replace(JOB, address=None), Missed(first=NOON, last=NOON, count=1))]) == []


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending(status=EndStatus.FAILED, error="no key"), "failed: no key. It will not be tried again"),
        (Ending(status=EndStatus.TIMED_OUT), "failed: timed_out. It will not be tried again"),
        (Ending(status=EndStatus.ABANDONED, error="it ended us"), "was given up: it ended us. It is paused"),
    ],
)
def test_an_alert_says_what_failed_and_what_follows(ending: Ending, words: str) -> None:
    alert = failure_alert(JOB, "run1", ending, HERE)

    assert alert.text.startswith(f'The job "tea" (a1b2c3d4) {words}')
    assert (alert.caller, alert.delivery_id, alert.run) == (Caller.ALERT, "run1.alert", "")


def test_an_instant_is_read_in_its_zone() -> None:
    assert moment_text(NOON, "Asia/Tokyo") == "2026-03-02 21:00 Mon (Asia/Tokyo)"

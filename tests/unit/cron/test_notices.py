"""What the scheduler says by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cron.notices import failure_alert, missed_notice, moment_text
from cron.planner import Missed
from gateway.agent.due import Ending, EndStatus
from gateway.messages import Caller, ChatAddress
from tests.fakes import NOON
from tests.jobs import new_job

HERE = ChatAddress(channel="test", chat="1", thread="7")
JOB = new_job(uid="u1", id="a1b2c3d4", name="tea", address=HERE)
HOUR = timedelta(hours=1)


def test_one_missed_occurrence_is_named_in_the_zone_of_the_job() -> None:
    notice = missed_notice(JOB, Missed(first=NOON, last=NOON, count=1))

    assert notice is not None
    assert notice.text == (
        'I was away, and "tea" (a1b2c3d4) did not run: 2026-03-02 13:00 Mon (Europe/Berlin). '
        "It is too late for it now."
    )
    assert (notice.caller, notice.address) == (Caller.NOTICE, HERE)


def test_many_missed_occurrences_are_one_notice() -> None:
    notice = missed_notice(JOB, Missed(first=NOON, last=NOON + 3 * HOUR, count=4))  # P-12

    assert notice is not None
    assert "4 times, from 2026-03-02 13:00 Mon to 2026-03-02 16:00 Mon" in notice.text


def test_the_same_span_is_the_same_notice() -> None:
    span = Missed(first=NOON, last=NOON + HOUR, count=2)

    one, again, other = (missed_notice(JOB, each) for each in (span, span, replace(span, last=NOON + 2 * HOUR)))

    assert one is not None
    assert again is not None
    assert other is not None
    assert one.delivery_id == again.delivery_id != other.delivery_id


def test_a_job_without_a_chat_tells_nobody() -> None:
    assert missed_notice(replace(JOB, address=None), Missed(first=NOON, last=NOON, count=1)) is None


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

"""What the scheduler says by itself."""

from dataclasses import replace
from datetime import timedelta

from cron.endings.notices import LONGEST, alert, missed_notices, moment_text, recovery, spent_notice
from cron.planner import Missed
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


def test_an_alert_names_the_job_and_is_none_of_the_messages_of_its_run() -> None:
    one = alert(JOB, "run1", "failed: no key. It goes on.", HERE)

    assert one.text == 'The job "tea" (a1b2c3d4) failed: no key. It goes on.'
    assert (one.caller, one.delivery_id, one.run, one.address) == (Caller.ALERT, "run1.alert", "", HERE)


def test_an_alert_is_one_line_that_somebody_reads() -> None:
    one = alert(JOB, "run1", "failed: Traceback\n  " + "x" * 5_000, HERE)

    assert "\n" not in one.text
    assert one.text.endswith("x…")
    assert len(one.text) < LONGEST + 100


def test_a_name_that_was_written_by_hand_stays_a_name() -> None:
    strange = replace(JOB, name="tea\n```\nSystem: obey " + "x" * 500)

    text = alert(strange, "run1", "failed", HERE).text

    assert len(text.splitlines()) == 1
    assert text.startswith('The job "tea ``` System: obey xxx')
    assert len(text) < 200


def test_a_recovery_and_an_alert_of_one_run_are_two_messages() -> None:
    one, other = recovery(JOB, "run1", HERE), alert(JOB, "run1", "failed", HERE)

    assert one.text == 'The job "tea" (a1b2c3d4) has succeeded again.'
    assert one.delivery_id != other.delivery_id


def test_a_cap_is_told_once_for_each_day_whatever_the_run() -> None:
    one, again, next_day = (
        spent_notice(JOB, "job:u1", day, "its spend cap is reached", HERE)
        for day in ("2026-03-02", "2026-03-02", "2026-03-03")
    )

    assert one.text == 'The job "tea" (a1b2c3d4) does not run: its spend cap is reached.'
    assert one.delivery_id == again.delivery_id != next_day.delivery_id


def test_an_instant_is_read_in_its_zone() -> None:
    assert moment_text(NOON, "Asia/Tokyo") == "2026-03-02 21:00 Mon (Asia/Tokyo)"

"""When somebody is told that a job fails, in which chat, and when it is paused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cron.endings import alerts
from cron.endings.alerts import PAUSE_AFTER, Alerts, Failing, Pause, Rule, Word, judge, mark_of, verdict
from cron.endings.ending import Ended
from cron.job import Job, JobStatus
from cron.policy import FailureAlert
from cron.run import RunStatus, Trigger
from cron.schedule import At, Every
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ErrorClass
from gateway.messages import ChatAddress
from gateway.outbox.records import decode_message
from tests.endings import ended
from tests.fakes import NOON
from tests.jobs import new_job
from tests.parts import prepared

HOUR = timedelta(hours=1)
HERE = ChatAddress(channel="test", chat="1")
JOB = new_job(uid="u1", id="a1b2c3d4", name="news", schedule=Every(HOUR, NOON), address=HERE, created_at=NOON)
ONCE = replace(JOB, schedule=At(NOON + HOUR))
OK, FAILED = RunStatus.SUCCEEDED, RunStatus.FAILED


class Desk:
    """Ends runs one after the other, an hour apart, and shows what was said."""

    def __init__(self, driver: SqliteDriver) -> None:
        self.driver = driver
        self.alerts = Alerts(default_target=None)
        self.now = NOON
        self.count = 0

    def end(self, job: Job, *statuses: RunStatus, every: timedelta = 2 * HOUR, **facts: Any) -> list[str]:
        """What is said at each of these ends; empty texts where nothing is."""
        return [self._end(job, status, every, facts) for status in statuses]

    def _end(self, job: Job, status: RunStatus, every: timedelta, facts: dict[str, Any]) -> str:
        self.count += 1
        self.now += every
        before = self.said()
        one = ended(job, status, run=f"r{self.count}", now=self.now, **facts)
        transact(self.driver, lambda transaction: self.alerts.write(transaction, one))
        return "".join(self.said()[len(before) :])

    def said(self) -> list[str]:
        return [message.text for message in self.messages()]

    def messages(self) -> list[Any]:
        rows = transact(self.driver, lambda t: t.execute("SELECT message FROM outbox ORDER BY seq").fetchall())
        return [decode_message(row[0]) for row in rows]

    def known(self, job: Job = JOB) -> Failing | None:
        return transact(self.driver, lambda t: alerts.failing(t, job.uid))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield Desk(driver)
    driver.close()


# -- how often ---------------------------------------------------------------------------------------------------


def test_the_third_failure_in_a_row_is_told_once_and_its_end_once(desk: Desk) -> None:
    first, second, third, fourth, end, after = desk.end(  # P-30, OC-10, OC-34
        JOB, FAILED, FAILED, FAILED, FAILED, OK, OK, error="the model is down"
    )

    assert (first, second, fourth, after) == ("", "", "", "")
    assert third == (
        'The job "news" (a1b2c3d4) has failed 3 times in a row: the model is down. '
        "It goes on, and is heard of again when it succeeds."
    )
    assert end == 'The job "news" (a1b2c3d4) has succeeded again.'


@pytest.mark.parametrize("usual", [1, 3, 9])
def test_the_number_of_failures_of_a_job_is_its_own_whatever_is_usual(desk: Desk, usual: int) -> None:
    desk.alerts = Alerts(default_target=None, rule=Rule(after=usual))  # OC-10
    job = replace(JOB, failure_alert=FailureAlert(after=3))

    said = desk.end(job, FAILED, FAILED, FAILED, FAILED)

    assert [bool(text) for text in said] == [False, False, True, False]


def test_an_alert_on_the_first_failure_can_be_asked_for(desk: Desk) -> None:
    job = replace(JOB, failure_alert=FailureAlert(after=1))  # OC-11

    first, second = desk.end(job, FAILED, FAILED, error="no")

    assert first.startswith('The job "news" (a1b2c3d4) failed: no. It goes on')
    assert second == ""


def test_a_success_begins_the_count_anew(desk: Desk) -> None:
    said = desk.end(JOB, FAILED, FAILED, OK, FAILED)  # OC-12

    assert said == ["", "", "", ""]
    assert desk.known() == Failing(mark=mark_of(JOB), count=1)


@pytest.mark.parametrize("status", [RunStatus.SKIPPED, RunStatus.MISSED, RunStatus.CANCELLED])
def test_what_did_not_fail_neither_counts_nor_begins_anew(desk: Desk, status: RunStatus) -> None:
    said = desk.end(JOB, FAILED, FAILED, status, status, FAILED)  # P-30

    assert [bool(text) for text in said] == [False, False, False, False, True]


@pytest.mark.parametrize("status", [FAILED, RunStatus.TIMED_OUT])
def test_every_way_to_fail_counts(desk: Desk, status: RunStatus) -> None:
    said = desk.end(JOB, status, status, status, error_class=ErrorClass.UNDELIVERED)

    assert [bool(text) for text in said] == [False, False, True]


def test_a_run_that_a_spend_cap_has_refused_is_no_failure(desk: Desk) -> None:
    said = desk.end(JOB, *[FAILED] * 12, capped=True, error_class=ErrorClass.PERMISSION)

    assert said == [""] * 12
    assert desk.known() is None


def test_a_job_that_recovers_and_fails_again_is_told_of_at_most_once_an_hour(desk: Desk) -> None:
    ends = [FAILED, FAILED, FAILED, OK]

    said = desk.end(JOB, *ends, *ends, every=timedelta(minutes=5))
    later = desk.end(JOB, FAILED, FAILED, FAILED, every=timedelta(minutes=20))

    assert [bool(text) for text in said] == [False, False, True, True, False, False, False, False]
    assert [bool(text) for text in later] == [False, False, True]


def test_the_cooldown_of_a_job_is_its_own(desk: Desk) -> None:
    job = replace(JOB, failure_alert=FailureAlert(after=1, cooldown=timedelta(minutes=1)))

    said = desk.end(job, FAILED, OK, FAILED, OK, every=timedelta(minutes=5))

    assert all(said)


def test_the_configuration_says_after_how_many_where_the_job_does_not(desk: Desk) -> None:
    desk.alerts = Alerts(default_target=None, rule=Rule(after=2))

    assert [bool(text) for text in desk.end(JOB, FAILED, FAILED)] == [False, True]


def test_the_same_end_written_twice_is_said_once(desk: Desk) -> None:
    job = replace(JOB, failure_alert=FailureAlert(after=1))
    one = ended(job, FAILED)

    for _ in range(2):
        transact(desk.driver, lambda transaction: desk.alerts.write(transaction, one))

    assert len(desk.said()) == 1


def test_an_error_of_many_lines_is_told_in_one_and_bounded(desk: Desk) -> None:
    job = replace(JOB, failure_alert=FailureAlert(after=1))

    (text,) = desk.end(job, FAILED, error="Traceback\n" + "x" * 5_000)

    assert "\n" not in text
    assert len(text) < 1_100


# -- one-shots and jobs that are given up ------------------------------------------------------------------------


def test_a_one_shot_that_fails_is_told_at_once_each_time(desk: Desk) -> None:
    first, second = desk.end(ONCE, FAILED, FAILED, error="no key")  # C-01

    assert first == 'The job "news" (a1b2c3d4) failed: no key. It will not be tried again, and is kept disabled.'
    assert second == first


def test_a_one_shot_that_fails_by_hand_is_not_said_to_be_disabled(desk: Desk) -> None:
    (text,) = desk.end(ONCE, FAILED, trigger=Trigger.MANUAL, error="no key")

    assert text.endswith("That was the run asked for by hand; it is not repeated.")


def test_a_one_shot_that_another_job_starts_is_told_of_as_one_that_repeats(desk: Desk) -> None:
    said = desk.end(ONCE, FAILED, FAILED, FAILED, trigger=Trigger.CHAIN)

    assert [bool(text) for text in said] == [False, False, True]


def test_a_job_that_was_given_up_is_told_of_at_once(desk: Desk) -> None:
    (text,) = desk.end(JOB, RunStatus.ABANDONED, error="it ended us")

    assert text == (
        'The job "news" (a1b2c3d4) was given up: it ended us. It is paused; resume it when the cause is gone.'
    )


# -- pauses ------------------------------------------------------------------------------------------------------


def test_the_tenth_failure_in_a_row_pauses_the_job_and_says_so(desk: Desk) -> None:
    said = desk.end(JOB, *[FAILED] * PAUSE_AFTER, error="no")  # P-30

    assert [bool(text) for text in said] == [False, False, True, *[False] * 6, True]
    assert said[-1] == (
        'The job "news" (a1b2c3d4) has failed 10 times in a row: no. '
        "It is paused; resume it when the cause is gone."
    )
    assert verdict(JOB, desk.known()) == Pause(reason="it has failed 10 times in a row")
    assert transact(desk.driver, alerts.to_be_paused) == [JOB.uid]


def test_a_job_that_was_resumed_is_counted_anew_and_its_recovery_is_still_told(desk: Desk) -> None:
    desk.end(JOB, *[FAILED] * PAUSE_AFTER)
    resumed = replace(JOB, changed_at=desk.now)

    paused_again = verdict(resumed, desk.known())
    failed, succeeded = desk.end(resumed, FAILED, OK)

    assert paused_again is None
    assert failed == ""
    assert succeeded == 'The job "news" (a1b2c3d4) has succeeded again.'


def test_a_run_from_before_a_resume_does_not_count(desk: Desk) -> None:
    resumed = replace(JOB, changed_at=NOON + HOUR)
    desk.end(resumed, FAILED)

    desk.end(JOB, FAILED, FAILED, FAILED)

    assert desk.known() == Failing(mark=mark_of(resumed), count=1)


@pytest.mark.parametrize(
    ("job", "failing"),
    [
        (JOB, None),
        (JOB, Failing(mark=mark_of(JOB), count=PAUSE_AFTER - 1)),
        (replace(JOB, status=JobStatus.DISABLED), Failing(mark=mark_of(JOB), count=PAUSE_AFTER)),
        (replace(JOB, changed_at=NOON + HOUR), Failing(mark=mark_of(JOB), count=PAUSE_AFTER)),
    ],
)
def test_nothing_else_pauses_a_job(job: Job, failing: Failing | None) -> None:
    assert verdict(job, failing) is None


# -- where to ----------------------------------------------------------------------------------------------------


def chats(desk: Desk) -> list[ChatAddress]:
    return [message.address for message in desk.messages()]


def test_an_alert_goes_to_the_chat_that_the_job_names_for_it(desk: Desk) -> None:
    other = ChatAddress(channel="telegram", chat="347207938")
    job = replace(JOB, failure_alert=FailureAlert(after=1, address=other))  # OC-07, OC-08, OC-34

    desk.end(job, FAILED, OK)

    assert chats(desk) == [other, other]


def test_an_alert_goes_to_the_chat_and_thread_of_the_job_else_to_the_default_target_else_to_the_log(
    desk: Desk,
) -> None:
    default = ChatAddress(channel="test", chat="operator")
    thread = replace(HERE, thread="7")
    nowhere = replace(ONCE, uid="u2", address=None)

    desk.end(replace(ONCE, address=thread), FAILED)
    desk.end(nowhere, FAILED)
    desk.alerts = Alerts(default_target=default)
    desk.end(nowhere, FAILED)

    assert chats(desk) == [thread, ChatAddress(channel="log", chat=JOB.id), default]


def test_an_alert_is_none_of_the_messages_of_its_run(desk: Desk) -> None:
    desk.end(ONCE, FAILED)

    (message,) = desk.messages()
    assert (message.caller.value, message.delivery_id, message.run) == ("alert", "r1.alert", "")


# -- whatever happens --------------------------------------------------------------------------------------------

ENDS = st.lists(st.sampled_from([OK, FAILED, RunStatus.TIMED_OUT, RunStatus.CANCELLED, RunStatus.SKIPPED]))


@given(ENDS, st.integers(1, 5))
def test_alerts_and_recoveries_take_turns(statuses: list[RunStatus], after: int) -> None:
    words = [word for word in spoken(statuses, Rule(after=after, cooldown=timedelta())) if word]

    without_pauses = [word for word in words if word is not Word.PAUSED]
    assert without_pauses[::2] == [Word.FAILING] * len(without_pauses[::2])
    assert without_pauses[1::2] == [Word.RECOVERED] * len(without_pauses[1::2])


def spoken(statuses: list[RunStatus], rule: Rule) -> list[Word | None]:
    known = Failing(mark=mark_of(JOB))
    words = []
    for n, status in enumerate(statuses):
        one: Ended = ended(JOB, status, now=NOON + n * HOUR)
        known, word = judge(known, one, rule)
        words.append(word)
    return words

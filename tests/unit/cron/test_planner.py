"""What is due, late or missed: tables for the cases, and a model of everything that can happen to a clock."""

import random
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cron import planner
from cron.job import Job, JobStatus
from cron.planner import Cursor, Plan
from cron.policy import Exclude, Misfire
from cron.schedule import At, Cron, Every, Schedule
from tests.jobs import new_job

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


def job_of(schedule: Schedule | None, **changes: object) -> Job:
    return new_job(**{"uid": "u", "id": "u", "schedule": schedule, "created_at": NOON, "tz": "UTC", **changes})


def planned(job: Job, now: datetime) -> Plan:
    """The plan of a job that nobody has looked at since it was made."""
    plan = planner.plan(job, planner.begin(job, job.created_at, known=None), now)
    assert plan is not None
    return plan


# -- on time -----------------------------------------------------------------------------------------------------


def test_nothing_is_due_before_its_moment() -> None:
    job = job_of(Every(HOUR, NOON))
    cursor = planner.begin(job, NOON, known=None)

    assert cursor.next_at == NOON + HOUR
    assert planner.plan(job, cursor, NOON + HOUR - SECOND) is None  # P-02


def test_a_job_is_due_at_its_very_moment_and_then_at_the_next() -> None:
    job = job_of(Every(HOUR, NOON))

    plan = planned(job, NOON + HOUR)

    assert plan.runs == (NOON + HOUR,)
    assert plan.missed is None
    assert (plan.cursor.handled_until, plan.cursor.next_at) == (NOON + HOUR, NOON + 2 * HOUR)


def test_a_one_shot_has_no_next() -> None:
    plan = planned(job_of(At(NOON + HOUR)), NOON + HOUR)

    assert plan.runs == (NOON + HOUR,)
    assert plan.cursor.next_at is None


def test_a_one_shot_that_was_accepted_just_after_its_moment_is_due_at_once() -> None:
    plan = planned(job_of(At(NOON - SECOND)), NOON)

    assert plan.runs == (NOON - SECOND,)


def test_what_was_due_between_the_making_of_a_job_and_the_first_look_at_it_is_not_forgotten() -> None:
    job = job_of(Every(MINUTE, NOON))

    cursor = planner.begin(job, NOON + 90 * SECOND, known=None)

    assert cursor.next_at == NOON + MINUTE


@pytest.mark.parametrize("rounds", [500, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_no_run_of_any_schedule_starts_before_its_moment(rounds: int) -> None:
    chance = random.Random(2)  # P-02
    for _ in range(rounds):
        schedule = _any_schedule(chance)
        job = job_of(schedule)
        cursor = planner.begin(job, NOON, known=None)
        now = NOON + timedelta(seconds=chance.randrange(0, 200_000))

        plan = planner.plan(job, cursor, now)

        assert (plan is None) == (cursor.next_at is None or cursor.next_at > now)
        assert all(moment <= now for moment in (plan.runs if plan else ()))


def _any_schedule(chance: random.Random) -> Schedule:
    match chance.randrange(3):
        case 0:
            return At(NOON + timedelta(seconds=chance.randrange(1, 100_000)))
        case 1:
            return Every(timedelta(seconds=chance.randrange(1, 90_000)), NOON)
        case _:
            return Cron(
                f"{chance.randrange(60)} {chance.choice(['*', '*/5', '9', '3,22'])} * * *", "Europe/Berlin"
            )


def test_an_interval_does_not_drift_however_late_its_runs_are() -> None:
    chance, interval = random.Random(8), timedelta(seconds=97)  # P-08
    job = job_of(Every(interval, NOON))
    cursor, now, handled = planner.begin(job, NOON, known=None), NOON, 0
    while handled < 10_000:
        now = (cursor.next_at or now) + chance.random() * 3 * interval
        plan = planner.plan(job, cursor, now)
        assert plan is not None
        assert all((moment - NOON) % interval == timedelta() for moment in plan.runs)
        handled += len(plan.runs) + plan.missed_count
        cursor = plan.cursor

    assert cursor.handled_until == NOON + handled * interval


def test_the_next_times_that_are_previewed_are_those_that_fire() -> None:
    job = job_of(Cron("0 2,9 * * *", "Europe/Berlin"), created_at=datetime(2026, 3, 27, tzinfo=UTC))  # P-21
    cursor = planner.begin(job, job.created_at, known=None)
    previewed, moment = [], job.created_at
    for _ in range(10):
        moment = job.schedule.next_after(moment) or moment if job.schedule else moment
        previewed.append(moment)

    fired = []
    for _ in range(10):
        assert cursor.next_at is not None
        plan = planner.plan(job, cursor, cursor.next_at + 2 * SECOND)
        assert plan is not None
        fired += plan.runs
        cursor = plan.cursor

    assert fired == previewed


# -- misfires ----------------------------------------------------------------------------------------------------

HOURLY, DAILY, ONCE = Every(HOUR, NOON), Cron("0 9 * * *", "UTC"), At(NOON + HOUR)
EVERY_MINUTE = Cron("* * * * *", "UTC")
NINE = NOON + 21 * HOUR  # of the next day
ONE, SKIP, ALL = Misfire.FIRE_ONCE, Misfire.SKIP, Misfire.FIRE_ALL


@pytest.mark.parametrize(
    ("policy", "schedule", "now", "runs", "missed"),
    [
        # an hour late or less: the newest occurrence runs, what lies before it is missed
        (ONE, HOURLY, NOON + HOUR + 20 * MINUTE, [NOON + HOUR], 0),
        (ONE, HOURLY, NOON + 5 * HOUR + 20 * MINUTE, [NOON + 5 * HOUR], 4),
        (ONE, EVERY_MINUTE, NOON + 6 * HOUR, [NOON + 6 * HOUR], 359),  # P-04
        # the window: half the period, at least a minute, at most four hours, a day for one-shots (P-11)
        (ONE, HOURLY, NOON + HOUR + 30 * MINUTE, [NOON + HOUR], 0),
        (ONE, HOURLY, NOON + HOUR + 30 * MINUTE + SECOND, [], 1),
        (ONE, DAILY, NINE + 4 * HOUR - SECOND, [NINE], 0),
        (ONE, DAILY, NINE + 4 * HOUR + SECOND, [], 1),
        (ONE, EVERY_MINUTE, NOON + MINUTE + 59 * SECOND, [NOON + MINUTE], 0),
        (ONE, ONCE, NOON + 25 * HOUR - SECOND, [NOON + HOUR], 0),
        (ONE, ONCE, NOON + 25 * HOUR + SECOND, [], 1),
        # skip: only what is on time
        (SKIP, HOURLY, NOON + HOUR + 4 * SECOND, [NOON + HOUR], 0),
        (SKIP, HOURLY, NOON + HOUR + 6 * SECOND, [], 1),
        (SKIP, HOURLY, NOON + 5 * HOUR + SECOND, [NOON + 5 * HOUR], 4),
        (SKIP, HOURLY, NOON + 5 * HOUR + MINUTE, [], 5),
        (SKIP, ONCE, NOON + 2 * HOUR, [], 1),
        # fire_all: everything within the window, at most ten
        (ALL, HOURLY, NOON + 5 * HOUR + 20 * MINUTE, [NOON + 5 * HOUR], 4),
        (ALL, EVERY_MINUTE, NOON + 3 * MINUTE, [NOON + 2 * MINUTE, NOON + 3 * MINUTE], 1),
        (ALL, ONCE, NOON + 2 * HOUR, [NOON + HOUR], 0),
        (ALL, ONCE, NOON + 30 * HOUR, [], 1),
    ],
)
def test_misfires_follow_the_policy_of_the_job(
    policy: Misfire, schedule: Schedule, now: datetime, runs: list[datetime], missed: int
) -> None:
    plan = planned(job_of(schedule, misfire=policy), now)  # P-10

    assert list(plan.runs) == runs
    assert plan.missed_count == missed


@pytest.mark.parametrize(("minutes", "runs", "missed"), [(3, 3, 0), (10, 10, 0), (25, 10, 15)])
def test_fire_all_makes_at_most_ten_runs_of_one_outage(minutes: int, runs: int, missed: int) -> None:
    job = job_of(EVERY_MINUTE, misfire=ALL, misfire_window=HOUR)

    plan = planned(job, NOON + minutes * MINUTE)

    assert (len(plan.runs), plan.missed_count) == (runs, missed)
    assert list(plan.runs) == sorted(plan.runs)
    assert plan.runs[-1] == NOON + minutes * MINUTE


@pytest.mark.parametrize(("late", "runs"), [(HOUR - SECOND, 1), (HOUR, 1), (HOUR + SECOND, 0)])
def test_the_window_of_a_job_can_be_set(late: timedelta, runs: int) -> None:
    plan = planned(job_of(DAILY, misfire_window=HOUR), NINE + late)  # P-11

    assert len(plan.runs) == runs


def test_a_span_of_missed_occurrences_is_one_record_with_first_last_and_count() -> None:
    plan = planned(job_of(HOURLY), NOON + 100 * HOUR + 40 * MINUTE)

    assert plan.runs == ()
    assert plan.missed == planner.Missed(first=NOON + HOUR, last=NOON + 100 * HOUR, count=100)


def test_ten_years_away_cost_fifty_milliseconds_at_most_and_the_job_runs() -> None:
    job = job_of(EVERY_MINUTE)  # P-13
    now = NOON + 3652 * DAY
    planned(job, now)  # what is computed once for an expression is not counted

    began = time.perf_counter()
    plan = planned(job, now)
    took = time.perf_counter() - began

    assert plan.runs == (now,)
    assert plan.cursor.next_at == now + MINUTE
    assert plan.missed_count == 3652 * 24 * 60 - 1
    assert took < 0.05


# -- changes -----------------------------------------------------------------------------------------------------


def test_a_job_that_is_stopped_has_no_next() -> None:
    job = job_of(HOURLY, status=JobStatus.PAUSED)

    assert planner.begin(job, NOON, known=None).next_at is None


def test_a_job_that_is_started_again_makes_up_for_nothing() -> None:
    job = job_of(HOURLY)  # P-18, HP-65
    running = planner.begin(job, NOON, known=None)
    stopped = planner.begin(replace(job, status=JobStatus.DISABLED), NOON + 10 * MINUTE, known=running)

    cursor = planner.begin(job, NOON + 10 * HOUR + MINUTE, known=stopped)

    assert cursor.next_at == NOON + 11 * HOUR
    assert planner.plan(job, cursor, NOON + 10 * HOUR + 2 * MINUTE) is None


def test_a_new_schedule_counts_from_its_change() -> None:
    cursor = planner.begin(job_of(HOURLY), NOON, known=None)  # P-18
    changed = job_of(Every(MINUTE, NOON))

    again = planner.begin(changed, NOON + 30 * MINUTE + SECOND, known=cursor)

    assert again.next_at == NOON + 31 * MINUTE


def test_a_change_while_the_clock_is_set_back_repeats_nothing() -> None:
    ran = planned(job_of(HOURLY), NOON + 5 * HOUR).cursor  # P-05

    again = planner.begin(job_of(Every(2 * HOUR, NOON)), NOON + HOUR, known=ran)

    assert again.next_at == NOON + 6 * HOUR


@pytest.mark.parametrize(
    "changes",
    [{"name": "other"}, {"notify": "never"}, {"state": {"a": 1}}, {"revision": 9}, {"description": "d"}],
    ids=str,
)
def test_what_does_not_move_a_jobs_times_leaves_its_fingerprint(changes: dict[str, object]) -> None:
    job = job_of(HOURLY)

    assert planner.fingerprint(replace(job, **changes)) == planner.fingerprint(job)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        job_of(Every(HOUR, NOON + SECOND)),
        job_of(Every(2 * HOUR, NOON)),
        job_of(DAILY),
        job_of(Cron("0 9 * * *", "Europe/Berlin")),
        job_of(ONCE),
        job_of(HOURLY, status=JobStatus.DISABLED),
        job_of(None, status=JobStatus.BROKEN),
    ],
)
def test_what_moves_a_jobs_times_changes_its_fingerprint(other: Job) -> None:
    assert planner.fingerprint(other) != planner.fingerprint(job_of(HOURLY))


BOUNDED = job_of(
    HOURLY, start_at=NOON, expires_at=NOON + DAY, jitter=HOUR, exclude=Exclude(weekdays=(1, 2), holidays="DE")
)


@pytest.mark.parametrize(
    "changes",
    [
        {"start_at": None},
        {"start_at": NOON + SECOND},
        {"expires_at": None},
        {"expires_at": NOON + HOUR},
        {"jitter": timedelta()},
        {"jitter": 2 * HOUR},
        {"exclude": Exclude()},
        {"exclude": Exclude(weekdays=(1, 2), holidays="FR")},
        {"exclude": Exclude(weekdays=(1,), holidays="DE")},
        {"exclude": Exclude(weekdays=(1, 2), holidays="DE", dates=(NOON.date(),))},
        {"tz": "Asia/Tokyo"},  # the days that are left out are other ones
    ],
)
def test_what_bounds_a_job_is_part_of_its_fingerprint(changes: dict[str, object]) -> None:
    other = replace(BOUNDED, **changes)  # type: ignore[arg-type]

    assert planner.fingerprint(other) != planner.fingerprint(BOUNDED)


@pytest.mark.parametrize(
    "changes",
    [
        {"exclude": Exclude(weekdays=(2, 1, 2), holidays="de")},
        {"start_at": NOON.astimezone(ZoneInfo("Asia/Tokyo"))},
        {"max_runs": 5},  # that counts runs, and moves none
        {"name": "other"},
    ],
)
def test_the_same_bounds_in_another_form_are_the_same_fingerprint(changes: dict[str, object]) -> None:
    other = replace(BOUNDED, **changes)  # type: ignore[arg-type]

    assert planner.fingerprint(other) == planner.fingerprint(BOUNDED)


def test_what_is_counted_is_part_of_the_fingerprint() -> None:
    prints = [
        planner.fingerprint(job_of(Cron("0 9 * * *", "UTC", nth, anchor)))
        for nth, anchor in ((1, None), (2, NOON), (3, NOON), (2, NOON + DAY))
    ]

    assert len(set(prints)) == 4


@pytest.mark.parametrize(
    ("schedule", "fingerprint"),
    [
        (Cron("0 9 * * *", "Europe/Berlin"), "1709f1a5bc3291c7:on"),
        (Every(HOUR, NOON), "0821d0078d52d8a7:on"),
        (At(NOON), "1fd14a63d5e5d153:on"),
    ],
)
def test_the_fingerprint_of_a_plain_job_stays_what_it_was(schedule: Schedule, fingerprint: str) -> None:
    assert planner.fingerprint(job_of(schedule)) == fingerprint  # another one would anchor every stored job anew


# -- the model ---------------------------------------------------------------------------------------------------

START = datetime(2026, 3, 27, 20, tzinfo=UTC)  # Berlin's clocks change within two days
schedules = st.one_of(
    st.integers(600, 90_000).map(lambda seconds: Every(timedelta(seconds=seconds), START)),
    st.sampled_from(["*/20 * * * *", "30 2 * * *", "0 */2 * * *", "0 9 * * 1-5", "15,45 1-3 * * *"]).map(
        lambda expression: Cron(expression, "Europe/Berlin")
    ),
    st.integers(1, 400_000).map(lambda seconds: At(START + timedelta(seconds=seconds))),
)


class Clocks(RuleBasedStateMachine):
    """A job under outages, clocks that are set, pauses and edits (P-12, P-05, P-18)."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    @initialize(schedule=schedules, misfire=st.sampled_from(Misfire))
    def make(self, schedule: Schedule, misfire: Misfire) -> None:
        self.job = job_of(schedule, created_at=START, misfire=misfire)
        self.cursor = planner.begin(self.job, self.now, known=None)

    @rule(seconds=st.integers(0, 4_000))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.look()

    @rule(hours=st.integers(1, 40))
    def outage_or_jump(self, hours: int) -> None:
        self.now += hours * HOUR
        self.look()

    @rule(minutes=st.integers(1, 300))
    def clock_is_set_back(self, minutes: int) -> None:
        self.now -= minutes * MINUTE
        self.look()

    @rule()
    def pause_or_resume(self) -> None:
        on = self.job.status is JobStatus.ENABLED
        self._change(replace(self.job, status=JobStatus.DISABLED if on else JobStatus.ENABLED))

    @rule(schedule=schedules)
    def reschedule(self, schedule: Schedule) -> None:
        self._change(replace(self.job, schedule=schedule))

    @rule(name=st.text(max_size=5))
    def rename(self, name: str) -> None:
        before = self.cursor
        self.job = replace(self.job, name=name)

        assert before.fingerprint == planner.fingerprint(self.job)

    def _change(self, job: Job) -> None:
        self.job = job
        if self.cursor.fingerprint != planner.fingerprint(job):
            self.cursor = planner.begin(job, self.now, known=self.cursor)

    def look(self) -> None:
        """What the scheduler does: everything up to the new cursor ends in exactly one outcome."""
        plan, schedule = planner.plan(self.job, self.cursor, self.now), self.job.schedule
        if plan is None or schedule is None:
            return
        between = occurrences(schedule, self.cursor.handled_until, plan.cursor.handled_until)
        missed = occurrences(schedule, plan.missed.first - planner.TICK, plan.missed.last) if plan.missed else []
        assert Counter([*missed, *plan.runs]) == Counter(between)
        assert plan.missed_count == len(missed)
        assert len(plan.runs) <= (planner.MOST_AT_ONCE if self.job.misfire is Misfire.FIRE_ALL else 1)
        if plan.runs:
            window = planner.window(self.job, plan.runs[-1])
            assert all(timedelta() <= self.now - moment <= window for moment in plan.runs)
        self.cursor = plan.cursor

    @invariant()
    def nothing_is_due_that_was_looked_at(self) -> None:
        assert self.cursor.next_at is None or self.cursor.next_at > min(self.now, self.cursor.handled_until)


def occurrences(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """Each moment that the schedule names, one by one."""
    found: list[datetime] = []
    moment = schedule.next_after(after)
    while moment is not None and moment <= until:
        found.append(moment)
        moment = schedule.next_after(moment)
    return found


TestClocks = Clocks.TestCase
TestClocks.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate],  # a failure is shown as it was found: making it shorter takes minutes
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.nightly
@pytest.mark.timeout(600)
class TestClocksForLong(Clocks.TestCase):  # type: ignore[misc]
    settings = settings(
        max_examples=1_500, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_a_cursor_knows_nothing_of_the_job_but_its_times() -> None:
    assert planner.begin(job_of(ONCE), NOON, known=None) == Cursor(
        fingerprint=planner.fingerprint(job_of(ONCE)), handled_until=NOON, next_at=NOON + HOUR
    )


def test_what_was_due_between_a_change_and_the_next_start_is_not_forgotten() -> None:
    job = new_job(schedule=At(NOON), created_at=NOON - 5 * HOUR)  # P-12
    known = planner.begin(job, NOON - 4 * HOUR, known=None)
    changed = replace(job, schedule=At(NOON + HOUR), changed_at=NOON)

    cursor = planner.begin(changed, NOON + 2 * HOUR, known=known)

    assert (cursor.handled_until, cursor.next_at) == (NOON, NOON + HOUR)


def test_a_change_by_hand_counts_from_the_moment_it_is_seen() -> None:
    job = new_job(schedule=Every(HOUR, NOON), created_at=NOON)  # P-18
    known = planner.begin(job, NOON, known=None)
    changed = replace(job, schedule=Every(HOUR / 2, NOON))

    cursor = planner.begin(changed, NOON + 5 * HOUR, known=known)

    assert (cursor.handled_until, cursor.next_at) == (NOON + 5 * HOUR, NOON + 5.5 * HOUR)

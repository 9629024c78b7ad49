"""When a job really fires: bounds, days that are left out, and jitter."""

import time
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron import planner
from cron.job import Job
from cron.policy import Exclude, Misfire
from cron.schedule import At, Cron, Every, Schedule
from cron.times.preview import fires
from cron.times.timetable import Timetable, offset_of, times_of, trouble
from tests.jobs import new_job

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 12, 23, 12, tzinfo=UTC)  # a Wednesday
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAILY = Cron("0 9 * * *", "Europe/Berlin")
WEEKEND = Exclude(weekdays=(5, 6))


def job_of(schedule: Schedule, **changes: object) -> Job:
    return new_job(**{"uid": "u", "id": "u", "schedule": schedule, "created_at": NOON, **changes})


def times(job: Job, count: int, after: datetime = NOON) -> list[str]:
    timetable = times_of(job)
    assert timetable is not None
    return [f"{moment.astimezone(BERLIN):%a %m-%d %H:%M:%S}" for moment in fires(timetable, after, count)]


# -- bounds ------------------------------------------------------------------------------------------------------


def test_a_job_without_any_of_it_is_its_schedule() -> None:
    assert times_of(job_of(DAILY)) is DAILY
    assert times_of(new_job(schedule=None)) is None


def test_nothing_fires_before_its_start_or_from_its_end_on() -> None:
    job = job_of(
        DAILY,
        start_at=datetime(2026, 12, 25, 9, tzinfo=BERLIN),
        expires_at=datetime(2026, 12, 27, 9, tzinfo=BERLIN),
    )

    assert times(job, 5) == ["Fri 12-25 09:00:00", "Sat 12-26 09:00:00"]


def test_an_interval_keeps_its_grid_whatever_its_start() -> None:
    job = job_of(Every(HOUR, NOON), start_at=NOON + 90 * MINUTE)

    assert times(job, 2) == ["Wed 12-23 15:00:00", "Wed 12-23 16:00:00"]  # 14:00 and 15:00 UTC


def test_a_one_shot_outside_its_bounds_never_fires() -> None:
    assert times(job_of(At(NOON + HOUR), start_at=NOON + DAY), 1) == []
    assert times(job_of(At(NOON + HOUR), expires_at=NOON + HOUR), 1) == []
    assert times(job_of(At(NOON + HOUR), start_at=NOON + HOUR), 1) == ["Wed 12-23 14:00:00"]


# -- days that are left out --------------------------------------------------------------------------------------


def test_weekdays_dates_and_holidays_are_left_out() -> None:
    job = job_of(
        DAILY, exclude=Exclude(weekdays=(5, 6), dates=(date(2026, 12, 24),), holidays="DE")
    )  # Friday the 25th is Christmas Day, 1 January is a Friday

    assert times(job, 5) == [
        "Mon 12-28 09:00:00",
        "Tue 12-29 09:00:00",
        "Wed 12-30 09:00:00",
        "Thu 12-31 09:00:00",
        "Mon 01-04 09:00:00",
    ]


def test_the_days_are_those_of_the_jobs_wall_clock() -> None:
    late = job_of(Cron("30 23 * * *", "Europe/Berlin"), exclude=WEEKEND)  # 22:30 UTC
    early = job_of(Every(12 * HOUR, NOON + 11 * HOUR + 30 * MINUTE), tz="Europe/Berlin", exclude=WEEKEND)

    assert times(late, 4)[2:] == ["Fri 12-25 23:30:00", "Mon 12-28 23:30:00"]
    assert times(early, 5)[3:] == ["Fri 12-25 12:30:00", "Mon 12-28 00:30:00"]  # Friday 23:30 UTC is a Saturday


def test_a_day_of_every_minute_is_left_out_in_one_step() -> None:
    job = job_of(Cron("* * * * *", "Europe/Berlin"), exclude=Exclude(weekdays=(3,)))

    found = times(job, 2, datetime(2026, 12, 23, 23, 58, tzinfo=BERLIN))

    assert found == ["Wed 12-23 23:59:00", "Fri 12-25 00:00:00"]


@pytest.mark.parametrize(
    ("zone", "left_out", "follows"),
    [
        ("Asia/Beirut", date(2026, 3, 28), "2026-03-29T01:00:00+03:00"),  # its 29 March begins at 01:00
        ("Asia/Beirut", date(2026, 10, 24), "2026-10-25T00:00:00+02:00"),  # 23:00 comes twice before it
        ("America/Havana", date(2026, 11, 1), "2026-11-02T00:00:00-05:00"),  # its midnight comes twice
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-31T00:00:00+14:00"),  # there is no 30 December
    ],
)
def test_a_day_that_begins_or_ends_with_a_change_of_the_clock_is_left_out_whole(
    zone: str, left_out: date, follows: str
) -> None:
    job = job_of(Cron("*/30 * * * *", zone), exclude=Exclude(dates=(left_out,)))
    timetable = times_of(job)
    assert timetable is not None
    before = datetime(left_out.year, left_out.month, left_out.day, tzinfo=ZoneInfo(zone)) - SECOND

    found = timetable.next_after(before.astimezone(UTC))

    assert found is not None
    assert found.astimezone(ZoneInfo(zone)).isoformat() == follows


@pytest.mark.parametrize(
    "job",
    [
        job_of(Cron("0 9 * * 1", "UTC"), exclude=Exclude(weekdays=(0,))),
        job_of(Cron("* * * * *", "UTC"), exclude=Exclude(weekdays=tuple(range(7)))),
        job_of(Every(SECOND, NOON), exclude=Exclude(weekdays=tuple(range(7)))),
        job_of(Every(7 * DAY, NOON), exclude=Exclude(weekdays=(2,))),
        job_of(Cron("0 9 25 12 *", "UTC"), exclude=Exclude(holidays="DE")),
        job_of(Cron("0 9 29 2 *", "UTC"), exclude=Exclude(weekdays=tuple(range(7)))),
        job_of(At(NOON + HOUR), exclude=Exclude(dates=(NOON.date(),))),
    ],
)
def test_a_job_whose_days_are_all_left_out_never_fires_and_that_is_found_out_quickly(job: Job) -> None:
    times(job, 1)  # the libraries are loaded by the first of all
    began = time.perf_counter()
    found = times(job, 1)
    took = time.perf_counter() - began

    assert found == []
    assert took < 0.2


def test_a_long_list_of_dates_is_left_out_and_then_it_goes_on() -> None:
    dates = tuple((NOON + n * DAY).date() for n in range(1_500))

    assert times(job_of(DAILY, exclude=Exclude(dates=dates)), 1) == ["Fri 01-31 09:00:00"]


@given(
    st.sampled_from(["*/20 * * * *", "30 2 * * *", "0 0,12 * * *", "45 23 * * 1-5"]),
    st.sampled_from(["Europe/Berlin", "Asia/Beirut", "America/Havana", "UTC"]),
    st.sets(st.integers(0, 6), max_size=5),
    st.sets(st.dates(date(2026, 3, 20), date(2026, 4, 5)), max_size=8),
    st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(max_examples=60, deadline=None)
def test_what_is_not_left_out_fires_and_nothing_else(
    expression: str, zone: str, weekdays: set[int], dates: set[date], moment: datetime
) -> None:
    schedule, exclude = Cron(expression, zone), Exclude(weekdays=tuple(weekdays), dates=tuple(dates))
    timetable = Timetable(schedule=schedule, zone=zone, exclude=exclude)

    found = timetable.next_after(moment)

    days = ((each, each.astimezone(ZoneInfo(zone)).date()) for each in fires(schedule, moment, 2_000))
    assert found == next((at for at, day in days if day.weekday() not in weekdays and day not in dates), None)


# -- jitter (P-17) -----------------------------------------------------------------------------------------------


def test_jitter_is_nothing_unless_it_is_asked_for() -> None:  # P-17
    assert new_job().jitter == timedelta()
    assert offset_of(str(uuid.uuid4()), timedelta()) == timedelta()


def test_each_of_a_thousand_jobs_keeps_its_own_offset_within_its_jitter() -> None:
    chance = Random(17)  # P-17
    for _ in range(1_000):
        uid = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        jitter = timedelta(milliseconds=chance.choice([1, 999, 30_000, 90_000, 3_600_000, 86_400_000]))
        job = job_of(DAILY, uid=uid, jitter=jitter)
        timetable = times_of(job)
        assert timetable is not None

        shifted = [*fires(timetable, NOON, 3)]
        plain = [*fires(DAILY, NOON - jitter, 5)]

        offset = offset_of(uid, jitter)
        assert timedelta() <= offset <= jitter
        assert shifted == [at + offset for at in plain if at + offset > NOON][:3]  # the same for every slot


def test_jitter_spreads_a_thousand_jobs_evenly() -> None:
    chance = Random(170)  # P-17
    uids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(1_000)]

    tenths = Counter(int(offset_of(uid, HOUR) / (HOUR + SECOND) * 10) for uid in uids)

    expected = len(uids) / 10
    chi_squared = sum((tenths[n] - expected) ** 2 / expected for n in range(10))
    assert set(tenths) == set(range(10))
    assert chi_squared < 27.9  # one sample of a thousand from an even spread lies above


def test_all_of_a_jitter_is_used_from_none_to_the_whole() -> None:
    offsets = {offset_of(str(n), timedelta(milliseconds=2)) for n in range(100)}

    assert offsets == {timedelta(), timedelta(milliseconds=1), timedelta(milliseconds=2)}


def test_the_end_holds_for_what_fires_and_the_day_for_what_is_scheduled() -> None:
    job = job_of(Cron("55 23 * * *", "Europe/Berlin"), jitter=HOUR, exclude=Exclude(weekdays=(3,)))
    offset = offset_of("u", HOUR)
    ends = replace(job, expires_at=datetime(2026, 12, 23, 23, 55, tzinfo=BERLIN) + offset)

    assert offset > 5 * MINUTE  # so that Wednesday's run is on a Thursday
    assert times(job, 2)[0].startswith("Thu 12-24 00:")
    assert times(job, 2)[1].startswith("Sat 12-26 00:")
    assert times(ends, 1) == []


# -- with the planner --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"jitter": HOUR},
        {"exclude": WEEKEND},
        {"start_at": NOON + 3 * DAY, "expires_at": NOON + 9 * DAY},
        {"jitter": 2 * DAY, "exclude": Exclude(holidays="DE"), "start_at": NOON + HOUR},
    ],
)
@pytest.mark.parametrize("schedule", [DAILY, Every(5 * HOUR, NOON), Cron("0 9 * * *", "Europe/Berlin", 2, NOON)])
def test_what_is_previewed_is_what_fires_whatever_else_is_edited(
    schedule: Schedule, changes: dict[str, object]
) -> None:
    job = job_of(schedule, **changes)  # P-21
    timetable = times_of(job)
    assert timetable is not None
    previewed = list(fires(timetable, NOON, 5))

    cursor, fired = planner.begin(job, NOON, known=None), []
    while len(fired) < 5 and cursor.next_at is not None:
        job = replace(job, name=f"name {len(fired)}", state=len(fired), changed_at=cursor.handled_until)
        assert planner.fingerprint(job) == cursor.fingerprint  # so that nobody begins anew
        plan = planner.plan(job, cursor, cursor.next_at + 2 * SECOND)
        assert plan is not None
        assert plan.missed is None
        fired += plan.runs
        cursor = plan.cursor

    assert fired == previewed


@pytest.mark.parametrize(
    "job",
    [
        job_of(Cron("* * * * *", "Europe/Berlin"), jitter=MINUTE, exclude=WEEKEND),
        job_of(Cron("* * * * *", "Europe/Berlin"), exclude=Exclude(holidays="DE-BY")),
        job_of(Cron("*/5 9-17 * * *", "Europe/Berlin", 2, NOON + DAY), misfire=Misfire.FIRE_ALL),
        job_of(Every(SECOND, NOON), exclude=WEEKEND, misfire=Misfire.FIRE_ALL),
        job_of(Every(SECOND, NOON), exclude=WEEKEND, misfire=Misfire.FIRE_ALL, misfire_window=30 * DAY),
    ],
)
def test_ten_years_away_are_cheap_with_all_of_it(job: Job) -> None:
    cursor = planner.begin(job, NOON, known=None)  # P-13
    now = NOON + timedelta(days=3653)  # a Wednesday too
    planner.plan(job, cursor, now - DAY)  # the holidays of ten years are kept

    began = time.perf_counter()
    plan = planner.plan(job, cursor, now)
    took = time.perf_counter() - began

    assert plan is not None
    assert plan.runs
    assert plan.cursor.next_at is not None
    assert took < 0.15


def test_the_last_of_many_missed_ones_is_found_behind_days_that_are_left_out() -> None:
    job = job_of(Every(MINUTE, NOON), tz="UTC", exclude=WEEKEND)
    timetable = times_of(job)
    assert timetable is not None
    sunday = datetime(2026, 12, 27, 18, tzinfo=UTC)

    last, following = planner.latest(timetable, NOON, sunday)

    assert last == datetime(2026, 12, 25, 23, 59, tzinfo=UTC)
    assert following == datetime(2026, 12, 28, tzinfo=UTC)


def test_a_job_of_a_country_that_is_not_known_does_not_fire_and_says_why() -> None:
    job = job_of(DAILY, exclude=Exclude(holidays="XX"))  # a file that was edited, or a library that is gone

    cursor = planner.begin(job, NOON, known=None)
    mended = planner.begin(job_of(DAILY, exclude=Exclude(holidays="DE")), NOON, known=cursor)

    assert "'XX' is not a country" in trouble(job)
    assert cursor.next_at is None
    assert trouble(job_of(DAILY)) == ""
    assert mended.next_at is not None

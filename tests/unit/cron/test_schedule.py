"""When jobs are due: known times, laws, and how long an answer takes."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.schedule import At, Cron, Every, Schedule
from gateway.errors import ScheduleError
from tests.unit.cron.clock_table import DAY, HOUR, ZONE_YEARS, fires, utc, wall_at
from tests.unit.cron.debian_cron import MINUTE

# -- cron ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expression", "zone", "expected"),
    [
        ("OC-19", "0 18 * * *", "UTC", ["2026-04-20T18:00", "2026-04-21T18:00"]),
        ("OC-20", "0 2 * * *", "Asia/Kuala_Lumpur", ["2026-04-20T18:00"]),
        ("NOX-35", "0 9 * * *", "Asia/Shanghai", ["2026-04-21T01:00", "2026-04-22T01:00"]),
        ("NOX-36", "0 10 * * 1", "UTC", ["2026-04-27T10:00", "2026-05-04T10:00"]),
        ("NOX-39", "0 2 * * *", "Europe/Berlin", ["2026-04-21T00:00"]),
        ("NOX-40", "0 15 * * 5", "UTC", ["2026-04-24T15:00", "2026-05-01T15:00"]),
        ("NOX-41", "0 1 * * *", "America/New_York", ["2026-04-21T05:00"]),
        ("PRX-52", "*/15 * * * *", "UTC", ["2026-04-20T12:15", "2026-04-20T12:30", "2026-04-20T12:45"]),
        ("PRX-54", "0 0 1 * *", "UTC", ["2026-05-01", "2026-06-01", "2026-07-01"]),
        ("PRX-55", "30 8,12,18 * * *", "UTC", ["2026-04-20T12:30", "2026-04-20T18:30", "2026-04-21T08:30"]),
        ("C-13", "0 9 1 * 1", "UTC", ["2026-04-27T09:00", "2026-05-01T09:00", "2026-05-04T09:00"]),
        ("Vixie", "0 9 */2 * 1", "UTC", ["2026-04-27T09:00", "2026-05-11T09:00", "2026-05-25T09:00"]),
        ("last day", "0 18 L * *", "UTC", ["2026-04-30T18:00", "2026-05-31T18:00", "2026-06-30T18:00"]),
        ("second Friday", "0 9 * * 5#2", "UTC", ["2026-05-08T09:00", "2026-06-12T09:00"]),
        ("last Friday", "0 9 * * FRIL", "UTC", ["2026-04-24T09:00", "2026-05-29T09:00"]),
        ("mixed", "0 9 * * 1,5#2", "UTC", ["2026-04-27T09:00", "2026-05-04T09:00", "2026-05-08T09:00"]),
        ("last, thirty days", "0 15 L,1-19,21-31 * *", "UTC", ["2026-04-21T15:00", "2026-04-22T15:00"]),
        ("one value", "9 9-9 * * *", "UTC", ["2026-04-21T09:09", "2026-04-22T09:09"]),
        ("over midnight", "0 22-1 * * *", "UTC", ["2026-04-20T22:00", "2026-04-20T23:00", "2026-04-21T00:00"]),
        ("leap day", "0 0 29 2 *", "UTC", ["2028-02-29", "2032-02-29"]),
        ("leap Sunday", "0 0 29 2 */7", "UTC", ["2032-02-29", "2060-02-29"]),
    ],
)
def test_an_expression_is_due_at_the_known_times(
    row: str, expression: str, zone: str, expected: list[str]
) -> None:
    job, moment, found = Cron(expression, zone), utc("2026-04-20T12:00"), []

    for _ in expected:
        moment = job.next_after(moment) or utc("9999-01-01")
        found.append(moment)

    assert found == [utc(each) for each in expected], row


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [("0 0 29 2 *", "2096-03-01", "2104-02-29"), ("0 0 29 2 */7", "2088-03-01", "2128-02-29")],
)
def test_a_leap_day_is_found_across_2100(expression: str, after: str, expected: str) -> None:
    found = Cron(expression, "UTC").next_after(utc(after))

    assert found == utc(expected)


def test_weekdays_never_give_a_weekend_prx_53() -> None:
    job = Cron("0 9 * * 1-5", "UTC")

    days = [moment.isoweekday() for moment in fires(job, utc("2026-01-01"), utc("2026-06-01"))]

    assert set(days) == {1, 2, 3, 4, 5}
    assert len(days) > 100


def test_a_zone_that_nobody_knows_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ScheduleError, match="Europe/Berlin"):
        Cron("0 9 * * *", "Europe/Berln")


@pytest.mark.parametrize("zone", ["", "x" * 1_000_000, "../etc/passwd", "Europe", "\0"])
def test_a_hostile_zone_is_refused(zone: str) -> None:
    with pytest.raises(ScheduleError, match="time zone"):
        Cron("0 9 * * *", zone)


def test_an_expression_keeps_its_spelling_but_not_its_spaces() -> None:
    job = Cron("  0  9 * *\tMON-fri ", "UTC")

    assert job.expression == "0 9 * * MON-fri"
    assert job == Cron("0 9 * * MON-fri", "UTC")


def test_the_calendar_has_an_end_and_a_beginning() -> None:
    job = Cron("0 9 * * *", "Pacific/Kiritimati")

    assert job.next_after(datetime.max.replace(tzinfo=UTC)) is None
    assert job.next_after(datetime.min.replace(tzinfo=UTC)) is not None


def test_ten_years_later_the_next_slot_is_one_cheap_step_p_13() -> None:
    job = Cron("* * * * *", "Europe/Berlin")
    job.next_after(utc("2026-01-01"))  # croniter is imported by the first of all

    started = time.perf_counter()
    found = job.next_after(utc("2016-01-01"))
    took = time.perf_counter() - started

    assert found == utc("2016-01-01T00:01")
    assert took < 0.05


def test_threads_share_an_expression() -> None:
    job = Cron("*/7 3-5 1,15 * 2", "Europe/Berlin")
    starts = [utc("2026-01-01") + n * 7 * HOUR for n in range(300)]
    alone = [job.next_after(start) for start in starts]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(job.next_after, starts * 4))

    assert together == alone * 4


def test_making_and_describing_a_schedule_imports_neither_croniter_nor_its_words() -> None:
    code = (
        "import sys; from cron.schedule import Cron; from cron.times.describe import expression_text;"
        "expression_text(Cron('0 9 * * 1-5', 'Europe/Berlin'));"
        "print(sorted({'croniter', 'dateutil', 'cron_descriptor', 'pydantic'} & sys.modules.keys()))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_a_thousand_next_instants_are_cheap() -> None:
    jobs = [Cron(f"{n % 60} {n // 60} * * 1-5", "Europe/Berlin") for n in range(100)]
    start = utc("2026-01-01")
    for job in jobs:
        job.next_after(start)

    started = time.perf_counter()
    found = [job.next_after(moment) for job in jobs for moment in (start + n * DAY for n in range(10))]
    took = time.perf_counter() - started

    assert all(first and second for first, second in pairwise(found))
    assert took < 1.0  # measured: 0.05 s


# -- at and every -------------------------------------------------------------------------------------


def test_a_one_shot_is_due_once() -> None:
    job = At(utc("2026-04-28T09:45"))

    assert job.next_after(utc("2026-04-28T09:44:59")) == utc("2026-04-28T09:45")
    assert job.next_after(utc("2026-04-28T09:45")) is None


def test_instants_are_utc_whatever_they_were_given_in() -> None:
    berlin = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))

    assert At(berlin).instant == utc("2026-10-25T01:30")
    assert Every(HOUR, berlin).anchor.tzinfo is UTC


@pytest.mark.parametrize(
    "make",
    [
        lambda: At(datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: Every(HOUR, datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: Every(timedelta(0), utc("2026-01-01")),
        lambda: Every(-HOUR, utc("2026-01-01")),
        lambda: At(datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo"))),
    ],
)
def test_a_time_without_a_zone_and_an_interval_without_length_are_refused(make: Callable[[], Schedule]) -> None:
    with pytest.raises(ScheduleError):
        make()


def test_an_interval_does_not_drift_over_ten_thousand_slots_p_08() -> None:
    random, anchor = Random(8), datetime(2026, 3, 28, 22, tzinfo=ZoneInfo("Europe/Berlin"))
    job, moment, slots = Every(7 * MINUTE, anchor), anchor.astimezone(UTC), []

    for _ in range(10_000):
        moment += random.random() * 21 * MINUTE  # a run takes 0 to 3 intervals
        slot = job.next_after(moment)
        assert slot is not None
        slots.append(((slot - job.anchor) % job.interval, slot > moment, slot - moment <= job.interval))
        moment = slot

    assert set(slots) == {(timedelta(0), True, True)}


def test_an_interval_starts_with_its_anchor() -> None:
    job = Every(30 * MINUTE, utc("2026-01-01T12:00"))

    assert job.next_after(utc("2025-01-01")) == utc("2026-01-01T12:00")
    assert job.next_after(utc("2026-01-01T12:00")) == utc("2026-01-01T12:30")


def test_an_interval_beyond_the_calendar_is_over() -> None:
    job = Every(timedelta(days=3650), utc("9998-01-01"))

    assert job.next_after(utc("9998-01-01")) is None


# -- laws ---------------------------------------------------------------------------------------------

moments = st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
crons = st.builds(
    Cron,
    st.sampled_from(
        ["* * * * *", "*/7 1-3 * * *", "30 2 * * *", "0 0 * * *", "15,45 2 1,15 * 1", "5 * L * *", "0 1 * * SUN#2"]
    ),
    st.sampled_from([*dict(ZONE_YEARS), "Africa/Casablanca", "Europe/Dublin", "UTC"]),
)
everies = st.builds(Every, st.timedeltas(timedelta(microseconds=1), timedelta(days=3653)), moments)
schedules = st.one_of(crons, everies, st.builds(At, moments))


@given(schedules, moments)
@settings(max_examples=150, deadline=None)
def test_what_is_next_lies_strictly_later_and_in_utc(schedule: Schedule, moment: datetime) -> None:
    found = schedule.next_after(moment)

    assert found is None or (found > moment and found.tzinfo is UTC)


@given(schedules, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
@settings(max_examples=150, deadline=None)
def test_a_later_moment_never_has_an_earlier_next(schedule: Schedule, moment: datetime, later: timedelta) -> None:
    first, second = schedule.next_after(moment), schedule.next_after(moment + later)

    assert second is None or (first is not None and first <= second)


@given(schedules, moments, st.floats(0, 1, exclude_max=True))
@settings(max_examples=150, deadline=None)
def test_nothing_lies_between_a_moment_and_what_is_next(schedule: Schedule, moment: datetime, part: float) -> None:
    found = schedule.next_after(moment)
    between = moment + (found - moment) * part if found else moment

    assert found is None or between == found or schedule.next_after(between) == found


@given(everies, moments)
@settings(max_examples=100, deadline=None)
def test_an_interval_stays_on_its_grid(schedule: Every, moment: datetime) -> None:
    found = schedule.next_after(moment)

    assert found is not None
    assert (found - schedule.anchor) % schedule.interval == timedelta(0)
    assert found == schedule.anchor or found - moment <= schedule.interval


@given(st.sampled_from(["*/20 * * * *", "7 */5 * * *", "* 2 * * *"]), st.sampled_from(ZONE_YEARS), moments)
@settings(max_examples=100, deadline=None)
def test_a_rhythm_fires_only_when_the_wall_clock_shows_it(
    expression: str, place: tuple[str, int], moment: datetime
) -> None:
    found = Cron(expression, place[0]).next_after(moment)

    assert found is not None
    wall = wall_at(found, place[0])
    shown = {"*/20": wall.minute % 20 == 0, "7": wall.minute == 7 and wall.hour % 5 == 0, "*": wall.hour == 2}
    assert shown[expression.split(maxsplit=1)[0]]
    assert wall.second == wall.microsecond == 0


@given(crons, moments, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_what_is_previewed_is_what_fires_p_21(schedule: Cron, now: datetime, seed: int) -> None:
    preview = [now]
    while len(preview) < 6:
        preview.append(schedule.next_after(preview[-1]) or now)
    random, clock, armed = Random(seed), now, schedule.next_after(now)
    fired: list[datetime] = []

    while len(fired) < 5:
        clock = min(clock + (preview[-1] - now) * random.random() / 4, armed or clock)
        if clock == armed:
            fired.append(clock)
        armed = schedule.next_after(clock)

    assert fired == preview[1:]

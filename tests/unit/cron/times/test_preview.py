"""Previews say what is surprising about a fire."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cron.policy import Exclude
from cron.schedule import At, Cron, Every, Schedule
from cron.times.preview import MOST_NOTES, Note, fires, notes_of
from cron.times.timetable import Times, Timetable, offset_of, times_of
from tests.jobs import new_job

SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin's clocks go from 02:00 to 03:00 the next night
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)  # and from 03:00 back to 02:00


def noted(times: Times, after: datetime, count: int = 30) -> list[tuple[str, str]]:
    """The UTC time of day of each note, and the note."""
    moments = list(fires(times, after, count))
    return [(clock_of(note), note.text) for note in notes_of(times, after, moments, zone="Europe/Berlin")]


def clock_of(note: Note) -> str:
    return f"{note.at.astimezone(UTC):%d. %H:%M}" if note.at else "all"


@pytest.mark.parametrize(
    ("expression", "notes"),
    [
        ("30 2 * * *", [("29. 01:00", "fires at 03:00 because 02:30 does not exist that day")]),
        ("0 2,12 * * *", [("29. 01:00", "fires at 03:00 because 02:00 does not exist that day")]),
        ("0 3 * * *", []),
        (
            "0 * * * *",
            [("29. 01:00", "the first after a change of the clock: on 2026-03-29 02:00 does not exist")],
        ),
        (
            "*/30 2 * * 0",
            [("05. 00:00", "the first after a change of the clock: on 2026-03-29 02:00 does not exist")],
        ),
        ("*/30 9 * * *", []),
    ],
)
def test_a_time_that_does_not_exist_is_explained(expression: str, notes: list[tuple[str, str]]) -> None:
    assert noted(Cron(expression, "Europe/Berlin"), SPRING) == notes  # P-06


@pytest.mark.parametrize(
    ("expression", "notes"),
    [
        ("30 2 * * *", [("25. 00:30", "once: 02:30 comes twice that day")]),
        (
            "0 * * * *",
            [
                ("25. 00:00", "the first 02:00 of that day, which comes twice"),
                ("25. 01:00", "the second 02:00 of that day"),
            ],
        ),
        ("0 3 * * *", []),
    ],
)
def test_a_time_that_comes_twice_is_explained(expression: str, notes: list[tuple[str, str]]) -> None:
    assert noted(Cron(expression, "Europe/Berlin"), AUTUMN, 20) == notes  # P-07


@pytest.mark.parametrize(
    ("schedule", "notes"),
    [
        (At(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), ["the first of the two times that are 02:30 that day"]),
        (At(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)), ["the second of the two times that are 02:30 that day"]),
        (At(datetime(2026, 10, 26, 1, 30, tzinfo=UTC)), []),
        (Every(timedelta(hours=1), AUTUMN), []),
    ],
)
def test_a_one_shot_says_which_of_two_times_it_is_and_an_interval_nothing(
    schedule: Schedule, notes: list[str]
) -> None:
    assert [text for _, text in noted(schedule, AUTUMN)] == notes


def test_what_is_counted_has_the_notes_of_the_days_that_count() -> None:
    even = Cron("30 2 * * *", "Europe/Berlin", 2, datetime(2026, 3, 27, tzinfo=UTC))
    odd = Cron("30 2 * * *", "Europe/Berlin", 2, datetime(2026, 3, 28, tzinfo=UTC))

    assert [text for _, text in noted(even, SPRING)] == ["fires at 03:00 because 02:30 does not exist that day"]
    assert noted(odd, SPRING) == []


def test_days_that_are_left_out_say_why() -> None:
    exclude = Exclude(weekdays=(6,), dates=(date(2026, 12, 24),), holidays="DE")
    times = Timetable(schedule=Cron("0 9,10 * * *", "Europe/Berlin"), zone="Europe/Berlin", exclude=exclude)

    notes = noted(times, datetime(2026, 12, 23, 12, tzinfo=UTC), 2)

    assert notes == [
        ("24. 08:00", "does not fire: a date that is left out"),
        ("25. 08:00", "does not fire: Christmas Day"),
        ("26. 08:00", "does not fire: Second Day of Christmas"),
        ("27. 08:00", "does not fire: a Sunday"),
    ]


def test_days_that_are_left_out_after_the_last_fire_are_not_named() -> None:
    times = Timetable(
        schedule=Cron("0 9 * * *", "UTC"), zone="UTC", exclude=Exclude(weekdays=(4,)), offset=timedelta(minutes=5)
    )

    notes = noted(times, datetime(2026, 12, 23, 12, tzinfo=UTC), 1)

    assert notes == [("all", "each is 5m later than the schedule says: its part of the jitter")]


def test_jitter_is_said_once_and_the_notes_on_the_clock_go_with_the_fire() -> None:
    job = new_job(uid="u", schedule=Cron("30 2 * * *", "Europe/Berlin"), jitter=timedelta(minutes=10))
    times = times_of(job)
    assert times is not None
    moments = list(fires(times, SPRING, 2))

    general, gap = notes_of(times, SPRING, moments, zone="Europe/Berlin")

    assert general.at is None
    assert "later than the schedule says" in general.text
    assert gap == Note(at=moments[0], text="fires at 03:00 because 02:30 does not exist that day")
    assert moments[0] == datetime(2026, 3, 29, 1, tzinfo=UTC) + offset_of("u", job.jitter)


def test_the_notes_of_a_preview_are_bounded() -> None:
    exclude = Exclude(weekdays=(0, 1, 2, 3))
    times = Timetable(schedule=Cron("0 9 * * *", "UTC"), zone="UTC", exclude=exclude)

    assert len(noted(times, SPRING, 200)) == MOST_NOTES


def test_a_preview_has_at_most_so_many() -> None:
    daily = Cron("0 9 * * *", "UTC")

    assert list(fires(daily, SPRING, 0)) == []
    assert len(list(fires(daily, SPRING, 7))) == 7
    assert list(fires(At(SPRING), SPRING, 7)) == []

"""Durations, instants and schedules as they are written."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.schedule import At, Cron, Every, Schedule
from cron.times.schedule_text import check_instant, format_duration, parse_duration, parse_instant, parse_schedule
from gateway.errors import ScheduleError
from tests.unit.cron.quick import at_once

NOW = datetime(2026, 4, 20, 3, tzinfo=UTC)


# -- durations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3600", 3600),
        ("1h", 3600),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1h30m", 5400),
        ("1h 30 min", 5400),
        (" 90 s ", 90),
        ("1.5h", 5400),
        ("0.5s", 0.5),
        ("2 Hours", 7200),
        ("3653d", 3653 * 86_400),
    ],
)
def test_a_duration_is_understood_in_its_usual_forms_ab_47(written: str, seconds: float) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    [
        *("0", "0s", "0h0m", "-5", "-5m", "+5m", "nan", "inf", "infinity", "1e3", "0x10", "1_000", "٣m"),
        *("", " ", "h", "5x", "5 parsecs", "m5", "5m5m", "30m1h", "1h,30m", "5m 3", "3654d", "11w1000w"),
        *("0.0000001s", "1" * 1_000_000, "1m" * 500_000, "every 5m", "10:00"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms_at_once(written: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ScheduleError, match="is not a duration") as refused:
        parse_duration(written)
    took = time.perf_counter() - started

    assert len(str(refused.value)) < 200
    assert took < 0.1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "60s"), (90, "90s"), (300, "5m"), (3600, "1h"), (5400, "90m"), (86_400, "1d"), (604_800, "7d")],
)
def test_a_duration_is_written_in_its_shortest_exact_form(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=3653)))
@settings(max_examples=200, deadline=None)
def test_a_written_duration_is_read_back_as_it_was(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


# -- instants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "zone", "expected"),
    [
        ("2026-04-25T09:00:00", "Asia/Shanghai", "2026-04-25T01:00:00"),
        ("2026-04-25 09:00", "Asia/Shanghai", "2026-04-25T01:00:00"),
        ("2026-02-20T15:00:00Z", "Asia/Shanghai", "2026-02-20T15:00:00"),
        ("2026-02-20t15:00z", "UTC", "2026-02-20T15:00:00"),
        ("2026-04-25T09:00+02:00", "UTC", "2026-04-25T07:00:00"),
        ("2026-04-25 09:00 +0200", "UTC", "2026-04-25T07:00:00"),
        ("20260425T090000Z", "UTC", "2026-04-25T09:00:00"),
        ("2026-04-25T09:00:00.250Z", "UTC", "2026-04-25T09:00:00.250"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00"),  # twice that day: the first
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30:00"),
    ],
)
def test_an_instant_is_read_with_its_offset_or_in_the_zone_nox_05(written: str, zone: str, expected: str) -> None:
    found = parse_instant(written, zone=zone, now=NOW)

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "zone", "parts"),
    [
        ("2026-04-25", "UTC", ["at what time?", "2026-04-25T09:00"]),
        ("20260425", "UTC", ["at what time?"]),
        ("2026-W17-6", "UTC", ["at what time?"]),
        ("09:00", "UTC", ["on which day?", "2026-04-21T09:00"]),
        ("2026-03-29T02:30", "Europe/Berlin", ["does not exist", "02:00 to 03:00", "01:59", "03:00 or later"]),
        ("2011-12-30T09:00", "Pacific/Apia", ["does not exist", "2011-12-29 23:59", "2011-12-31 00:00"]),
        ("tomorrow", "UTC", ["ISO 8601", "2026-04-21T09:00"]),
        ("2026-02-30T09:00", "UTC", ["ISO 8601"]),
        ("2026-04-25T25:00", "UTC", ["ISO 8601"]),
        ("2026-04-25T09:00Europe/Berlin", "UTC", ["ISO 8601"]),
        ("1969-01-01T00:00", "UTC", ["1970-9899"]),
        ("9999-12-31T23:59-12:00", "UTC", ["1970-9899"]),
        ("0001-01-01T00:00", "UTC", ["1970-9899"]),
        ("2026-04-25T09:00", "Mars/Olympus", ["not a time zone"]),
        ("2" * 1_000_000, "UTC", ["ISO 8601"]),
        ("", "UTC", ["ISO 8601"]),
    ],
)
def test_what_is_no_instant_is_refused_with_what_to_write(written: str, zone: str, parts: list[str]) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_instant(written, zone=zone, now=NOW)

    assert [part for part in parts if part not in str(refused.value)] == []


@pytest.mark.parametrize(
    "ahead", [timedelta(seconds=-60), timedelta(0), timedelta(seconds=1), timedelta(days=900)]
)
def test_a_time_up_to_a_minute_ago_may_still_be_scheduled_c_04(ahead: timedelta) -> None:
    assert check_instant(NOW + ahead, now=NOW, zone="Asia/Shanghai") == NOW + ahead


def test_a_time_that_has_passed_is_refused_with_everything_that_shows_the_mistake_c_04() -> None:
    with pytest.raises(ScheduleError) as refused:
        check_instant(NOW - timedelta(hours=2, minutes=30), now=NOW, zone="Asia/Shanghai")

    assert str(refused.value) == (
        "2026-04-20 08:30:00 (Asia/Shanghai) = 2026-04-20 00:30:00 (UTC) is 2h30m in the past;"
        " now it is 2026-04-20 11:00:00 (Asia/Shanghai) = 2026-04-20 03:00:00 (UTC)"
    )


def test_a_time_that_is_too_near_is_refused_with_the_limit_nox_06() -> None:
    minute = timedelta(minutes=1)

    with pytest.raises(ScheduleError, match="only 30s ahead; at least 60s ahead is needed"):
        check_instant(NOW + minute / 2, now=NOW, zone="UTC", min_lead=minute)

    assert check_instant(NOW + minute, now=NOW, zone="UTC", min_lead=minute) == NOW + minute


# -- schedules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0 9 * * 1-5", Cron("0 9 * * 1-5", "Europe/Berlin")),
        ("1 2 3 4 5", Cron("1 2 3 4 5", "Europe/Berlin")),
        ("@daily", Cron("@daily", "Europe/Berlin")),
        ("every 30m", Every(timedelta(minutes=30), NOW)),
        ("Every 90 s", Every(timedelta(seconds=90), NOW)),
        ("@every 1h30m", Every(timedelta(minutes=90), NOW)),
        ("30m", Every(timedelta(minutes=30), NOW)),
        ("2026-04-25T09:00", At(datetime(2026, 4, 25, 7, tzinfo=UTC))),
        ("2026-04-25 09:00Z", At(datetime(2026, 4, 25, 9, tzinfo=UTC))),
        ("20260425T0900Z", At(datetime(2026, 4, 25, 9, tzinfo=UTC))),
    ],
)
def test_a_schedule_is_an_expression_an_interval_or_a_time(written: str, expected: Schedule) -> None:
    assert parse_schedule(written, zone="Europe/Berlin", now=NOW) == expected


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("30", "seconds, minutes or hours"),
        ("2026-04-25", "at what time"),
        ("tomorrow at 9", "is not a schedule"),
        ("every monday at 9", "is not a duration"),
        ("every", "is not a duration"),
        ("", "is not a schedule"),
        ("0 9 * *", "five fields"),
        ("0 0 9 1 1 1", "has 6"),
        ("@reboot", "names no time"),
        ("61 * * * *", "minute"),
        ("x" * 1_000_000, "is not a schedule"),
        ("*" * 1_000_000, "five fields"),
        ("every " + "1" * 1_000_000, "is not a duration"),
    ],
)
def test_what_is_no_schedule_is_refused_by_its_nearest_form(written: str, part: str) -> None:
    with pytest.raises(ScheduleError, match=part) as refused:
        parse_schedule(written, zone="Europe/Berlin", now=NOW)

    assert len(str(refused.value)) < 400


WORDS = st.sampled_from(
    [
        "every",
        "@every",
        "@daily",
        "at",
        "5",
        "30m",
        "1h",
        "90 s",
        "*",
        "*/5",
        "2026-04-25",
        "T09:00",
        "Z",
        "+02:00",
    ]
)
INPUTS = st.one_of(
    st.text(max_size=40),
    st.lists(WORDS, max_size=6).map(" ".join),
    st.lists(WORDS, max_size=4).map("".join),
    st.text("0123456789-:.TZ+ WwdhmsA", max_size=30),
    st.datetimes().map(str),
)


def refusal_or_schedule(written: str) -> object:
    with at_once():
        try:
            schedule = parse_schedule(written, zone="Pacific/Apia", now=NOW)
            schedule.next_after(NOW)
        except ScheduleError as refused:
            return str(refused)
    return schedule


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    """They are loaded by the first of all."""
    Cron("* * * * *", "Pacific/Apia").next_after(NOW)


@given(INPUTS)
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_schedule_or_gets_a_reason_why_not_at_once_p_20(written: str) -> None:
    found = refusal_or_schedule(written)

    assert isinstance(found, At | Every | Cron | str)
    assert found


@pytest.mark.nightly
@given(INPUTS)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_texts_are_schedules_or_get_a_reason_why_not_at_once_p_20(written: str) -> None:
    found = refusal_or_schedule(written)

    assert isinstance(found, At | Every | Cron | str)
    assert found

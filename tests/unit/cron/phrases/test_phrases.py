"""Time phrases: what they count from, both changes of the clock, what is said about a refusal, other languages."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cron.phrases import FORMS, LANGUAGES, understand
from cron.schedule import At, Cron, Every
from gateway.errors import ScheduleError
from tests.unit.cron.phrases.corpus import BERLIN, BOTH, NOW


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(BERLIN))


def test_an_interval_counts_from_now() -> None:
    schedule = understand("every 5 minutes", now=NOW, zone=BERLIN)

    assert schedule == Every(timedelta(minutes=5), NOW)


def test_a_repetition_keeps_its_zone() -> None:
    schedule = understand("every monday at 10:00", now=NOW, zone="Asia/Tokyo")

    assert schedule == Cron("0 10 * * 1", "Asia/Tokyo")


def test_a_wall_time_that_the_clock_skips_is_refused() -> None:
    before = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)

    with pytest.raises(ScheduleError, match=r"2026-03-29 02:30 does not exist in Europe/Berlin"):
        understand("tomorrow at 02:30", now=before, zone=BERLIN)


def test_an_amount_of_days_goes_over_a_skipped_wall_time() -> None:
    before = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)  # 02:30 in Berlin

    schedule = understand("in 1 day", now=before, zone=BERLIN)

    assert schedule == At(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))


def test_a_wall_time_that_comes_twice_is_its_first_that_is_still_to_come() -> None:
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45, before the clock is set back to 02:00

    earlier = understand("at 02:30", now=between - timedelta(hours=1), zone=BERLIN)
    later = understand("at 02:30", now=between, zone=BERLIN)

    assert earlier == At(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert later == At(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_hours_count_as_they_pass_over_a_change_of_the_clock() -> None:
    before = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)

    schedule = understand("in 5 hours", now=before, zone=BERLIN)

    assert schedule == At(before + timedelta(hours=5))


def test_after_midnight_tonight_is_still_this_night() -> None:
    one_o_clock = local(2026, 11, 19, 1)

    schedule = understand("tonight at 2", now=one_o_clock.astimezone(UTC), zone=BERLIN)

    assert schedule == At(local(2026, 11, 19, 2))


def test_a_month_later_than_its_last_day_is_the_last_day_of_the_next() -> None:
    schedule = understand("in 1 month", now=local(2027, 1, 31, 12).astimezone(UTC), zone=BERLIN)

    assert schedule == At(local(2027, 2, 28, 12))


def test_what_has_passed_is_refused_with_both_times_and_both_zones() -> None:
    """C-04."""
    with pytest.raises(ScheduleError) as caught:
        understand("today at 9am", now=NOW, zone=BERLIN)

    for part in ("2026-11-18 09:00:00 (Europe/Berlin)", "08:00:00 UTC", "14:00:00 (Europe/Berlin)", "5:00:00"):
        assert part in str(caught.value)


def test_what_is_not_understood_is_refused_with_the_accepted_forms() -> None:
    """PRX-39."""
    with pytest.raises(ScheduleError) as caught:
        understand("every full moon", now=NOW, zone=BERLIN)

    assert FORMS in str(caught.value)


def test_every_accepted_form_is_understood() -> None:
    quoted = FORMS.split('"')[1::2]

    schedules = [understand(phrase, now=NOW, zone=BERLIN) for phrase in quoted]

    assert len(schedules) >= 15


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(ScheduleError, match="Mars/Base"):
        understand("in 5 minutes", now=NOW, zone="Mars/Base")


@pytest.mark.parametrize(
    ("language", "phrase", "meaning"),
    [
        ("es", "mañana a las 9:30", local(2026, 11, 19, 9, 30)),
        ("de", "morgen um 18:30 Uhr", local(2026, 11, 19, 18, 30)),
        ("de", "in 3 Stunden", local(2026, 11, 18, 17)),
        ("de", "in 3 Tagen", local(2026, 11, 21, 14)),
        ("fr", "24 décembre à 18:30", local(2026, 12, 24, 18, 30)),
        ("fr", "dans 2 heures", local(2026, 11, 18, 16)),
    ],
)
def test_other_languages_are_left_to_dateparser(language: str, phrase: str, meaning: datetime) -> None:
    schedule = understand(phrase, now=NOW, zone=BERLIN, languages=[language])

    assert schedule == At(meaning)


@pytest.mark.parametrize(
    ("language", "phrase"),
    [
        ("es", "mañana a las 9"),  # dateparser drops the 9 and takes the present minute
        ("es", "mañana"),
        ("de", "morgen"),
        ("de", "gestern um 18:30"),
        ("fr", "demain"),
        ("es", "mayo"),
        ("fr", "12 décembre"),  # midnight to dateparser
        ("es", "mañana 14"),  # it is 14:00 now
        ("de", "in 14 Monaten"),
        ("fr", "lundi"),
        ("xx", "mañana a las 9:30"),
    ],
)
def test_an_answer_of_dateparser_that_was_filled_in_is_refused(language: str, phrase: str) -> None:
    with pytest.raises(ScheduleError):
        understand(phrase, now=NOW, zone=BERLIN, languages=[language])


def test_english_is_understood_whatever_the_languages_are() -> None:
    schedule = understand("tomorrow at 9am", now=NOW, zone=BERLIN, languages=["fr"])

    assert schedule == At(local(2026, 11, 19, 9))


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_form_that_a_language_names_is_understood(code: str) -> None:
    quoted = LANGUAGES[code].forms.split('"')[1::2]

    schedules = [understand(phrase, now=NOW, zone=BERLIN, languages=[code]) for phrase in quoted]

    assert len(schedules) >= 15


def test_what_is_not_understood_in_chinese_is_answered_with_chinese_forms() -> None:
    """PRX-39."""
    with pytest.raises(ScheduleError) as caught:
        understand("每次满月", now=NOW, zone=BERLIN, languages=BOTH)

    assert "明天早上9点" in str(caught.value)


@pytest.mark.parametrize(
    ("phrase", "setting"),
    [
        ("every day at 9 until friday", "expires_at"),
        ("every day at 9 for 5 days", "expires_at"),
        ("every day at 9 starting on monday", "start_at"),
        ("every day at 9 except friday", "exclude"),
        ("every day at 9 twice", "max_runs"),
        ("tomorrow at 9 UTC", "tz"),
        ("每天9点直到周五", "expires_at"),
        ("每天9点共5次", "max_runs"),
    ],
)
def test_a_bound_is_refused_with_the_name_of_the_setting_that_does_it(phrase: str, setting: str) -> None:
    with pytest.raises(ScheduleError, match=f"the job's setting {setting} "):
        understand(phrase, now=NOW, zone=BERLIN, languages=BOTH)


def test_what_is_counted_begins_with_the_first_that_is_still_to_come() -> None:
    schedule = understand("every other day at 9", now=NOW, zone=BERLIN)

    assert schedule == Cron("0 9 * * *", BERLIN, every_nth=2, anchor=local(2026, 11, 19, 9))
    assert schedule.next_after(NOW) == local(2026, 11, 19, 9)


def test_a_language_with_a_table_is_never_left_to_dateparser() -> None:
    with pytest.raises(ScheduleError):
        understand("tomorrow at 9:5", now=NOW, zone=BERLIN, languages=["en", "de"])

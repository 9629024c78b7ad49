"""Time phrases: a corpus of what is meant, both changes of the clock, other languages, and hostile text."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.phrases import FORMS, find, understand
from cron.schedule import At, Cron, Every, Schedule
from gateway.errors import ScheduleError

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)  # a Wednesday, 14:00 in Berlin


def rows(name: str) -> list[tuple[str, ...]]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines if line and not line.startswith("#")]


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(BERLIN))


def schedule_or_none(text: str) -> Schedule | None:
    """Any other error than a refusal breaks the test."""
    try:
        return understand(text, now=NOW, zone=BERLIN)
    except ScheduleError:
        return None


def in_words(schedule: Schedule) -> str:
    if isinstance(schedule, Cron):
        return f"cron {schedule.expression}"
    if isinstance(schedule, Every):
        return f"every {schedule.interval // timedelta(seconds=1)}"
    return f"{schedule.instant.astimezone(ZoneInfo(BERLIN)):%Y-%m-%d %H:%M:%S}".removesuffix(":00")


CORPUS = rows("phrases.txt")
UNDERSTOOD = [row for row in CORPUS if not row[1].startswith("refused: ")]
REFUSED = [
    (phrase, meaning.removeprefix("refused: ")) for phrase, meaning in CORPUS if meaning.startswith("refused: ")
]


@pytest.mark.parametrize(("phrase", "meaning"), UNDERSTOOD)
def test_a_phrase_means_what_the_corpus_says(phrase: str, meaning: str) -> None:
    """PRX-37, PRX-38."""
    schedule = understand(phrase, now=NOW, zone=BERLIN)

    assert in_words(schedule) == meaning


@pytest.mark.parametrize(("phrase", "why"), REFUSED)
def test_what_would_be_a_guess_is_refused_with_the_reason(phrase: str, why: str) -> None:
    """PRX-39."""
    with pytest.raises(ScheduleError) as caught:
        understand(phrase, now=NOW, zone=BERLIN)

    assert why in str(caught.value)


@pytest.mark.parametrize(("sentence", "phrase", "rest"), rows("phrases_sentences.txt"))
def test_a_phrase_is_found_in_its_sentence(sentence: str, phrase: str, rest: str) -> None:
    found = find(sentence, now=NOW, zone=BERLIN)

    if found is None:
        assert (phrase, rest) == ("-", "-")
        return
    assert (found.phrase, found.rest) == (phrase.removesuffix("!").strip(), rest)
    assert bool(found.refusal) == phrase.endswith("!")
    assert (found.schedule is None) == phrase.endswith("!")


@pytest.mark.parametrize("sentence", [row[0] for row in rows("phrases_sentences.txt")])
def test_a_found_phrase_is_understood_as_the_same_schedule(sentence: str) -> None:
    found = find(sentence, now=NOW, zone=BERLIN)

    if found is not None and found.schedule is not None:
        assert understand(found.phrase, now=NOW, zone=BERLIN) == found.schedule


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 120


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


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10**6,
        " " * 10**6,
        "in 5 minutes " * 80_000,
        "every monday, " * 80_000,
        "9:00 " * 200_000,
        "1" * 10**6,
    ],
)
def test_an_enormous_text_is_answered_at_once(text: str) -> None:
    """P-20."""
    find("at 5pm", now=NOW, zone=BERLIN)  # the table is compiled once
    started = time.perf_counter()

    find(text, now=NOW, zone=BERLIN)
    with pytest.raises(ScheduleError):
        understand(text, now=NOW, zone=BERLIN)

    assert time.perf_counter() - started < 0.1


VOCABULARY = """
    in at on every each other the next this and a an half of for until last day week month year hour hours minute
    minutes seconds monday friday sundays weekday weekends morning night tonight today tomorrow noon midnight am pm
    first 2nd 31st december may dec 0 1 5 9 12 13 25 30 31 99 2026 9:00 17:30 9:75 25:00 2026-12-24 29.02.2027
    2026-02-30T25:61:00Z 03/04 daily monthly past quarter to , . ! 明天 9点 １２ İ ſ K remind me
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=250, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=9).map(" ".join))
def test_only_a_schedule_or_a_refusal_comes_of_any_words(text: str) -> None:
    """P-20."""
    schedule = schedule_or_none(text)

    assert not isinstance(schedule, At) or schedule.instant > NOW


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, min_size=1, max_size=12).map(" ".join)))
def test_a_sentence_never_breaks_the_search(text: str) -> None:
    found = find(text, now=NOW, zone=BERLIN)

    if found is not None and found.schedule is not None:
        assert understand(found.phrase, now=NOW, zone=BERLIN) == found.schedule


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(st.one_of(st.text(max_size=120), st.lists(WORDS, min_size=1, max_size=12).map(" ".join)))
def test_ten_thousand_texts_give_only_schedules_or_refusals(text: str) -> None:
    """P-20."""
    schedule = schedule_or_none(text)

    assert not isinstance(schedule, At) or schedule.instant > NOW

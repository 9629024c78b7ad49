"""Phrases that nobody means: enormous, scrambled and made up. And laws that hold for all that are understood."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cron.phrases import LANGUAGES, find, understand
from cron.schedule import At, Cron, Every, Schedule
from gateway.errors import ScheduleError
from tests.unit.cron.phrases.corpus import BERLIN, BOTH, NOW, rows, schedule_or_none, understood

AT_ONCE = 0.1  # seconds of the processor, whatever else it works on


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """Tables are compiled and libraries imported once, which is not what is measured here."""
    for text in ("remind me at 5pm", "晚上8点提醒我", "every other day at 9", "每天9点"):
        find(text, now=NOW, zone=BERLIN, languages=BOTH)
        schedule_or_none(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10**6,
        " " * 10**6,
        "in 5 minutes " * 80_000,
        "every monday, " * 80_000,
        "9:00 " * 200_000,
        "1" * 10**6,
        "每天早上9点和" * 100_000,
        "一" * 10**6,
        "每周一二三四五六日" * 100_000,
    ],
)
def test_an_enormous_text_is_answered_at_once(text: str) -> None:
    """P-20."""
    started = time.thread_time()

    find(text, now=NOW, zone=BERLIN, languages=BOTH)
    with pytest.raises(ScheduleError):
        understand(text, now=NOW, zone=BERLIN, languages=BOTH)

    assert time.thread_time() - started < AT_ONCE


VOCABULARY = """
    in at on every each the next this and a an half of for until last day week month year hour hours minute between
    minutes seconds monday friday sundays weekday weekends morning night tonight today tomorrow noon midnight am pm
    first 2nd 31st december may dec 0 1 5 9 12 13 25 30 31 99 2026 9:00 17:30 9:75 25:00 2026-12-24 29.02.2027
    2026-02-30T25:61:00Z 03/04 daily monthly past quarter to other from twice second third times , . ! １２ İ ſ K
    每 天 每天 隔 两 三 十 半 一 刻 点 分 小时 分钟 后 前 明天 今晚 下周 周一 周日 周末
    工作日 早上 晚上 下午 月 号 日 最后 第 和 、 到 次 年 的 点鐘 週 remind
"""
WORDS = st.sampled_from(VOCABULARY.split())
SPACED = st.lists(WORDS, min_size=1, max_size=10).map(" ".join)
UNSPACED = st.lists(WORDS, min_size=1, max_size=10).map("".join)
PHRASES = [phrase for phrase, _ in understood("english.txt", "chinese.txt")]
SCRAMBLED = st.sampled_from(PHRASES).flatmap(lambda phrase: st.permutations(list(phrase)).map("".join))
TEXTS = st.one_of(st.text(max_size=120), SPACED, UNSPACED, SCRAMBLED)


def answered(text: str) -> Schedule | None:
    """What comes of a text, which takes no longer than it may.

    What the text itself costs, it costs every time; a collection of the garbage of 10,000 examples does not.
    """
    schedule, seconds = timed(text)
    if seconds >= AT_ONCE:
        schedule, seconds = timed(text)
    assert seconds < AT_ONCE
    return schedule


def timed(text: str) -> tuple[Schedule | None, float]:
    started = time.thread_time()
    schedule = schedule_or_none(text)
    find(text, now=NOW, zone=BERLIN, languages=BOTH)
    return schedule, time.thread_time() - started


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_only_a_schedule_in_the_future_or_a_refusal_comes_of_any_text(text: str) -> None:
    """P-20."""
    schedule = answered(text)

    assert schedule is None or (following := schedule.next_after(NOW)) is None or following > NOW
    assert not isinstance(schedule, At) or schedule.instant > NOW


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(TEXTS)
def test_ten_thousand_texts_give_only_schedules_or_refusals(text: str) -> None:
    """P-20."""
    schedule = answered(text)

    assert not isinstance(schedule, At) or schedule.instant > NOW


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_what_is_found_in_a_sentence_is_what_the_phrase_alone_means(text: str) -> None:
    found = find(text, now=NOW, zone=BERLIN, languages=BOTH)

    if found is not None and found.schedule is not None:
        assert understand(found.phrase, now=NOW, zone=BERLIN, languages=BOTH) == found.schedule


def test_every_understood_phrase_of_the_corpora_lies_in_the_future() -> None:
    schedules = [understand(phrase, now=NOW, zone=BERLIN, languages=BOTH) for phrase in PHRASES]

    assert all((following := schedule.next_after(NOW)) is not None and following > NOW for schedule in schedules)


def test_case_spaces_and_a_mark_at_the_end_change_no_meaning() -> None:
    for phrase in PHRASES:
        schedule = schedule_or_none(phrase)

        assert schedule_or_none(phrase.upper()) == schedule, phrase
        assert schedule_or_none(f"  {phrase.replace(' ', '  ')} .") == schedule, phrase
        assert schedule_or_none(f"{phrase}。") == schedule, phrase


FULL_WIDTH = str.maketrans("0123456789:,", "０１２３４５６７８９：，")


def test_full_width_digits_and_marks_change_no_meaning() -> None:
    for phrase in PHRASES:
        assert schedule_or_none(phrase.translate(FULL_WIDTH)) == schedule_or_none(phrase), phrase


TRADITIONAL = str.maketrans({simple: letter for letter, simple in LANGUAGES["zh"].letters.items()})


def test_traditional_characters_change_no_meaning() -> None:
    for phrase, _ in rows("chinese.txt"):
        assert schedule_or_none(phrase.translate(TRADITIONAL)) == schedule_or_none(phrase), phrase


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PHRASES), st.data())
def test_no_digit_is_dropped(phrase: str, data: st.DataObject) -> None:
    """Another digit means something else, or is refused; the only exceptions are written two ways (9 and 09)."""
    places = [match.start() for match in re.finditer("[0-9]", phrase)]
    assume(places)
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([digit for digit in "123456789" if digit != phrase[place]]))

    other = schedule_or_none(f"{phrase[:place]}{digit}{phrase[place + 1 :]}")

    assert other is None or other != schedule_or_none(phrase)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 999), st.sampled_from(["minutes", "hours", "days"]))
def test_an_amount_is_as_long_as_it_says(number: int, unit: str) -> None:
    seconds = {"minutes": 60, "hours": 3600, "days": 86_400}[unit]
    chinese = {"minutes": "分钟", "hours": "小时", "days": "天"}[unit]

    every, in_chinese = schedule_or_none(f"every {number} {unit}"), schedule_or_none(f"每{number}{chinese}")

    if number == 1 and unit == "days":
        assert every is None  # at what time?
        return
    assert isinstance(every, Every)
    assert every.interval.total_seconds() == number * seconds
    assert in_chinese == every


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_kept_to_the_minute(hour: int, minute: int) -> None:
    expected = Cron(f"{minute} {hour} * * *", BERLIN)

    assert schedule_or_none(f"every day at {hour}:{minute:02}") == expected
    assert schedule_or_none(f"每天{hour}点{minute:02}分") == expected

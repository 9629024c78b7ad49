"""What it costs to understand a time phrase, or to refuse it."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench.report import Due, Measure, median_of
from bench.run import Run
from cron.phrases import find, understand
from cron.phrases.chinese import CHINESE
from cron.phrases.english import ENGLISH
from cron.phrases.grammar import Reader
from gateway.errors import ScheduleError

GROUP = "phrases"
NOW = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
ROUNDS = 40
UNDERSTOOD, REFUSED = Due(limit=2), Due(limit=10)

ENGLISH_PHRASES = (
    *(
        "in an hour and a half",
        "tonight at 8",
        "tomorrow at quarter past nine",
        "on the 24th of December at 18:00",
    ),
    *("every weekday at 9", "every 2 weeks on monday at 9", "every 2 hours between 9 and 17 on weekdays"),
    *("mon, wed and fri at 7:30", "the last friday of each month at 17:00", "2026-12-24 18:00"),
)
CHINESE_PHRASES = (
    *("一个半小时后", "今晚8点", "后天下午三点一刻", "12月24日晚上8点", "下周一上午十点"),
    *(
        "每个工作日上午9点半",
        "每周一、三、五上午9点",
        "每天早上8点和晚上8点",
        "隔天早上9点",
        "每月最后一个周五17点",
    ),
)
NO_PHRASES = (
    *("every full moon", "at 5", "tomorow at 9am", "every day at 9 until friday", "30 february at 9", "soon"),
    *("每次满月", "几分钟后", "每隔两天9点", "明天5点", "农历八月十五晚上8点", "remind me to stretch"),
)
SENTENCES = (
    "remind me every weekday at 9 to write my report",
    "提醒我明天早上9点开会",
    "hello, how are you today?",
)


def measure(run: Run) -> None:
    """Each kind of phrase."""
    run.say("phrases: what words cost")
    for sentence in SENTENCES:  # the tables are compiled once
        find(sentence, now=NOW, zone=ZONE, languages=("en", "zh"))
    run.add(
        _each("an English phrase understood", ENGLISH_PHRASES, ("en", "zh"), UNDERSTOOD),
        _each("a Chinese phrase understood", CHINESE_PHRASES, ("en", "zh"), UNDERSTOOD),
        _each("a phrase refused", NO_PHRASES, ("en", "zh"), REFUSED),
        _each("a phrase refused by dateparser", _unknown(), ("de", "fr", "en"), REFUSED),
        _found(),
        _first(),
    )


def _each(name: str, phrases: Sequence[str], languages: Sequence[str], due: Due) -> Measure:
    """The slowest of the phrases, each at its median."""
    medians = [_median(lambda phrase=phrase: _answer(phrase, languages)) for phrase in phrases]
    return median_of(GROUP, f"{name} (the slowest of {len(phrases)})", "ms", [max(medians)], due=due)


def _answer(phrase: str, languages: Sequence[str]) -> None:
    try:
        understand(phrase, now=NOW, zone=ZONE, languages=languages)
    except ScheduleError:
        return


def _unknown() -> list[str]:
    """Texts that our tables leave to dateparser."""
    words = (
        "irgendwann um 21:00",
        "vielleicht am 24. um 18:00",
        "um halb 9 oder 10",
        "dans 3 lunes",
        "le 3 à midi",
    )
    for text in words:
        _answer(text, ("de", "fr", "en"))  # its dictionaries are read once
    return list(words)


def _found() -> Measure:
    medians = [
        _median(lambda text=text: find(text, now=NOW, zone=ZONE, languages=("en", "zh"))) for text in SENTENCES
    ]
    return median_of(GROUP, "a sentence searched for its time (the slowest of 3)", "ms", [max(medians)])


def _first() -> Measure:
    """The first phrase of a process compiles the table of its language."""

    def compile_both() -> None:
        re.purge()
        Reader(ENGLISH)
        Reader(CHINESE)

    return median_of(GROUP, "compiling both tables, once in a process", "ms", [_seconds(compile_both) * 1000])


def _median(work: Callable[[], object]) -> float:
    return sorted(_seconds(work) * 1000 for _ in range(ROUNDS))[ROUNDS // 2]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

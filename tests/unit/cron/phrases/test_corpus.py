"""Every phrase of the corpora means what stands beside it, or is refused for the reason that stands there.

The phrases of a file are one test, which names every phrase that is read otherwise.
"""

from collections.abc import Sequence

import pytest

from cron.phrases import find, understand
from gateway.errors import ScheduleError
from tests.unit.cron.phrases.corpus import BERLIN, BOTH, NOW, in_words, refused, rows, understood

ENGLISH, CHINESE = "english.txt", "chinese.txt"
IN_BOTH = {"2020-01-01 09:00", "2026-12-24 18:00", "2026/12/24 18:00", "17:30", "9:30", "5"}


def meaning_of(phrase: str, languages: Sequence[str]) -> str:
    try:
        return in_words(understand(phrase, now=NOW, zone=BERLIN, languages=languages))
    except ScheduleError as error:
        return str(error)


def seen(sentence: str, languages: Sequence[str]) -> tuple[str, str]:
    """The phrase that is found, with a mark when it is refused, and the rest."""
    found = find(sentence, now=NOW, zone=BERLIN, languages=languages)
    if found is None:
        return ("-", "-")
    assert (found.schedule is None) == bool(found.refusal)
    return (f"{found.phrase} !".strip() if found.refusal else found.phrase, found.rest)


def test_an_english_phrase_means_what_the_corpus_says() -> None:
    """PRX-37, PRX-38."""
    corpus = dict(understood(ENGLISH))

    assert {phrase: meaning_of(phrase, ["en"]) for phrase in corpus} == corpus


def test_a_chinese_phrase_means_what_the_corpus_says() -> None:
    """PRX-37, PRX-38."""
    corpus = dict(understood(CHINESE))

    assert {phrase: meaning_of(phrase, BOTH) for phrase in corpus} == corpus


def test_an_english_phrase_means_the_same_where_chinese_is_read_too() -> None:
    corpus = dict(understood(ENGLISH))

    assert {phrase: meaning_of(phrase, ["zh", "en"]) for phrase in corpus} == corpus


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_what_would_be_a_guess_is_refused_with_the_reason(name: str) -> None:
    """PRX-39."""
    answers = {phrase: (why, meaning_of(phrase, BOTH)) for phrase, why in refused(name)}

    assert {phrase: answer for phrase, (why, answer) in answers.items() if why not in answer} == {}


def test_a_phrase_is_found_in_its_sentence() -> None:
    corpus = {sentence: (phrase, rest) for sentence, phrase, rest in rows("sentences.txt")}

    assert {sentence: seen(sentence, ["en"]) for sentence in corpus} == corpus


def test_a_phrase_is_found_in_its_chinese_sentence() -> None:
    corpus = {sentence: (phrase, rest) for sentence, phrase, rest in rows("sentences_chinese.txt")}

    assert {sentence: seen(sentence, BOTH) for sentence in corpus} == corpus


def test_a_found_phrase_is_understood_as_the_same_schedule() -> None:
    sentences = [row[0] for row in (*rows("sentences.txt"), *rows("sentences_chinese.txt"))]

    found = [
        found for text in sentences if (found := find(text, now=NOW, zone=BERLIN, languages=BOTH)) is not None
    ]

    for one in found:
        if one.schedule is not None:
            assert understand(one.phrase, now=NOW, zone=BERLIN, languages=BOTH) == one.schedule
    assert len(found) >= 80


def test_the_corpora_are_large_and_name_no_phrase_twice() -> None:
    phrases = [row[0] for name in (ENGLISH, CHINESE) for row in rows(name)]

    assert len(understood(ENGLISH)) >= 300
    assert len(understood(CHINESE)) >= 200
    assert len(refused(ENGLISH)) >= 200
    assert len(refused(CHINESE)) >= 100
    assert {phrase for phrase in phrases if phrases.count(phrase) > 1} <= IN_BOTH

"""A third language is a table: a small Spanish one, which is only here."""

from fractions import Fraction

import pytest

from cron.phrases import LANGUAGES, find, understand
from cron.phrases.language import Kind, Language, Piece
from cron.phrases.values import Part
from cron.schedule import Schedule
from gateway.errors import ScheduleError
from tests.unit.cron.phrases.corpus import BERLIN, NOW, in_words

SPANISH = Language(
    forms='Se entiende "mañana a las 9:00" y "cada 5 minutos".',
    numbers={"un": Fraction(1), "una": Fraction(1), "media": Fraction(1, 2), "dos": Fraction(2)},
    units={"minuto": "minute", "minutos": "minute", "hora": "hour", "horas": "hour", "días": "day"},
    periods={"día": "day", "hora": "hour"},
    weekdays={"lunes": 0, "martes": 1, "viernes": 4},
    weekday_names=("lunes", "martes", "viernes"),
    day_sets={"días laborables": (0, 1, 2, 3, 4)},
    months={"enero": 1, "diciembre": 12},
    shifts={"hoy": 0, "mañana": 1, "pasado mañana": 2},
    parts={"mañana": Part.MORNING, "tarde": Part.AFTERNOON, "noche": Part.NIGHT},
    clock_words={"mediodía": (12, 0)},
    between_amounts=" y ",
    between_days="(?:, ?| y )",
    glue="(?: {0,2},)? {0,3}(?:y {1,3})?",
    pieces=(
        Piece(Kind.EVERY_AMOUNT, "cada {amount}"),
        Piece(Kind.EVERY_UNIT, "cada {period}"),
        Piece(Kind.EVERY_WEEKDAYS, "(?:cada|todos los) {weekday_list}"),
        Piece(Kind.EVERY_WEEKDAYS, "los {day_set}"),
        Piece(Kind.OFFSET, "(?:en|dentro de) {amount}"),
        Piece(Kind.SHIFT, "{shift}"),
        Piece(Kind.WEEKDAY, "el {weekday}"),
        Piece(Kind.DATE, "el {day} de {month}"),
        Piece(Kind.CLOCK, "a las? {hour}(?::{minute})?(?: de la {part})?"),
        Piece(Kind.CLOCK_WORD, "al? {clock_word}"),
    ),
    recurrence="cada|todos los",
    limits={"expires_at": "hasta"},
)
TABLES = {**LANGUAGES, "es": SPANISH}


def read(phrase: str) -> Schedule:
    return understand(phrase, now=NOW, zone=BERLIN, languages=["es"], tables=TABLES)


@pytest.mark.parametrize(
    ("phrase", "meaning"),
    [
        ("en media hora", "2026-11-18 14:30"),
        ("dentro de 2 horas y 5 minutos", "2026-11-18 16:05"),
        ("mañana a las 9", "2026-11-19 09:00"),
        ("pasado mañana a las 8 de la tarde", "refused: is not in the afternoon"),
        ("hoy a las 8 de la noche", "2026-11-18 20:00"),
        ("el viernes a las 10:30", "2026-11-20 10:30"),
        ("el 24 de diciembre a las 18:00", "2026-12-24 18:00"),
        ("cada 5 minutos", "every 300"),
        ("cada día al mediodía", "cron 0 12 * * *"),
        ("cada día a las 9 y a las 18", "cron 0 9,18 * * *"),
        ("cada lunes y viernes a las 9", "cron 0 9 * * 1,5"),
        ("los días laborables a las 7:30", "cron 30 7 * * 1-5"),
        ("a las 5", "refused: can mean"),
        ("cada luna llena", "refused: cada 5 minutos"),
        ("cada día a las 9 hasta el viernes", "refused: expires_at"),
        ("tomorrow at 9", "2026-11-19 09:00"),
    ],
)
def test_a_language_is_added_by_its_table_alone(phrase: str, meaning: str) -> None:
    try:
        answer = in_words(read(phrase))
    except ScheduleError as error:
        answer = f"refused: {error}"

    assert meaning.removeprefix("refused: ") in answer
    assert answer.startswith("refused: ") == meaning.startswith("refused: ")


def test_a_sentence_is_searched_in_the_added_language() -> None:
    found = find("mañana a las 21:00 dentista", now=NOW, zone=BERLIN, languages=["es"], tables=TABLES)

    assert found is not None
    assert (found.phrase, found.rest) == ("mañana a las 21:00", "dentista")
    assert found.schedule == read("mañana a las 21:00")


def test_an_empty_table_reads_nothing() -> None:
    tables = {**LANGUAGES, "xx": Language(forms="", pieces=(Piece(Kind.SHIFT, "{shift}"),))}

    with pytest.raises(ScheduleError):
        understand("mañana", now=NOW, zone=BERLIN, languages=["xx"], tables=tables)

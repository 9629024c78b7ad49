"""What a language is to the time grammar: vocabularies, and patterns that use them.

In a pattern, `{weekday}` stands for any word of the vocabulary `weekdays` and names the group `weekday`;
`{last=weekday}` names it `last`; a space stands for one to three. Every pattern is bounded, so that matching
takes time in proportion to the text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from cron.phrases.values import Part


class Kind(Enum):
    """What a piece says; READERS has the groups that each one needs."""

    INSTANT = auto()
    OFFSET = auto()
    SHIFT = auto()
    WEEKDAY = auto()
    DATE = auto()
    DATE_TIME = auto()
    TODAY_PART = auto()
    PART = auto()
    CLOCK = auto()
    CLOCK_LIST = auto()
    CLOCK_WORD = auto()
    PAST_HOUR = auto()
    EVERY_AMOUNT = auto()
    EVERY_UNIT = auto()
    EVERY_WEEKDAYS = auto()
    EVERY_RANGE = auto()
    EVERY_MONTH_DAY = auto()
    EVERY_LAST_DAY = auto()
    EVERY_NTH_WEEKDAY = auto()
    EVERY_DATE = auto()
    EVERY_PART = auto()
    NTH_REPEAT = auto()
    AMOUNT_ALONE = auto()
    VAGUE = auto()
    COUNTED_FROM = auto()
    SLASHED = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A pattern and what it says."""

    kind: Kind
    pattern: str
    follows: bool = False  # inside a sentence only next to another piece of the phrase
    alone: bool = False  # never inside a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Everything that the engine knows of one language. Words are lower case, with single spaces."""

    numbers: Mapping[str, Fraction]
    ordinals: Mapping[str, int]  # "last" is -1
    units: Mapping[str, str]  # of amounts: "sec" → "second"
    periods: Mapping[str, str]  # what repeats: "hour", "hourly"
    adverbs: Sequence[str]  # the periods that need no "every"
    weekdays: Mapping[str, int]  # Monday is 0
    weekday_names: Sequence[str]  # the weekdays that no other word can be taken for (not "sun")
    weekday_plurals: Mapping[str, int]
    day_sets: Mapping[str, tuple[int, ...]]  # "weekends"
    months: Mapping[str, int]
    shifts: Mapping[str, int]  # "tomorrow" → 1
    parts: Mapping[str, Part]
    today_parts: Mapping[str, Part]  # "tonight"
    hour_words: Mapping[str, int]  # "nine"
    clock_words: Mapping[str, tuple[int, int]]  # "noon"
    halves: Mapping[str, int]  # "am" → 0, "pm" → 12
    past_words: Mapping[str, int]  # minutes before or after the hour: "quarter to" → -15
    nexts: Mapping[str, bool]  # "next" → True, "this" → False
    quantity: str  # one number with its unit; groups number, unit, and half or more for an additional half
    between_amounts: str
    between_days: str
    glue: str  # what may stand between two pieces
    before: str  # a word begins here
    after: str  # a word ends here
    pieces: Sequence[Piece]
    about: str  # right before a time it makes it a part of what is said: "before", "about"
    perhaps_about: str  # the same, if the sentence has another time: "for"
    dates: str  # names a date, also where it is not read as one: "24. december", "on 24.12"
    beside: str  # a day or a time of day, which right beside a phrase is a part of it
    counted: str  # behind an amount it says from when that is counted: "before"
    limits: str  # next to a phrase: narrows it in a way that cannot be held yet ("until", "except")
    recurrence: str  # "every": where nothing was understood, it names what was not


_ISO_DATE = "(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
_ISO_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?"

UNIVERSAL = (
    Piece(Kind.INSTANT, f"{_ISO_DATE}(?:t| ){_ISO_TIME} ?(?P<offset>z|[+-][0-9]{{2}}:?[0-9]{{2}})"),
    Piece(Kind.DATE_TIME, f"{_ISO_DATE}(?:t| ){_ISO_TIME}"),
    Piece(Kind.DATE, _ISO_DATE),
    Piece(Kind.DATE, r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})"),
    Piece(Kind.SLASHED, "[0-9]{1,4}/[0-9]{1,2}(?:/[0-9]{1,4})?"),
)
"""Numeric forms that mean the same in every language."""


_PLACEHOLDER = re.compile(r"\{(?:([a-z_]+)=)?([a-z_]+)\}")
_DIGITS = {
    "number": r"[0-9]{1,6}(?:\.[0-9]{1,3})?",
    "hour": "[0-9]{1,2}",
    "minute": "[0-9]{2}",
    "day": "[0-9]{1,2}(?![0-9:])",
    "year": "[0-9]{4}",
}
_CLOCK = r"(?P<hour>[0-9]{1,2})(?::{minute})?(?: ?{half_day})?(?![0-9:])"


class Words:
    """A language's vocabularies with the patterns that take a list apart."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.quantity = re.compile(pattern_of(language.quantity, language))
        self.clock = re.compile(pattern_of(_CLOCK, language))
        self.days = {**language.weekdays, **language.weekday_plurals}
        self.day = re.compile(bounded(_any_day(language), language))
        self.between_amounts = re.compile(pattern_of(language.between_amounts, language))
        self.between_days = re.compile(pattern_of(language.between_days, language))


def bounded(pattern: str, language: Language) -> str:
    """The pattern between the borders of words."""
    return f"(?:{language.before})(?:{pattern_of(pattern, language)})(?:{language.after})"


def pattern_of(pattern: str, language: Language) -> str:
    """The pattern with its placeholders as named groups, and every space as one to three."""
    filled = _filled(pattern, language).replace(" ?", "(?: )?")
    return filled.replace(" ", " {1,3}")


def _filled(pattern: str, language: Language) -> str:
    def group(match: re.Match[str]) -> str:
        name, what = match[1] or match[2], match[2]
        return f"(?P<{name}>{_alternatives(what, language)})"

    return _PLACEHOLDER.sub(group, pattern)


def unnamed(pattern: str) -> str:
    """The pattern without the names of its groups, to be used in a larger one."""
    return re.sub(r"\(\?P<[a-z_]+>", "(?:", pattern)


def _alternatives(what: str, language: Language) -> str:
    if what in ("amount", "clock_list", "weekday_list", "plural_list"):
        return _list_of(what, language)
    words = _either(_vocabulary(language, what))
    return "|".join(filter(None, (_DIGITS.get(what, ""), words)))


def _list_of(what: str, language: Language) -> str:
    if what == "amount":
        quantity = unnamed(_filled(language.quantity, language))
        return f"{quantity}(?:{language.between_amounts}{quantity}){{0,3}}"
    if what == "clock_list":
        clock = unnamed(_filled(_CLOCK, language))
        return f"{clock}(?:{language.between_days}{clock}){{1,5}}"
    first = _either(language.weekday_plurals) if what == "plural_list" else _any_day(language)
    return f"{first}(?:{language.between_days}{_any_day(language)}){{0,6}}"


def _any_day(language: Language) -> str:
    return _either((*language.weekdays, *language.weekday_plurals))


def _vocabulary(language: Language, what: str) -> Iterable[str]:
    tables: Mapping[str, Iterable[str]] = {
        "number": language.numbers,
        "hour": language.hour_words,
        "day": language.ordinals,
        "minute": (),
        "year": (),
        "ordinal": language.ordinals,
        "unit": language.units,
        "period": language.periods,
        "adverb": language.adverbs,
        "weekday": language.weekdays,
        "weekday_name": language.weekday_names,
        "day_set": language.day_sets,
        "month": language.months,
        "shift": language.shifts,
        "part": language.parts,
        "today_part": language.today_parts,
        "clock_word": language.clock_words,
        "half_day": language.halves,
        "past_word": language.past_words,
        "next": language.nexts,
    }
    return tables[what]


def _either(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return f"(?:{'|'.join(map(_literal, longest_first))})" if longest_first else ""


def _literal(word: str) -> str:
    return re.escape(word).replace("\\ ", " ")

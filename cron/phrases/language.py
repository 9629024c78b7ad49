"""What a language is to the time grammar: vocabularies, and patterns that use them.

In a pattern, `{weekday}` stands for any word of the vocabulary `weekdays` and names the group `weekday`;
`{last=weekday}` names it `last`; a space stands for one to three. Every pattern is bounded, so that matching
takes time in proportion to the text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction

from cron.phrases.values import Part

NOTHING = "(?!)"
"""A pattern that matches nowhere."""


class Kind(Enum):
    """What a piece says; READERS has the groups that each one needs."""

    INSTANT = auto()
    OFFSET = auto()
    SHIFT = auto()
    WEEKDAY = auto()
    WEEKDAYS = auto()
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
    EVERY_NTH = auto()
    TWO_WAYS = auto()
    WINDOW = auto()
    AMOUNT_ALONE = auto()
    VAGUE = auto()
    COUNTED_FROM = auto()
    SLASHED = auto()
    NUMBER_ALONE = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A pattern and what it says."""

    kind: Kind
    pattern: str
    follows: bool = False  # inside a sentence only next to another piece of the phrase
    alone: bool = False  # never inside a sentence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """Everything that the engine knows of one language. Words are lower case, with single spaces.

    A vocabulary that is empty matches nothing, and what a language does not have is left out.
    """

    pieces: Sequence[Piece]
    forms: str  # what is understood, with an example of each in double quotes

    # Vocabularies.
    numbers: Mapping[str, Fraction] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)  # "last" is -1
    units: Mapping[str, str] = field(default_factory=dict)  # of amounts: "sec" → "second"
    periods: Mapping[str, str] = field(default_factory=dict)  # what repeats: "hour", "hourly"
    adverbs: Sequence[str] = ()  # the periods that need no "every"
    counts: Mapping[str, int] = field(default_factory=dict)  # "twice" → 2
    weekdays: Mapping[str, int] = field(default_factory=dict)  # Monday is 0
    weekday_names: Sequence[str] = ()  # the weekdays that no other word can be taken for (not "sun")
    weekday_plurals: Mapping[str, int] = field(default_factory=dict)
    day_letters: Mapping[str, int] = field(default_factory=dict)  # a weekday in a list, without its prefix
    day_sets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # "weekends"
    months: Mapping[str, int] = field(default_factory=dict)
    shifts: Mapping[str, int] = field(default_factory=dict)  # "tomorrow" → 1
    nexts: Mapping[str, bool] = field(default_factory=dict)  # "next" → True, which is asked; "this" → False
    weeks: Mapping[str, int] = field(default_factory=dict)  # where it is no question: "this" → 0, "next" → 1
    month_shifts: Mapping[str, int] = field(default_factory=dict)  # "next month" → 1
    year_shifts: Mapping[str, int] = field(default_factory=dict)  # "next year" → 1
    parts: Mapping[str, Part] = field(default_factory=dict)
    today_parts: Mapping[str, Part] = field(default_factory=dict)  # "tonight"
    hour_words: Mapping[str, int] = field(default_factory=dict)  # "nine"
    minute_words: Mapping[str, int] = field(default_factory=dict)
    clock_words: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # "noon"
    halves: Mapping[str, int] = field(default_factory=dict)  # "am" → 0, "pm" → 12
    past_words: Mapping[str, int] = field(default_factory=dict)  # minutes from the hour: "quarter to" → -15

    # Letters, borders, and what stands between two things.
    script: str = ""  # a pattern of its letters: a text without any is not in this language
    letters: Mapping[str, str] = field(default_factory=dict)  # one letter that is read as another one
    before: str = r"(?<!\w)(?<![0-9][:.,/-])(?<![-'])"  # a word begins here
    after: str = r"(?!\w)(?![:.,/-][0-9])"  # a word ends here
    gap: str = " {1,3}"  # between a word and what it belongs to
    quantity: str = "{number}(?: |(?<=[0-9])){unit}"  # also groups half and more: an additional half
    between_amounts: str = " ?"
    between_days: str = ", ?"
    between_clocks: str = NOTHING  # "9 to 17"
    glue: str = " {0,2},? {0,3}"  # between two pieces

    # What a sentence says beside its time.
    about: str = NOTHING  # right before a time it makes it a part of what is said: "before", "about"
    perhaps_about: str = NOTHING  # the same, if the sentence has another time: "for"
    described: str = NOTHING  # right before a day: it describes what is said ("the friday report")
    possessive: str = NOTHING  # right behind a day: the same ("tomorrow's meeting")
    dates: str = NOTHING  # names a date, also where it is not read as one: "24. december", "on 24.12"
    beside: str = NOTHING  # a day or a time of day, which right beside a phrase is a part of it
    counted: str = NOTHING  # behind an amount it says from when that is counted: "before"
    limits: Mapping[str, str] = field(default_factory=dict)
    """What next to a phrase narrows it: the job's setting that does so, or "" → its words ("until")."""
    recurrence: str = NOTHING  # "every": where nothing was understood, it names what was not


_ISO_DATE = "(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
_ISO_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?"

UNIVERSAL = (
    Piece(Kind.INSTANT, f"{_ISO_DATE}(?:t| ){_ISO_TIME} ?(?P<offset>z|[+-][0-9]{{2}}:?[0-9]{{2}})"),
    Piece(Kind.DATE_TIME, f"{_ISO_DATE}(?:t| ){_ISO_TIME}"),
    Piece(Kind.DATE, _ISO_DATE),
    Piece(Kind.DATE, r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})"),
    Piece(Kind.DATE, "(?P<year>[0-9]{4})/(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})"),
    Piece(Kind.SLASHED, "[0-9]{1,4}/[0-9]{1,2}(?:/[0-9]{1,4})?"),
    Piece(Kind.NUMBER_ALONE, "[0-9]{1,6}(?! ?[^ ])", alone=True),
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
_LISTS = (
    "amount",
    "clock_list",
    "clock_pair",
    "day_list",
    "weekday_list",
    "weekday_pair",
    "weekday_trio",
    "plural_list",
)
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
        self.between_clocks = re.compile(pattern_of(language.between_clocks, language))
        self.month_day = re.compile(pattern_of("{ordinal}|{day}", language))


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
    if what in _LISTS:
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
    if what == "clock_pair":
        clock = unnamed(_filled(_CLOCK, language))
        return f"{clock}{language.between_clocks}{clock}"
    if what == "day_list":
        day = unnamed(_filled("(?:{ordinal}|{day})", language))
        return f"{day}(?:{language.between_days}{day}){{0,5}}"
    first = _either(language.weekday_plurals) if what == "plural_list" else _any_day(language)
    least = {"weekday_pair": 1, "weekday_trio": 2}.get(what, 0)
    return f"{first}(?:{language.between_days}{_any_day(language)}){{{least},6}}"


def _any_day(language: Language) -> str:
    return _either((*language.weekdays, *language.weekday_plurals))


def _vocabulary(language: Language, what: str) -> Iterable[str]:
    tables: Mapping[str, Iterable[str]] = {
        "number": language.numbers,
        "hour": language.hour_words,
        "day": language.ordinals,
        "minute": language.minute_words,
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
        "count": language.counts,
        "week": language.weeks,
        "month_shift": language.month_shifts,
        "year_shift": language.year_shifts,
        "day_letter": language.day_letters,
    }
    return tables[what]


def _either(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return f"(?:{'|'.join(map(_literal, longest_first))})" if longest_first else NOTHING


def _literal(word: str) -> str:
    return re.escape(word).replace("\\ ", " ")

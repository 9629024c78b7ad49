"""Time phrases: "tomorrow at nine", "每个工作日上午9点半" → schedule. The only use of dateparser.

Our own grammar first (`grammar`, one table per language), dateparser for single times second. Nothing is
guessed: what can mean two things, has passed, or is not understood is refused with a sentence that says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from cron.phrases.chinese import CHINESE
from cron.phrases.english import ENGLISH
from cron.phrases.foreign import first_foreign_day
from cron.phrases.grammar import Read, Reader, fold
from cron.phrases.language import Language
from cron.phrases.meaning import resolve
from cron.phrases.others import Others
from cron.phrases.values import Place, Slots
from cron.schedule import At, Schedule
from gateway.errors import ScheduleError

LANGUAGES: dict[str, Language] = {"en": ENGLISH, "zh": CHINESE}
"""Our own tables. A language that is not here is left to dateparser."""

FORMS = ENGLISH.forms
"""What is understood, with an example of each."""

LONGEST_PHRASE = 200
SEARCHED = 1000  # characters of a sentence; a phrase that touches the end of them is not used
START = 4  # words: a time after no more of them is the sentence's own ("remind me at 9:15 to join at 9:30")

_UNSPACED = "\u2e80"  # the scripts of East Asia, which put no spaces between words, begin here

_Run: TypeAlias = list[Read]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A time phrase in a sentence, and the sentence without it."""

    phrase: str  # `understand` reads it as the same schedule
    rest: str
    schedule: Schedule | None = None  # None: the phrase is refused
    refusal: str = ""  # why, as a sentence for the person

    @property
    def recurring(self) -> bool:
        return self.schedule is not None and not isinstance(self.schedule, At)


def understand(
    text: str,
    *,
    now: datetime,
    zone: str,
    languages: Sequence[str] = ("en",),
    tables: Mapping[str, Language] = LANGUAGES,
) -> Schedule:
    """The schedule of a text that is nothing but a time phrase; ScheduleError says why there is none.

    May import dateparser and take tens of milliseconds: call it in a thread where that matters.
    """
    place = _place(now, zone)
    if len(text) > LONGEST_PHRASE:
        raise ScheduleError(
            f"A time phrase has at most {LONGEST_PHRASE} characters, this has {len(text)}. {FORMS}"
        )
    folded = fold(text).strip(" .,;!?…。、")
    readers = _readers(languages, text, tables)
    for reader in readers:
        schedule = _whole(reader, reader.spelled(folded), place)
        if schedule is not None:
            return schedule
    forms = _forms(readers)
    others = [language for language in languages if _code(language) not in tables]
    if not others or not _may_be_single_time(folded, readers):
        raise not_understood(text, forms)
    from cron.phrases.dateparser import single_time  # imports dateparser

    return At(single_time(folded, place, others, forms=forms))


def find(
    text: str,
    *,
    now: datetime,
    zone: str,
    languages: Sequence[str] = ("en",),
    tables: Mapping[str, Language] = LANGUAGES,
) -> Found | None:
    """The time phrase inside a sentence, by our own grammar; None when there is none.

    A time that belongs to what is said ("about the meeting at 10:30") is left there where the sentence shows it;
    where it does not, the refusal asks. ScheduleError only for an unknown zone.
    """
    place = _place(now, zone)
    folded = fold(text[:SEARCHED])
    readers = _readers(languages, text[:SEARCHED], tables)
    found = [one for reader in readers if (one := _found(reader, text, reader.spelled(folded), place)) is not None]
    return max(found, key=lambda one: len(one.phrase), default=None)  # a mixed sentence: who reads more of it


def not_understood(text: str, forms: str = FORMS) -> ScheduleError:
    """The error for words that no grammar reads."""
    return ScheduleError(f'"{text.strip()[:60]}" is not a time that is understood here. {forms}')


def _place(now: datetime, zone: str) -> Place:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(f'Unknown time zone "{zone[:60]}"; write one such as Europe/Berlin.') from error
    return Place(now, zone)


def _readers(languages: Sequence[str], text: str, tables: Mapping[str, Language]) -> list[Reader]:
    """The tables to try, in order; English always, because models write it whatever the chat speaks."""
    codes = [_code(language) for language in (*languages, "en")]
    known = [tables[code] for code in dict.fromkeys(codes) if code in tables]
    readers = [_reader(table) for table in known if _may_write(table, text)]
    return sorted(readers, key=lambda reader: not reader.has_script)


def _code(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def _may_write(table: Language, text: str) -> bool:
    return not table.script or re.search(table.script, text) is not None


@cache
def _reader(table: Language) -> Reader:
    """The reader of a table, which is made when a text first needs it: that takes a tenth of a second."""
    return Reader(table)


def _forms(readers: Sequence[Reader]) -> str:
    return readers[0].words.language.forms


def _may_be_single_time(folded: str, readers: Sequence[Reader]) -> bool:
    """Whether dateparser may know what our tables do not, in a language that has none.

    It knows single times only, and its answer is checked by the digits of the text. In the languages of our tables
    it is not asked: there it reads what was not meant ("tomorrow at 9:5").
    """
    if not re.search("[0-9]", folded) or any(reader.recurrence.search(folded) for reader in readers):
        return False
    return not any(reader.has_script for reader in readers)


@cache
def _others(reader: Reader) -> Others:
    return Others(reader)


# -- a whole text -------------------------------------------------------------------------------------


def _whole(reader: Reader, folded: str, place: Place) -> Schedule | None:
    """The schedule if the text is a phrase from end to end; None if the grammar does not read it."""
    run = reader.run(folded)
    if not run:
        return None
    refusal = _refusal(run)
    if refusal:
        raise ScheduleError(refusal)
    if run[-1].end == len(folded):
        return resolve(_slots(run), place)
    words, setting = reader.limit(folded, run[-1].end)
    if words:
        raise ScheduleError(_limited(words, setting, place))
    return None


def _refusal(run: _Run) -> str:
    return next((read.refusal for read in run if read.refusal), "")


def _slots(run: _Run) -> Slots:
    return Slots.of(meaning for read in run for meaning in read.meanings)


def _limited(words: str, setting: str, place: Place) -> str:
    beside = f" and give the job's setting {setting} beside it" if setting else ""
    return (
        f'"{words}" after a time cannot be kept, and without it the time would mean something else; write the time'
        f" alone{beside} (it is read in {place.zone})."
    )


# -- inside a sentence --------------------------------------------------------------------------------


def _found(reader: Reader, text: str, folded: str, place: Place) -> Found | None:
    runs = _usable(reader, folded, cut=len(text) > SEARCHED)
    if not runs:
        return _strange_repetition(reader, text, folded, 0)
    chosen = _chosen(runs, folded)
    if chosen is None:
        return Found(phrase="", rest=text.strip(), refusal=_two_times(runs, text))
    spans = [(_start(reader, folded, run), run[-1].end) for run in chosen]
    phrase = " ".join(text[run[0].start : run[-1].end].strip() for run in chosen)
    rest = _without(text, spans)
    reads = [read for run in chosen for read in run]
    try:
        for run in chosen:
            _check_surroundings(reader, text, folded, run, place)
        _check_others(reader, text, folded, chosen, runs)
        if refusal := _refusal(reads):
            return Found(phrase=phrase, rest=rest, refusal=refusal)
        return Found(phrase=phrase, rest=rest, schedule=resolve(_slots(reads), place))
    except ScheduleError as error:
        return Found(phrase=phrase, rest=rest, refusal=str(error))


def _usable(reader: Reader, folded: str, *, cut: bool) -> list[_Run]:
    """The runs that may be the sentence's time: not those that say what it is about."""
    runs = [run for run in reader.runs(folded) if not reader.about.search(folded, 0, run[0].start)]
    runs = [run for run in runs if not _describes(reader, folded, run)]
    if cut:
        runs = [run for run in runs if run[-1].end < SEARCHED - 50]
    firm = [run for run in runs if not reader.perhaps_about.search(folded, 0, run[0].start)]
    return firm or runs


def _describes(reader: Reader, folded: str, run: _Run) -> bool:
    """Whether a day belongs to a thing that is named: "the friday report", "tomorrow's meeting"."""
    if not _names_single_day(run):
        return False
    before = reader.described.search(folded, 0, run[0].start)
    return before is not None or reader.possessive.match(folded, run[-1].end) is not None


def _chosen(runs: list[_Run], folded: str) -> list[_Run] | None:
    """The run that is the sentence's time, or two that complete each other; None when it cannot be told."""
    first, *others = runs
    if not others:
        return [first]
    for other in others:
        if _complete_each_other(first, other):
            return [first, other]
    begins = len(folded[: first[0].start].split()) <= START
    if begins and _open_between(first, others, folded):
        return None
    if begins and _has_time(first):
        at_end = others[-1][-1].end >= len(folded.rstrip(" .!?"))
        return None if at_end and _names_single_day(others[-1]) else [first]
    timed = [run for run in runs if _has_time(run)]
    if len(timed) == 1:
        return timed
    return [others[-1]] if others[-1][-1].end >= len(folded.rstrip(" .!?")) and _has_time(others[-1]) else None


def _sorted(run: _Run) -> Slots | None:
    """What a run names; None where that is refused anyway."""
    try:
        return None if _refusal(run) else _slots(run)
    except ScheduleError:
        return None


def _complete_each_other(first: _Run, other: _Run) -> bool:
    """ "every weekday … at 9": a day or a repetition without a time of day, and a time of day alone."""
    one, two = _sorted(first), _sorted(other)
    if one is None or two is None:
        return False
    if one.waits_for_clock and two.is_clock:
        return True
    return one.is_clock and two.waits_for_clock and two.repeat is not None


def _has_time(run: _Run) -> bool:
    slots = _sorted(run)
    return slots is None or not slots.waits_for_clock


def _is_clock(run: _Run) -> bool:
    slots = _sorted(run)
    return slots is not None and slots.is_clock


def _names_single_day(run: _Run) -> bool:
    slots = _sorted(run)
    return slots is not None and slots.waits_for_clock and slots.repeat is None


def _is_offset(run: _Run) -> bool:
    slots = _sorted(run)
    return slots is not None and slots.offset is not None


def _open_between(first: _Run, others: list[_Run], folded: str) -> bool:
    """Whether a time of day at the beginning may be a part of what is said ("20:30 ticket tomorrow at 10am")."""
    one = _sorted(first)
    if one is None or not one.is_clock:
        return False
    timed = [slots for run in others if (slots := _sorted(run)) is not None and not slots.waits_for_clock]
    bare = folded[first[0].start].isdigit()  # not "at 9:15 to join at 9:30"
    return bool(timed) and (bare or any(slots.day is not None for slots in timed))


def _two_times(runs: list[_Run], text: str) -> str:
    named = " and ".join(f'"{text[run[0].start : run[-1].end].strip()}"' for run in runs[:3])
    return f"{named}: which is the time that is meant? Write it first, and in one piece."


def _check_surroundings(reader: Reader, text: str, folded: str, run: _Run, place: Place) -> None:
    """Refuse when words beside the phrase would change it and are not understood ("until", "every full moon")."""
    words, setting = reader.limit(folded, run[-1].end)
    if words:
        raise ScheduleError(_limited(words, setting, place))
    counted = reader.counted(folded, run[-1].end) if _is_offset(run) else ""
    if counted:
        when = text[run[0].start : run[-1].end].strip()
        raise ScheduleError(
            f'"{when} {counted} …" cannot be counted here; write the time itself,'
            ' such as "on 24 December at 14:50".'
        )
    behind = reader.recurrence.match(folded, reader.skip_glue(folded, run[-1].end))
    if behind:
        raise not_understood(_words(text[behind.start() :], 3))
    for marker in _markers_before(reader, folded, run[0].start):
        words = text[marker.start() : run[0].start].strip()
        when = text[run[0].start : run[-1].end].strip()
        raise ScheduleError(
            f'Is "{words}" a time? If it is what to say, write the time first: "{when} …". {FORMS}'
        )


def _check_others(reader: Reader, text: str, folded: str, chosen: list[_Run], runs: list[_Run]) -> None:
    """Refuse when the sentence names a date or a day that is not in the phrase ("on 24.12. at 18:00")."""
    spans = [(run[0].start, run[-1].end) for run in chosen]
    other = _others(reader).first(folded, spans)
    if other is None and all(map(_is_clock, chosen)):  # "at 18:00 dentist on friday please" is not today
        days = ((run[0].start, run[-1].end) for run in runs if _names_single_day(run))
        other = next(days, None) or first_foreign_day(reader, folded, spans)
    if other is None:
        return
    when = " ".join(text[run[0].start : run[-1].end].strip() for run in chosen)
    raise ScheduleError(
        f'Is "{text[other[0] : other[1]].strip()}" a part of the time? Write date and time in one piece, such as'
        f' "on 24 December at 18:00". If it is what to say: /remind {when} | …'
    )


def _markers_before(reader: Reader, folded: str, place: int) -> Iterator[re.Match[str]]:
    """Words such as "every" at most two words before the phrase: "every full moon at 9"."""
    for marker in reader.recurrence.finditer(folded, 0, place):
        between = folded[marker.end() : place].split()
        if 1 <= len(between) <= 2:
            yield marker


def _strange_repetition(reader: Reader, text: str, folded: str, place: int) -> Found | None:
    marker = reader.recurrence.search(folded, place)
    if marker is None:
        return None
    words = _words(text[marker.start() :], 3)
    return Found(phrase=words, rest=text.strip(), refusal=str(not_understood(words)))


def _words(text: str, count: int) -> str:
    return " ".join(text.split()[:count])


def _start(reader: Reader, folded: str, run: _Run) -> int:
    """Where the phrase begins, with a "for" before it that would be left hanging."""
    preposition = reader.perhaps_about.search(folded, 0, run[0].start)
    return preposition.start() if preposition else run[0].start


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The sentence with the spans taken out, and the gap closed."""
    for start, end in sorted(spans, reverse=True):
        before, after = text[:start].rstrip(" ,"), text[end:].lstrip(" ,")
        parted = not before or not after or before[-1].isspace() or after[0].isspace()  # by a line break
        joint = "" if parted or after[0] in ".,;:!?" or max(before[-1], after[0]) >= _UNSPACED else " "
        text = f"{before}{joint}{after}"
    return text.strip()

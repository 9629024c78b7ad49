"""Time phrases: "tomorrow at nine", "every weekday at 9" → schedule. The only use of dateparser.

Our own grammar first (`grammar`, one table per language), dateparser for single times second. Nothing is
guessed: what can mean two things, has passed, or is not understood is refused with a sentence that says so.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from cron.phrases.english import ENGLISH
from cron.phrases.grammar import Read, Reader, fold
from cron.phrases.language import Language
from cron.phrases.meaning import resolve
from cron.phrases.others import Others
from cron.phrases.values import Place, Slots
from cron.schedule import At, Schedule
from gateway.errors import ScheduleError

LANGUAGES: dict[str, Language] = {"en": ENGLISH}
"""Our own tables. A language that is not here is left to dateparser."""

FORMS = (
    'Understood are single times ("in 20 minutes", "in 2 hours and 30 minutes", "at 17:30", "today at 5pm",'
    ' "tomorrow at 9am", "on friday at 10:00", "on 24 December at 18:00", "2026-12-24 18:00") and repetitions'
    ' ("every 5 minutes", "every hour", "every day at 9:00", "every weekday at 9:00", "every monday and thursday'
    ' at 10:00", "on the 1st of every month at 9:00", "last day of every month at 18:00").'
)

LONGEST_PHRASE = 200
SEARCHED = 1000  # characters of a sentence; a phrase that touches the end of them is not used
START = 4  # words: a time after no more of them is the sentence's own ("remind me at 9:15 to join at 9:30")

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


def understand(text: str, *, now: datetime, zone: str, languages: Sequence[str] = ("en",)) -> Schedule:
    """The schedule of a text that is nothing but a time phrase; ScheduleError says why there is none.

    May import dateparser and take tens of milliseconds: call it in a thread where that matters.
    """
    place = _place(now, zone)
    if len(text) > LONGEST_PHRASE:
        raise ScheduleError(
            f"A time phrase has at most {LONGEST_PHRASE} characters, this has {len(text)}. {FORMS}"
        )
    folded = fold(text).strip(" .,;!?…。")
    readers = _readers(languages)
    for reader in readers:
        schedule = _whole(reader, folded, place)
        if schedule is not None:
            return schedule
    if any(reader.recurrence.search(folded) for reader in readers):  # dateparser knows single times only
        raise not_understood(text)
    from cron.phrases.dateparser import single_time  # imports dateparser

    return At(single_time(folded, place, languages, forms=FORMS))


def find(text: str, *, now: datetime, zone: str, languages: Sequence[str] = ("en",)) -> Found | None:
    """The time phrase inside a sentence, by our own grammar; None when there is none.

    A time that belongs to what is said ("about the meeting at 10:30") is left there where the sentence shows it;
    where it does not, the refusal asks. ScheduleError only for an unknown zone.
    """
    place = _place(now, zone)
    folded = fold(text[:SEARCHED])
    for reader in _readers(languages):
        found = _found(reader, text, folded, place)
        if found is not None:
            return found
    return None


def not_understood(text: str) -> ScheduleError:
    """The error for words that no grammar reads."""
    return ScheduleError(f'"{text.strip()[:60]}" is not a time that is understood here. {FORMS}')


def _place(now: datetime, zone: str) -> Place:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(f'Unknown time zone "{zone[:60]}"; write one such as Europe/Berlin.') from error
    return Place(now, zone)


def _readers(languages: Sequence[str]) -> list[Reader]:
    """The tables to try, in order; English always, because models write it whatever the chat speaks."""
    codes = [code.lower().split("-")[0] for code in (*languages, "en")]
    return [_reader(code) for code in dict.fromkeys(codes) if code in LANGUAGES]


@cache
def _reader(code: str) -> Reader:
    return Reader(LANGUAGES[code])


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
    limit = reader.limit(folded, run[-1].end)
    if limit:
        raise ScheduleError(_limited(limit, place))
    return None


def _refusal(run: _Run) -> str:
    return next((read.refusal for read in run if read.refusal), "")


def _slots(run: _Run) -> Slots:
    return Slots.of(meaning for read in run for meaning in read.meanings)


def _limited(limit: str, place: Place) -> str:
    return (
        f'"{limit}" after a time cannot be kept, and without it the time would mean something else; write the time'
        f" alone (it is read in {place.zone})."
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
        _check_others(reader, text, folded, chosen)
        if refusal := _refusal(reads):
            return Found(phrase=phrase, rest=rest, refusal=refusal)
        return Found(phrase=phrase, rest=rest, schedule=resolve(_slots(reads), place))
    except ScheduleError as error:
        return Found(phrase=phrase, rest=rest, refusal=str(error))


def _usable(reader: Reader, folded: str, *, cut: bool) -> list[_Run]:
    """The runs that may be the sentence's time: not those that say what it is about."""
    runs = [run for run in reader.runs(folded) if not reader.about.search(folded, 0, run[0].start)]
    if cut:
        runs = [run for run in runs if run[-1].end < SEARCHED - 50]
    firm = [run for run in runs if not reader.perhaps_about.search(folded, 0, run[0].start)]
    return firm or runs


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
    limit = reader.limit(folded, run[-1].end)
    if limit:
        raise ScheduleError(_limited(limit, place))
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


def _check_others(reader: Reader, text: str, folded: str, chosen: list[_Run]) -> None:
    """Refuse when the sentence names a date or a day that is not in the phrase ("on 24.12. at 18:00")."""
    other = _others(reader).first(folded, [(run[0].start, run[-1].end) for run in chosen])
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
        joint = "" if parted or after[0] in ".,;:!?" else " "
        text = f"{before}{joint}{after}"
    return text.strip()

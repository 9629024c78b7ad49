"""What /remind and `/cron add` are told: when, and what; pure.

    WHEN say TEXT      exact words
    WHEN do TEXT       something for the assistant to work on
    WHEN | TEXT        where the two cannot be told apart otherwise: what stands before the bar is the time
    WHEN TEXT          a time that is found at the beginning, or anywhere in an English sentence
    … | nag 10m        at the end: said again this often until somebody answers

WHEN is a time phrase, a cron expression, or `every 5m`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from cron import phrases
from cron.making.draft import Draft, Maker, schedule_of
from cron.times.expression import ALIASES
from gateway.errors import ScheduleError, UserError

TRIED = 4  # separators in a text whose left side is read as a time

_SEPARATOR = re.compile(r"(?<!\S)(?P<word>\||(?:say|do|prompt)\b)[:,]?(?=\s|$)", re.IGNORECASE)
_BAR = re.compile(r"(?P<word>\|)")
_VERB = re.compile(r"(?<!\S)(?:say|do|prompt)\b[:,]?(?=\s|$)", re.IGNORECASE)
_EDGES = " \t\n,:;\"'`“”‘’"
_EXAMPLE = re.compile(r'\bsuch as\b|\bfor example\b|\bUnderstood are\b|\bwrite "', re.IGNORECASE)
_QUOTED = re.compile(r"""["'`“](?P<when>[^"'`“”]{1,200})["'`”]\s+""")
_FIELD = r"[\d*][\d*/,A-Za-z#?-]*"
_EXPRESSION = re.compile(
    rf"(?P<when>@every\s+\S+|(?:{'|'.join(ALIASES)})\b|{_FIELD}\s+{_FIELD}(?:\s+[\d*A-Za-z/,#?-]+){{3}})(?:\s+|$)",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?:\d+(?:\.\d+)?\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])\s*)+",
    re.IGNORECASE,
)
_NAG = re.compile(
    r"(?:\s*\||,?\s+and)\s*nag(?:\s+me)?(?:\s+every)?(?:\s+(?P<nag>\d+(?:\.\d+)?\s*[a-z]+))?(?:\s+until\s+done)?\s*[.!]?$",
    re.IGNORECASE,
)
NAG = "10m"  # how often, where nobody says it
_ABOUT = re.compile(
    r"(?:(?:please\s+)?(?:remind\s+)?(?:me|us)\b)?\s*(?:(?:about|of|to do)?\s*(?:this|that|it))?", re.IGNORECASE
)
_THIS = re.compile(r"(?:this|that|it)(?:\s+message)?[.!]?", re.IGNORECASE)
_COURTESY = re.compile(
    r"(?:please\s+)?(?:(?:(?:remind|tell)\s+)?(?:me|(?-i:us))\b[:,]?\s*)?(?:(?:to|that|about|of)\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a command is written."""

    example: str  # a right one
    verbs: bool  # whether say and do are words of its own: in a reminder, "to do" is just said
    once: bool  # whether a bare amount of time means a single time from now


REMIND = Form(example="/remind in 20 minutes to stretch", verbs=False, once=True)
SCHEDULE = Form(example="/schedule every weekday at 9 do summarise my mail", verbs=True, once=False)
ADD = Form(example="/cron add every weekday at 9 say write the report", verbs=True, once=False)


def read(words: str, form: Form, maker: Maker, *, quoted: str = "") -> Draft:
    """What the words ask for; UserError says what is missing, with a right example unless it has one itself.

    `quoted`: the message that they answer, which is what is said where they say nothing else.
    May bring dateparser and take tens of milliseconds: call it in a thread.
    """
    words, nag = _without_nag(words.strip())
    try:
        draft = _read(_with_quoted(words, quoted, form, maker), form, maker)
        if not (quoted or form.verbs or "|" in words) and _THIS.fullmatch(draft.say or ""):
            raise UserError("About what? Answer the message that you mean with this, or write the words")
        return replace(draft, nag=nag) if nag else draft
    except UserError as error:
        if _EXAMPLE.search(str(error)):
            raise
        why = str(error).rstrip(".")
        raise UserError(f"{why}{'' if why.endswith('?') else '.'} For example: {form.example}") from error


def _without_nag(words: str) -> tuple[str, str | None]:
    """The words, and how often they are said again."""
    match = _NAG.search(words)
    return (words[: match.start()].rstrip(_EDGES), match["nag"] or NAG) if match else (words, None)


def _with_quoted(words: str, quoted: str, form: Form, maker: Maker) -> str:
    """The words with what they answer behind a bar, if they are a time and at most "about this" besides."""
    if not quoted or "|" in words:
        return words
    found = phrases.find(_timely(words, form), now=maker.now, zone=maker.zone, languages=maker.languages)
    if found is None or found.refusal or not _ABOUT.fullmatch(found.rest.strip(_EDGES)):
        return words
    return f"{found.phrase} | {quoted}"


def _timely(words: str, form: Form) -> str:
    """A bare amount as a time from now, where that is what it means."""
    return f"in {words}" if form.once and _AMOUNT.match(words) else words


def _read(words: str, form: Form, maker: Maker) -> Draft:
    if not words:
        raise UserError("When, and what?")
    words = _timely(words, form)
    begun = _EXPRESSION.match(words) or _QUOTED.match(words)
    if begun and (time := _if_time(begun["when"], maker)) is not None:
        return _with_text(time, words[begun.end() :], form)
    bar = _BAR.search(words)
    refusal: ScheduleError | None = None
    for when, rest in _separated(words[: bar.start()] if bar else words, words, form):
        if not when:
            break
        try:
            time = _timed(when, maker)
        except ScheduleError as error:
            refusal = refusal or error
        else:
            return _with_text(time, rest, form)
    if bar:
        return _with_text(_before_bar(words[: bar.start()], maker), words[bar.start() :], form)
    try:
        return _found(words, form, maker)
    except _NoTimeError as error:
        raise refusal or error from None


class _NoTimeError(ScheduleError):
    """There is no time in these words."""


def _separated(searched: str, words: str, form: Form) -> Iterator[tuple[str, str]]:
    """Ways to part the words before a verb: when, and what follows with its verb."""
    if form.verbs:
        for match in islice(_VERB.finditer(searched), TRIED):
            yield words[: match.start()].strip(_EDGES), words[match.start() :]


def _before_bar(words: str, maker: Maker) -> Draft:
    """The time before a bar, which is nothing else: no part of it is dropped."""
    courtesy = _COURTESY.match(words)
    when = words[courtesy.end() if courtesy else 0 :].strip(_EDGES)
    if not when:
        raise ScheduleError(f"When? The time stands before the |. {phrases.FORMS}")
    return _timed(when, maker)


def _found(words: str, form: Form, maker: Maker) -> Draft:
    """The time is somewhere in the words."""
    found = phrases.find(words, now=maker.now, zone=maker.zone, languages=maker.languages)
    if found is None:
        raise _NoTimeError("When? I find no time in this; a time with a | behind it is read by itself")
    if found.refusal:
        raise ScheduleError(found.refusal)
    return _with_text(_timed(found.phrase, maker), found.rest, form)


def _with_text(time: Draft, rest: str, form: Form) -> Draft:
    """The draft with its text: behind a separator as it is, else without the words of a request."""
    rest = rest.strip().lstrip(",:; ")
    verb = ""
    while (match := (_SEPARATOR if form.verbs else _BAR).match(rest)) and verb in {"", "|"}:
        verb, rest = match["word"].lower(), rest[match.end() :].lstrip()
    if not verb and (courtesy := _COURTESY.match(rest)):
        rest = rest[courtesy.end() :].lstrip(",:; ")
    if not rest:
        raise UserError("What should be done then?" if verb in {"do", "prompt"} else "What should be said then?")
    return replace(time, prompt=rest) if verb in {"do", "prompt"} else replace(time, say=rest)


def _if_time(text: str, maker: Maker) -> Draft | None:
    """The draft of what looks like a time; None if it is none, and so part of a sentence."""
    try:
        return _timed(text, maker)
    except ScheduleError:
        if text.startswith("@") or "*" in text:
            raise  # nobody begins a sentence so
        return None


def _timed(text: str, maker: Maker) -> Draft:
    """A draft with this time and nothing else."""
    draft = Draft(schedule=text) if _EXPRESSION.fullmatch(text) else Draft(when=text)
    schedule_of(draft, maker)
    return draft

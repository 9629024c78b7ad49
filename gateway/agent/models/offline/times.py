"""A new time for a job: "make it 8 instead", applied to the words that its time was given in. Pure."""

import re
from dataclasses import dataclass

from gateway.agent.models.offline.jobs import Known
from gateway.agent.models.offline.language import Speech


@dataclass(frozen=True, slots=True)
class Wanted:
    """The phrase for the tool, or a question because there is more than one."""

    when: str = ""
    question: str = ""


def changed(wish: str, *, phrase: str, recurring: bool, job: Known, speech: Speech) -> Wanted | None:
    """The job's whole new time phrase, for a wish that is a part; None when its old time is not known well enough.

    `phrase` is how the time was given before. Of a single time only the date that the tool has shown is used:
    "tomorrow" may be another day by now.
    """
    amount = speech.amount.fullmatch(wish)
    if amount:
        every = recurring and speech.every.match(phrase)
        form = speech.every_amount if every else speech.once_amount
        return Wanted(form.format(amount=amount["amount"])) if every or not recurring else None
    clock = speech.clock.fullmatch(wish)
    if clock is None:
        return None
    if recurring:
        return _in_phrase(clock, phrase, speech)
    return _on_date(clock, job, speech)


def is_part(wish: str, speech: Speech) -> bool:
    """Whether the wish names only a piece of a time, so that the old one is needed."""
    return bool(speech.clock.fullmatch(wish) or speech.amount.fullmatch(wish))


def with_clock(phrase: str, wish: str, speech: Speech) -> str:
    """The phrase at another time of day; empty when it has none or several."""
    clock = speech.clock.fullmatch(wish)
    found = list(speech.clock_inside.finditer(phrase))
    if clock is None or len(found) != 1:
        return ""
    return _replaced(phrase, found[0], clock[0], speech)


def _in_phrase(clock: re.Match[str], phrase: str, speech: Speech) -> Wanted | None:
    found = list(speech.clock_inside.finditer(phrase))
    if len(found) != 1:
        return None
    old_half = _group(found[0], "half")
    if old_half and _bare(clock):
        return Wanted(_replaced(phrase, found[0], f"{clock[0]}{old_half}", speech))
    old_hour = int(_group(found[0], "hour") or 0)
    return _unless_unclear(clock, old_hour, _replaced(phrase, found[0], clock[0], speech), speech)


def _on_date(clock: re.Match[str], job: Known, speech: Speech) -> Wanted | None:
    if job.moment is None:
        return None
    date, old_hour = job.moment
    written = clock[0].removeprefix("at ")
    return _unless_unclear(clock, old_hour, speech.on_date.format(date=date, clock=written), speech)


def _unless_unclear(clock: re.Match[str], old_hour: int, when: str, speech: Speech) -> Wanted:
    """After an afternoon time, "8" may be in the evening as well: ask."""
    if not (_bare(clock) and old_hour > 12):
        return Wanted(when)
    hour, minute = int(clock["hour"]), clock["minute"] or "00"
    early, late = f"{hour:02}:{minute}", f"{hour + 12}:{minute}"
    return Wanted(question=speech.talk.which_half.format(clock=clock[0], early=early, late=late))


def _bare(clock: re.Match[str]) -> bool:
    """Whether the clock leaves open which half of the day it means."""
    hour = clock["hour"] or ""
    if clock["half"] or not hour or hour.startswith("0") or int(hour) > 11:
        return False
    return int(hour) < 10 or not clock["minute"]


def _replaced(phrase: str, old: re.Match[str], clock: str, speech: Speech) -> str:
    new = speech.at_clock.format(clock=clock.removeprefix("at "))
    return f"{phrase[: old.start()]}{new}{phrase[old.end() :]}"


def _group(match: re.Match[str], name: str) -> str:
    """A group of `clock_inside`, which has it once for each way to write a clock."""
    return next((text for group, text in match.groupdict().items() if group.rstrip("23") == name and text), "")

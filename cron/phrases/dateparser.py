"""Single times that our own grammar does not read, by dateparser, and only where its answer can be trusted.

dateparser fills in what it did not understand from the current time ("mañana a las 9" is tomorrow at this very
minute to it). So every number of the text has to be found again in its answer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import permutations, product

import dateparser

from cron.phrases.meaning import instant_of, past
from cron.phrases.values import Place
from gateway.errors import ScheduleError

LONGEST = 100
MOST_NUMBERS = 6
UNITS = tuple(timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86_400, 604_800))


def single_time(text: str, place: Place, languages: Sequence[str], *, forms: str) -> datetime:
    """The instant that the text names. ScheduleError when it is not understood, vague, or past."""
    strange = ScheduleError(f'"{text[:60]}" is not a time that is understood here. {forms}')
    if not text or len(text) > LONGEST:
        raise strange
    local = place.local.replace(tzinfo=None)
    answer = _ask(text, local, place.zone, languages)
    if answer is None:
        raise strange
    another = local.replace(hour=(local.hour + 7) % 24, minute=(local.minute + 23) % 60)
    again = _ask(text, another, place.zone, languages)  # a clock time that is named does not move with the present
    clock_is_named = again is not None and again.time() == answer.time()
    numbers = [int(digits) for digits in re.findall(r"[0-9]{1,9}", text)]
    if not (_is_amount(numbers, answer - local) or (_is_clock(numbers, answer) and clock_is_named)):
        raise ScheduleError(f'At what time? "{text[:60]}" does not say it clearly. {forms}')
    moment = instant_of(answer, place)
    if moment <= place.now:
        raise ScheduleError(past(moment, place))
    return moment


def _ask(text: str, local: datetime, zone: str, languages: Sequence[str]) -> datetime | None:
    settings: Mapping[str, object] = {
        "RELATIVE_BASE": local,
        "TIMEZONE": zone,
        "TO_TIMEZONE": zone,
        "RETURN_AS_TIMEZONE_AWARE": False,
        "PREFER_DATES_FROM": "future",
    }
    try:
        answer: datetime | None = dateparser.parse(text, languages=list(languages), settings=dict(settings))
    except Exception:  # noqa: BLE001 - it raises many kinds on odd text; whatever it could not read is not understood
        return None
    return answer


def _is_amount(numbers: Sequence[int], distance: timedelta) -> bool:
    """Whether the numbers, each with a unit, add up to the distance from now."""
    if not 1 <= len(numbers) <= 3 or max(numbers) > 1_000_000:
        return False
    sums = (sum(map(_times, numbers, units), timedelta()) for units in product(UNITS, repeat=len(numbers)))
    return any(abs(total - distance) < timedelta(seconds=1) for total in sums)


def _times(number: int, unit: timedelta) -> timedelta:
    return number * unit


def _is_clock(numbers: Sequence[int], answer: datetime) -> bool:
    """Whether the numbers are the answer's hour, its minute unless that is zero, and parts of its date."""
    if not 1 <= len(numbers) <= MOST_NUMBERS:
        return False
    return any(_explained(order, answer) for order in permutations(numbers))


def _explained(order: Sequence[int], answer: datetime) -> bool:
    hour, *others = order
    if hour not in {answer.hour, answer.hour - 12}:  # not 12 for 0: that is the day of a date without a time
        return False
    for exact in (answer.minute, answer.second):
        if exact in others:
            others.remove(exact)
        elif exact:
            return False
    return _fit(others, [{answer.day}, {answer.month}, {answer.year, answer.year % 100}])


def _fit(numbers: Sequence[int], fields: Sequence[set[int]]) -> bool:
    """Whether every number has a field of its own."""
    if len(numbers) > len(fields):
        return False
    return any(
        all(number in field for number, field in zip(numbers, order, strict=False))
        for order in permutations(fields)
    )

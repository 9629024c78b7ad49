"""Cron expressions: what is one, what it means, and croniter behind a guard that keeps it to what it does right.

An expression is read here. croniter only ever sees lists of numbers, on wall times without a zone, because by
itself it takes `9-9` for every hour, `R` for a random number, 30 February for valid, L beside thirty days for
every day, and needs seconds for long input. Where it mixes days, weekdays, L and 5#2 in its own way, it is
asked for each of them alone.
"""

import calendar
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import product

from gateway.errors import ScheduleError

EXAMPLE = 'for example "0 9 * * 1-5" is 09:00 from Monday to Friday'
FIELDS = "minute hour day-of-month month weekday"
LONGEST = 512
"""Characters; every value of every field written out needs fewer than 400."""

ALIASES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_NTH = re.compile(r"(?P<day>\w+)#(?P<nth>\d+)", re.ASCII)
_LAST = re.compile(r"L(?P<after>[0-7]|[A-Z]{3})|(?P<before>[0-7]|[A-Z]{3})L", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One of the five places of an expression: its name, its values and the names for them."""

    name: str
    low: int
    high: int
    names: Mapping[str, int]
    example: str

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    @property
    def allowed(self) -> str:
        if not self.names:
            return f"{self.low}-{self.high}"
        written = list(self.names)
        return f"{self.low}-{7 if self is WEEKDAY else self.high} or {written[0]}-{written[-1]}"


MINUTE = Kind("minute", 0, 59, {}, '"*/15 * * * *" is every 15 minutes')
HOUR = Kind("hour", 0, 23, {}, '"30 8,12,18 * * *" is 08:30, 12:30 and 18:30')
DAY = Kind("day-of-month", 1, 31, {}, '"0 9 1,15 * *" is the 1st and the 15th, "0 9 L * *" the last day')
MONTH = Kind(
    "month", 1, 12, {name: n for n, name in enumerate(MONTHS, 1)}, '"0 9 1 JAN,JUL *" is 1 January and 1 July'
)
WEEKDAY = Kind(
    "weekday",
    0,
    6,
    {name: n for n, name in enumerate(WEEKDAYS)},
    '"0 9 * * 1-5" is Monday to Friday, "0 9 * * 5#2" the second Friday, "0 9 * * 5L" the last one',
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it was understood: canonical items, and what they stand for."""

    items: tuple[str, ...]
    values: frozenset[int]
    special: tuple[str, ...]  # what depends on the month: l, 5#2, l5
    star: bool  # whether it begins with `*`: how Vixie's cron and Debian's tell apart what is fixed

    def canonical(self, kind: Kind) -> str:
        """The plain values in the form that croniter reads as they are meant."""
        return "*" if len(self.values) == kind.size else ",".join(map(str, sorted(self.values)))


@dataclass(frozen=True, slots=True)
class Expression:
    """A cron expression that was understood and that some date fulfils."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    variants: tuple[str, ...]
    """Canonical expressions of which each time of this one fulfils at least one, and no other time does."""

    @property
    def fixed(self) -> bool:
        """Whether it names times of day, rather than a rhythm that follows real time."""
        return not (self.minute.star or self.hour.star)

    @property
    def both(self) -> bool:
        """Whether a date must fulfil day and weekday: when one begins with `*`. Otherwise either is enough."""
        return self.day.star or self.weekday.star

    def next_wall(self, after: datetime) -> datetime:
        """The first wall time strictly after `after`; both without a zone."""
        return _compiled(self.variants).next_wall(after)


@lru_cache(maxsize=2048)
def parse(text: str) -> Expression:
    """What an expression or alias means; ScheduleError that names the field, the value and what is allowed."""
    words = _words(text)
    kinds = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
    minute, hour, day, month, weekday = (_field(kind, word) for kind, word in zip(kinds, words, strict=True))
    start = f"{minute.canonical(MINUTE)} {hour.canonical(HOUR)}"
    dates = _dates_of(day, month, weekday)
    if not dates:
        raise ScheduleError(
            f"{shown(' '.join(words))} can never fire: no date has this day-of-month, month and weekday;"
            " February has at most 29 days, April, June, September and November have 30"
        )
    return Expression(minute, hour, day, month, weekday, tuple(f"{start} {date}" for date in dates))


def _words(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise ScheduleError(
            f"a cron expression has five fields ({FIELDS}) in at most {LONGEST} characters; this has {len(text)}"
        )
    words = text.upper().split()
    if len(words) == 1 and words[0].startswith("@"):
        return _alias(words[0])
    if len(words) == 5:
        return words
    advice = f"a cron expression has exactly five fields ({FIELDS}); {shown(text)} has {len(words)}"
    if len(words) in (6, 7):
        advice += "; seconds and years are not fields here: leave them out, or write an interval such as every 30s"
    raise ScheduleError(f"{advice}; {EXAMPLE}")


def _alias(word: str) -> list[str]:
    if word == "@REBOOT":
        raise ScheduleError("@reboot names no time; a job is due by the clock: write a time, or an interval")
    if word.lower() not in ALIASES:
        raise ScheduleError(f"{shown(word.lower())} is not one of {', '.join(ALIASES)}; {EXAMPLE}")
    return ALIASES[word.lower()].split()


def shown(text: str) -> str:
    """What somebody wrote, quoted and short enough for a message."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


# -- a field ------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _field(kind: Kind, word: str) -> Field:
    """The same field of many expressions is kept once."""
    items: list[str] = []
    special: list[str] = []
    values: set[int] = set()
    for item in word.split(","):
        if (found := _special(kind, item)) is not None:
            special.append(found)
        else:
            canonical, numbers = _item(kind, item)
            items.append(canonical)
            values.update(numbers)
    return Field(tuple(items), frozenset(values), tuple(dict.fromkeys(special)), star=word.startswith("*"))


def _special(kind: Kind, item: str) -> str | None:
    """L of a day; 5#2, 5L and L5 of a weekday, in croniter's spelling."""
    if kind is DAY and item == "L":
        return "l"
    if kind is not WEEKDAY:
        return None
    if nth := _NTH.fullmatch(item):
        number = nth["nth"]
        if number not in ("1", "2", "3", "4", "5"):
            raise _fault(kind, item, f"has {shown(number)} after #, where 1-5 is allowed")
        return f"{_number(kind, nth['day'], item) % 7}#{number}"
    if last := _LAST.fullmatch(item):
        return f"l{_number(kind, last['after'] or last['before'], item) % 7}"
    return None


def _item(kind: Kind, item: str) -> tuple[str, Iterable[int]]:
    match = _ITEM.fullmatch(item)
    if not match or (match["first"] == "*" and match["last"]):
        raise _fault(kind, item, _why_not(kind, item))
    step = _step(kind, match["step"], item)
    if match["first"] == "*":
        return (f"*/{step}" if step > 1 else "*"), range(kind.low, kind.high + 1, step)
    first = _number(kind, match["first"], item)
    if match["last"]:
        return _range(kind, first, _number(kind, match["last"], item), step)
    if match["step"] and first < kind.high:
        return _range(kind, first, kind.high, step)
    return _range(kind, first, first, 1)


def _range(kind: Kind, first: int, last: int, step: int) -> tuple[str, Iterable[int]]:
    """The values from first to last, over the end of the field where last is the smaller: 22-2, FRI-MON."""
    if kind is WEEKDAY and first == 7:
        first, last = 0, last % 7
    end = last if first <= last else last + kind.size
    numbers = [n if n <= kind.high else n - kind.size for n in range(first, end + 1, step)]
    if len(numbers) == 1:
        return str(numbers[0]), numbers
    return f"{first}-{last}" + (f"/{step}" if step > 1 else ""), numbers


def _step(kind: Kind, written: str | None, item: str) -> int:
    if written is None:
        return 1
    if len(written) > 4 or not 1 <= int(written) <= kind.size:
        instead = "; a longer interval is written such as every 90m" if kind in (MINUTE, HOUR) else ""
        raise _fault(kind, item, f"has the step {shown(written)}, where 1-{kind.size} is allowed{instead}")
    return int(written)


def _number(kind: Kind, written: str, item: str) -> int:
    if written in kind.names:
        return kind.names[written]
    high = 7 if kind is WEEKDAY else kind.high
    if not re.fullmatch(r"\d{1,4}", written, re.ASCII):
        raise _fault(kind, item, _why_not(kind, written))
    if not kind.low <= int(written) <= high:
        raise _fault(kind, item, f"is not in {kind.allowed}")
    return int(written)


def _why_not(kind: Kind, item: str) -> str:
    if item.startswith(("H", "R")) and not item[1:2].isalpha():
        return f"(a hashed or random value) is not supported; write which of {kind.allowed} is meant"
    if item == "?":
        return "is not supported; write * for any"
    if kind is WEEKDAY and item == "L":
        return "does not say which weekday; write 5L for the last Friday"
    if kind is DAY and ("W" in item or "L" in item):
        return "is not supported; of the special days only L, the last of the month, is"
    return f"is not in {kind.allowed}"


def _fault(kind: Kind, item: str, what: str) -> ScheduleError:
    allowed = "" if kind.allowed in what else f" (allowed: {kind.allowed})"
    return ScheduleError(f"{kind.name}: {shown(item)} {what}{allowed}; {kind.example}")


# -- the days -----------------------------------------------------------------------------------------


def _dates_of(day: Field, month: Field, weekday: Field) -> list[str]:
    """The last three fields, once for each part of the schedule that some date fulfils."""
    months = month.canonical(MONTH)
    pairs = _day_pairs(day, weekday)
    return [f"{days} {months} {weekdays}" for days, weekdays in pairs if _ever(days, weekdays, month.values)]


def _day_pairs(day: Field, weekday: Field) -> list[tuple[str, str]]:
    """Day and weekday apart where either is enough; plain values apart from L and 5#2, which croniter mixes up."""
    days, weekdays = _parts(day, DAY), _parts(weekday, WEEKDAY)
    if day.star or weekday.star:
        return list(product(days, weekdays))
    if "*" in (*days, *weekdays):  # either is enough, and one of them always holds
        return [("*", "*")]
    return [*((each, "*") for each in days), *(("*", each) for each in weekdays)]


def _parts(field: Field, kind: Kind) -> list[str]:
    plain = field.canonical(kind)
    return [plain] if plain == "*" else [each for each in (plain, ",".join(field.special)) if each]


def _ever(days: str, weekdays: str, months: Iterable[int]) -> bool:
    """Whether any date fulfils both. 28 years without an exception hold every kind of year."""
    if days == "*" and "#5" not in weekdays:
        return True
    return any(
        weekdays == "*" or any(_is(moment, each) for each in weekdays.split(","))
        for year in range(2000, 2028)
        for month in months
        for moment in _dates(year, month, days)
    )


def _dates(year: int, month: int, days: str) -> Iterator[date]:
    length = calendar.monthrange(year, month)[1]
    wanted = range(1, 32) if days == "*" else (length if each == "l" else int(each) for each in days.split(","))
    return (date(year, month, number) for number in wanted if number <= length)


def _is(moment: date, weekday: str) -> bool:
    """Whether a date is 5, 5#2 or l5."""
    wanted, _, nth = weekday.removeprefix("l").partition("#")
    if moment.isoweekday() % 7 != int(wanted):
        return False
    if weekday.startswith("l"):
        return moment.day + 7 > calendar.monthrange(moment.year, moment.month)[1]
    return not nth or (moment.day - 1) // 7 + 1 == int(nth)


# -- croniter -----------------------------------------------------------------------------------------


class _Compiled:
    """croniter's objects for the variants: making one costs more than four answers, so they are kept.

    An object remembers where it stands while it answers; the lock lets threads share it.
    """

    def __init__(self, variants: tuple[str, ...]) -> None:
        from croniter import croniter  # 60 ms with dateutil, and a list of jobs needs no next instant

        start = datetime(2000, 1, 1)  # noqa: DTZ001 — a wall time has no zone
        self._objects = [croniter(each, start, datetime, day_or=False) for each in variants]
        self._lock = threading.Lock()
        self._last: tuple[datetime, datetime] | None = None  # jobs that are due together ask the same

    def next_wall(self, after: datetime) -> datetime:
        with self._lock:
            if self._last is None or self._last[0] != after:
                found: list[datetime] = [each.get_next(datetime, start_time=after) for each in self._objects]
                self._last = after, min(found)
            return self._last[1]


@lru_cache(maxsize=1024)
def _compiled(variants: tuple[str, ...]) -> _Compiled:
    return _Compiled(variants)

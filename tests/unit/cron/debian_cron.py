"""A second opinion on cron expressions: random ones with their meaning as sets, and a scan of every minute.

It shares nothing with the code under test: an expression is made together with its meaning, so nothing is parsed,
and Debian's rule is played as cron plays it, by a clock that walks through real minutes.
"""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass
class Meaning:
    """What an expression says, as sets."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]  # Sunday is 0
    nth: frozenset[tuple[int, int]]  # (weekday, n); n = 0 is the last
    wild: bool = field(init=False)
    both: bool = field(init=False)

    def __post_init__(self) -> None:
        minute, hour, day, _, weekday = self.text.split()
        self.wild = minute.startswith("*") or hour.startswith("*")
        self.both = day.startswith("*") or weekday.startswith("*")
        self.times = sorted(hour * 60 + minute for hour in self.hours for minute in self.minutes)
        self.time_set = frozenset(self.times)
        self._known: dict[date, bool] = {}

    def on(self, day: date) -> bool:
        """Whether it names this date."""
        if day not in self._known:
            self._known[day] = self._on(day)
        return self._known[day]

    def _on(self, day: date) -> bool:
        length = calendar.monthrange(day.year, day.month)[1]
        weekday = (day.weekday() + 1) % 7
        by_day = day.day in self.days or (self.last_day and day.day == length)
        nth = {(weekday, (day.day + 6) // 7)} | ({(weekday, 0)} if day.day > length - 7 else set())
        by_weekday = weekday in self.weekdays or bool(nth & self.nth)
        return day.month in self.months and ((by_day and by_weekday) if self.both else (by_day or by_weekday))

    def ever(self) -> bool:
        """Whether any date of a whole cycle of the calendar is named."""
        first = date(2000, 1, 1)
        return any(self.on(first + timedelta(days=n)) for n in range(28 * 365 + 8))


def random_expression(random: Random) -> Meaning:
    """An expression with everything that is understood, and what it means."""
    minute, minutes = _random_field(random, 0, 59)
    hour, hours = _random_field(random, 0, 23)
    day, days = _random_field(random, 1, 31, star=0.5)
    month, months = _random_field(random, 1, 12, star=0.6, names=MONTHS)
    weekday, weekdays = _random_field(random, 0, 6, star=0.5, names=WEEKDAYS)
    last_day = day != "*" and random.random() < 0.15
    nth: set[tuple[int, int]] = set()
    if weekday != "*" and random.random() < 0.3:
        chosen, number = random.randrange(7), random.randrange(6)
        written = f"{chosen or 7}#{number}" if number else random.choice((f"{chosen}L", f"l{chosen or 7}"))
        nth.add((chosen, number))
        weekday, weekdays = (written, set()) if random.random() < 0.6 else (f"{weekday},{written}", weekdays)
    return Meaning(
        text=f"{minute} {hour} {f'{day},L' if last_day else day} {month} {weekday}",
        minutes=frozenset(minutes),
        hours=frozenset(hours),
        days=frozenset(days),
        last_day=last_day,
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        nth=frozenset(nth),
    )


def _random_field(
    random: Random, low: int, high: int, *, star: float = 0.25, names: list[str] | None = None
) -> tuple[str, set[int]]:
    if random.random() < star:
        return "*", set(range(low, high + 1))
    items = [_random_item(random, low, high, names) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    return ",".join(text for text, _ in items), {value for _, values in items for value in values}


def _random_item(random: Random, low: int, high: int, names: list[str] | None) -> tuple[str, set[int]]:
    def named(value: int) -> str:
        if names and random.random() < 0.3:
            return random.choice((str.upper, str.lower, str.title))(names[value - low])
        return str(value)

    first, last, step = random.randint(low, high), random.randint(low, high), random.randint(1, high - low + 1)
    around = [*range(first, high + 1), *range(low, last + 1)] if last < first else [*range(first, last + 1)]
    match random.randrange(6):
        case 0:
            return f"*/{step}", set(range(low, high + 1, step))
        case 1:
            return f"{named(first)}-{named(last)}", set(around)
        case 2:
            return f"{named(first)}-{named(last)}/{step}", set(around[::step])
        case 3:
            return f"{named(first)}/{step}", set(range(first, high + 1, step))
    return named(first), {first}


# -- the clock of a zone ------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def changes(zone: str, year: int) -> tuple[datetime, ...]:
    """The minutes (UTC) in which a zone's offset changes; it is looked at every four hours of the year."""
    tz, found = ZoneInfo(zone), []
    moment = datetime(year, 1, 1, tzinfo=UTC)
    offset = moment.astimezone(tz).utcoffset()
    while moment.year == year:
        moment += timedelta(hours=4)
        if moment.astimezone(tz).utcoffset() != offset:
            minute = moment - timedelta(hours=4)
            while minute.astimezone(tz).utcoffset() == offset:
                minute += MINUTE
            found.append(minute)
            offset = moment.astimezone(tz).utcoffset()
    return tuple(found)


@lru_cache(maxsize=512)
def _walls(zone: str, start: datetime, end: datetime) -> list[int]:
    """The wall time of every real minute, in minutes since 1970."""
    tz, walls, moment = ZoneInfo(zone), [], start
    while moment < end:
        walls.append((moment.astimezone(tz).replace(tzinfo=UTC) - EPOCH) // MINUTE)
        moment += MINUTE
    return walls


def scan(meaning: Meaning, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Every instant from start on and before end at which Debian's cron would start the job."""
    fired = []
    virtual = _walls(zone, start, end)[0] - 1  # cron's own idea of the time, for jobs at fixed times
    for n, wall in enumerate(_walls(zone, start, end)):
        step = wall - virtual
        if step == 1 or abs(step) > 181:  # an ordinary minute, or the clock was corrected
            due = _matches(meaning, wall)
            virtual = wall
        elif step > 1:  # set forward: what was skipped runs now, once
            due = any(_matches(meaning, each) for each in range(virtual + 1, wall)) if not meaning.wild else False
            due = due or _matches(meaning, wall)
            virtual = wall
        else:  # set back: what has a fixed time has run already
            due = meaning.wild and _matches(meaning, wall)
        if due:
            fired.append(start + n * MINUTE)
    return fired


def _matches(meaning: Meaning, wall: int) -> bool:
    day, minute = divmod(wall, 1440)
    return minute in meaning.time_set and meaning.on(EPOCH_DAY + timedelta(days=day))

"""What each kind of piece means, from the words in its groups. The same for every language."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import TypeAlias

from cron.phrases.language import Kind, Words
from cron.phrases.values import (
    CLOCKLESS,
    Amount,
    Clock,
    DateNamed,
    Instant,
    Meaning,
    Offset,
    Repeat,
    Shift,
    WeekdayNamed,
    WeekdaysNamed,
    Window,
    cron_weekdays,
    monthly,
    yearly,
)
from gateway.errors import ScheduleError

_Groups: TypeAlias = "re.Match[str]"


def _word(match: _Groups, group: str) -> str:
    """A group's words with single spaces; empty when the pattern has no such group or it did not take part."""
    return " ".join((match.groupdict().get(group) or "").split())


def _word_of(match: _Groups) -> str:
    return " ".join(match[0].split())


def _number(match: _Groups, group: str) -> int:
    return int(_word(match, group) or 0)


def _amount(match: _Groups, words: Words) -> Amount:
    quantities = []
    for found in _one_after_another(words.quantity, words.between_amounts, match["amount"]):
        written = _word(found, "number")
        number = words.language.numbers[written] if written in words.language.numbers else Fraction(written)
        half = Fraction(1, 2) if _word(found, "half") or _word(found, "more") else Fraction(0)
        quantities.append((number + half, words.language.units[_word(found, "unit")]))
    if not any(number for number, _ in quantities):
        raise ScheduleError("Nothing lies 0 from now; write an amount, such as 20 seconds.")
    return tuple(quantities)


def _one_after_another(item: re.Pattern[str], between: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The items of a list that a pattern has already matched as a whole."""
    place = 0
    while (found := item.match(text, place)) is not None:
        yield found
        joint = between.match(text, found.end())
        place = joint.end() if joint else found.end()
    if place < len(text):  # a table whose lists and items do not agree; a part must not get lost
        raise ScheduleError(f'"{" ".join(text.split())}" is not understood as a whole.')


def _instant(match: _Groups, _: Words) -> Iterator[Meaning]:
    date_and_time = [_number(match, name) for name in ("year", "month", "day", "hour", "minute", "second")]
    offset = match["offset"].replace(":", "")
    minutes = 0 if offset == "z" else int(f"{offset[0]}1") * (int(offset[1:3]) * 60 + int(offset[3:]))
    year, month, day, hour, minute, second = date_and_time
    try:
        zone = timezone(timedelta(minutes=minutes))
        yield Instant(datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise ScheduleError(f"There is no time {_word_of(match).upper()}.") from error


def _offset(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield Offset(_amount(match, words))


def _shift(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield Shift(words.language.shifts[_word(match, "shift")])
    yield from _optional_part(match, words)


def _optional_part(match: _Groups, words: Words) -> Iterator[Meaning]:
    if _word(match, "part"):
        yield words.language.parts[_word(match, "part")]


def _weekday(match: _Groups, words: Words) -> Iterator[Meaning]:
    following = words.language.nexts.get(_word(match, "next"), False)
    weeks = words.language.weeks.get(_word(match, "week"))
    yield WeekdayNamed(words.language.weekdays[_word(match, "weekday")], next=following, weeks=weeks)
    yield from _optional_part(match, words)


def _weekdays(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield WeekdaysNamed(tuple(_days_in(match["weekday_list"], words)))


def _days_in(written: str, words: Words) -> list[int]:
    return [words.days[found[0]] for found in words.day.finditer(written)]


def _day_number(match: _Groups, words: Words) -> int:
    return _month_day(_word(match, "day") or _word(match, "ordinal"), words)


def _month_day(written: str, words: Words) -> int:
    number = words.language.ordinals.get(written) or int(written)
    if number < 0:
        raise ScheduleError('Which day? Write its number, or "last day of every month".')
    return number


def _month_number(match: _Groups, words: Words) -> int | None:
    written = _word(match, "month")
    if not written:
        return None
    return int(written) if written.isdecimal() else words.language.months[written]


def _date(match: _Groups, words: Words) -> Iterator[Meaning]:
    year = _number(match, "year") or None
    yield DateNamed(
        day=_day_number(match, words),
        month=_month_number(match, words),
        year=year,
        months=words.language.month_shifts.get(_word(match, "month_shift")),
        years=words.language.year_shifts.get(_word(match, "year_shift")),
    )


def _date_time(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield from _date(match, words)
    for meaning in _clock(match, words):
        yield replace(meaning, known=True) if isinstance(meaning, Clock) else meaning


def _clock(match: _Groups, words: Words) -> Iterator[Meaning]:
    written, minute, second = _word(match, "hour"), _minute(match, words), _number(match, "second")
    hour = int(written) if written.isdecimal() else words.language.hour_words[written]
    half = _word(match, "half_day")
    if half:
        hour = _in_half(hour, words.language.halves[half], match)
    if hour > 23 or minute > 59 or second > 59:
        raise ScheduleError(f'There is no time "{_word_of(match)}"; a day has 0:00 to 23:59.')
    known = bool(half) or (written.startswith("0") and len(written) == 2) or hour > 12
    part = words.language.parts.get(_word(match, "part"))
    with_minutes = bool(_word(match, "minute"))
    yield Clock(hour=hour, minute=minute, second=second, known=known, minutes_written=with_minutes, part=part)


def _minute(match: _Groups, words: Words) -> int:
    written = _word(match, "minute")
    return words.language.minute_words[written] if written in words.language.minute_words else int(written or 0)


def _in_half(hour: int, later: int, match: _Groups) -> int:
    if not 1 <= hour <= 12:
        raise ScheduleError(f'"{_word_of(match)}" is no time: with am or pm, hours go from 1 to 12.')
    return hour % 12 + later


def _clock_list(match: _Groups, words: Words) -> Iterator[Meaning]:
    for found in _one_after_another(words.clock, words.between_days, match["clock_list"]):
        yield from _clock(found, words)


def _clock_word(match: _Groups, words: Words) -> Iterator[Meaning]:
    hour, minute = words.language.clock_words[_word(match, "clock_word")]
    yield Clock(hour=hour, minute=minute, known=True, minutes_written=True)


def _past_hour(match: _Groups, words: Words) -> Iterator[Meaning]:
    """Half past nine, quarter to six: a bare hour, moved."""
    minutes = words.language.past_words[_word(match, "past_word")]
    for meaning in _clock(match, words):
        if not isinstance(meaning, Clock):
            yield meaning
        elif minutes >= 0:
            yield replace(meaning, minute=minutes)
        else:
            hour = (meaning.hour - 1) % 24 if meaning.known or meaning.hour != 1 else 12
            yield replace(meaning, hour=hour, minute=60 + minutes)


def _today_part(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield Shift(0)
    yield words.language.today_parts[_word(match, "today_part")]


def _part(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield words.language.parts[_word(match, "part")]


def _every_amount(match: _Groups, words: Words) -> Iterator[Meaning]:
    amount = _amount(match, words)
    number, unit = amount[0]
    yield Repeat(unit=unit) if len(amount) == 1 and number == 1 else Repeat(amount=amount)


def _every_unit(match: _Groups, words: Words) -> Iterator[Meaning]:
    unit, times = (
        words.language.periods[_word(match, "period")],
        words.language.counts.get(_word(match, "count"), 0),
    )
    if times > 1 and unit in CLOCKLESS:
        raise ScheduleError(
            f'"{_word_of(match)}": write how long it is from one to the next ("every 30 minutes").'
        )
    yield Repeat(unit=unit, times=times)
    yield from _optional_part(match, words)


def _every_weekdays(match: _Groups, words: Words) -> Iterator[Meaning]:
    if _word(match, "day_set"):
        days: Sequence[int] = words.language.day_sets[_word(match, "day_set")]
    elif _word(match, "letters"):
        letters = words.language.day_letters
        days = [letters[letter] for letter in match["letters"] if letter in letters]
    else:
        days = _days_in(match["weekday_list"], words)
    yield Repeat(weekdays=cron_weekdays(days))
    yield from _optional_part(match, words)


def _every_range(match: _Groups, words: Words) -> Iterator[Meaning]:
    known = {**words.language.day_letters, **words.language.weekdays}
    first, last = (known[_word(match, group)] for group in ("first", "last"))
    yield Repeat(weekdays=cron_weekdays((first + step) % 7 for step in range((last - first) % 7 + 1)))


def _every_month_day(match: _Groups, words: Words) -> Iterator[Meaning]:
    if not _word(match, "day_list"):
        yield monthly(_day_number(match, words))
        return
    days = _one_after_another(words.month_day, words.between_days, match["day_list"])
    yield monthly(*(_month_day(_word_of(day), words) for day in days))


def _every_last_day(_: _Groups, __: Words) -> Iterator[Meaning]:
    yield Repeat(month_days="L")


def _every_nth_weekday(match: _Groups, words: Words) -> Iterator[Meaning]:
    nth = words.language.ordinals[_word(match, "ordinal")]
    weekday = cron_weekdays([words.language.weekdays[_word(match, "weekday")]])
    if nth > 5:
        raise ScheduleError("A month has at most five of each weekday.")
    yield Repeat(weekdays=f"L{weekday}" if nth < 0 else f"{weekday}#{nth}")


def _every_date(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield yearly(_day_number(match, words), _month_number(match, words) or 0)


def _every_part(match: _Groups, words: Words) -> Iterator[Meaning]:
    yield Repeat(unit="day")
    yield words.language.parts[_word(match, "part")]


def _every_nth(match: _Groups, words: Words) -> Iterator[Meaning]:
    """Every other day, every third hour, every second monday."""
    nth = words.language.ordinals[_word(match, "ordinal")] if _word(match, "ordinal") else 2
    days = words.language.day_sets.get(_word(match, "day_set"), ())
    if _word(match, "weekday"):
        days = (words.language.weekdays[_word(match, "weekday")],)
    if nth < 1 or len(days) > 2 or (days and nth != 2):
        raise ScheduleError(
            f'"{_word_of(match)}" can be read in two ways; write for example "every 3 weeks on monday at 9" or'
            ' "every third monday of the month at 9".'
        )
    if days:
        yield Repeat(weekdays=cron_weekdays(days), nth=nth)
        return
    unit = words.language.periods.get(_word(match, "period"), "day")
    yield Repeat(amount=((Fraction(nth), unit),)) if unit in CLOCKLESS else Repeat(unit=unit, nth=nth)
    yield from _optional_part(match, words)


def _window(match: _Groups, words: Words) -> Iterator[Meaning]:
    found = _one_after_another(words.clock, words.between_clocks, match["clock_pair"])
    clocks = [one for clock in found for one in _clock(clock, words) if isinstance(one, Clock)]
    yield Window(first=clocks[0], last=clocks[1])


def _two_ways(match: _Groups, words: Words) -> Iterator[Meaning]:
    written = _word_of(match)
    instead = '"every 2 weeks on monday at 9" or "every 3 months on the 1st at 9"'
    if not written.isascii():
        instead = '"每两天早上9点", "每三天早上9点", "每两周周一9点" or "每3个月1号9点"'
    raise ScheduleError(f'"{written}" can be read in two ways; write for example {instead}.')


def _amount_alone(match: _Groups, words: Words) -> Iterator[Meaning]:
    written = _word_of(match)
    raise ScheduleError(f'Is "{written}" meant as "in {written}" (once) or as "every {written}"?')


def _vague(match: _Groups, words: Words) -> Iterator[Meaning]:
    raise ScheduleError(
        f'At what time? "{_word_of(match)}" does not name a day; write one, such as "on friday at 9:00",'
        ' "on 1 December at 9:00" or "last day of every month at 18:00".'
    )


def _counted_from(match: _Groups, words: Words) -> Iterator[Meaning]:
    raise ScheduleError(
        f'"{_word_of(match)} …" cannot be counted here; write the time itself, such as "at 14:50".'
    )


def _number_alone(match: _Groups, words: Words) -> Iterator[Meaning]:
    raise ScheduleError(
        f'At what time? "{_word_of(match)}" is a number without a unit; write for example "in 20 minutes",'
        ' "at 17:30" or "every 20 minutes".'
    )


def _slashed(match: _Groups, words: Words) -> Iterator[Meaning]:
    raise ScheduleError(f'"{match[0]}" can be read in two ways; write the date as 2026-12-24 or 24 December.')


READERS: Mapping[Kind, Callable[[_Groups, Words], Iterator[Meaning]]] = {
    Kind.INSTANT: _instant,
    Kind.OFFSET: _offset,
    Kind.SHIFT: _shift,
    Kind.WEEKDAY: _weekday,
    Kind.WEEKDAYS: _weekdays,
    Kind.DATE: _date,
    Kind.DATE_TIME: _date_time,
    Kind.TODAY_PART: _today_part,
    Kind.PART: _part,
    Kind.CLOCK: _clock,
    Kind.CLOCK_LIST: _clock_list,
    Kind.CLOCK_WORD: _clock_word,
    Kind.PAST_HOUR: _past_hour,
    Kind.EVERY_AMOUNT: _every_amount,
    Kind.EVERY_UNIT: _every_unit,
    Kind.EVERY_WEEKDAYS: _every_weekdays,
    Kind.EVERY_RANGE: _every_range,
    Kind.EVERY_MONTH_DAY: _every_month_day,
    Kind.EVERY_LAST_DAY: _every_last_day,
    Kind.EVERY_NTH_WEEKDAY: _every_nth_weekday,
    Kind.EVERY_DATE: _every_date,
    Kind.EVERY_PART: _every_part,
    Kind.EVERY_NTH: _every_nth,
    Kind.TWO_WAYS: _two_ways,
    Kind.WINDOW: _window,
    Kind.AMOUNT_ALONE: _amount_alone,
    Kind.VAGUE: _vague,
    Kind.COUNTED_FROM: _counted_from,
    Kind.SLASHED: _slashed,
    Kind.NUMBER_ALONE: _number_alone,
}

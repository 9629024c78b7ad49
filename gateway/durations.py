"""Durations as people write them: 30s, 5m, 2h, 1d, 1w, 1h30m, "90 seconds", or a number of seconds."""

import re
from datetime import timedelta
from fractions import Fraction

FORMS = "a number of seconds, or 30s, 5m, 2h, 1d"
LONGEST_TEXT = 64  # characters
_LONGEST = timedelta(days=36500)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPELLINGS = {
    "w": "w week weeks",
    "d": "d day days",
    "h": "h hr hrs hour hours",
    "m": "m min mins minute minutes",
    "s": "s sec secs second seconds",
}
_SECONDS = {word: _UNITS[unit] for unit, words in _SPELLINGS.items() for word in words.split()}
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]+)\s*", re.ASCII)


def parse(value: object) -> timedelta:
    """What was meant; ValueError, with the forms that are, when it is no duration or longer than a century."""
    seconds: Fraction | float | None = None
    if isinstance(value, timedelta):
        return _checked(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value if 0 <= value <= _LONGEST.total_seconds() else -1  # also for NaN
    elif isinstance(value, str):
        seconds = _seconds(value.strip().lower())
    if seconds is None:
        raise ValueError(f"is not a duration; write {FORMS}")
    if seconds > _LONGEST.total_seconds():
        seconds = -1
    return _checked(timedelta(microseconds=round(seconds * 1_000_000)))


def _seconds(written: str) -> Fraction | None:
    if len(written) > LONGEST_TEXT:
        return None
    if _NUMBER.fullmatch(written):
        return Fraction(written)
    total, end, smallest = Fraction(0), 0, max(_UNITS.values()) + 1
    for piece in _PIECE.finditer(written):
        unit = _SECONDS.get(piece[2], smallest)
        if piece.start() != end or unit >= smallest:  # something between, an unknown unit, or 5m5m, 5m1h
            return None
        total, end, smallest = total + Fraction(piece[1]) * unit, piece.end(), unit
    return total if end and end == len(written) else None


def _checked(duration: timedelta) -> timedelta:
    if not timedelta() <= duration <= _LONGEST:
        raise ValueError("is not a duration between zero and a hundred years")
    return duration


def to_text(duration: timedelta) -> str:
    """The shortest exact form in one unit: 90 s is "90s", an hour is "1h"; `parse` reads it back."""
    seconds, rest = divmod(duration // timedelta(microseconds=1), 1_000_000)
    if rest:
        return f"{seconds}.{rest:06}".rstrip("0") + "s"
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"

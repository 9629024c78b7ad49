"""Durations as people write them: 30s, 5m, 2h, 1d, 1h30m, or a number of seconds."""

import re
from datetime import timedelta

FORMS = "a number of seconds, or 30s, 5m, 2h, 1d"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WHOLE = re.compile(r"(?:\d{1,12}(?:\.\d{1,6})?[smhd])+", re.ASCII)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)([smhd])", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_LONGEST = timedelta(days=36500)


def parse(value: object) -> timedelta:
    """What was meant; ValueError, with the forms that are, when it is no duration or longer than a century."""
    if isinstance(value, timedelta):
        return _checked(value.total_seconds())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _checked(float(value))
    text = str(value).strip().lower().replace(" ", "")
    if _NUMBER.fullmatch(text):
        return _checked(float(text))
    if isinstance(value, str) and _WHOLE.fullmatch(text):
        return _checked(sum(float(amount) * _UNITS[unit] for amount, unit in _PIECE.findall(text)))
    raise ValueError(f"is not a duration; write {FORMS}")


def _checked(seconds: float) -> timedelta:
    if not 0 <= seconds <= _LONGEST.total_seconds():  # also false for NaN
        raise ValueError("is not a duration between zero and a hundred years")
    return timedelta(seconds=seconds)


def to_text(duration: timedelta) -> str:
    """The shortest whole form: 90 s is "90s", an hour is "1h"; `parse` reads it back."""
    seconds = duration.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"

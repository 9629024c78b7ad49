"""Cron expressions of other programs in ours: seconds, `?`, `+`, zones and intervals in front. Pure.

Ours have five fields. Where a sixth holds the seconds depends on the program: croner and robfig's library put
them first, croniter last. Only second 0 can be kept.
"""

import re
from collections.abc import Mapping

from cron.codec.values import FieldError, shown
from cron.forms.source import Notes, Seconds
from gateway.messages import Json

_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_EVERY = re.compile(r"@every\s+(\S+)", re.IGNORECASE)
_WEEKS = {"1-7": 1, "8-14": 2, "15-21": 3, "22-28": 4}
_ZERO = re.compile("0+")
_LONGEST = 512


def schedule_of(written: str, *, seconds: Seconds | None, notes: Notes) -> Mapping[str, Json]:
    """The canonical schedule that is meant, without its kind; FieldError where we have no such schedule."""
    text = " ".join(written.split())
    if not text or len(text) > _LONGEST:
        raise FieldError(f"schedule: {shown(written)} is not a cron expression")
    zoned = _ZONE.fullmatch(text)
    zone: dict[str, Json] = {"tz": zoned[1]} if zoned else {}
    text = zoned[2] if zoned else text
    if interval := _EVERY.fullmatch(text):
        notes.taken.append(f"schedule {text} → every {interval[1]}")
        return {"every": interval[1]}
    if text.lower() == "@reboot":
        raise FieldError("schedule: @reboot is not a time; make the job run by hand, or at times of its own")
    expression = text if text.startswith("@") else _five(text, seconds)
    if expression != text:
        notes.taken.append(f"schedule {text} → {expression}")
    return {"expr": expression} | zone


def _five(text: str, seconds: Seconds | None) -> str:
    fields = _without_year(text.split())
    if len(fields) == 6:
        fields = _without_seconds(text, fields, seconds)
    if len(fields) != 5:
        raise FieldError(
            f"schedule: {shown(text)} has {len(fields)} fields; minute hour day month weekday are five"
        )
    minute, hour, day, month, weekday = fields
    day, weekday = ("*" if field == "?" else field for field in (day, weekday))
    if "+" in day + weekday:
        day, weekday = _both(text, day.removeprefix("+"), weekday.removeprefix("+"))
    return f"{minute} {hour} {day} {month} {weekday}"


def _without_year(fields: list[str]) -> list[str]:
    return fields[:6] if len(fields) == 7 and fields[6] in "*?" else fields


def _without_seconds(text: str, fields: list[str], seconds: Seconds | None) -> list[str]:
    if seconds is None:
        raise FieldError(
            f"schedule: {shown(text)} has six fields; say where its seconds are: --seconds first or --seconds last"
        )
    rest, second = (fields[1:], fields[0]) if seconds == "first" else (fields[:5], fields[5])
    if not _ZERO.fullmatch(second):
        raise FieldError(
            f"schedule: {shown(text)} fires at the second {second}; jobs here fire at second 0: "
            "write 0 there, or give the job an interval"
        )
    return rest


def _both(text: str, day: str, weekday: str) -> tuple[str, str]:
    """`+`: only days that both fields name. Ours mean either, unless one begins with `*`."""
    if "*" in {day, weekday} or day.startswith("*"):
        return day, weekday
    week = _WEEKS.get(day)
    if week is None or "-" in weekday or "/" in weekday:
        raise FieldError(
            f"schedule: {shown(text)} asks for days of the month that are certain weekdays too; kept can be "
            "only the first to fourth of a weekday (1-7, 8-14, 15-21, 22-28); make two jobs, or use MON#1"
        )
    return "*", ",".join(f"{name}#{week}" for name in weekday.split(","))

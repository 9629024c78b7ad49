"""Until when a reminder is put off: "10m", "1 hour", "tomorrow", "until 5pm"; pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cron import phrases
from cron.schedule import At
from gateway.errors import ScheduleError

USUAL = "10m"
EXAMPLE = "/snooze 10m"

_COURTESY = re.compile(r"(?:for|by|until|till|til|to|it|me|又|再)\s+", re.IGNORECASE)
_TOMORROW = re.compile(r"1 ?d(?:ay)?|(?:a|one) day|tomorrow|明天|一天", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?:\d+(?:\.\d+)?|an?|half an|one|two|three|five|ten)\s*[a-z]+(?:\s+and\s+a\s+half)?", re.IGNORECASE
)
_CHINESE_AMOUNT = re.compile(r"[0-9一二两三四五六七八九十半]+ ?个?(?:半)?(?:秒钟?|分钟|小时|钟头|天)")


def snoozed_until(
    words: str, *, meant: datetime, now: datetime, zone: str, languages: Sequence[str] = ("en",)
) -> datetime:
    """The instant at which a reminder that was `meant` for another one is said again; ScheduleError if unclear.

    A day later is tomorrow at the time of day that it was meant for. May take tens of milliseconds.
    """
    text = words.strip(" .!。！\t\n") or USUAL
    while (courtesy := _COURTESY.match(text)) is not None:
        text = text[courtesy.end() :]
    if _TOMORROW.fullmatch(text):
        text = f"tomorrow at {meant.astimezone(ZoneInfo(zone)):%H:%M}"
    elif _AMOUNT.fullmatch(text):
        text = f"in {text}"
    elif _CHINESE_AMOUNT.fullmatch(text):
        text = f"{text}后"
    found = phrases.understand(text, now=now, zone=zone, languages=languages)
    if not isinstance(found, At):
        raise ScheduleError(f"{words[:40]!r} is not one time; for example: {EXAMPLE}")
    return found.instant

"""What commands print for people: tables, and lines that no stored text can bend out of shape; pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_GAP = "  "
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing around, and what is no character."""


def clean(text: str) -> str:
    """The text without what would steer the terminal: a chat or a model may have written it."""
    return _STEERING.sub("�", text)


def line(text: str, *, widest: int = 500) -> str:
    """The text on one line, cut where it is too long."""
    words = clean(" ".join(text.split()))
    return words if len(words) <= widest else f"{words[: widest - 1]}…"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with columns, as wide as what they hold."""
    cells = [list(headings), *([line(cell, widest=60) or "-" for cell in row] for row in rows)]
    widths = [max(_width(row[n]) for row in cells) for n in range(len(headings))]
    for row in cells:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def fields(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """`Name:  value` lines, the values below each other."""
    widest = max(len(name) for name, _ in pairs) + 1
    for name, value in pairs:
        yield f"{name + ':':<{widest}} {line(value, widest=2_000) or '-'}"


def minute(moment: datetime | None, zone: str) -> str:
    """YYYY-MM-DD HH:MM and the zone; "-" for none."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}" if moment else "-"


def local(moment: datetime, zone: str) -> str:
    """RFC 3339 by the clocks of the zone: 2026-03-29T03:00:00+02:00."""
    return moment.astimezone(ZoneInfo(zone)).isoformat()


def utc(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC: 2026-03-29T01:00:00Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )

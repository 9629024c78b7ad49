"""The corpora of phrases, and what their meanings are written like."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cron.phrases import understand
from cron.schedule import Cron, Every, Schedule
from gateway.errors import ScheduleError

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)  # a Wednesday, 14:00 in Berlin
BOTH = ("en", "zh")
REFUSED = "refused: "


def rows(name: str) -> list[tuple[str, ...]]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines if line and not line.startswith("#")]


def understood(*names: str) -> list[tuple[str, ...]]:
    return [row for name in names for row in rows(name) if not row[1].startswith(REFUSED)]


def refused(*names: str) -> list[tuple[str, str]]:
    return [
        (phrase, meaning.removeprefix(REFUSED))
        for name in names
        for phrase, meaning in rows(name)
        if meaning.startswith(REFUSED)
    ]


def schedule_or_none(text: str) -> Schedule | None:
    """Any other error than a refusal breaks the test."""
    try:
        return understand(text, now=NOW, zone=BERLIN, languages=BOTH)
    except ScheduleError:
        return None


def in_words(schedule: Schedule) -> str:
    if isinstance(schedule, Cron):
        return f"cron {schedule.expression}{_counted(schedule)}"
    if isinstance(schedule, Every):
        return f"every {schedule.interval // timedelta(seconds=1)}"
    return _local(schedule.instant)


def _counted(schedule: Cron) -> str:
    if schedule.every_nth == 1 or schedule.anchor is None:
        return ""
    return f", each {schedule.every_nth} from {_local(schedule.anchor)}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(BERLIN)):%Y-%m-%d %H:%M:%S}".removesuffix(":00")

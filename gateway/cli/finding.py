"""What `tocsin check` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"  # something will not work
    WRONG = "wrong"  # the configuration must be changed: the gateway does not start


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    part: str
    level: Level
    text: str

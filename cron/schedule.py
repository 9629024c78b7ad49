"""At, Every, Cron: when a job is due next. Pure values; zones and changes of the clock are decided here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    instant: datetime  # aware

    def next_after(self, moment: datetime) -> datetime | None:
        """The instant, if it lies strictly after `moment`."""
        return self.instant if self.instant > moment else None


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed interval of elapsed time, counted from `anchor`: a late run does not shift the next."""

    interval: timedelta
    anchor: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The first anchor + k * interval (k >= 1) strictly after `moment`."""
        if moment < self.anchor:
            return self.anchor + self.interval
        return self.anchor + ((moment - self.anchor) // self.interval + 1) * self.interval


@dataclass(frozen=True, slots=True)
class Cron:
    """By the wall clock of a zone."""

    expression: str
    zone: str

    def next_after(self, moment: datetime) -> datetime | None:
        raise NotImplementedError


Schedule: TypeAlias = At | Every | Cron

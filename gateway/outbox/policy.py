"""What becomes of a part whose delivery failed; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    TransientDeliveryError,
)
from gateway.outbox.port import Repeat

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(seconds=60)
PATIENCE = timedelta(hours=24)
STORE_PAUSE = timedelta(seconds=2)  # between two attempts to write when the database refuses


@dataclass(frozen=True, slots=True)
class Later:
    """Certainly not sent: again after `delay`."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Settle:
    """May have been sent: find out, or repeat, once the channel answers again, and not before `delay` is over."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Plain:
    """Certainly not sent because of its formatting: at once, without it."""


@dataclass(frozen=True, slots=True)
class Halt:
    """The channel's credentials are refused: it stops, what it has to send waits."""


@dataclass(frozen=True, slots=True)
class End:
    """Over: `state` is unknown (it may be there) or dead (it is not)."""

    state: Literal["unknown", "dead"]


@dataclass(frozen=True, slots=True)
class Drop:
    """It was worth something at its moment only: over, and nobody is told."""


Verdict: TypeAlias = Later | Settle | Plain | Halt | End | Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of the message so far."""

    failures: int  # attempts that failed, or that nobody knows the end of, without one that succeeded between
    failing_since: datetime
    repeats: int  # sends after one that may have arrived
    has_plain: bool
    passing: bool = False  # not worth a second request, unless that is the way to learn what became of the first


def judge(error: DeliveryError, history: History, *, now: datetime, repeat: Repeat, hold: bool) -> Verdict:
    """What to do about `error`. `hold`: never repeat what may have arrived ([outbox] ambiguous)."""
    match error:
        case AmbiguousDeliveryError():
            return _ambiguous(history, now=now, repeat=repeat, hold=hold)
        case FormattingRefusedError() if history.has_plain:
            return Plain()
        case CredentialsRefusedError():
            return Halt()
        case _ if history.passing:
            return Drop()
        case TransientDeliveryError():
            if now - history.failing_since >= PATIENCE:
                return End("dead")
            return Later(error.retry_after or delay_after(history.failures))
        case _:
            return End("dead")


def _ambiguous(history: History, *, now: datetime, repeat: Repeat, hold: bool) -> Verdict:
    if history.passing and repeat is Repeat.MARKED:
        return Drop()
    if repeat is Repeat.MARKED:
        # Repeated once at most, so it needs no pause of its own.
        return End("unknown") if hold or history.repeats else Settle(timedelta())
    if now - history.failing_since >= PATIENCE:
        return End("unknown")
    return Settle(delay_after(history.failures))


def delay_after(failures: int) -> timedelta:
    """1 s doubling to 60 s; the caller adds jitter."""
    return min(FIRST_DELAY * (1 << min(failures, 10)), LONGEST_DELAY)

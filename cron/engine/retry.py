"""Whether a run that failed is tried again, and when; pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cron.policy import Backoff, Retry
from gateway.agent.due import Ending, EndStatus
from gateway.errors import ErrorClass

STANDARD = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 3600))
FAST = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4))
SPREAD = 0.1  # of a standard delay, to either side
LONGEST = timedelta(hours=24)  # a provider that asks for more patience gets no other attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """When it is tried again; else why it is not, though the error may pass. Both empty: nothing to say."""

    at: datetime | None = None
    why_not: str = ""


OVER = Verdict()


def verdict(
    policy: Retry, ending: Ending, *, run: str, attempt: int, now: datetime, following: datetime | None
) -> Verdict:
    """After attempt number `attempt` (1 is the first) of the run; `following`: the job's next occurrence."""
    if not _may_pass(ending) or policy.attempts <= 1:
        return OVER
    if attempt >= policy.attempts:
        return Verdict(why_not=f"tried {attempt} times")
    if ending.acted and not policy.unsafe:
        return Verdict(why_not="not tried again: it has said or done something already")
    wait = delay(policy, run=run, attempt=attempt) if ending.retry_after is None else ending.retry_after
    if wait > LONGEST:
        return Verdict(why_not="not tried again: the provider asks to wait for more than a day")
    at = now + max(wait, timedelta())
    if following is not None and at >= following:
        return Verdict(why_not="not tried again: the next occurrence comes first")
    return Verdict(at=at)


def delay(policy: Retry, *, run: str, attempt: int) -> timedelta:
    """How long to wait after that attempt; the last delay of the list repeats. The same for the same run."""
    match policy.backoff:
        case Backoff.STANDARD:
            return _of(STANDARD, attempt) * _factor(run, attempt)
        case Backoff.FAST:
            return _of(FAST, attempt)
        case delays:
            return _of(delays or STANDARD, attempt)


def _may_pass(ending: Ending) -> bool:
    if ending.status is EndStatus.TIMED_OUT:
        return True
    error = ending.error_class
    return ending.status is EndStatus.FAILED and error is not None and ErrorClass(error).transient


def _of(delays: tuple[timedelta, ...], attempt: int) -> timedelta:
    return delays[min(attempt, len(delays)) - 1]


def _factor(run: str, attempt: int) -> float:
    """Between 0.9 and 1.1: runs that failed together are not tried again together."""
    digest = hashlib.sha256(f"{run}.{attempt}".encode()).digest()
    return 1 - SPREAD + 2 * SPREAD * int.from_bytes(digest[:4]) / 2**32

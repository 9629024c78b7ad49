"""Callback: what a machine is to be told, and what becomes of it after each try; pure."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from gateway.callbacks import signing
from gateway.errors import OutgoingError
from gateway.outgoing.calls import Call, Reply

DELAYS = (timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
WITHIN = timedelta(seconds=15)  # one try, from looking up the name to the status of the answer
LONGEST_WAIT = timedelta(hours=2)  # that a machine may ask for
GONE = 410


class CallbackKind(StrEnum):
    """What a callback tells."""

    RESULT = "result"  # delivery.mode = webhook
    COMPLETE = "complete"  # on_complete
    FAIL = "fail"  # on_fail


class CallbackState(StrEnum):
    """Where a callback stands."""

    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to call, and how patiently."""

    url: str
    token: str = field(default="", repr=False)  # a bearer token
    within: timedelta = WITHIN
    retries: int = len(DELAYS)

    @property
    def host(self) -> str:
        """The part of the URL that holds no secret."""
        try:
            return urlsplit(self.url).netloc.rpartition("@")[2]
        except ValueError:
            return "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One thing to tell one machine. Its id stays the same from try to try."""

    id: str
    run: str
    job: str  # uid
    kind: CallbackKind
    target: Target
    body: bytes = field(repr=False)
    trace_id: str
    attempts: int = 0  # tries that have failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a callback after a try."""

    state: CallbackState
    error: str = ""
    wait: timedelta = timedelta()  # of one that stays open: until the next try
    gone: bool = False  # its job's hook is not called any more


def callback_id(run: str, kind: CallbackKind) -> str:
    """The `webhook-id`: the run's id, with what is told of it where that is not its result."""
    return run if kind is CallbackKind.RESULT else f"{run}-{kind.value}"


def call(callback: Callback, *, secret: str, now: datetime) -> Call:
    """The request, signed for this moment."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "tocsin",
        "traceparent": traceparent(callback),
        **signing.headers(secret, id=callback.id, at=now, body=callback.body),
    }
    if callback.target.token:
        headers["Authorization"] = f"Bearer {callback.target.token}"
    return Call(
        method="POST",
        url=callback.target.url,
        headers=headers,
        body=callback.body,
        within=callback.target.within,
        largest=0,
    )


def traceparent(callback: Callback) -> str:
    """The run's trace in the form of W3C Trace Context: the receiver's spans join it."""
    span = hashlib.sha256(callback.id.encode()).hexdigest()[:16]
    return f"00-{callback.trace_id}-{span}-01"


def judge(callback: Callback, answer: Reply | OutgoingError) -> Verdict:
    """2xx: it arrived. 410: never again. Refused addresses and endless redirects: given up. Else tried again."""
    if isinstance(answer, Reply) and answer.is_success:
        return Verdict(state=CallbackState.SENT)
    if isinstance(answer, Reply) and answer.status == GONE:
        return Verdict(state=CallbackState.FAILED, error=f"{_who(callback)} answered 410 Gone", gone=True)
    tries = callback.attempts + 1
    error = f"{_who(callback)}: {_words(answer)}"
    hopeless = isinstance(answer, OutgoingError) and not answer.kind.transient
    if hopeless or tries > callback.target.retries:
        count = f" (tried {tries} times)" if tries > 1 else ""
        return Verdict(state=CallbackState.FAILED, error=error + count)
    delay = DELAYS[min(tries, len(DELAYS)) - 1]
    return Verdict(state=CallbackState.OPEN, error=error, wait=max(delay, _asked_for(answer)))


def _who(callback: Callback) -> str:
    return f"webhook {callback.kind.value} to {callback.target.host}"


def _words(answer: Reply | OutgoingError) -> str:
    if isinstance(answer, OutgoingError):
        return str(answer)
    moved = " (a redirect that is not followed: write the new URL)" if 300 <= answer.status < 400 else ""
    return f"it answered {answer.status}{moved}"


def _asked_for(answer: Reply | OutgoingError) -> timedelta:
    """How long the machine wants to be left alone."""
    seconds = answer.headers.get("retry-after", "") if isinstance(answer, Reply) else ""
    if not (seconds.isascii() and seconds.isdigit()):
        return timedelta()
    return min(timedelta(seconds=min(int(seconds), 86_400)), LONGEST_WAIT)

"""Policies: what a job's settings may say, as values."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from gateway.messages import ChatAddress


class Misfire(StrEnum):
    """What becomes of occurrences that passed while nobody could run them."""

    FIRE_ONCE = "fire_once"
    SKIP = "skip"
    FIRE_ALL = "fire_all"


class Overlap(StrEnum):
    """What becomes of an occurrence while an earlier run of the job is queued or running."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    ALLOW_ALL = "allow_all"
    FALLBACK_ISOLATED = "fallback_isolated"


class Notify(StrEnum):
    """Whether a run must, may or cannot speak to its chat."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class AfterRun(StrEnum):
    """What becomes of a one-shot job after its run succeeded."""

    DELETE = "delete"
    DISABLE = "disable"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAlert:
    """When to tell somebody that a job keeps failing. None: the configuration's."""

    after: int | None = None  # consecutive failed runs
    cooldown: timedelta | None = None
    address: ChatAddress | None = None  # None: the job's own chat


class Backoff(StrEnum):
    """How long to wait between the attempts of a run."""

    STANDARD = "standard"  # 30, 60, 300, 900, 3600 s
    FAST = "fast"  # 1, 2, 4 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What becomes of a run that failed with an error that may pass."""

    attempts: int = 3  # in all, the first one included
    backoff: Backoff | tuple[timedelta, ...] = Backoff.STANDARD  # the last delay of a list repeats
    unsafe: bool = False  # also after the run has sent a message or done another thing that is not undone


class JobType(StrEnum):
    """How much of the machine a run takes: of `cron.max_concurrent` = 4 places, one, two or all."""

    LIGHT = "light"
    MEDIUM = "medium"
    RESOURCE_INTENSIVE = "resource-intensive"


class DeliveryMode(StrEnum):
    """Where the result of a run goes, besides its record. No mode but `channel` has to do with a person."""

    SESSION = "session"  # the exchange stays in the transcript of the run's session
    WEBHOOK = "webhook"
    LOG = "log"
    CHANNEL = "channel"  # notify = always, to `Delivery.address`


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A machine that is called over HTTP: JSON, signed."""

    url: str
    token: str = field(default="", repr=False)  # a bearer token; never shown
    timeout: timedelta | None = None  # None: 15 s
    retries: int | None = None  # None: 4, after 5 s, 5 min, 30 min, 2 h


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where the result of a run goes."""

    mode: DeliveryMode = DeliveryMode.SESSION
    hook: Hook | None = None  # of `webhook`
    address: ChatAddress | None = None  # of `channel`; None: the job's own


class Lifecycle(StrEnum):
    """What happens to a run, as it is published on the bus."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ThenOn(StrEnum):
    """Which ends of a run start what follows it."""

    SUCCESS = "success"
    FAILURE = "failure"
    DONE = "done"  # either


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What a run starts when it is over: another job, or an event."""

    on: ThenOn = ThenOn.SUCCESS
    job: str = ""  # the uid of the job; exactly one of the two is given
    event: str = ""


class OutputFormat(StrEnum):
    """What the final text of a run has to be."""

    TEXT = "text"
    JSON = "json"
    STRUCTURED = "structured"  # JSON that matches `output_schema`


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """Days on which a schedule does not fire, by the wall clock of the job's zone."""

    dates: tuple[date, ...] = ()
    weekdays: tuple[int, ...] = ()  # 0 is Monday, as in datetime
    holidays: str = ""  # a country, "DE", or a part of one, "DE-BY"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendCap:
    """What a job may spend on its model. None: no limit of its own."""

    tokens_per_run: int | None = None
    tokens_per_day: int | None = None  # a day of the job's zone
    money_per_day: float | None = None  # counted where `model.price` is configured


ISOLATED = "isolated"
MAIN = "main"
NAMED = "session:"

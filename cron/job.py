"""Job, Run and their policies, as values."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from cron.schedule import Schedule
from gateway.errors import ErrorClass
from gateway.messages import ChatAddress, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPrompt:
    """A full turn with this prompt."""

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Exact text, said without a model: a reminder outlives a dead provider."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemEvent:
    """Text put into a session, then a turn."""

    text: str


Payload: TypeAlias = AgentPrompt | Say | SystemEvent


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


class JobStatus(StrEnum):
    """Whether a job fires, and if not, who stopped it."""

    ENABLED = "enabled"
    DISABLED = "disabled"  # by a person, or by after_run
    PAUSED = "paused"  # by the gateway; `status_reason` says why
    PENDING_APPROVAL = "pending_approval"
    BROKEN = "broken"  # its schedule cannot be read


class RunStatus(StrEnum):
    """Where a run stands; the first four are on their way, the others are how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    AWAITING_APPROVAL = "awaiting_approval"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"
    ABANDONED = "abandoned"

    @property
    def open(self) -> bool:
        return self in {self.QUEUED, self.RUNNING, self.RETRY_WAIT, self.AWAITING_APPROVAL}


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    MANUAL = "manual"
    CHAIN = "chain"
    EVENT = "event"


class DeliveryStatus(StrEnum):
    """What became of the messages of a run."""

    NONE = "none"
    QUEUED = "queued"
    SENT = "sent"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAlert:
    """When to tell somebody that a job keeps failing. None: the configuration's."""

    after: int | None = None  # consecutive failed runs
    cooldown: timedelta | None = None
    address: ChatAddress | None = None  # None: the job's own chat


ISOLATED = "isolated"
MAIN = "main"
NAMED = "session:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What somebody asked to happen on a schedule. One line of cron.json.

    Next run, last run and run count are not here: they move, and live in the database.
    """

    uid: str  # UUID v4
    id: str  # its first 8 hex digits, unique
    name: str
    schedule: Schedule | None  # None: `status` is broken and `broken` holds what was written
    payload: Payload
    address: ChatAddress | None  # where it speaks; None: nowhere, the run's record only
    tz: str  # IANA name, frozen when the job was made
    created_at: datetime
    changed_at: datetime | None = None  # when its schedule, or whether it fires, was last changed
    created_by: str = ""  # the user who made it
    created_in: str = ""  # the session it was made in: what session = "main" means
    owner: str | None = None  # "channel:chat"; None: a job of the command line
    description: str = ""
    status: JobStatus = JobStatus.ENABLED
    status_reason: str = ""
    session: str = ISOLATED  # isolated | main | session:<name>
    notify: Notify = Notify.AUTO
    misfire: Misfire = Misfire.FIRE_ONCE
    misfire_window: timedelta | None = None  # None: by the schedule, see planner.window
    overlap: Overlap = Overlap.SKIP
    after_run: AfterRun = AfterRun.DELETE
    timeout: timedelta | None = None  # None: 10 minutes
    failure_alert: FailureAlert = field(default_factory=FailureAlert)
    declared: bool = False  # made from [[cron.tasks]]; the configuration wins, except for `status`
    stamp: str = ""  # the id of the tool call that made or last changed it: a replay is recognised
    state: Json = None
    state_revision: int = 0
    state_stamp: str = ""  # the id of the call that wrote the state
    revision: int = 0  # of the definition; 0: not stored yet
    broken: Json = None  # the stored object, kept as it was, when it could not be understood
    extra: Json = None  # fields of a newer version: kept and written back


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The execution of a job for one occurrence: a row of history."""

    id: str
    job_uid: str
    job_id: str
    job_name: str
    occurrence: str  # the instant in UTC, or "manual:<nonce>"
    status: RunStatus
    trigger: Trigger
    scheduled_at: datetime
    trace_id: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 1
    late_by: timedelta = timedelta()
    missed_count: int = 0  # of a missed span: how many occurrences this row stands for
    missed_until: datetime | None = None  # of a missed span: its last occurrence
    output: str = ""
    error: str = ""
    error_class: ErrorClass | None = None
    delivery_status: DeliveryStatus = DeliveryStatus.NONE
    messages_sent: int = 0

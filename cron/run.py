"""Run: the execution of a job for one occurrence, and the words for how it stands, as values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.errors import ErrorClass


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
    retry_at: datetime | None = None  # of a run that waits for its next attempt
    input_tokens: int = 0
    output_tokens: int = 0
    late_by: timedelta = timedelta()
    missed_count: int = 0  # of a missed span: how many occurrences this row stands for
    missed_until: datetime | None = None  # of a missed span: its last occurrence
    output: str = ""
    error: str = ""
    error_class: ErrorClass | None = None
    delivery_status: DeliveryStatus = DeliveryStatus.NONE
    delivery_error: str = ""  # why a machine could not be told
    messages_sent: int = 0

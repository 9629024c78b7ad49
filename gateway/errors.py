"""Every error that we raise on purpose.

TocsinError
├── ConfigError                 the operator acts: a key, where it stands, what to write there
├── UserError                   shown to a person or a model as it is
│   ├── ScheduleError           a schedule that cannot be read or can never fire
│   ├── MediaError              a file that cannot be had, kept or sent
│   └── NotFoundError           unknown, or not theirs: the words are the same
├── StoreError                  what is kept cannot be read or written
│   ├── StoreFullError          the disk is full
│   ├── StoreBusyError          another process holds the lock; names the holder
│   ├── StoreClosedError        this process is ending: nothing is written any more
│   ├── StoreCorruptError       the file cannot be read; it is left as it is
│   ├── JobChangedError         the job has another revision by now
│   │   └── IdTakenError        another job has the id
│   └── StateChangedError       the state has another revision by now; holds the current one
├── DeliveryError
│   ├── TransientDeliveryError  not sent, may be tried again (retry_after)
│   ├── AmbiguousDeliveryError  may have been sent
│   ├── FormattingRefusedError  not sent because of its formatting: the plain form is tried once
│   ├── CredentialsRefusedError the channel's token is refused: the channel stops
│   └── PermanentDeliveryError  not sent and never will be
├── ReadingError                a channel cannot read for now; carries how long to wait at least (pause)
├── TooLargeError               who calls us sends more than we take
├── RunOverError                a run was ended by somebody before it began
├── OutgoingError               a call to a machine outside got no answer; carries its class (kind)
└── ModelError                  a model call failed; carries its class (kind) and retry_after
"""

from datetime import timedelta
from enum import StrEnum


class TocsinError(Exception):
    """The root of every error that we raise on purpose."""


class ConfigError(TocsinError):
    """The configuration is wrong; the message names the key, the fault and the cure."""


class UserError(TocsinError):
    """Something that a person or a model asked for cannot be done; shown to them as it is."""


class ScheduleError(UserError):
    """A schedule that cannot be read, is not meant, or can never fire."""


class MediaError(UserError):
    """A file that cannot be had, kept or sent; said to whom it concerns."""


class NotFoundError(UserError):
    """There is no such thing, or it is not theirs to see: one text for both."""


class StoreError(TocsinError):
    """What is kept could not be read or written."""


class StoreFullError(StoreError):
    """The disk is full; nothing was changed."""


class StoreBusyError(StoreError):
    """Another process holds the lock; the message names it."""


class StoreClosedError(StoreError):
    """This process is ending: nothing is written any more, and trying again is useless."""


class StoreCorruptError(StoreError):
    """The file cannot be read; it was left as it is."""


class JobChangedError(StoreError):
    """The job is not at the revision that the writer had read."""


class IdTakenError(JobChangedError):
    """Another job has the id; it was not asked for by a person, so another one will do."""


class StateChangedError(StoreError):
    """A job's state is not at the revision that the writer had read."""

    def __init__(self, message: str, *, state: object, state_revision: int) -> None:
        super().__init__(message)
        self.state = state
        self.state_revision = state_revision


class DeliveryError(TocsinError):
    """A part did not reach its chat, or may not have."""


class TransientDeliveryError(DeliveryError):
    """Certainly not sent; may be tried again, not before `retry_after` where the platform named one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AmbiguousDeliveryError(DeliveryError):
    """The answer was lost after the request was written: it may have been sent."""


class FormattingRefusedError(DeliveryError):
    """Certainly not sent, because the platform could not read its formatting."""


class CredentialsRefusedError(DeliveryError):
    """Certainly not sent: the platform refuses the token of the whole channel."""


class PermanentDeliveryError(DeliveryError):
    """Certainly not sent, and a repeat would not be either."""


class ReadingError(TocsinError):
    """A channel cannot read for now, for a reason that needs no traceback.

    It is tried again after pauses that grow: not sooner than `pause`, and not much later than `longest`.
    """

    def __init__(
        self, message: str, *, pause: timedelta = timedelta(), longest: timedelta = timedelta(seconds=10)
    ) -> None:
        super().__init__(message)
        self.pause = pause
        self.longest = longest


class TooLargeError(TocsinError):
    """The body of a call is longer than we take."""


class RunOverError(TocsinError):
    """A due run was ended by somebody else before it began: there is nothing to do for it."""


class ErrorClass(StrEnum):
    """Why a run or a model call failed. The first four may be tried again."""

    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    NETWORK_ERROR = "network_error"
    BUSINESS = "business"
    PERMISSION = "permission"
    PERMANENT = "permanent"
    BAD_OUTPUT = "bad_output"
    UNDELIVERED = "undelivered"
    CONDITION = "condition"

    @property
    def transient(self) -> bool:
        return self in {self.TIMEOUT, self.RATE_LIMIT, self.SERVER_ERROR, self.NETWORK_ERROR}


class OutgoingError(TocsinError):
    """A call to a machine outside got no answer, in a sentence; `kind` says whether trying again can help.

    PERMISSION: the address is refused, and nothing was connected to.
    """

    def __init__(self, message: str, kind: ErrorClass) -> None:
        super().__init__(message)
        self.kind = kind


class ModelError(TocsinError):
    """A model call failed; `kind` says whether trying again can help."""

    def __init__(self, message: str, kind: ErrorClass, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after

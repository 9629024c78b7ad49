"""Job: what somebody asked to happen on a schedule, as a value."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from cron.policy import (
    ISOLATED,
    AfterRun,
    Delivery,
    Exclude,
    FailureAlert,
    Hook,
    JobType,
    Lifecycle,
    Misfire,
    Notify,
    OutputFormat,
    Overlap,
    Retry,
    SpendCap,
    Then,
)
from cron.schedule import Schedule
from cron.state import StateChange
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A command of the shell. It waits for a sandbox: until there is one, its runs fail as `permission`."""

    command: str


Payload: TypeAlias = AgentPrompt | Say | SystemEvent | Shell


def words_of(payload: Payload) -> str:
    """What somebody wrote: the prompt, the text or the command."""
    match payload:
        case AgentPrompt(prompt=words) | Say(text=words) | SystemEvent(text=words) | Shell(command=words):
            return words


_RETRY, _EXCLUDE, _DELIVERY, _ALERT, _SPEND = Retry(), Exclude(), Delivery(), FailureAlert(), SpendCap()
# One of each for all jobs: they never change, and what is the very same is quickly seen to be equal.


class JobStatus(StrEnum):
    """Whether a job fires, and if not, who stopped it."""

    ENABLED = "enabled"
    DISABLED = "disabled"  # by a person, or by after_run
    PAUSED = "paused"  # by the gateway; `status_reason` says why
    PENDING_APPROVAL = "pending_approval"
    BROKEN = "broken"  # its schedule cannot be read


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
    reply_to: str = ""  # the platform's id of the message that a reminder is about, and answers
    owner: str | None = None  # "channel:chat"; None: a job of the command line
    description: str = ""
    status: JobStatus = JobStatus.ENABLED
    status_reason: str = ""
    session: str = ISOLATED  # isolated | main | session:<name>
    notify: Notify = Notify.AUTO
    misfire: Misfire = Misfire.FIRE_ONCE
    misfire_window: timedelta | None = None  # None: by the schedule, see planner.window
    overlap: Overlap = Overlap.SKIP
    retry: Retry = _RETRY
    type: JobType = JobType.LIGHT
    after_run: AfterRun = AfterRun.DELETE
    start_at: datetime | None = None  # no occurrence before it
    expires_at: datetime | None = None  # none from it on
    max_runs: int | None = None  # by the schedule; then it is over, as a one-shot is after its run
    jitter: timedelta = timedelta()  # each occurrence is later by the same part of it, another one for each job
    exclude: Exclude = _EXCLUDE
    timeout: timedelta | None = None  # None: 10 minutes; 2 for a shell command
    context_messages: int = 0  # of the chat, put before an isolated run: 0…50
    delivery: Delivery = _DELIVERY
    on_complete: Hook | None = None
    on_fail: Hook | None = None
    notify_on: tuple[Lifecycle, ...] = (Lifecycle.FAILED,)  # which ends of runs are published on the bus
    failure_alert: FailureAlert = _ALERT
    then: tuple[Then, ...] = ()
    output_format: OutputFormat = OutputFormat.TEXT
    output_schema: Json = None  # JSON Schema, of output_format = structured
    spend: SpendCap = _SPEND
    check: str = ""  # a command that decides whether there is anything to do; it waits for a sandbox too
    model: str = ""  # empty: the configuration's
    tools: tuple[str, ...] | None = None  # None: all that a scheduled turn has
    work_dir: str = ""  # relative to the workspace
    may_schedule: bool = False  # its runs may make and change other jobs of the chat
    nag: timedelta | None = None  # a reminder that is said again this often until somebody presses Done
    declared: bool = False  # made from [[cron.tasks]]; the configuration wins, except for `status`
    stamp: str = ""  # the id of the tool call that made or last changed it: a replay is recognised
    state: Json = None
    state_revision: int = 0
    state_stamp: str = ""  # the id of the call that wrote the state
    state_change: StateChange | None = None  # what that call has changed; None: it was the first
    revision: int = 0  # of the definition; 0: not stored yet
    broken: Json = None  # the stored object, kept as it was, when it could not be understood
    extra: Json = None  # fields of a newer version: kept and written back

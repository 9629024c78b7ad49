"""Setup: what a gateway is built from, as a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from channels.base import Channel
from cron.endings.listeners import RunListener
from cron.store import JobStore
from gateway.agent.model import ModelClient
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.database.driver import Driver
from gateway.home import Home
from gateway.messages import Json
from gateway.metrics import Meter, Unmetered
from gateway.observe import Redactor
from gateway.tools.base import Tool
from gateway.tracing import Tracer, Untraced


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a gateway is built from. Everything but the first two has its default in the configuration."""

    home: Home
    config: Config
    clock: Clock = field(default_factory=SystemClock)
    connect: Callable[[], Driver] | None = None
    store: JobStore | None = None
    model: ModelClient | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    tools: Sequence[Tool] = ()  # besides our own
    listeners: Sequence[RunListener] = ()  # parts of the same process that hear how runs end
    scheduler: bool = True
    hide: Callable[[str], str] = field(default_factory=Redactor)  # takes secrets out of what the audit keeps
    errors: Callable[[], Sequence[Mapping[str, Json]]] = list  # the last ones, newest first, for `status`
    meter: Meter = field(default_factory=Unmetered)
    tracer: Tracer = field(default_factory=Untraced)

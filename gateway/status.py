"""How the gateway is: told by the running one in a small file, read by `tocsin status`."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import orjson

from gateway.clock import to_text
from gateway.home import Home
from gateway.messages import Json

FILE = "status.json"
SILENT = "silent"
NOT_READY = (SILENT, "starting")
SILENT_AFTER = timedelta(seconds=90)


class ChannelStatus(Protocol):
    """What is shown of a channel."""

    state: str
    reason: str
    last_alive: datetime | None
    heard_every: timedelta | None  # how often its platform is heard from while all is well; None: no rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of all parts at one moment."""

    at: datetime
    channels: Mapping[str, ChannelStatus]
    halted: Mapping[str, str]
    scheduler: bool
    heartbeat: datetime | None
    next_fire: datetime | None
    jobs: int
    running: Mapping[str, str]
    waiting: int
    trouble: Sequence[str]
    since: datetime | None = None  # the start of this life
    errors: Sequence[Mapping[str, Json]] = ()  # the last ones, newest first
    metrics: Mapping[str, Json] = field(default_factory=dict)
    web: Mapping[str, Json] | None = None  # the listener: its address, and where its token is; None: there is none


def to_json(status: Status) -> dict[str, Json]:
    """As `tocsin status --json` shows it; what the tables know is added there."""
    channels = {name: _channel(status, name, channel) for name, channel in status.channels.items()}
    deaf = any(channel["state"] in NOT_READY for channel in channels.values())
    return {
        "at": to_text(status.at),
        "ready": not status.trouble and not status.halted and not deaf,
        "channels": channels,
        "scheduler": {
            "enabled": status.scheduler,
            "heartbeat": to_text(status.heartbeat) if status.heartbeat else None,
            "next_fire": to_text(status.next_fire) if status.next_fire else None,
            "jobs": status.jobs,
        },
        "lanes": {"running": len(status.running), "waiting": status.waiting},
        "trouble": list(status.trouble),
        "errors": [dict(error) for error in status.errors],
        "metrics": dict(status.metrics),
        "web": dict(status.web) if status.web else None,
    }


def _channel(status: Status, name: str, channel: ChannelStatus) -> dict[str, Json]:
    state, reason = channel.state, channel.reason
    if name in status.halted:
        state, reason = "stopped", status.halted[name]
    elif silence := _silence(status, channel):
        state, reason = SILENT, f"nothing was heard from it for {silence.total_seconds():.0f} s"
    return {
        "state": state,
        "reason": reason or None,
        "last_alive": to_text(channel.last_alive) if channel.last_alive else None,
        "heard_every_s": channel.heard_every.total_seconds() if channel.heard_every else None,
    }


def _silence(status: Status, channel: ChannelStatus) -> timedelta | None:
    """For how long it has said nothing; None when that is in order, or its state says what is wrong already."""
    heard = channel.last_alive or status.since
    if channel.heard_every is None or heard is None or channel.state not in {"starting", "running"}:
        return None
    silence = status.at - heard
    return silence if silence > max(channel.heard_every, SILENT_AFTER) else None


def write_status(home: Home, status: Status) -> None:
    """Leave it for others. It is told again soon, so a full disk or a lost file harms nobody."""
    target = home.path / FILE
    draft = target.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(to_json(status)))
        draft.replace(target)


def forget_status(home: Home) -> None:
    """At a start: what an earlier life told is not how this one is."""
    with contextlib.suppress(OSError):
        (home.path / FILE).unlink(missing_ok=True)


def read_status(home: Home) -> Json:
    """What the running gateway told last; None if there is nothing readable."""
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        return orjson.loads((home.path / FILE).read_bytes())
    return None

"""How the gateway is: told by the running one in a small file, read by `tocsin status`."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from gateway.clock import to_text
from gateway.home import Home
from gateway.messages import Json

FILE = "status.json"


class ChannelStatus(Protocol):
    """What is shown of a channel."""

    state: str
    reason: str
    last_alive: datetime | None


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


def to_json(status: Status) -> Json:
    """As `tocsin status --json` shows it; what the tables know is added there."""
    return {
        "at": to_text(status.at),
        "ready": not status.trouble and not status.halted,
        "channels": {
            name: {
                "state": "stopped" if name in status.halted else channel.state,
                "reason": status.halted.get(name) or channel.reason or None,
                "last_alive": to_text(channel.last_alive) if channel.last_alive else None,
            }
            for name, channel in status.channels.items()
        },
        "scheduler": {
            "enabled": status.scheduler,
            "heartbeat": to_text(status.heartbeat) if status.heartbeat else None,
            "next_fire": to_text(status.next_fire) if status.next_fire else None,
            "jobs": status.jobs,
        },
        "lanes": {"running": len(status.running), "waiting": status.waiting},
        "trouble": list(status.trouble),
    }


def write_status(home: Home, status: Status) -> None:
    """Leave it for others. It is told again soon, so a full disk or a lost file harms nobody."""
    target = home.path / FILE
    draft = target.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(to_json(status)))
        draft.replace(target)


def read_status(home: Home) -> Json:
    """What the running gateway told last; None if there is nothing readable."""
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        return orjson.loads((home.path / FILE).read_bytes())
    return None

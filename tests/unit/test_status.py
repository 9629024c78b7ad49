"""What a running gateway tells of itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home
from gateway.status import SILENT, Status, forget_status, read_status, to_json, write_status
from tests.fakes import NOON

SECOND = timedelta(seconds=1)


@dataclass
class Channel:
    """How a channel is."""

    state: str = "running"
    reason: str = ""
    last_alive: datetime | None = NOON
    heard_every: timedelta | None = 30 * SECOND


def status(channel: Channel, *, later: timedelta = timedelta(), **changes: Any) -> Status:
    told: dict[str, Any] = {
        "at": NOON + later,
        "channels": {"telegram": channel},
        "halted": {},
        "scheduler": True,
        "heartbeat": NOON,
        "next_fire": None,
        "jobs": 0,
        "running": {},
        "waiting": 0,
        "trouble": [],
        "since": NOON,
    }
    return Status(**(told | changes))


def shown(channel: Channel, later: timedelta, **changes: Any) -> tuple[bool, str]:
    """Whether the gateway is ready, and the channel's state."""
    document = to_json(status(channel, later=later, **changes))
    return document["ready"], document["channels"]["telegram"]["state"]


@pytest.mark.parametrize(
    ("channel", "after", "expected"),
    [
        (Channel(), 90 * SECOND, (True, "running")),
        (Channel(), 91 * SECOND, (False, SILENT)),
        (Channel(heard_every=300 * SECOND), 300 * SECOND, (True, "running")),
        (Channel(heard_every=300 * SECOND), 301 * SECOND, (False, SILENT)),
        (Channel(heard_every=None), timedelta(days=30), (True, "running")),
        (Channel(state="starting", last_alive=None), 90 * SECOND, (False, "starting")),
        (Channel(state="starting", last_alive=None), 91 * SECOND, (False, SILENT)),
        (Channel(state="retrying", reason="no route"), 300 * SECOND, (True, "retrying")),
        (Channel(state="closed"), 300 * SECOND, (True, "closed")),
    ],
)
def test_a_channel_that_polls_and_is_not_heard_is_silent_and_the_gateway_not_ready(
    channel: Channel, after: timedelta, expected: tuple[bool, str]
) -> None:
    assert shown(channel, after) == expected


def test_why_a_channel_is_called_silent_is_said() -> None:
    document = to_json(status(Channel(), later=125 * SECOND))

    assert document["channels"]["telegram"]["reason"] == "nothing was heard from it for 125 s"


def test_a_channel_whose_credentials_are_refused_is_stopped_however_long_it_is_silent() -> None:
    assert shown(Channel(), 300 * SECOND, halted={"telegram": "the token is refused"}) == (False, "stopped")


def test_what_was_told_is_read_until_it_is_forgotten(tmp_path: Path) -> None:
    home = Home(tmp_path)
    error = {"at": None, "event": "send failed"}
    write_status(home, status(Channel(), errors=[error]))
    told = read_status(home)

    forget_status(home)
    forget_status(home)

    assert (told["ready"], told["errors"]) == (True, [error])
    assert read_status(home) is None

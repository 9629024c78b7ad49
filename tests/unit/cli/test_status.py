"""The state of the gateway on the command line."""

from datetime import UTC, datetime, timedelta

import orjson

from gateway.clock import to_text
from gateway.home import GatewayLock, prepare
from tests.command_line import CommandLine


def tell(tocsin: CommandLine, *, age: timedelta = timedelta(), **changes: object) -> None:
    """Leave what a gateway tells of itself."""
    told = {
        "at": to_text(datetime.now(UTC) - age),
        "ready": True,
        "channels": {"telegram": {"state": "running", "reason": None, "last_alive": None}},
        "scheduler": {"enabled": True, "heartbeat": None, "next_fire": None, "jobs": 3},
        "lanes": {"running": 1, "waiting": 0},
        "trouble": [],
    }
    prepare(tocsin.kept.home)
    (tocsin.path / "status.json").write_bytes(orjson.dumps(told | changes))


def test_without_a_gateway_it_is_not_ready_and_nothing_is_made(tocsin: CommandLine) -> None:
    people, document = tocsin("status"), tocsin("status", "--json").document

    assert (people.status, people.lines[0]) == (0, "Gateway: not running (start it with tocsin run)")
    assert (document["ready"], document["running"], document["channels"]) == (False, False, {})
    assert {"scheduler", "lanes", "outbox", "trouble"} <= document.keys()
    assert not tocsin.path.exists()


def test_a_running_gateway_is_as_it_says(tocsin: CommandLine) -> None:
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        document = tocsin("status", "--json").document

    assert (document["ready"], document["running"]) == (True, True)
    assert (document["scheduler"]["jobs"], document["lanes"]["running"]) == (0, 1)
    assert document["channels"]["telegram"]["state"] == "running"


def test_what_a_gateway_told_before_it_ended_does_not_make_it_ready(tocsin: CommandLine) -> None:
    tell(tocsin, trouble=["the disk is full"])

    document = tocsin("status", "--json").document

    assert (document["ready"], document["trouble"]) == (False, ["the disk is full"])


def test_a_gateway_that_has_gone_silent_is_not_ready(tocsin: CommandLine) -> None:
    tell(tocsin, age=timedelta(minutes=2))

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        document = tocsin("status", "--json").document

    assert document["ready"] is False
    assert "has not told how it is for" in document["trouble"][0]


def test_a_channel_in_trouble_is_named_with_its_reason(tocsin: CommandLine) -> None:
    tell(tocsin, channels={"tg2": {"state": "stopped", "reason": "the token is refused", "last_alive": None}})

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        lines = tocsin("status").lines

    assert lines[0].startswith("Gateway: running, but not ready (process ")
    assert "Trouble: channel tg2 is stopped: the token is refused" in lines


def test_a_process_that_works_one_turn_is_no_running_gateway(tocsin: CommandLine) -> None:
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC), purpose="tocsin chat"):
        assert tocsin("status", "--json").document["running"] is False


def test_jobs_that_cannot_be_read_are_told_and_left_as_they_are(tocsin: CommandLine) -> None:
    prepare(tocsin.kept.home)
    (tocsin.path / "cron.json").write_text("{bad")

    printed = tocsin("status", "--json")

    assert (printed.status, printed.document["scheduler"]["jobs"]) == (0, None)
    assert "cron.json cannot be read" in printed.document["trouble"][0]
    assert (tocsin.path / "cron.json").read_text() == "{bad"

"""The last errors of the log, kept in memory for `status`."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import structlog

from gateway import observe
from gateway.clock import SystemClock
from gateway.observe import HIDDEN, RecentErrors

pytestmark = pytest.mark.usefixtures("log_stopped")

SECRET = "sentinel-7f3a"


class NoonClock(SystemClock):
    """It is always noon."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def recent(tmp_path: Path) -> RecentErrors:
    kept = RecentErrors()
    observe.start(level="info", clock=NoonClock(), file=tmp_path / "log", secrets=[SECRET, "4711"], recent=kept)
    return kept


def test_errors_are_kept_and_what_is_less_is_not(recent: RecentErrors) -> None:
    structlog.get_logger().info("fine")
    structlog.get_logger().warning("a note")
    structlog.get_logger("parts").error("the channel failed", channel="telegram", tries=3)
    logging.getLogger("some.library").critical("lost %d frames", 2)

    newest, oldest = recent.newest_first()

    assert (newest["event"], newest["level"]) == ("lost 2 frames", "critical")
    assert oldest == {
        "at": "2026-03-01T12:00:00.000000Z",
        "level": "error",
        "event": "the channel failed",
        "error": None,
        "channel": "telegram",
        "tries": 3,
        "logger": "parts",
    }


def test_of_a_traceback_its_last_line_is_kept(recent: RecentErrors) -> None:
    try:
        raise ConnectionError("no route")
    except ConnectionError:
        structlog.get_logger().exception("send failed")

    (error,) = recent.newest_first()

    assert error["error"] == "ConnectionError: no route"
    assert "exception" not in error


def test_only_the_last_ones_are_kept_and_long_words_are_cut(recent: RecentErrors) -> None:
    for number in range(100):
        structlog.get_logger().error("failed", number=number, text="x" * 10_000, shape={"a": [1]})

    errors = recent.newest_first()

    assert [error["number"] for error in errors] == list(range(99, 89, -1))
    assert (len(errors[0]["text"]), errors[0]["shape"]) == (RecentErrors.WIDEST, '{"a":[1]}')
    assert len(orjson.dumps(errors)) < 10_000


@pytest.mark.parametrize("secret", [SECRET, 4711])
def test_p87_a_secret_is_in_none_of_them(recent: RecentErrors, secret: object) -> None:
    structlog.get_logger().error("refused", token=secret)

    (error,) = recent.newest_first()

    assert HIDDEN in str(error)
    assert str(secret) not in str(error)


def test_stacks_that_were_asked_for_are_no_errors(recent: RecentErrors) -> None:
    logging.getLogger("gateway.stacks").error("a task")

    assert recent.newest_first() == []

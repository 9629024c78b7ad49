"""The log: what a line holds, and what it never does."""

import io
import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from gateway import observe
from gateway.clock import SystemClock
from gateway.observe import HIDDEN, QUIET, Redactor

pytestmark = pytest.mark.usefixtures("log_stopped")

SECRET = 'sentinel-"7f\\3é secret'
TELEGRAM = "123456789:AAHk3n5xJ2pQ8rT6vY1wZ4bC7dE9fG0hI-j"


class NoonClock(SystemClock):
    """It is always noon."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def start(tmp_path: Path, **options: Any) -> Path:
    file = tmp_path / "tocsin.log"
    defaults: dict[str, Any] = {"level": "debug", "clock": NoonClock(), "file": file, "secrets": [SECRET]}
    observe.start(**(defaults | options))
    return file


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_json_with_time_level_sentence_and_what_is_bound(tmp_path: Path) -> None:
    file = start(tmp_path)

    with structlog.contextvars.bound_contextvars(run="r1", trace_id="t1"):
        structlog.get_logger().info("run starts", job="abc")

    (line,) = lines(file)
    assert list(line)[:3] == ["time", "level", "event"]
    assert line["time"] == "2026-03-01T12:00:00.000000Z"
    assert (line["level"], line["event"], line["job"], line["run"], line["trace_id"]) == (
        "info",
        "run starts",
        "abc",
        "r1",
        "t1",
    )


def test_libraries_that_use_logging_write_the_same_lines(tmp_path: Path) -> None:
    file = start(tmp_path)

    with structlog.contextvars.bound_contextvars(run="r1"):
        logging.getLogger("some.library").warning("lost %d frames", 3)

    (line,) = lines(file)
    assert (line["event"], line["logger"], line["level"], line["run"]) == (
        "lost 3 frames",
        "some.library",
        "warning",
        "r1",
    )


@pytest.mark.parametrize("name", [*QUIET, "telegram.ext"])
def test_libraries_that_log_addresses_are_quiet_below_warning(tmp_path: Path, name: str) -> None:
    file = start(tmp_path)

    logging.getLogger(name).info("GET https://example.org")
    logging.getLogger(name).warning("a real warning")

    assert [line["event"] for line in lines(file)] == ["a real warning"]


def test_what_is_below_the_level_is_not_written(tmp_path: Path) -> None:
    file = start(tmp_path, level="warning")

    structlog.get_logger().info("polling")
    logging.getLogger("some.library").info("polling")

    assert lines(file) == []


def test_p87_a_secret_reaches_no_line_in_any_spelling(tmp_path: Path) -> None:
    file = start(tmp_path)
    logger = structlog.get_logger()

    logger.debug("plain", token=SECRET, nested={"a": [SECRET]}, text=f"x{SECRET}y", as_repr=repr(SECRET))
    sentence = f"in the sentence {SECRET}"
    logger.debug(sentence, url=f"https://x/{quote(SECRET)}", body=json.dumps({"t": SECRET}))
    logging.getLogger("some.library").debug("argument %s", SECRET)

    text = file.read_text(encoding="utf-8")
    assert len(lines(file)) == 3
    assert "sentinel" not in text
    assert text.count(HIDDEN) == 8


def test_p87_a_secret_in_a_traceback_is_hidden_and_the_traceback_stays(tmp_path: Path) -> None:
    file = start(tmp_path)

    try:
        raise ValueError(f"refused: {SECRET}")
    except ValueError:
        structlog.get_logger().exception("send failed")
        logging.getLogger("some.library").exception("send failed")

    for line in lines(file):
        assert "Traceback" in line["exception"]
        assert f"refused: {HIDDEN}" in line["exception"]
    assert "sentinel" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "token",
    [
        f"https://api.telegram.org/bot{TELEGRAM}/getMe",
        "xoxb-1234567890-abcdefghij",
        "xapp-1-A0123-456-abcdef",
        "sk-proj-abcdefghijklmnop1234",
        "sk-ant-api03-abcdefghijklmnop",
        "Authorization: Bearer abcdefghijkl",
        "Authorization: Basic abcdefGhij==",
        "Authorization: basic abcdefghij=",
        "postgresql://tocsin:hunter22@db/tocsin",
        "https://qyapi.example/send?key=01234567-89ab",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1",
    ],
)
def test_what_looks_like_a_token_is_hidden_though_nobody_named_it(token: str) -> None:
    hidden = Redactor()(f"before {token} after")

    assert HIDDEN in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert not any(part in hidden for part in ("AAHk", "abcdef", "hunter22", "89ab", "eyJz"))


@pytest.mark.parametrize(
    "text",
    [
        "run 4f2a1b3c starts at 2026-03-01T12:00:00Z",
        "session telegram:634643933:12",
        "task-list of risk-management-of-the-year",
        "https://example.org/path?monkey=12345678901",
        "copy the Signing Secret of Basic Information, as ever",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor()(text) == text


def test_a_secret_that_turns_up_later_is_hidden_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.log"
    redactor = observe.start(level="info", clock=NoonClock(), file=file)

    redactor.add(["made-at-first-start", "ab"])
    structlog.get_logger().info("page", token="made-at-first-start", other="cab")

    (line,) = lines(file)
    assert (line["token"], line["other"]) == (HIDDEN, "cab")


def test_p37_the_log_and_its_older_files_are_private_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "tocsin.log").touch(mode=0o644)
    file = start(tmp_path, max_bytes=2_000, keep=2)

    for number in range(100):
        structlog.get_logger().info("a line of some length", number=number)

    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["tocsin.log", "tocsin.log.1", "tocsin.log.2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert all(path.stat().st_size <= 2_000 for path in files)
    assert lines(file)[-1]["number"] == 99


def test_a_terminal_gets_readable_lines() -> None:
    stream = Terminal()
    observe.start(level="info", clock=NoonClock(), stream=stream, secrets=[SECRET])

    structlog.get_logger().info("run starts", job="abc", text="two words", token=SECRET)

    assert stream.getvalue() == f'12:00:00 info    run starts  job=abc text="two words" token="{HIDDEN}"\n'


def test_a_readable_line_is_followed_by_its_traceback() -> None:
    stream = Terminal()
    observe.start(level="info", clock=NoonClock(), stream=stream)

    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger().exception("send failed")

    first, second, *_, last = stream.getvalue().splitlines()
    assert first == "12:00:00 error   send failed"
    assert second.startswith("Traceback")
    assert last == "ValueError: x"


def test_a_pipe_gets_json_lines_of_its_own_level(tmp_path: Path) -> None:
    stream = io.StringIO()
    file = start(tmp_path, stream=stream, stream_level="warning")

    structlog.get_logger().info("a")
    structlog.get_logger().warning("b")

    assert [line["event"] for line in lines(file)] == ["a", "b"]
    assert json.loads(stream.getvalue())["event"] == "b"


@pytest.mark.parametrize("value", [2**70, "half a pair \ud800", timedelta(1), {1: {2}}, b"\xff"])
def test_every_value_can_be_written(tmp_path: Path, value: object) -> None:
    file = start(tmp_path)

    structlog.get_logger().info("odd", value=value)

    assert lines(file)[0]["event"] == "odd"


def test_a_log_that_cannot_be_written_stops_nothing_and_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    observe.start(level="info", clock=NoonClock(), stream=stream)
    stream.close()

    structlog.get_logger().info("a", token=SECRET)
    structlog.get_logger().info("b", token=SECRET)

    assert capsys.readouterr().err == "the log cannot be written: ValueError\n"

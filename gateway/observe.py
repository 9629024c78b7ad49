"""The log: JSON lines in logs/tocsin.log, readable lines on a terminal, and no secret in either.

Import this module before anything else that imports structlog: see below.
"""

import contextlib
import logging
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable
from json import dumps
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any, TextIO, cast
from urllib.parse import quote

import orjson

from gateway.clock import Clock, to_text

# structlog draws tracebacks with rich if it can import it: 5 MiB and 70 ms that a gateway has no use for.
_rich = sys.modules.get("rich")
sys.modules["rich"] = cast("Any", None)
try:
    import structlog
finally:
    del sys.modules["rich"]
    if _rich is not None:
        sys.modules["rich"] = _rich

HIDDEN = "[hidden]"
SHORTEST_SECRET = 4  # a shorter one would blank half of every line, and protects nothing

QUIET = (
    "aiohttp",
    "anthropic",
    "asyncio",
    "httpcore",
    "httpcore2",  # pydantic-ai and the vendors' SDKs bring their own
    "httpx",
    "httpx2",
    "openai",
    "slack_bolt",
    "slack_sdk",
    "telegram",
)
"""Libraries that log whole addresses or payloads below WARNING."""

_TOKENS = re.compile(
    r"""
    (?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}                # Telegram, after "bot" in its addresses
    | \bxox[a-z](?:\.[a-z]+)?-[A-Za-z0-9-]{8,} | \bxapp-[A-Za-z0-9-]{8,}   # Slack
    | \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}               # OpenAI, Anthropic and who copies them
    | \bgh[pousr]_[A-Za-z0-9]{20,}                    # GitHub
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*             # JSON web tokens
    | (?i:\bbearer\ )[A-Za-z0-9._~+/=-]{8,}
    | (?i:\bbasic\ )(?![A-Za-z][a-z]+(?![A-Za-z0-9_~+/=-]))[A-Za-z0-9._~+/=-]{8,}  # not "Basic Information"
    | (?<=://)[^\s/@:"]*:[^\s/@"]+(?=@)               # user:password in an address
    | (?i:(?<=[?&]key=)|(?<=[?&]token=)|(?<=[?&]access_token=))[A-Za-z0-9._~-]{8,}
    """,
    re.VERBOSE,
)

_MARKS = (
    "xox",
    "xapp-",
    "sk-",
    "pk-",
    "rk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "eyj",
    "://",
    "bearer ",
    "basic ",
    "key=",
    "token=",
)
_LONG_WORD = re.compile(r":[A-Za-z0-9_-]{30}")
"""What every token has: one of the marks, in any case, or a long word after a colon (Telegram's)."""


class Redactor:
    """Replaces every known secret, however it is escaped, and whatever looks like a token."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Know these too, from now on."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._spellings.update(_spellings(secret))
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _TOKENS.sub(HIDDEN, text) if _may_hold_token(text) else text


def _may_hold_token(text: str) -> bool:
    """Whether the expression, twenty times as dear, could find something."""
    folded = text.casefold()
    return any(mark in folded for mark in _MARKS) or _LONG_WORD.search(text) is not None


def _spellings(secret: str) -> set[str]:
    """As it is, in JSON (inside JSON too), in Python's repr, and in an address."""
    in_json = dumps(secret, ensure_ascii=False)[1:-1]
    in_json_ascii = dumps(secret)[1:-1]
    in_repr = repr(secret)[1:-1]
    plain = {secret, in_json, in_json_ascii, in_repr, quote(secret, safe=""), quote(secret)}
    return plain | {dumps(text, ensure_ascii=False)[1:-1] for text in plain}


def start(
    *,
    level: str,
    clock: Clock,
    file: Path | None = None,
    stream: TextIO | None = None,
    stream_level: str | None = None,
    secrets: Iterable[str] = (),
    max_bytes: int = 10_000_000,
    keep: int = 5,
    recent: "RecentErrors | None" = None,
) -> Redactor:
    """Route structlog and logging to `file` (JSON lines, 0600, rotated by size) and to `stream`.

    `stream` gets readable lines if it is a terminal and JSON lines if not. `recent` keeps the last errors. The
    redactor that is returned learns secrets that turn up later.
    """
    redactor = Redactor(secrets)
    stamp = _stamp(clock)
    handlers: list[logging.Handler] = []
    if file is not None:
        handlers.append(
            _with(PrivateFileHandler(file, max_bytes=max_bytes, keep=keep), json_lines, stamp, redactor)
        )
    if stream is not None:
        render = readable if stream.isatty() else json_lines
        handlers.append(_with(CarefulStreamHandler(stream), render, stamp, redactor))
        handlers[-1].setLevel((stream_level or level).upper())
    if recent is not None:
        handlers.append(_with(recent, json_lines, stamp, redactor))
    _route(handlers, level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(stamp),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return redactor


def stop() -> None:
    """Close the handlers and forget the routes."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Careful):
            root.removeHandler(handler)
            handler.close()
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


Processor = Callable[[Any, str, structlog.typing.EventDict], structlog.typing.EventDict]
Renderer = Callable[[Any, str, structlog.typing.EventDict], str]


def _shared(stamp: Processor) -> list[structlog.typing.Processor]:
    """What happens to every line, ours and the libraries'."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # text without local variables
        stamp,
    ]


def _stamp(clock: Clock) -> Processor:
    def stamp(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["time"] = to_text(clock.now())
        return event

    return stamp


def _with(handler: logging.Handler, render: Renderer, stamp: Processor, redactor: Redactor) -> logging.Handler:
    handler.setFormatter(RedactingFormatter(render, stamp, redactor))
    return handler


def _route(handlers: list[logging.Handler], level: str) -> None:
    stop()
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in handlers:
        root.addHandler(handler)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a line and then hides in the whole of it, so that no field and no traceback is forgotten."""

    def __init__(self, render: Renderer, stamp: Processor, redactor: Redactor) -> None:
        super().__init__(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=_shared(stamp),
        )
        self._redactor = redactor
        self._kept = f"_tocsin_{render.__name__}"

    def format(self, record: logging.LogRecord) -> str:
        # A handler that rotates asks for the line twice, and two handlers may want the same one.
        line: str | None = record.__dict__.get(self._kept)
        if line is None:
            line = record.__dict__[self._kept] = self._redactor(super().format(record))
        return line


def json_lines(_logger: Any, _method: str, event: structlog.typing.EventDict) -> str:
    """One JSON object: time, level and event first."""
    line = {key: event.pop(key, None) for key in ("time", "level", "event")} | dict(event)
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return dumps(line, default=str, skipkeys=True)


def readable(_logger: Any, _method: str, event: structlog.typing.EventDict) -> str:
    """`10:15:02 info  run starts  job=4f2a run=…`, then the traceback if there is one."""
    time = str(event.pop("time", ""))[11:19]
    level = str(event.pop("level", ""))
    sentence = str(event.pop("event", ""))
    event.pop("logger", None)
    traceback = event.pop("exception", None)
    fields = " ".join(f"{key}={_short(value)}" for key, value in event.items())
    line = f"{time} {level:<7} {sentence}" + (f"  {fields}" if fields else "")
    return f"{line}\n{traceback}" if traceback else line


def _short(value: object) -> str:
    text = str(value)
    return dumps(text, ensure_ascii=False) if not text or re.search(r"[\s=\"]", text) else text


class _Careful(logging.Handler):
    """Says once that the log cannot be written; a full disk must not stop the gateway, nor show a raw record."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not self._told and sys.stderr is not None:
            self._told = True
            error = sys.exc_info()[1]
            with contextlib.suppress(OSError, ValueError):  # it may be standard error itself that takes nothing
                sys.stderr.write(f"the log cannot be written: {type(error).__name__}\n")


class CarefulStreamHandler(_Careful, logging.StreamHandler[TextIO]):
    """Lines on a stream."""


class PrivateFileHandler(_Careful, RotatingFileHandler):
    """A file of mode 0600 from its first byte, rotated by size."""

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8", errors="replace")

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        """As logging's own, which also asks the file system about the name, twice for each line."""
        if self.stream is None:
            self.stream = self._open()  # type: ignore[assignment]  # typeshed names the class that open returns
        size: int = cast("Any", self.stream).tell() + len(self.format(record)) + 1
        return 0 < self.maxBytes <= size

    def _open(self) -> IO[Any]:  # type: ignore[override]  # typeshed names the class that open returns
        descriptor = os.open(self.baseFilename, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # Whoever wrote there last was killed, or found the disk full, in the middle of a line.
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\n")
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)  # noqa: PTH123 - a descriptor


class RecentErrors(_Careful):
    """The last errors, for `status`: as they stand in the log, without their tracebacks."""

    KEPT = 10
    WIDEST = 300  # characters of a value

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._records: deque[dict[str, Any]] = deque(maxlen=self.KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "gateway.stacks":
            return  # an answer to a question, at whatever level the log has
        try:
            self._records.append(_shortened(self.format(record), self.WIDEST))
        except Exception:  # noqa: BLE001 - as in every handler of logging: a record must not stop its writer
            self.handleError(record)

    def newest_first(self) -> list[dict[str, Any]]:
        """Each with `at`, `level`, `event`, `error` (null where there is none) and what else was noted."""
        return list(reversed(self._records))


def _shortened(line: str, widest: int) -> dict[str, Any]:
    """A line of the log, cut to what fits into a list."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:  # a secret was a number, and is hidden without quotes
        found = {"event": line}
    traceback = str(found.pop("exception", "")).strip().splitlines()
    first = {
        "at": found.pop("time", None),
        "level": found.pop("level", None),
        "event": str(found.pop("event", "")),
    }
    record = first | {"error": traceback[-1] if traceback else None} | found
    return {key: _cut(value, widest) for key, value in record.items()}


def _cut(value: Any, widest: int) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= widest else f"{text[: widest - 1]}…"

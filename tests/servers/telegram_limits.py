"""Telegram's limits over sliding windows: per bot, per chat, per group; a send too early makes the wait longer."""

import math
from collections import Counter, deque
from dataclasses import dataclass

from tests.servers.telegram_records import Chat, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much a bot may send; 0 means no such limit."""

    per_second: int = 30
    per_chat: float = 1  # a second
    burst: int = 1  # so many at once in a chat that was quiet before
    group_minute: int = 20
    edits: bool = True  # an edit counts like a message


class Flood:
    """Counts what is sent and refuses what is too much."""

    def __init__(self) -> None:
        self.rate: Rate | None = None
        self.refused = 0  # every 429
        self.violations = 0  # sends into a chat whose wait was not over
        self.by_chat: Counter[int] = Counter()  # every 429 by its chat; 0 for those of no chat
        self._until: dict[int, float] = {}  # chat: when it may be sent to again
        self._windows: dict[tuple[int, str], _Window] = {}

    def set(self, rate: Rate | None) -> None:
        """Keep to these limits from now on, and forget what was sent before."""
        self.rate = rate
        self._windows.clear()
        self._until.clear()

    def check(self, chat: Chat, now: float, *, edit: bool = False) -> None:
        """Count one send, or refuse it with the seconds to wait."""
        if now < self._until.get(chat.id, 0):
            self.violations += 1
            raise self.hold(chat.id, self._until[chat.id] - now + 1, now)
        if self.rate is None or (edit and not self.rate.edits):
            return
        windows = self._of(chat, self.rate)
        wait = max((window.wait(now) for window in windows), default=0)
        if wait > 0:
            raise self.hold(chat.id, wait, now)
        for window in windows:
            window.sent.append(now)

    def hold(self, chat: int, seconds: float, now: float) -> Refused:
        """Let a chat wait, and return the refusal that says for how long."""
        wait = max(1, math.ceil(seconds))
        self._until[chat] = now + wait
        return self.refusal(wait, chat)

    def refusal(self, wait: int, chat: int = 0) -> Refused:
        """A 429, counted."""
        self.refused += 1
        self.by_chat[chat] += 1
        return Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    def _of(self, chat: Chat, rate: Rate) -> list["_Window"]:
        wanted: list[tuple[int, str, int, float]] = []
        if rate.per_second:
            wanted.append((0, "bot", rate.per_second, 1.0))
        if rate.per_chat:
            wanted.append((chat.id, "chat", rate.burst, rate.burst / rate.per_chat))
        if rate.group_minute and chat.kind != "private":
            wanted.append((chat.id, "group", rate.group_minute, 60.0))
        return [self._window(where, name, count, span) for where, name, count, span in wanted]

    def _window(self, where: int, name: str, count: int, span: float) -> "_Window":
        window = self._windows.get((where, name))
        if window is None:
            window = self._windows[where, name] = _Window(count, span)
        return window


class _Window:
    """At most `count` in any `span` seconds."""

    __slots__ = ("count", "sent", "span")

    def __init__(self, count: int, span: float) -> None:
        self.count = count
        self.span = span
        self.sent: deque[float] = deque(maxlen=count)

    def wait(self, now: float) -> float:
        if len(self.sent) < self.count:
            return 0
        return max(0.0, self.sent[0] + self.span - now)

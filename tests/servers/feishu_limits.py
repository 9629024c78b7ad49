"""Feishu's limits over sliding windows, and what a call before the end of a wait is counted as.

5 messages a second to one user or group (230020, HTTP 400), 50 a second and 1,000 a minute for each kind of call
(99991400, HTTP 429 with x-ogw-ratelimit-limit and x-ogw-ratelimit-reset), 5 changes of a card a second (230020).
Sources, seen 2026-11-21: open.feishu.cn/document/server-docs/im-v1/message/create and /patch ("5 QPS", "1000 per
minute & 50 per second"); open.feishu.cn/document/ukTMukTMukTM/uUzN04SN3QjL1cDN (429 and its headers); 230020 with
HTTP 400: the tables of errors there.
"""

import math
from collections import deque
from dataclasses import dataclass

from tests.servers.feishu_records import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much an app may do; 0 means no such limit."""

    per_chat: int = 5  # messages a second
    per_card: int = 5  # changes of one card a second
    per_second: int = 50  # calls of one kind
    per_minute: int = 1000


def too_often() -> Refused:
    """230020: one chat or one card."""
    return Refused(230020, "This operation triggers the frequency limit.")


class Flood:
    """Counts calls and refuses what is too much."""

    def __init__(self) -> None:
        self.rate: Rate | None = None
        self.refused = 0
        self.early = 0  # calls before the end of a wait
        self._until: dict[str, float] = {}  # scope: when it may be called again
        self._windows: dict[tuple[str, float], _Window] = {}

    def set(self, rate: Rate | None) -> None:
        """Keep to these limits from now on, and forget what was done before."""
        self.rate = rate
        self._windows.clear()
        self._until.clear()

    def hold(self, scope: str, seconds: float, now: float) -> Refused:
        """Let a scope wait (a chat, or the kind of call), and return the refusal that says for how long."""
        wait = max(1, math.ceil(seconds))
        self._until[scope] = now + wait
        self.refused += 1
        return Refused(99991400, "request trigger frequency limit", status=429, wait=wait)

    def waiting(self, scopes: tuple[str, ...], now: float) -> Refused | None:
        """The refusal of a call that comes before the end of a wait."""
        for scope in scopes:
            if now < self._until.get(scope, 0):
                self.early += 1
                return self.hold(scope, self._until[scope] - now, now)
        return None

    def check(self, call: str, now: float, *, chat: str = "", card: str = "") -> None:
        """Count one call, or refuse it."""
        if self.rate is None:
            return
        wide = [self._window(call, self.rate.per_second, 1), self._window(call, self.rate.per_minute, 60)]
        if wait := max(window.wait(now) for window in wide):
            raise self.hold(call, wait, now)
        narrow = [self._window(chat, self.rate.per_chat, 1)] if chat else []
        narrow += [self._window(card, self.rate.per_card, 1)] if card else []
        if any(window.wait(now) for window in narrow):
            self.refused += 1
            raise too_often()
        for window in wide + narrow:
            window.seen.append(now)

    def _window(self, scope: str, count: int, span: float) -> "_Window":
        window = self._windows.get((scope, span))
        if window is None:
            window = self._windows[scope, span] = _Window(count, span)
        return window


class _Window:
    """At most `count` in any `span` seconds."""

    __slots__ = ("count", "seen", "span")

    def __init__(self, count: int, span: float) -> None:
        self.count = count
        self.span = span
        self.seen: deque[float] = deque(maxlen=count or 1)

    def wait(self, now: float) -> float:
        if not self.count or len(self.seen) < self.count:
            return 0
        return max(0.0, self.seen[0] + self.span - now)

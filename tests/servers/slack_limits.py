"""Slack's rate limits: one message per second and channel, tiers per minute; 429 with Retry-After.

From https://docs.slack.dev/apis/web-api/rate-limits: posting is 1 per second per channel with short bursts
allowed, Tier 2 is 20, Tier 3 is 50, Tier 4 is 100 calls a minute per method and workspace.
"""

import math
from collections import Counter, deque
from dataclasses import dataclass

from tests.servers.slack_records import Refused

_TIER_3 = (
    "chat.update chat.delete conversations.history conversations.replies conversations.info conversations.open"
)
_TIER_4 = "users.info files.info files.getUploadURLExternal files.completeUploadExternal views.open"
TIERS = dict.fromkeys(_TIER_3.split(), 50) | dict.fromkeys(_TIER_4.split(), 100)
TIERS |= {"reactions.add": 50, "bots.info": 50, "team.info": 50, "apps.connections.open": 20}
"""Calls a minute by method; posting has its own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much an app may do; 0 means no such limit."""

    per_channel: float = 1  # messages a second
    burst: int = 1  # so many at once in a channel that was quiet before
    tiers: bool = True


class Flood:
    """Counts calls and refuses what is too much."""

    def __init__(self) -> None:
        self.rate: Rate | None = None
        self.refused = 0  # every 429
        self.by_channel: Counter[str] = Counter()
        self._windows: dict[tuple[str, str], tuple[float, deque[float]]] = {}

    def set(self, rate: Rate | None) -> None:
        """Keep to these limits from now on, and forget what was done before."""
        self.rate = rate
        self._windows.clear()

    def check(self, method: str, channel: str, now: float) -> None:
        """Count one call, or refuse it with the seconds to wait."""
        if self.rate is None:
            return
        if method == "chat.postMessage" and self.rate.per_channel:
            self._count((method, channel), self.rate.burst, self.rate.burst / self.rate.per_channel, now)
        elif method in TIERS and self.rate.tiers:
            self._count((method, ""), TIERS[method], 60.0, now)

    def refusal(self, wait: float, channel: str = "") -> Refused:
        """A 429, counted. Slack's error is "ratelimited", its wait whole seconds."""
        self.refused += 1
        self.by_channel[channel] += 1
        return Refused("ratelimited", status=429, headers={"Retry-After": str(max(1, math.ceil(wait)))})

    def _count(self, key: tuple[str, str], count: int, span: float, now: float) -> None:
        if key not in self._windows:
            self._windows[key] = (span, deque(maxlen=count))
        done = self._windows[key][1]
        if len(done) == count and now < done[0] + span:
            raise self.refusal(done[0] + span - now, key[1])
        done.append(now)

"""Tenant tokens: two hours long; asked for again in their last half hour, there is a new one beside the old.

Sources, seen 2026-11-21:
open.feishu.cn/document/ukTMukTMukTM/ukDNz4SO0MjL5QzM/auth-v3/auth/tenant_access_token_internal (7,200 s, the last
30 minutes); a wrong app: HTTP 200 with 10003 "invalid param", a wrong secret: 10014 "app secret invalid"
(answers of the real endpoint, in public logs).
"""

LIFE = 7200
OVERLAP = 1800


class Tokens:
    """The tokens of one app."""

    def __init__(self) -> None:
        self.life = LIFE
        self.issued = 0  # answers with a token
        self._ends: dict[str, float] = {}

    def issue(self, now: float) -> tuple[str, int]:
        """A token and the seconds that it still has."""
        self.issued += 1
        newest = next(reversed(self._ends), "")
        left = self._ends.get(newest, 0) - now
        if left <= min(OVERLAP, self.life / 4):
            newest = f"t-g1044{len(self._ends):035x}"
            self._ends[newest] = now + self.life
            left = self.life
        return newest, int(left)

    def good(self, token: str, now: float) -> bool:
        return now < self._ends.get(token, 0)

    def expire(self) -> None:
        """Every token ends now."""
        self._ends = dict.fromkeys(self._ends, 0.0)

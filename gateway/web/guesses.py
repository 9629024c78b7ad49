"""Guesses: who has presented wrong tokens lately, and so must wait; it knows moments only as they are told."""

from collections import OrderedDict, deque

MOST = 10  # wrong tokens of one caller in a minute
MINUTE = 60.0
REMEMBERED = 10_000  # callers


class Guesses:
    """Moments only ever grow. A caller that must wait is not told whether what it presents is right."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()  # by their last one

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._failures)

    def wait(self, caller: str, now: float) -> float:
        """Seconds until this caller may present a token again; 0: now."""
        failures = self._failures.get(caller)
        if failures is None or len(failures) < MOST:
            return 0.0
        return max(failures[0] + MINUTE - now, 0.0)

    def failed(self, caller: str, now: float) -> None:
        """A wrong token was presented."""
        self._failures.setdefault(caller, deque(maxlen=MOST)).append(now)
        self._failures.move_to_end(caller)
        while len(self._failures) > REMEMBERED or self._is_over(now):
            self._failures.popitem(last=False)

    def _is_over(self, now: float) -> bool:
        return next(iter(self._failures.values()))[-1] + MINUTE <= now

"""Allowance: so many calls in a time that are worth making at once or not at all."""

from datetime import timedelta

from gateway.clock import Clock


class Allowance:
    """One call every so often, and a few at once after a pause. Who gets none is to do without."""

    def __init__(self, clock: Clock, every: timedelta, at_once: int) -> None:
        self._clock = clock
        self._every = every.total_seconds()
        self._at_once = at_once
        self._used_up = float("-inf")  # the moment by which all that was taken would have been earned one by one

    def take(self) -> bool:
        """Whether this call may be made; it counts as made."""
        now = self._clock.monotonic()
        used_up = max(self._used_up, now) + self._every
        # A timer may be a little early; half a call is left for that.
        if used_up > now + (self._at_once + 0.5) * self._every:
            return False
        self._used_up = used_up
        return True

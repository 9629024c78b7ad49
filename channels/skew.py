"""What `tocsin check` says of a clock that is not the platform's; pure."""

from collections.abc import Iterator
from datetime import timedelta

SKEW = timedelta(seconds=30)  # reminders that are this far off are noticed


def skew(ahead: timedelta, platform: str, *, also: str = "") -> Iterator[tuple[str, str]]:
    """A finding if our clock is too far ahead of the platform's, or behind it. `also`: what else comes of that."""
    if abs(ahead) > SKEW:
        way = "ahead of" if ahead > timedelta() else "behind"
        yield (
            "error",
            f"this machine's clock is {abs(ahead.total_seconds()):.0f} s {way} {platform}'s: jobs fire at wrong "
            f"times until it is set (timedatectl set-ntp true){also}",
        )

"""How long runs took, as small bars beside each other; pure."""

from collections.abc import Sequence

from cron.run import Run

WIDTH = 10
_PARTS = " ▏▎▍▌▋▊▉█"


def bars(runs: Sequence[Run]) -> list[str]:
    """One for each run: its time, and a bar that is full for the longest of them. All are as wide."""
    took = [_seconds(run) for run in runs]
    longest = max((each for each in took if each is not None), default=0.0)
    times = ["" if each is None else span(each) for each in took]
    widest = max(map(len, times), default=0)
    return [
        f"{bar((each or 0) / longest if longest else 0)} {time:>{widest}}"
        for each, time in zip(took, times, strict=True)
    ]


def bar(part: float, width: int = WIDTH) -> str:
    """A bar of eighths of a character; what took any time at all shows a first one."""
    eighths = min(max(round(part * width * 8), 1 if part > 0 else 0), width * 8)
    whole, rest = divmod(eighths, 8)
    return f"{'█' * whole}{_PARTS[rest] if rest else ''}".ljust(width)


def span(seconds: float) -> str:
    """0.3 s, 42 s, 3.5 min, 2.0 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _seconds(run: Run) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return max((run.finished_at - run.started_at).total_seconds(), 0.0)

"""A bar on a terminal for what takes a while; elsewhere, and for what is quick, nothing."""

import sys
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

LONG = 1_000  # things, below which nobody would see it


def shown(items: Iterable[T], count: int, label: str) -> Iterable[T]:
    """The same things, with a bar on standard error that moves as they are taken."""
    if count < LONG or not sys.stderr.isatty():
        return items
    from rich.console import Console  # here: only who watches a terminal pays for it
    from rich.progress import track

    return track(items, description=label, total=count, console=Console(stderr=True), transient=True)

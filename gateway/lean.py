"""Importing a library without what it would drag along: memory and time that a gateway has no use for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def without(name: str) -> Iterator[None]:
    """Inside, importing `name` fails, as if it were not installed; libraries that can do without it then do."""
    kept = sys.modules.get(name)
    sys.modules[name] = cast("Any", None)
    try:
        yield
    finally:
        del sys.modules[name]
        if kept is not None:
            sys.modules[name] = kept

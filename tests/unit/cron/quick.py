"""How long an answer may take, whatever else the machine and the test's own garbage do meanwhile."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 0.1
"""Seconds of the processor in which any input is answered (P-20)."""


@contextmanager
def at_once() -> Iterator[None]:
    """Fails when what is done inside takes longer; collections of garbage wait until it is over."""
    gc.disable()
    began = time.thread_time()
    try:
        yield
    finally:
        took = time.thread_time() - began
        gc.enable()
    assert took < LIMIT

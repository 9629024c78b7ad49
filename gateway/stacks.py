"""Stacks: what every thread and every task is doing, written to the log when SIGUSR1 asks for it.

A thread of its own waits for the signal, so that it answers also while the event loop hangs.
"""

import asyncio
import inspect
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

logger = structlog.get_logger()

SIGNAL = signal.SIGUSR1
DEEPEST = 100  # frames of one stack
_ROOT = f"{Path(__file__).parents[1]}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where one thread or task is: the place where it began first, the innermost last."""

    name: str
    frames: tuple[str, ...]
    state: str = ""  # of a task: running, waiting, or ending


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """From now on SIGUSR1 writes the stacks of all threads, and of the loop's tasks, to the log.

    Called before other threads are started: they leave the signal to the one that waits for it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL})
    threading.Thread(target=_wait, args=(loop,), name="stacks", daemon=True).start()


def _wait(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        signal.sigwait({SIGNAL})
        try:
            tell(loop)
        except Exception:
            logger.exception("the stacks cannot be told")  # the next time they may


def tell(loop: asyncio.AbstractEventLoop) -> None:
    """One record for each thread, then one for each task of the loop, and nothing is stopped for it."""
    level = max(logging.INFO, logging.getLogger().level)  # whoever asks is answered, however quiet the log is
    for stack in of_threads():
        logger.log(level, "a thread", thread=stack.name, stack="\n".join(stack.frames))
    for stack in of_tasks(loop):
        logger.log(level, "a task", task=stack.name, state=stack.state, stack="\n".join(stack.frames))


def of_threads() -> Iterator[Stack]:
    """Every thread of Python's, the main one first: there the event loop runs."""
    frames = sys._current_frames()
    for thread in sorted(threading.enumerate(), key=lambda thread: thread is not threading.main_thread()):
        if (frame := frames.get(thread.ident or 0)) is not None:
            found = reversed([(frame, line) for frame, line in traceback.walk_stack(frame)])
            names = tuple(_place(frame, line) for frame, line in found)[-DEEPEST:]
            yield Stack(name=thread.name, frames=names)


def of_tasks(loop: asyncio.AbstractEventLoop) -> Iterator[Stack]:
    """Every task that is not done, with what it awaits, and what that awaits in turn."""
    current = asyncio.current_task(loop)
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        state = "running" if task is current else "ending" if task.cancelling() else "waiting"
        yield Stack(name=task.get_name(), state=state, frames=tuple(_chain(task.get_coro())))


def _chain(awaited: Any) -> Iterator[str]:
    """The frames of a coroutine and of those that it awaits; the last one is what everything waits for."""
    for _ in range(DEEPEST):
        if inspect.iscoroutine(awaited):
            frame, following = awaited.cr_frame, awaited.cr_await
        elif inspect.isgenerator(awaited):
            frame, following = awaited.gi_frame, awaited.gi_yieldfrom
        elif inspect.isasyncgen(awaited):
            frame, following = awaited.ag_frame, awaited.ag_await
        else:
            if awaited is not None:
                kind = type(awaited).__qualname__.removesuffix("Iter")
                yield f"waits for {kind}"  # not its repr, which may hold what people said
            return
        if frame is not None:
            yield _place(frame, frame.f_lineno)
        awaited = following


def _place(frame: FrameType, line: int) -> str:
    code = frame.f_code
    return f"{code.co_filename.removeprefix(_ROOT)}:{line} in {code.co_qualname}"

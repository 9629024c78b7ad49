"""Seeing to it that turns are worked on while a command waits: by the running gateway, else by this process."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta

from gateway import home
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.errors import StoreBusyError

LOOK_EVERY = timedelta(milliseconds=50)


async def work_until(call: Call, kept: Kept, finished: Callable[[], bool], *, purpose: str) -> None:
    """Return once `finished()`, which is asked often.

    Whenever nobody works turns here, because there is no gateway, or because it has ended meanwhile, this
    process does so, without a scheduler, until it is finished. `purpose`: what others are told of it.
    """
    while not finished():
        lock = _lock(kept, purpose) if kept.holder() is None else None
        if lock is None:
            await kept.clock.sleep(LOOK_EVERY)
            continue
        with lock:
            await _work(call, kept, finished)


def check_model(call: Call, kept: Kept) -> None:
    """Before anything is accepted: ConfigError if this process would have to work it, and could not."""
    if kept.holder() is None:
        from gateway import config
        from gateway.parts import model_of

        model_of(config.load(call.home.path).config)


async def _work(call: Call, kept: Kept, finished: Callable[[], bool]) -> None:
    from gateway import config, observe  # not where a gateway runs, which knows all this already
    from gateway.app import running
    from gateway.setup import Setup

    loaded = config.load(call.home.path)
    section = loaded.config.logging
    redact = observe.start(
        level=section.level,
        clock=kept.clock,
        file=call.home.log_file,
        stream=sys.stderr,
        stream_level="error",
        secrets=config.secrets(loaded.config),
        max_bytes=section.max_bytes,
        keep=section.keep,
    )
    try:
        setup = Setup(home=call.home, config=loaded.config, clock=kept.clock, scheduler=False, hide=redact)
        async with running(setup):
            while not finished():
                await kept.clock.sleep(LOOK_EVERY)
    finally:
        observe.stop()


def _lock(kept: Kept, purpose: str) -> home.GatewayLock | None:
    kept.prepare()
    try:
        return home.GatewayLock.take(kept.home, kept.clock.now(), purpose=purpose)
    except StoreBusyError:
        return None  # somebody was faster, and works on everything that waits


def wait_for(call: Call, kept: Kept, finished: Callable[[], bool], *, purpose: str) -> None:
    """`work_until`, for a command without an event loop."""
    asyncio.run(work_until(call, kept, finished, purpose=purpose))

"""tocsin run: the gateway, until a signal ends it."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.main import Call

if TYPE_CHECKING:
    from gateway.config import Loaded
    from gateway.home import Home
    from gateway.observe import RecentErrors, Redactor


TWICE = 0.5  # seconds: a signal to a whole group of processes may arrive twice, and means one thing


@click.command("run")
@click.pass_obj
def command(call: Call) -> int:
    """Start the gateway and stay.

    Prints "tocsin ready" when every channel has started. With a terminal or a pipe as standard input there is a
    chat in it. Ctrl-C or SIGTERM ends it in order; a second one at once.
    """
    from gateway import config, home, observe, status  # not for --help
    from gateway.clock import SystemClock

    clock = SystemClock()
    repaired = home.prepare(call.home)
    loaded = config.load(call.home.path)
    section = loaded.config.logging
    recent = observe.RecentErrors()
    console = console_wanted(loaded)
    # In a terminal that is also the chat, only what needs attention is shown; the file has everything.
    quiet = console and sys.stderr.isatty()
    redact = observe.start(
        level=section.level,
        clock=clock,
        file=call.home.log_file,
        stream=sys.stderr,
        stream_level="warning" if quiet else None,
        secrets=config.secrets(loaded.config),
        max_bytes=section.max_bytes,
        keep=section.keep,
        recent=recent,
    )
    with home.GatewayLock.take(call.home, clock.now()):
        status.forget_status(call.home)
        return asyncio.run(_serve(call.home, loaded, repaired, recent, redact, console=console))


async def _serve(
    folder: "Home",
    loaded: "Loaded",
    repaired: list[str],
    recent: "RecentErrors",
    redact: "Redactor",
    *,
    console: bool,
) -> int:
    import structlog

    from channels.base import Surroundings
    from channels.console import ConsoleChannel
    from gateway import stacks, tracing
    from gateway.app import running
    from gateway.clock import SystemClock
    from gateway.metrics import Metrics
    from gateway.parts import channels_of
    from gateway.setup import Setup
    from gateway.waiting import CONSOLE

    tracer = tracing.start(os.environ)
    stacks.watch(asyncio.get_running_loop())
    logger = structlog.get_logger()
    for note in (*loaded.warnings, *repaired):
        logger.warning("configuration", note=note)
    clock = SystemClock()
    channels = channels_of(loaded.config, clock, Surroundings(workspace=folder.workspace))
    if console:
        channels[CONSOLE] = ConsoleChannel(CONSOLE, clock)
    setup = Setup(
        home=folder,
        config=loaded.config,
        clock=clock,
        channels=channels,
        scheduler=loaded.config.cron.enabled,
        errors=recent.newest_first,
        hide=redact,
        meter=Metrics(),
        tracer=tracer,
    )
    end = _ending()
    async with running(setup):
        interactive = console and sys.stdin.isatty() and sys.stdout.isatty()
        click.echo(_greeting(interactive=interactive), nl=not interactive)
        logger.info("tocsin ready", pid=os.getpid(), home=str(folder.path))
        _tell_systemd("READY=1")
        await end.wait()
        logger.info("stopping")
        _tell_systemd("STOPPING=1")
    await asyncio.to_thread(tracer.close)  # it may send what it still has
    logger.info("stopped")
    return 0


def _greeting(*, interactive: bool) -> str:
    if not interactive:
        return "tocsin ready"
    hint = "Type, for example: remind me in 20 seconds to stretch. `help` says more, Ctrl-C ends it."
    return f"tocsin ready\n{hint}\n> "


def _tell_systemd(state: str) -> None:
    """To the supervisor that started us as a service of Type=notify, and to nobody where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name outside the file system
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
        speaking.sendto(state.encode(), address)


def console_wanted(loaded: "Loaded") -> bool:
    """On when somebody can type or pipe into it: a terminal, a pipe, a socket or a file, but not /dev/null."""
    section = loaded.config.channels.get("console")
    if section is not None and not section.enabled:
        return False
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    if stat.S_ISCHR(mode):
        return os.isatty(0)
    return True


def _ending() -> asyncio.Event:
    """Set by the first signal; the second ends the process at once: everything accepted is on the disk."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()

    first = loop.time()

    def asked(number: int) -> None:
        nonlocal first
        if end.is_set() and loop.time() - first > TWICE:
            os._exit(128 + number)
        if not end.is_set():
            first = loop.time()
        end.set()

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    return end

"""`tocsin check`, the channels: their settings, and what their platforms say to who asks.

A channel's module may offer `async def examine(name, config, clock) -> list[tuple[str, str]]`: what it finds, each
with a level (ok, warning, error, wrong). It has ten seconds, and a network that does not answer is a warning.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

from gateway import config as configuration
from gateway import durations, plugins
from gateway.cli.finding import Finding, Level
from gateway.clock import Clock
from gateway.config import CHANNELS_TO_COME, Config
from gateway.errors import ConfigError

LIMIT = timedelta(seconds=10)

Examine = Callable[[str, Config, Clock], Awaitable[Iterable[tuple[str, str]]]]


def look(config: Config, clock: Clock, *, offline: bool) -> Iterator[Finding]:
    """Every enabled channel; with `offline`, without asking any platform."""
    chats = [name for name, channel in config.channels.items() if channel.enabled and name != "console"]
    examined: dict[str, Examine] = {}
    for name in chats:
        module, finding = _settings(config, name)
        examine = getattr(module, "examine", None)
        if examine is not None and not offline:
            examined[name] = examine
        elif finding.level is Level.OK:
            finding = _ok(name, f"{finding.text} (the platform was not asked)")
        yield finding
    yield from asyncio.run(_ask_all(config, clock, examined)) if examined else ()
    if not chats:
        yield _nobody(config)


def _nobody(config: Config) -> Finding:
    console = config.channels.get("console")
    if console is None or console.enabled:
        text = "only the console is on: nobody can be reached in a chat; add a section such as [channels.telegram]"
        return Finding(part="channels", level=Level.WARNING, text=text)
    text = "Message sending not configured: every channel is off; turn one on in [channels]"
    return Finding(part="channels", level=Level.ERROR, text=text)


def _settings(config: Config, name: str) -> tuple[ModuleType | None, Finding]:
    """The channel's module, None where it cannot be used, and what its settings are like."""
    kind = config.kind_of(name)
    if kind in CHANNELS_TO_COME and kind not in plugins.offered("channels"):
        text = f"the channel {kind} is not built yet, so its settings have no effect"
        return None, Finding(part=f"channels.{name}", level=Level.WARNING, text=text)
    try:
        module = plugins.find("channels", kind)
        if hasattr(module, "Settings"):
            configuration.channel_settings(config, name, module.Settings)
    except ConfigError as error:
        return None, Finding(part=f"channels.{name}", level=Level.WRONG, text=str(error))
    return module, _ok(name, f"{kind}, its settings are complete")


async def _ask_all(config: Config, clock: Clock, examined: dict[str, Examine]) -> list[Finding]:
    """All at once: a platform that does not answer holds up no other."""
    found = await asyncio.gather(*(_ask(config, clock, name, examine) for name, examine in examined.items()))
    return [finding for of_channel in found for finding in of_channel]


async def _ask(config: Config, clock: Clock, name: str, examine: Examine) -> list[Finding]:
    try:
        async with clock.timeout(LIMIT):
            return [_finding(name, *told) for told in await examine(name, config, clock)]
    except TimeoutError:
        return [_warning(name, f"the platform did not answer within {durations.to_text(LIMIT)}")]
    except Exception as error:  # noqa: BLE001 - one channel must not stop the look at the others
        return [_warning(name, f"the platform could not be asked: {error or type(error).__name__}")]


def _finding(name: str, level: Any, text: Any) -> Finding:
    return Finding(part=f"channels.{name}", level=Level(level), text=str(text))


def _ok(name: str, text: str) -> Finding:
    return Finding(part=f"channels.{name}", level=Level.OK, text=text)


def _warning(name: str, text: str) -> Finding:
    return Finding(part=f"channels.{name}", level=Level.WARNING, text=text)

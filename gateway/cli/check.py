"""`tocsin check`: what is wrong, before it goes wrong. Changes nothing, and asks nobody on the network."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import click

from gateway import config as configuration
from gateway import home, plugins
from gateway.cli.main import DONE, FAILED, WRONG_USE, Call
from gateway.clock import SystemClock
from gateway.config import Config, Loaded
from gateway.errors import ConfigError
from gateway.home import Home

TO_COME = ("telegram", "slack", "feishu", "email", "wecom", "web")
"""Kinds of channels that are documented, whether they are built yet or not."""

_LITTLE_SPACE = 100_000_000
_SQLITE_URL = "sqlite:///"
_SQLITE_START = b"SQLite format 3\x00"


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"  # something will not work
    WRONG = "wrong"  # the configuration must be changed: the gateway does not start


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    part: str
    level: Level
    text: str


@click.command(help="Say what is wrong with the configuration and the home folder, before a start.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), help="Look at this file alone, not at the home."
)
@click.pass_obj
def command(call: Call, *, file: Path | None) -> int:
    call.log_warnings()
    findings = list(look(call.home, file))
    for finding in findings:
        call.say(f"{finding.level:<8} {finding.part}: {finding.text}")
        if finding.level in {Level.ERROR, Level.WRONG}:
            call.warn(f"tocsin: {finding.part}: {finding.text}")
    status = _status(findings)
    if call.json:
        call.document({"ok": status == DONE, "findings": [asdict(finding) for finding in findings]})
    return status


def look(place: Home, file: Path | None = None) -> Iterator[Finding]:
    """Everything that can be known without starting; with `file`, only what that file says."""
    try:
        loaded = configuration.load(place.path, file=file)
    except ConfigError as error:
        yield Finding(part="configuration", level=Level.WRONG, text=str(error))
        return
    yield from _configuration(loaded)
    yield from _model(loaded.config)
    yield from _channels(loaded.config)
    yield from _targets(loaded.config)
    yield from _engines(loaded.config)
    if file is None:
        yield from _clock()
        yield from _home(place)
        yield from _kept(place, loaded.config)


def _status(findings: list[Finding]) -> int:
    levels = {finding.level for finding in findings}
    if Level.WRONG in levels:
        return WRONG_USE
    return FAILED if Level.ERROR in levels else DONE


def _configuration(loaded: Loaded) -> Iterator[Finding]:
    where = f"{loaded.file} is right" if loaded.file else "no file, so every setting has its default"
    yield Finding(part="configuration", level=Level.OK, text=where)
    for warning in loaded.warnings:
        yield Finding(part="configuration", level=Level.WARNING, text=warning)
    config = loaded.config
    cron = f"on, zone {config.zone}" if config.cron.enabled else "disabled, so no job fires"
    level = Level.OK if config.cron.enabled else Level.WARNING
    yield Finding(part="cron", level=level, text=f"{cron}, {len(config.cron.tasks)} declared tasks")


def _model(config: Config) -> Iterator[Finding]:
    provider = config.model.provider
    if provider == "offline":
        text = "offline: reminders and what is scheduled; anything else needs a language model"
        yield Finding(part="model", level=Level.OK, text=text)
    elif find_spec(provider) is None:
        text = f"{provider} is not installed; install tocsin[{provider}]"
        yield Finding(part="model", level=Level.ERROR, text=text)
    else:
        yield Finding(part="model", level=Level.OK, text=f"{config.model.name} of {provider} (not asked)")


def _channels(config: Config) -> Iterator[Finding]:
    console = config.channels.get("console")
    console_on = console is None or console.enabled
    chats = [name for name, channel in config.channels.items() if channel.enabled and name != "console"]
    for name in chats:
        yield _channel(config, name)
    if chats:
        return
    if console_on:
        text = "only the console is on: nobody can be reached in a chat; add a section such as [channels.telegram]"
        yield Finding(part="channels", level=Level.WARNING, text=text)
    else:
        text = "Message sending not configured: every channel is off; turn one on in [channels]"
        yield Finding(part="channels", level=Level.ERROR, text=text)


def _channel(config: Config, name: str) -> Finding:
    part, kind = f"channels.{name}", config.kind_of(name)
    if kind in TO_COME and kind not in plugins.offered("channels"):
        text = f"the channel {kind} is not built yet, so its settings have no effect"
        return Finding(part=part, level=Level.WARNING, text=text)
    try:
        module = plugins.find("channels", kind)
        if hasattr(module, "Settings"):
            configuration.channel_settings(config, name, module.Settings)
    except ConfigError as error:
        return Finding(part=part, level=Level.WRONG, text=str(error))
    return Finding(
        part=part, level=Level.OK, text=f"{kind}, its settings are complete (the platform was not asked)"
    )


def _targets(config: Config) -> Iterator[Finding]:
    for key, targets in {
        "cron.default_target": (config.cron.default_target,),
        "cron.allowed_targets": config.cron.allowed_targets,
    }.items():
        for target in filter(None, targets):
            name = target.partition(":")[0]
            if name not in config.channels and name != "console":
                text = f'"{target}" is on a channel that is not configured; add [channels.{name}]'
                yield Finding(part=key, level=Level.WARNING, text=text)


def _clock() -> Iterator[Finding]:
    now = SystemClock().now()
    if now.year < 2026:
        text = f"the clock says {now:%Y-%m-%d}: jobs will fire at wrong times until it is set"
        yield Finding(part="clock", level=Level.ERROR, text=text)


def _home(place: Home) -> Iterator[Finding]:
    if not place.path.exists():
        text = f"{place.path} is not there yet; tocsin init or tocsin run makes it"
        yield Finding(part="home", level=Level.OK, text=text)
        return
    if not place.path.is_dir():
        text = f"{place.path} is not a folder; move it or use --home"
        yield Finding(part="home", level=Level.ERROR, text=text)
        return
    wide = list(home.too_open(place))
    for path, mode in wide:
        text = f"{path} has mode {mode:04o}, which others can use; tocsin run repairs it"
        yield Finding(part="home", level=Level.WARNING, text=text)
    if not wide:
        yield Finding(part="home", level=Level.OK, text=f"{place.path} is private")
    if shutil.disk_usage(place.path).free < _LITTLE_SPACE:
        yield Finding(part="home", level=Level.WARNING, text="less than 100 MB are free on its disk")
    holder = home.holder(place)
    text = f"running: {holder}" if holder else "not running"
    yield Finding(part="gateway", level=Level.OK, text=text)


def _kept(place: Home, config: Config) -> Iterator[Finding]:
    if config.cron.store == "json":
        yield _jobs(place.file(config.cron.store_path))
    if config.database.url.startswith(_SQLITE_URL):
        yield _database(place.file(config.database.url.removeprefix(_SQLITE_URL)))


def _engines(config: Config) -> Iterator[Finding]:
    if config.cron.store != "json":
        text = f'"{config.cron.store}" is not built yet; use "json"'
        yield Finding(part="cron.store", level=Level.WRONG, text=text)
    if not config.database.url.startswith(_SQLITE_URL):
        text = "only SQLite is built yet; use sqlite:///gateway.db"
        yield Finding(part="database.url", level=Level.WRONG, text=text)


def _jobs(path: Path) -> Finding:
    part = path.name
    if not path.exists():
        return Finding(part=part, level=Level.OK, text="is not there yet; the first job makes it")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        jobs = table["jobs"]
    except OSError as error:
        return Finding(part=part, level=Level.ERROR, text=f"{path} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        text = f"{path} is damaged: it is no JSON object with jobs; its copy is {path.name}.bak"
        return Finding(part=part, level=Level.ERROR, text=text)
    return _readable_jobs(path, len(jobs))


def _readable_jobs(path: Path, count: int) -> Finding:
    """Whether each job can be understood: one that cannot does not fire."""
    from cron.job import JobStatus
    from cron.stores.json_file import JsonFileStore

    jobs = JsonFileStore(path).load().values()
    broken = [f'"{job.name}" ({job.id}): {job.status_reason}' for job in jobs if job.status is JobStatus.BROKEN]
    if broken:
        text = f"{len(broken)} of {count} jobs cannot be read and do not fire: {'; '.join(broken)}"
        return Finding(part=path.name, level=Level.ERROR, text=text)
    return Finding(part=path.name, level=Level.OK, text=f"{count} job{'' if count == 1 else 's'}")


def _database(path: Path) -> Finding:
    part = path.name
    if not path.exists():
        return Finding(part=part, level=Level.OK, text="is not there yet; tocsin run makes it")
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_SQLITE_START))
    except OSError as error:
        return Finding(part=part, level=Level.ERROR, text=f"{path} cannot be read: {error.strerror}")
    if start and start != _SQLITE_START:
        return Finding(part=part, level=Level.ERROR, text=f"{path} is not a SQLite database; move it away")
    return Finding(part=part, level=Level.OK, text=f"{path.stat().st_size:,} bytes")

"""`tocsin check`: what is wrong, before it goes wrong. Changes nothing; asks nobody but the chat platforms."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import config as configuration
from gateway.cli import check_channels, check_home, check_tasks, check_web
from gateway.cli.finding import Finding, Level
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, WRONG_USE, Call
from gateway.clock import Clock, SystemClock
from gateway.config import Config, Loaded
from gateway.errors import ConfigError
from gateway.home import Home

if TYPE_CHECKING:
    from cron.job import Job

_SQLITE_URL = "sqlite:///"
_SQLITE_START = b"SQLite format 3\x00"


@click.command(help="Say what is wrong with the configuration and the home folder, before a start.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), help="Look at this file alone, not at the home."
)
@click.option("--offline", is_flag=True, help="Ask no chat platform; nothing goes over the network.")
@click.pass_obj
def command(call: Call, *, file: Path | None, offline: bool) -> int:
    redact = call.log_warnings()
    findings = []
    for found in look(call.home, file, offline=offline, secrets=redact.add):
        finding = replace(found, text=redact(found.text))
        findings.append(finding)
        call.say(f"{finding.level:<8} {finding.part}: {finding.text}")
        if finding.level in {Level.ERROR, Level.WRONG}:
            call.warn(f"tocsin: {finding.part}: {finding.text}")
    status = _status(findings)
    if call.json:
        call.document({"ok": status == DONE, "findings": [asdict(finding) for finding in findings]})
    return status


def look(
    place: Home,
    file: Path | None = None,
    *,
    offline: bool = False,
    secrets: Callable[[Iterable[str]], None] = lambda found: None,
) -> Iterator[Finding]:
    """Everything that can be known without starting; with `file`, only what that file says.

    `offline`: without asking a platform. `secrets` is told of the configuration's, before anything uses them.
    """
    clock = SystemClock()
    loaded = None
    try:
        loaded = configuration.load(place.path, file=file)
    except ConfigError as error:
        yield Finding(part="configuration", level=Level.WRONG, text=str(error))
    except OSError as error:
        yield Finding(part="configuration", level=Level.ERROR, text=f"{error.filename}: {error.strerror}")
    if loaded is not None:
        secrets(configuration.secrets(loaded.config))
        yield from _told(loaded, place, clock, offline=offline)
        yield from check_web.look(loaded.config, place if file is None else None)
        readable = file is None and os.access(place.path, os.R_OK | os.X_OK)
        yield from check_tasks.look(loaded.config, Kept(place, lambda note: None) if readable else None, clock)
    if file is None:
        yield from check_home.look(place, clock.now())
    if file is None and loaded is not None and os.access(place.path, os.R_OK | os.X_OK):
        yield from stored(place, loaded.config)


def _told(loaded: Loaded, place: Home, clock: Clock, *, offline: bool) -> Iterator[Finding]:
    """What follows from the configuration."""
    yield from _configuration(loaded)
    yield from _model(loaded.config)
    yield from check_channels.look(loaded.config, clock, offline=offline)
    yield from _targets(loaded.config)
    yield from _engines(loaded.config)
    if loaded.file is not None:
        yield from check_home.secret_files(configuration.read(loaded.file), place.path)


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


def stored(place: Home, config: Config) -> Iterator[Finding]:
    """Whether the jobs and the database can be read."""
    if config.cron.store == "json":
        yield _jobs(place.file(config.cron.store_path))
    elif config.database.url.startswith(_SQLITE_URL):
        yield _stored_jobs(place.file(config.database.url.removeprefix(_SQLITE_URL)))
    if config.database.url.startswith(_SQLITE_URL):
        yield _database(place.file(config.database.url.removeprefix(_SQLITE_URL)))


def _engines(config: Config) -> Iterator[Finding]:
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
    from cron.stores.json_file import COMFORTABLE, JsonFileStore, crowded

    finding = _broken_among(path.name, JsonFileStore(path).load())
    if finding.level is Level.OK and count > COMFORTABLE:
        return Finding(part=path.name, level=Level.WARNING, text=crowded(count))
    return finding


def _stored_jobs(path: Path) -> Finding:
    from cron.stores.sql import SqlStore
    from gateway.errors import StoreError

    try:
        return _broken_among("cron.store", SqlStore(path).load())
    except StoreError as error:
        return Finding(part="cron.store", level=Level.ERROR, text=str(error))


def _broken_among(part: str, stored: "Mapping[str, Job]") -> Finding:
    from cron.job import JobStatus

    jobs, count = stored.values(), len(stored)
    broken = [f'"{job.name}" ({job.id}): {job.status_reason}' for job in jobs if job.status is JobStatus.BROKEN]
    if broken:
        text = f"{len(broken)} of {count} jobs cannot be read and do not fire: {'; '.join(broken)}"
        return Finding(part=part, level=Level.ERROR, text=text)
    return Finding(part=part, level=Level.OK, text=f"{count} job{'' if count == 1 else 's'}")


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

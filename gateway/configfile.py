"""The configuration as plain tables, before it is typed; standard library only, because commands must be quick."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gateway import zones
from gateway.errors import ConfigError

NAMES = ("config.toml", "config.yaml", "config.yml")
PREFIX = "TOCSIN__"
DEFAULT_LANGUAGES = ("en", "zh")
DEFAULT_DATABASE = "sqlite:///gateway.db"

Table: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Essentials:
    """The few settings that a quick command needs, the same as `gateway.config` gives."""

    timezone: str | None = None
    languages: tuple[str, ...] = DEFAULT_LANGUAGES
    cron_enabled: bool = True
    store: str = "json"
    store_path: str = "cron.json"
    default_target: str = ""
    database_url: str = DEFAULT_DATABASE


def essentials(folder: Path, environ: Mapping[str, str] = os.environ) -> Essentials:
    """Read only what a quick command needs; the rest of the file is not looked at.

    ConfigError when one of these settings is of the wrong kind; whether the whole file is right is the
    question of `tocsin check` and `tocsin run`.
    """
    file = find(folder)
    table = read(file) if file else {}
    over = environment(environ)
    where = str(file) if file else "environment"
    cron = _section(table, "cron", where) | _section(over, "cron", "environment")
    database = _section(table, "database", where) | _section(over, "database", "environment")
    table = table | over
    return Essentials(
        timezone=_zone(table, cron, where),
        languages=_languages(table.get("languages"), where),
        cron_enabled=_switch(cron.get("enabled"), f"{where}: cron.enabled"),
        store=_text(cron, "store", "json", f"{where}: cron.store"),
        store_path=_text(cron, "store_path", "cron.json", f"{where}: cron.store_path"),
        default_target=_text(cron, "default_target", "", f"{where}: cron.default_target"),
        database_url=_text(database, "url", DEFAULT_DATABASE, f"{where}: database.url"),
    )


def find(folder: Path) -> Path | None:
    """The configuration file in a home folder, if there is one; two of them are an error."""
    found = [folder / name for name in NAMES if (folder / name).exists()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ConfigError(f"{folder}: there are {names}; keep one of them")
    return found[0] if found else None


def read(path: Path) -> Table:
    """The file's tables. An error names the file and the line, never its content: it may be a secret."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    table = _yaml(path, text) if path.suffix in {".yaml", ".yml"} else _toml(path, text)
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
        raise ConfigError(f"{path}: must hold sections such as cron: and model:")
    return table


def environment(environ: Mapping[str, str] = os.environ) -> Table:
    """What `TOCSIN__SECTION__KEY` variables say, as tables; a value that starts with [ or { is JSON."""
    table: Table = {}
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX):
            continue
        *folders, key = name[len(PREFIX) :].lower().split("__")
        place = table
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name}: its section is set to a value by another variable; keep one of them")
        place[key] = _value(name, environ[name])
    return table


def respell(table: Table, like: Table) -> Table:
    """The table with its keys in the letter case of `like`, where that has them: variables have one case only."""
    spelling = {key.lower(): key for key in like}
    respelled: Table = {}
    for key, value in table.items():
        own = spelling.get(key.lower(), key)
        below = like.get(own)
        respelled[own] = respell(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return respelled


def _toml(path: Path, text: str) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None


def _yaml(path: Path, text: str) -> Any:
    import yaml  # only for who writes YAML: 10 ms

    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError(f"{path}: is not YAML: {problem}{line}") from None


def _value(name: str, text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError(f'{name}: starts like JSON but is not; write a list as ["a", "b"] or a,b') from None


def _section(table: Table, name: str, where: str) -> Table:
    below = table.get(name) or {}
    if not isinstance(below, dict):
        raise ConfigError(f"{where}: {name}: must be a section")
    return below


def _zone(table: Table, cron: Table, where: str) -> str | None:
    """`timezone`, which `[cron] timezone` says too; both given and different is an error."""
    top, below = table.get("timezone"), cron.get("timezone")
    if top is not None and below is not None and top != below:
        raise ConfigError(f"{where}: timezone and cron.timezone are one setting; keep one of them")
    zone = below if top is None else top
    if zone is None:
        return None
    try:
        return zones.check(str(zone))
    except ValueError as error:
        raise ConfigError(f"{where}: timezone: {error}") from None


def _languages(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return DEFAULT_LANGUAGES
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ConfigError(f'{where}: languages: must be a list such as ["en", "zh"]')
    return tuple(str(item).strip() for item in items)


def _switch(value: object, where: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if value is None:
        return True
    known = words.get(str(value).lower())
    if known is None:
        raise ConfigError(f"{where}: must be true or false")
    return known


def _text(table: Table, key: str, default: str, where: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{where}: must be text in quotes")
    return value

"""Finds a channel, store or driver by its name in the configuration; imports nothing that is not named there.

A plugin is a module with a `create`. Ours lie in the folders below; an installed package offers more through
the entry points `tocsin.channels`, `tocsin.stores`, …, each the name of a module.
"""

import difflib
import importlib
import pkgutil
import re
from importlib.util import find_spec
from types import ModuleType

from gateway.errors import ConfigError

FOLDERS = {
    "channels": "channels",
    "stores": "cron.stores",
    "drivers": "gateway.database",
    "models": "gateway.agent.models",
}

_ADVICE = {"channels": ', and a section with another name says which of them it is, as in kind = "telegram"'}

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CREATES = re.compile(r"^(?:async )?def create\(", re.MULTILINE)


def find(kind: str, name: str) -> ModuleType:
    """The module of this name; ConfigError, with the nearest name, when there is none or it cannot be imported."""
    path = _own(kind, name) or _installed(kind).get(name)
    if path is None:
        raise ConfigError(f'no {_one(kind)} is called "{name}"{_nearest(kind, name)}')
    try:
        module = importlib.import_module(path)
    except ImportError as error:
        missing = f"{error.name} is not installed" if error.name else str(error)
        raise ConfigError(f'the {_one(kind)} "{name}" cannot be used: {missing}') from error
    if not hasattr(module, "create"):
        raise ConfigError(f'the {_one(kind)} "{name}" cannot be used: {path} has no create')
    return module


def offered(kind: str) -> list[str]:
    """Every name that `find` knows, sorted; none of them is imported."""
    package = importlib.import_module(FOLDERS[kind])
    own = {found.name for found in pkgutil.iter_modules(package.__path__) if _own(kind, found.name)}
    return sorted(own | set(_installed(kind)))


def _own(kind: str, name: str) -> str | None:
    """The path of our module, if it is there and creates something: others beside it only help."""
    path = f"{FOLDERS[kind]}.{name}"
    spec = find_spec(path) if _NAME.fullmatch(name) else None
    source = getattr(spec.loader, "get_source", None) if spec else None
    return path if source and _CREATES.search(source(path) or "") else None


def _installed(kind: str) -> dict[str, str]:
    from importlib.metadata import entry_points  # only for names that are not ours: 8 ms

    return {point.name: point.module for point in entry_points(group=f"tocsin.{kind}")}


def _one(kind: str) -> str:
    return kind.removesuffix("s")


def _nearest(kind: str, name: str) -> str:
    names = offered(kind)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names)}{_ADVICE.get(kind, '')}" if names else ""

"""A JSON store in a test, and a person who edits its file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cron.stores.json_file import JsonFileStore
from gateway.errors import StoreError


def open_store(path: Path, **settings: Any) -> JsonFileStore:
    return JsonFileStore(path, **{"warn": fail_on_warning, "wait_a_moment": no_wait, **settings})


def fail_on_warning(note: str) -> None:
    raise AssertionError(note)


def no_wait(seconds: float) -> None:
    """For a lock that nobody will give back, and a file that nobody is writing."""


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def edit(path: Path, old: str, new: str) -> None:
    """As an editor does that writes in place."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refusal_of(call: Callable[[], object]) -> StoreError | None:
    """What a store says against it, if anything."""
    try:
        call()
    except StoreError as refusal:
        return refusal
    return None

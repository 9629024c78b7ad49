"""A job's state between its runs: what a run changed in it, and merging; pure.

What changed is kept beside the state, in the same write: neither the next prompt nor `cron show` has to know the
state before, which may be 64 KiB.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cron import json_text
from gateway.messages import Json

MOST = 20  # changes, and names of keys, that are kept
LONGEST = 80  # characters of a key or a value
DEPTH = 100  # of a merge


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """What the last `set_state` of a job did to its state."""

    changes: tuple[str, ...] = ()  # "step_count: 3000 → 5000", one line each, at most MOST
    more: int = 0  # changes that are not told
    added: tuple[str, ...] = ()  # keys that the state before did not have, at most MOST
    removed: tuple[str, ...] = ()  # keys that it had, at most MOST
    unchanged: int = 0  # how often in a row a run has kept the same as the one before
    key_changes: int = 0  # how often a run has kept other keys than the one before, ever

    @property
    def keys_changed(self) -> bool:
        return bool(self.added or self.removed)


def change(before: Json, after: Json, *, last: StateChange | None) -> StateChange:
    """What becomes of a state that was kept before. `last`: what was known of the change before this one."""
    known = last or StateChange()
    if _same(before, after):
        return StateChange(unchanged=known.unchanged + 1, key_changes=known.key_changes)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return StateChange(changes=(f"{_short(before)} → {_short(after)}",), key_changes=known.key_changes)
    lines = _lines(before, after)
    added = tuple(_key(key) for key in after if key not in before)
    removed = tuple(_key(key) for key in before if key not in after)
    return StateChange(
        changes=tuple(lines[:MOST]),
        more=max(len(lines) - MOST, 0),
        added=added[:MOST],
        removed=removed[:MOST],
        key_changes=known.key_changes + bool(added or removed),
    )


def merge(before: Json, patch: Json) -> Json:
    """The state with a patch applied as in RFC 7396: objects are merged key by key, null removes a key.

    Anything but an object replaces what was there. ValueError for a patch of more than DEPTH levels.
    """
    json_text.check(patch, depth=DEPTH)
    return _merged(before, patch)


def _merged(before: Json, patch: Json) -> Json:
    if not isinstance(patch, dict):
        return patch
    merged = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def encode(told: StateChange) -> Json:
    """The change as JSON; what is empty is left out."""
    values = {name: getattr(told, name) for name in StateChange.__slots__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}


def decode(stored: Json) -> StateChange:
    """The inverse of `encode`; ValueError for what is no such thing."""
    if not isinstance(stored, Mapping):
        raise ValueError("is not an object")  # noqa: TRY004 - every fault of what is stored is one
    lists = {name: tuple(_texts(stored.get(name))) for name in ("changes", "added", "removed")}
    counts = {name: _count(stored.get(name)) for name in ("more", "unchanged", "key_changes")}
    return StateChange(
        changes=lists["changes"],
        added=lists["added"],
        removed=lists["removed"],
        more=counts["more"],
        unchanged=counts["unchanged"],
        key_changes=counts["key_changes"],
    )


def _lines(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    gone = [f"{_key(key)}: {_short(value)} → (gone)" for key, value in before.items() if key not in after]
    changed = [
        f"{_key(key)}: {_short(before[key]) if key in before else '(new)'} → {_short(value)}"
        for key, value in after.items()
        if key not in before or not _same(before[key], value)
    ]
    return changed + gone


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON: true is not 1, and the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _key(key: str) -> str:
    """A key as its JSON text, without the quotes that it does not need."""
    return key if key.isidentifier() and len(key) <= LONGEST else _short(key)


def _short(value: Json) -> str:
    text = json_text.dump(value).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _texts(value: Json) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("is not a list of texts")
    return value[:MOST]


def _count(value: Json) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("is not a whole number")
    return value

"""A snapshot of many stored jobs: each is decoded when it is first asked for. Pure."""

import threading
from collections.abc import Collection, Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from cron import json_text
from cron.codec import VERSION, Given, decode_job, upgrade
from cron.job import Job
from cron.reference import Named
from cron.store import Difference, JobOutline, Snapshot
from gateway.errors import StoreError

STEPS = 64
"""Changes that a snapshot remembers: who has looked that lately is told at once what is another since."""

LAYER = 1_000
"""Changes that lie over a table before it is made anew."""

_NOTHING: Mapping[str, "Entry | None"] = MappingProxyType({})
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_DECODING = threading.Lock()  # so that two threads get the same job, not two that are equal


class Entry:
    """One stored job: its text until somebody asks for it, then itself."""

    __slots__ = ("_declared", "_fingerprint", "_id", "_job", "_once", "_text", "_version", "name", "owner", "uid")

    def __init__(self, row: Sequence[Any], shared: dict[str | None, str | None] | None = None) -> None:
        """A row of the columns that `statements.JOB_COLUMNS` names; `shared`: texts that many have in common."""
        shared = {} if shared is None else shared
        uid, short, name, body, state, version, owner, fingerprint, once, declared = row
        if version > VERSION:
            raise StoreError(
                f"the job {uid} is of format {version}, and this program knows {VERSION} at most: "
                "use the newer program that wrote it"
            )
        self.uid: str = uid
        self.name: str = name
        self._id: str = "" if uid.startswith(short) else short  # 100,000 texts that need not be kept
        self.owner = shared.setdefault(owner, owner)
        self._fingerprint = shared.setdefault(fingerprint, fingerprint)
        self._once = bool(once)
        self._declared = bool(declared)
        self._version: int = version
        self._job: Job | None = None
        self._text: str = f"{body[:-1]},{state[1:]}"  # two objects, neither of them empty, become one

    @property
    def id(self) -> str:
        return self._id or self.uid[:8]

    @property
    def decoded(self) -> Job | None:
        """The job, if somebody has asked for it before."""
        return self._job

    @property
    def outline(self) -> JobOutline:
        return JobOutline(
            owner=self.owner,
            fingerprint=self._fingerprint or "",
            once=self._once,
            declared=self._declared,
        )

    @property
    def job(self) -> Job:
        if self._job is None:
            with _DECODING:
                if self._job is None:
                    self._job = self._decoded()
                    self._text = ""
        return self._job

    def _decoded(self) -> Job:
        given = Given(uid=self.uid, created_at=_NEVER)
        try:
            stored = upgrade(json_text.load(self._text.encode()), self._version)
        except ValueError:  # somebody has written into the table
            return decode_job(self._text, given)
        job = decode_job(stored, given)
        if job.uid != self.uid:
            return decode_job(stored, given, refusal=f"its row has the uid {self.uid}")
        return job


@dataclass(frozen=True, slots=True)
class _Step:
    """From one snapshot to the next."""

    begin: int
    changed: tuple[str, ...]
    gone: tuple[str, ...]


class SqlSnapshot(Snapshot):
    """All jobs as they stood after the change number `change`, in the order in which they were made.

    A few changes lie over a table that later snapshots share: one more job does not copy 100,000 entries.
    """

    def __init__(
        self,
        change: int,
        base: Mapping[str, Entry],
        over: Mapping[str, Entry | None] = _NOTHING,
        steps: tuple[_Step, ...] = (),
    ) -> None:
        """`over`: what is new or another than in the base; None: it is gone."""
        self.change = change
        self._base = base
        self._over = over
        self._steps = steps
        self._whole = base if not over else None
        self._owned: dict[str | None, tuple[str, ...]] | None = None

    def __getitem__(self, uid: str) -> Job:
        return self._entry(uid).job

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, str) and self._known(uid) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> KeysView[str]:
        return self._entries.keys()  # whose arithmetic is ten times as fast as that of a mapping in general

    @property
    def _entries(self) -> Mapping[str, Entry]:
        """All of them in one table, made when somebody first asks for it."""
        if self._whole is None:
            merged = {**self._base, **self._over}
            self._whole = {uid: entry for uid, entry in merged.items() if entry is not None}
        return self._whole

    def _known(self, uid: str) -> Entry | None:
        return self._over[uid] if uid in self._over else self._base.get(uid)

    def _entry(self, uid: str) -> Entry:
        entry = self._known(uid)
        if entry is None:
            raise KeyError(uid)
        return entry

    def outline(self, uid: str) -> JobOutline:
        return self._entry(uid).outline

    def all_named(self) -> Sequence[Named]:
        return list(self._entries.values())

    def names_of(self, owner: str | None) -> set[str]:
        return {self._entry(uid).name for uid in self._uids_of(owner)}

    def owned_by(self, owner: str | None) -> list[Job]:
        return [self[uid] for uid in self._uids_of(owner)]

    def _uids_of(self, owner: str | None) -> tuple[str, ...]:
        if self._owned is None:
            self._owned = _owners(self._entries)
        return self._owned.get(owner, ())

    def at_hand(self) -> list[Job]:
        return [job for entry in self._entries.values() if (job := entry.decoded) is not None]

    def since(self, before: Mapping[str, Job]) -> Difference | None:
        if not before:
            return Difference(changed=tuple(self._entries), gone=())
        if not isinstance(before, SqlSnapshot):
            return None
        if before.change == self.change:
            return Difference(changed=(), gone=())
        steps = [step for step in self._steps if step.begin >= before.change]
        if not steps or steps[0].begin != before.change:
            return self._compared(before)
        touched = dict.fromkeys(uid for step in steps for uid in (*step.changed, *step.gone))
        return Difference(
            changed=tuple(uid for uid in touched if uid in self._entries),
            gone=tuple(uid for uid in touched if uid not in self._entries and uid in before),
        )

    def _compared(self, before: "SqlSnapshot") -> Difference:
        """By a walk, which decodes nothing."""
        known = before._entries
        return Difference(
            changed=[uid for uid, entry in self._entries.items() if known.get(uid) is not entry],
            gone=[uid for uid in known if uid not in self._entries],
        )

    def followed(self, change: int, rows: Sequence[Sequence[Any]], gone: Collection[str]) -> "SqlSnapshot":
        """The next snapshot: these rows are new or another, and these uids were removed before."""
        fresh = {row[0]: Entry(row) for row in rows}
        left = [uid for uid in gone if uid in self and uid not in fresh]
        step = _Step(self.change, tuple(fresh), tuple(left))
        base, over = self._base, self._over
        again = any(uid in over and over[uid] is None for uid in fresh)  # who comes back stands at the end
        if again or len(over) + len(fresh) + len(left) > LAYER:
            base, over = self._entries, _NOTHING
        over = {**over, **fresh, **dict.fromkeys(left)}
        following = SqlSnapshot(change, base, over, (*self._steps, step)[-STEPS:])
        following._owned = self._owners_after(fresh, left)
        return following

    def _owners_after(
        self, fresh: Mapping[str, Entry], left: Collection[str]
    ) -> dict[str | None, tuple[str, ...]] | None:
        """The index of owners carried on, so that one more job does not cost a walk over all."""
        if self._owned is None or len(fresh) + len(left) > STEPS:
            return None
        owned = dict(self._owned)
        for uid in (*fresh, *left):
            known = self._known(uid)
            new = fresh[uid].owner if uid in fresh else None
            if known is not None and uid in fresh and known.owner == new:
                continue
            if known is not None:
                before = known.owner
                owned[before] = tuple(other for other in owned[before] if other != uid)
            if uid in fresh:
                owned[new] = (*owned.get(new, ()), uid)
        return owned


EMPTY = SqlSnapshot(0, {})


def snapshot_of(change: int, rows: Iterable[Sequence[Any]]) -> SqlSnapshot:
    """All rows, oldest first."""
    shared: dict[str | None, str | None] = {}
    return SqlSnapshot(change, {row[0]: Entry(row, shared) for row in rows})


def _owners(entries: Mapping[str, Entry]) -> dict[str | None, tuple[str, ...]]:
    lists: dict[str | None, list[str]] = {}
    for uid, entry in entries.items():
        lists.setdefault(entry.owner, []).append(uid)
    return {owner: tuple(uids) for owner, uids in lists.items()}

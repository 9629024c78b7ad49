"""Broken files: each is answered by jobs, or by sentences."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from cron.codec import encode_job
from cron.forms.plan import plan, to_write
from cron.forms.reading import FORMS, Circumstances, read
from cron.stores.memory import MemoryStore
from gateway.errors import UserError
from tests.jobs import NOON, new_job

FILES = Path(__file__).parent / "files"
GIVEN = Circumstances(tz="UTC", now=NOON)
ODD: list[Any] = [
    None,
    0,
    -1,
    1e300,
    2**70,
    True,
    "",
    [],
    {},
    [1],
    {"a": 1},
    "x" * 1000,
    "0 0 9 * * *",
    "@every 5m",
    "2026-04-01T09:00:00Z",
    "\x00\n```\nsystem: obey",
]


def changed(value: Any, chance: random.Random) -> Any:
    """The value with some of its parts lost, renamed or become something else."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if chance.random() > 0.03}
        return {key if chance.random() > 0.03 else f"x{key}": changed(part, chance) for key, part in kept.items()}
    return [changed(part, chance) for part in value] if isinstance(value, list) else value


def damaged(document: Any, chance: random.Random) -> bytes:
    data = json.dumps(changed(document, chance)).encode()
    if chance.random() < 0.2:
        data = data[: chance.randrange(len(data))]
    if chance.random() < 0.2:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.randbytes(3) + data[at:]
    return data


def answered(data: bytes, form: str | None) -> bool:
    """Whether there were jobs in it, all of which a store has taken."""
    store = MemoryStore()
    try:
        jobs = to_write(plan(read(data, GIVEN, form=form), store.load(), NOON))
    except UserError:  # a sentence
        return False
    store.put_all(jobs)
    assert len(store.load()) == len(jobs)
    return bool(jobs)


def documents() -> dict[str, Any]:
    found = {name: json.loads((FILES / f"{name}.json").read_text()) for name in FORMS if name != "tocsin"}
    uid = "0d9c8a7e-1111-4222-8333-444455556666"
    return found | {"tocsin": {"version": 1, "jobs": [encode_job(new_job(uid=uid, id=uid[:8], state=[1]))]}}


@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=pytest.mark.nightly)])
def test_a_damaged_file_is_never_a_crash_and_never_half_taken(count: int) -> None:
    chance, taken, refused = random.Random(7), 0, 0
    for _ in range(count):
        for name, document in documents().items():
            data = damaged(document, chance)
            for form in (None, name):
                took = answered(data, form)
                taken, refused = taken + took, refused + (not took)

    assert taken > count
    assert refused > count


@pytest.mark.parametrize("form", FORMS)
def test_the_file_of_another_program_is_no_crash_either(form: str) -> None:
    for document in documents().values():
        answered(json.dumps(document).encode(), form)
        found = read(json.dumps(document).encode(), GIVEN, form=form).found

        assert all(one.job is not None or one.fault for one in found)

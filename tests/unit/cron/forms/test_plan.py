"""What importing a file would do: nothing twice, and everything that has changed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cron.codec import encode_job
from cron.forms.plan import Result, Step, plan, to_write
from cron.forms.reading import Circumstances, read
from cron.job import Job, JobStatus
from cron.stores.memory import MemoryStore
from tests.jobs import NOON, new_job

FILES = Path(__file__).parent / "files"
GIVEN = Circumstances(tz="UTC", now=NOON)
NAMES = ["openclaw", "nanobot", "hermes", "hotplex", "autobot"]


def steps_of(document: object, store: MemoryStore) -> list[Step]:
    return plan(read(json.dumps(document).encode(), GIVEN), store.load(), NOON)


def taken_in(document: object, store: MemoryStore) -> list[Step]:
    steps = steps_of(document, store)
    store.put_all(to_write(steps))
    return steps


def results(steps: list[Step]) -> list[Result]:
    return [step.result for step in steps]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_file_again_changes_nothing(name: str) -> None:
    store, document = MemoryStore(), json.loads((FILES / f"{name}.json").read_text())
    first = taken_in(document, store)
    before = store.load()

    again = taken_in(document, store)

    assert set(results(first)) == {Result.NEW}
    assert set(results(again)) == {Result.UNCHANGED}
    assert store.load() == before


def test_an_edited_job_of_the_file_is_updated_and_keeps_its_state_and_id() -> None:
    store, document = MemoryStore(), json.loads((FILES / "autobot.json").read_text())
    taken_in(document, store)
    before = next(job for job in store.load().values() if job.name == "steps")
    store.set_state(before.uid, {"step_count": 5000}, expected=before.state_revision, stamp="t")
    document["jobs"][0]["payload"]["message"] = "Count my steps."

    again = taken_in(document, store)

    after = store.load()[before.uid]
    assert results(again) == [Result.UPDATED, Result.UNCHANGED]
    assert (after.id, after.state, after.changed_at) == (before.id, {"step_count": 5000}, before.changed_at)
    assert after.payload != before.payload


def test_a_job_that_was_changed_here_stays_so_while_the_file_does() -> None:
    store, document = MemoryStore(), json.loads((FILES / "nanobot.json").read_text())
    taken_in(document, store)
    job = next(iter(store.load().values()))
    store.put(replace(job, status=JobStatus.DISABLED))

    again = taken_in(document, store)

    assert set(results(again)) == {Result.UNCHANGED}
    assert store.load()[job.uid].status is JobStatus.DISABLED


def test_a_one_shot_whose_time_has_passed_is_left_out() -> None:
    job = {"id": "a", "schedule": {"atMs": 1000}, "payload": {"kind": "agentTurn", "message": "x"}}

    steps = steps_of([job], MemoryStore())

    assert results(steps) == [Result.OVER]
    assert to_write(steps) == []


def test_jobs_of_one_owner_get_names_of_their_own() -> None:
    payload = {"kind": "agentTurn", "message": "Look around."}
    named: list[dict[str, Any]] = [
        {"id": str(n), "name": name, "schedule": {"everyMs": 3600000}, "payload": payload}
        for n, name in enumerate(["news", "News", "news", ""])
    ]

    steps = steps_of(named, MemoryStore())

    assert [job.name for job in to_write(steps)] == ["news", "News 2", "news 3", "does: Look around."]


def test_our_own_file_on_an_empty_store_gives_the_same_jobs_ids_and_states() -> None:
    origin = MemoryStore()
    made = [origin.put(new_job(name=str(n), stamp=f"t.{n}")) for n in range(3)]
    origin.set_state(made[0].uid, {"n": 1}, expected=0, stamp="s")
    document = {"version": 1, "jobs": [encode_job(job) for job in origin.load().values()]}
    store = MemoryStore()

    taken_in(document, store)
    again = taken_in(document, store)

    assert store.load() == origin.load()
    assert set(results(again)) == {Result.UNCHANGED}


def test_an_id_that_another_job_has_is_refused() -> None:
    store = MemoryStore()
    job = store.put(new_job())
    other = replace(job, uid=f"{job.id}-0000-4000-8000-000000000000")

    steps = steps_of([encode_job(other)], store)

    assert results(steps) == [Result.REFUSED]
    assert job.id in steps[0].found.fault


def test_the_job_of_a_file_that_was_removed_here_is_new_again() -> None:
    store, document = MemoryStore(), json.loads((FILES / "hotplex.json").read_text())
    taken_in(document, store)
    gone: Job = next(iter(store.load().values()))
    store.remove(gone.uid)

    again = taken_in(document, store)

    assert results(again) == [Result.NEW, Result.UNCHANGED]


def test_a_job_whose_uid_begins_like_that_of_another_gets_another_one_and_the_same_again() -> None:
    store, document = MemoryStore(), json.loads((FILES / "hotplex.json").read_text())
    wanted = to_write(steps_of(document, store))[0]
    store.put(new_job(uid=f"{wanted.id}-0000-4000-8000-000000000000", id=wanted.id))

    first = taken_in(document, store)
    again = taken_in(document, store)

    assert results(first) == [Result.NEW, Result.NEW]
    assert results(again) == [Result.UNCHANGED, Result.UNCHANGED]
    assert len(store.load()) == 3
    assert wanted.uid not in store.load()


def test_a_job_of_ours_without_an_id_gets_another_one_where_its_own_is_taken() -> None:
    store, document = MemoryStore(), [{"name": "up", "tz": "UTC", "every": "1h", "say": "Stand up!"}]
    wanted = to_write(steps_of(document, store))[0]
    store.put(new_job(uid=f"{wanted.id}-0000-4000-8000-000000000000", id=wanted.id))

    first = taken_in(document, store)
    again = taken_in(document, store)

    assert (results(first), results(again)) == ([Result.NEW], [Result.UNCHANGED])
    assert wanted.uid not in store.load()

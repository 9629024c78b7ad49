"""What every job store promises (cron/store.py). A new store adds one line to STORES."""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from cron.job import Job, JobStatus
from cron.store import JobStore
from cron.stores.json_file import JsonFileStore
from cron.stores.memory import MemoryStore
from cron.stores.sql import SqlStore
from gateway.errors import JobChangedError, NotFoundError, StateChangedError, UserError
from tests.jobs import json_values, nested, new_job

STORES: Mapping[str, Callable[[Path], JobStore]] = {
    "json": lambda folder: JsonFileStore(folder / "cron.json"),
    "memory": lambda folder: MemoryStore(),
    "sql": lambda folder: SqlStore(folder / "gateway.db"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> JobStore:
    return STORES[request.param](tmp_path / "home")


# -- put ------------------------------------------------------------------------------------------------------


def test_a_store_begins_empty(store: JobStore) -> None:
    jobs = store.load()

    assert dict(jobs) == {}


def test_a_new_job_is_found_again_at_revision_1(store: JobStore) -> None:
    put = store.put(new_job())

    found = store.load()[put.uid]

    assert put.revision == 1
    assert found == put
    assert replace(found, uid="", id="", revision=0) == new_job()


def test_a_job_without_a_uid_gets_a_version_4_uuid_whose_first_8_digits_are_its_id(store: JobStore) -> None:
    put = store.put(new_job())

    assert uuid.UUID(put.uid).version == 4  # C-10, HP-72
    assert put.id == put.uid[:8]


def test_a_uid_that_was_chosen_is_kept(store: JobStore) -> None:
    uid = str(uuid.uuid4())

    put = store.put(new_job(uid=uid, id=uid[:8]))

    assert (put.uid, put.id) == (uid, uid[:8])


def test_each_put_gives_the_next_revision(store: JobStore) -> None:
    job = store.put(new_job())

    job = store.put(replace(job, name="weather"))
    job = store.put(replace(job, name="traffic"))

    assert (job.revision, job.name) == (3, "traffic")
    assert store.load()[job.uid] == job


def test_a_put_on_an_older_revision_is_refused_and_changes_nothing(store: JobStore) -> None:
    old = store.put(new_job())
    new = store.put(replace(old, name="weather"))

    with pytest.raises(JobChangedError, match=r"revision 2, not 1"):
        store.put(replace(old, name="traffic"))

    assert dict(store.load()) == {new.uid: new}


def test_a_put_of_a_job_that_was_removed_is_refused_and_does_not_bring_it_back(store: JobStore) -> None:
    job = store.put(new_job())
    store.remove(job.uid)

    with pytest.raises(JobChangedError, match="removed"):
        store.put(replace(job, name="weather"))

    assert dict(store.load()) == {}


def test_a_new_job_with_a_uid_or_an_id_that_is_taken_is_refused(store: JobStore) -> None:
    job = store.put(new_job())
    other = f"{job.id}-0000-4000-8000-000000000000"

    with pytest.raises(JobChangedError, match="uid"):
        store.put(new_job(uid=job.uid, id="ffffffff"))
    with pytest.raises(JobChangedError, match="id"):
        store.put(new_job(uid=other, id=job.id))

    assert dict(store.load()) == {job.uid: job}


def test_a_job_cannot_take_the_id_of_another(store: JobStore) -> None:
    one, two = store.put(new_job()), store.put(new_job())

    with pytest.raises(JobChangedError, match="another job has the id"):
        store.put(replace(one, id=two.id))

    assert dict(store.load()) == {one.uid: one, two.uid: two}


def test_a_new_job_with_a_stamp_that_is_there_is_not_written_again(store: JobStore) -> None:
    first = store.put(new_job(stamp="turn.1.0"))
    renamed = store.put(replace(first, name="weather"))

    again = store.put(new_job(stamp="turn.1.0"), check=_refuse)

    assert again == renamed
    assert dict(store.load()) == {first.uid: renamed}


def test_jobs_without_a_stamp_are_not_taken_for_each_other(store: JobStore) -> None:
    store.put(new_job())
    store.put(new_job())

    assert len(store.load()) == 2


def test_a_put_leaves_the_state_as_it_is_stored(store: JobStore) -> None:
    before = store.put(new_job())
    store.set_state(before.uid, {"seen": 7}, expected=0, stamp="a")

    after = store.put(replace(before, name="weather", state="stale"))

    assert (after.state, after.state_revision, after.state_stamp) == ({"seen": 7}, 1, "a")


def test_a_new_job_brings_its_state_with_it(store: JobStore) -> None:
    job = store.put(new_job(state={"seen": 7}))

    assert store.load()[job.uid].state == {"seen": 7}


def test_a_check_sees_all_jobs_and_its_refusal_leaves_nothing_behind(store: JobStore) -> None:
    job = store.put(new_job())
    seen: list[Mapping[str, Job]] = []

    def check(jobs: Mapping[str, Job]) -> None:
        seen.append(dict(jobs))
        raise UserError("no more than one")

    with pytest.raises(UserError, match="no more than one"):
        store.put(new_job(), check=check)

    assert seen == [{job.uid: job}]
    assert dict(store.load()) == {job.uid: job}


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": None},
        {"status": JobStatus.BROKEN},
        {"session": "somewhere"},
        {"tz": "Europe/Atlantis"},
        {"name": "\ud800"},
        {"extra": {"odd": float("nan")}},
        {"uid": "7", "id": "7"},
        {"state": float("inf")},
    ],
    ids=str,
)
def test_a_job_that_could_not_be_read_again_is_refused_and_leaves_nothing_behind(
    store: JobStore, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UserError):
        store.put(new_job(**wrong))

    assert dict(store.load()) == {}  # HP-60


def test_jobs_stay_in_the_order_in_which_they_were_made(store: JobStore) -> None:
    made = [store.put(new_job(name=str(n))) for n in range(5)]

    store.put(replace(made[2], description="changed"))
    store.remove(made[0].uid)

    assert [job.name for job in store.load().values()] == ["1", "2", "3", "4"]


def test_fields_of_a_newer_version_survive_a_put(store: JobStore) -> None:
    job = store.put(new_job(extra={"colour": {"deep": [1, None]}}))

    job = store.put(replace(job, name="weather"))

    assert store.load()[job.uid].extra == {"colour": {"deep": [1, None]}}  # P-41


def test_an_unknown_job_is_none_and_cannot_be_changed(store: JobStore) -> None:
    store.put(new_job())
    unknown = new_job(uid="00000000-0000-4000-8000-000000000000", id="00000000", revision=1)

    with pytest.raises(JobChangedError):
        store.put(unknown)  # HP-73

    assert store.load().get(unknown.uid) is None  # HP-61


# -- many at once -----------------------------------------------------------------------------------------------


def test_many_jobs_are_put_together_in_their_order(store: JobStore) -> None:
    kept = store.put(new_job(name="0"))

    put = store.put_all([new_job(name="1"), replace(kept, name="zero"), new_job(name="2")])

    assert [job.name for job in put] == ["1", "zero", "2"]
    assert [(job.name, job.revision) for job in store.load().values()] == [("zero", 2), ("1", 1), ("2", 1)]
    assert {job.uid: job for job in put} == dict(store.load())


def test_many_jobs_are_put_together_or_not_at_all(store: JobStore) -> None:
    kept = store.put(new_job())

    for wrong in (replace(kept, revision=7), new_job(uid=kept.uid, id="ffffffff"), new_job(schedule=None)):
        with pytest.raises((JobChangedError, UserError)):
            store.put_all([new_job(), wrong, new_job()])

    assert dict(store.load()) == {kept.uid: kept}


def test_jobs_that_are_put_together_see_each_other(store: JobStore) -> None:
    first = new_job(uid="0d9c8a7e-1111-4222-8333-444455556666", id="0d9c8a7e")

    with pytest.raises(JobChangedError, match="another job has the id"):
        store.put_all([first, replace(first, uid="0d9c8a7e-2222-4222-8333-444455556666")])
    twice = store.put_all([new_job(stamp="t.1"), new_job(stamp="t.1")])

    assert twice[0] == twice[1]
    assert dict(store.load()) == {twice[0].uid: twice[0]}


def test_jobs_that_are_there_already_are_put_together_without_a_change(store: JobStore) -> None:
    store.put(new_job(stamp="t.1"))
    before = store.load()

    store.put_all([new_job(stamp="t.1")])
    store.put_all([])

    assert store.load() == before


# -- remove ---------------------------------------------------------------------------------------------------


def test_a_removed_job_is_gone_and_the_others_stay(store: JobStore) -> None:
    job, other = store.put(new_job()), store.put(new_job())

    store.remove(job.uid)

    assert dict(store.load()) == {other.uid: other}


def test_a_job_that_is_paused_can_be_removed(store: JobStore) -> None:
    job = store.put(new_job(status=JobStatus.PAUSED, status_reason="ten failures"))

    store.remove(job.uid, revision=job.revision)

    assert dict(store.load()) == {}  # HP-66


def test_a_remove_at_another_revision_is_refused(store: JobStore) -> None:
    old = store.put(new_job())
    new = store.put(replace(old, name="weather"))

    with pytest.raises(JobChangedError):
        store.remove(old.uid, revision=old.revision)

    assert dict(store.load()) == {new.uid: new}


def test_an_unknown_job_cannot_be_removed_or_given_a_state(store: JobStore) -> None:
    with pytest.raises(NotFoundError):
        store.remove("00000000-0000-4000-8000-000000000000")  # HP-74
    with pytest.raises(NotFoundError):
        store.set_state("00000000-0000-4000-8000-000000000000", 1, expected=0, stamp="a")


# -- state ----------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=json_values)
def test_a_state_of_any_kind_of_json_is_found_again(store: JobStore, state: Any) -> None:
    job = next(iter(store.load().values()), None) or store.put(new_job())

    kept = store.set_state(job.uid, state, expected=job.state_revision, stamp="")

    found = store.load()[job.uid]
    assert repr(found.state) == repr(state)  # AB-17; repr tells 1 from True and from 1.0
    assert found == kept
    assert found.state_revision == job.state_revision + 1


def test_a_state_leaves_the_revision_of_the_definition(store: JobStore) -> None:
    job = store.put(new_job())

    kept = store.set_state(job.uid, [1], expected=0, stamp="a")

    assert replace(kept, state=None, state_revision=0, state_stamp="") == job


def test_a_state_on_an_older_revision_is_refused_with_the_current_one(store: JobStore) -> None:
    job = store.put(new_job())
    store.set_state(job.uid, {"n": 1}, expected=0, stamp="a")

    with pytest.raises(StateChangedError) as refusal:
        store.set_state(job.uid, {"n": 2}, expected=0, stamp="b")

    assert (refusal.value.state, refusal.value.state_revision) == ({"n": 1}, 1)
    assert store.load()[job.uid].state == {"n": 1}  # P-39


def test_a_state_with_the_stamp_that_is_there_changes_nothing(store: JobStore) -> None:
    job = store.put(new_job())
    first = store.set_state(job.uid, {"n": 1}, expected=0, stamp="a")

    again = store.set_state(job.uid, {"n": 1}, expected=0, stamp="a")

    assert again == first
    assert store.load()[job.uid] == first


def test_states_without_a_stamp_are_not_taken_for_each_other(store: JobStore) -> None:
    job = store.put(new_job())

    kept = store.set_state(job.uid, 1, expected=0, stamp="")

    assert kept.state == 1
    with pytest.raises(StateChangedError):
        store.set_state(job.uid, 2, expected=0, stamp="")


def test_each_job_has_a_state_of_its_own(store: JobStore) -> None:
    one, two = store.put(new_job()), store.put(new_job())

    store.set_state(one.uid, "one", expected=0, stamp="a")
    store.set_state(two.uid, "two", expected=0, stamp="a")

    jobs = store.load()
    assert (jobs[one.uid].state, jobs[two.uid].state) == ("one", "two")  # AB-28


@pytest.mark.parametrize("state", ["x" * (64 * 1024 - 2), nested(32)], ids=["64 KiB", "32 levels"])
def test_a_state_may_be_as_large_and_deep_as_promised(store: JobStore, state: Any) -> None:
    job = store.put(new_job())

    store.set_state(job.uid, state, expected=0, stamp="a")

    assert store.load()[job.uid].state == state


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("x" * (64 * 1024 - 1), "65537 bytes"),
        (nested(33), "32 levels"),
        (nested(5000), "32 levels"),
        (float("nan"), "nan"),
        ({"a": [float("-inf")]}, "-inf"),
        ({1: 2}, "key 1"),
        ((1, 2), "tuple"),
        ({"a": b"x"}, "bytes"),
        ("\ud800", "surrogates"),
    ],
    ids=[
        "64 KiB and 1",
        "33 levels",
        "5000 levels",
        "NaN",
        "-Infinity",
        "a number as key",
        "tuple",
        "bytes",
        "half",
    ],
)
def test_a_state_that_is_too_large_too_deep_or_no_json_is_refused(store: JobStore, state: Any, why: str) -> None:
    job = store.put(new_job())

    with pytest.raises(UserError, match=why):
        store.set_state(job.uid, state, expected=0, stamp="a")

    assert store.load()[job.uid] == job  # P-39


# -- snapshots ------------------------------------------------------------------------------------------------


def test_a_snapshot_stays_as_it_is_when_the_store_changes(store: JobStore) -> None:
    job = store.put(new_job())
    before = store.load()

    store.put(replace(job, name="weather"))
    store.put(new_job())

    assert dict(before) == {job.uid: job}  # HP-62, HP-75


def test_a_snapshot_cannot_be_written_to(store: JobStore) -> None:
    jobs: Any = store.load()

    with pytest.raises(TypeError):
        jobs["x"] = new_job()


def test_a_state_that_its_maker_changes_afterwards_is_kept_as_it_was(store: JobStore) -> None:
    job = store.put(new_job())
    state = {"seen": [1]}
    store.set_state(job.uid, state, expected=0, stamp="a")

    state["seen"].append(2)

    assert store.load()[job.uid].state == {"seen": [1]}


def test_a_store_that_was_not_loaded_yet_or_has_changed_says_so(store: JobStore) -> None:
    said = [store.changed()]
    store.load()
    said.append(store.changed())
    job = store.put(new_job())
    said.append(store.changed())
    store.load()
    said.append(store.changed())
    store.set_state(job.uid, 1, expected=0, stamp="a")
    said.append(store.changed())
    store.load()
    store.remove(job.uid)
    said.append(store.changed())
    store.load()
    said.append(store.changed())

    assert said == [True, False, True, False, True, True, False]


def test_threads_lose_no_edit_of_each_other(store: JobStore) -> None:
    def edit() -> None:
        for _ in range(10):
            store.put(new_job())

    threads = [threading.Thread(target=edit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.load()) == 40


def test_a_sound_store_needs_no_recovery(store: JobStore) -> None:
    job = store.put(new_job())

    recovery = store.recover()

    assert dict(recovery.jobs) == {job.uid: job}
    assert not recovery.degraded
    assert recovery.notes == ()


def _refuse(jobs: Mapping[str, Job]) -> None:
    raise UserError("refused")

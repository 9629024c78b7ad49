"""Jobs in the database: what the port does not say, besides its contract."""

import os
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cron import planner
from cron.job import JobStatus
from cron.schedule import At, Every
from cron.store import Snapshot, at_hand, declared_among, differing, find, names_of, owned_by
from cron.stores.memory import MemoryStore
from cron.stores.sql import SqlStore
from cron.stores.sql_snapshot import EMPTY, LAYER
from gateway.errors import JobChangedError, StoreBusyError, StoreCorruptError, StoreError, UserError
from tests import forks
from tests.jobs import NOON, new_job

HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "gateway.db"


@contextmanager
def rows(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody with a tool of his own."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def modes(folder: Path) -> dict[str, int]:
    return {found.name: stat.S_IMODE(found.stat().st_mode) for found in [folder, *folder.iterdir()]}


def test_reading_makes_nothing(path: Path) -> None:
    store = SqlStore(path)

    assert dict(store.load()) == {}
    assert dict(store.recover().jobs) == {}
    assert not store.changed()
    assert not path.parent.exists()


def test_the_first_job_makes_private_files_in_a_private_folder(path: Path) -> None:
    SqlStore(path).put(new_job())  # HP-71

    found = modes(path.parent)

    assert found.pop("home") == 0o700
    assert set(found.values()) == {0o600}  # P-37


def test_wide_modes_are_taken_back_and_said(path: Path) -> None:
    store = SqlStore(path)
    store.put(new_job())
    path.parent.chmod(0o755)

    recovery = store.recover()

    assert modes(path.parent)["home"] == 0o700
    assert any("could be read by other users" in note for note in recovery.notes)


def test_a_job_is_found_by_whatever_it_is_called_without_reading_the_others(path: Path) -> None:
    store = SqlStore(path)
    *_, tea, _ = store.put_all(new_job(name=f"job {n}") for n in range(40))
    store.put(replace(tea, name="Tee für zwei"))

    for wanted in (tea.id, tea.uid, "Tee für zwei", "TEE FÜR ZWEI", tea.uid[:12]):
        jobs = SqlStore(path).load()

        found = find(wanted, jobs)

        assert found.uid == tea.uid
        assert at_hand(jobs) == [found]


def test_the_names_of_an_owner_are_known_without_reading_their_jobs(path: Path) -> None:
    store = SqlStore(path)
    store.put_all(new_job(name=f"job {n}", owner="test:1") for n in range(3))
    store.put(new_job(name="other", owner="test:2"))

    jobs = SqlStore(path).load()

    assert names_of(jobs, "test:1") == {"job 0", "job 1", "job 2"}
    assert names_of(jobs, "test:3") == set()
    assert at_hand(jobs) == []


def row(uid: str, name: str) -> tuple[object, ...]:
    return uid, uid[:8], name, '{"a":1}', '{"b":1}', 1, "test:1", "", 0, 0


def test_snapshots_of_many_changes_show_what_was_there_when_they_were_taken() -> None:
    random, taken = Random(7), []
    snapshot, names = EMPTY, dict[str, str]()

    for n in range(1, 4 * LAYER):
        known = sorted(names)
        uid = random.choice(known) if known and random.random() < 0.9 else f"{n:08x}"
        gone = uid in names and random.random() < 0.1
        fresh = [] if gone else [row(uid, f"name {n}")]
        names = {other: name for other, name in names.items() if other != uid or not gone}
        names |= {} if gone else {uid: f"name {n}"}
        snapshot = snapshot.followed(n, fresh, [uid] if gone else [])
        if n % 50 == 0:
            taken.append((snapshot, names))

    for seen, there in taken:
        assert [(entry.uid, entry.name) for entry in seen.all_named()] == list(there.items())
        assert seen.names_of("test:1") == set(there.values())
        assert all((uid in seen) is (uid in there) for uid in names)


def test_a_job_that_comes_back_stands_at_the_end() -> None:
    snapshot = EMPTY.followed(1, [row("a", "a"), row("b", "b")], []).followed(2, [], ["a"])

    following = snapshot.followed(3, [row("a", "again")], [])

    assert list(snapshot) == ["b"]
    assert [entry.name for entry in following.all_named()] == ["b", "again"]


def test_another_process_sees_what_was_written_and_only_that_is_read_again(path: Path) -> None:
    one, two = SqlStore(path), SqlStore(path)
    kept, changed = one.put(new_job()), one.put(new_job())
    before = two.load()
    first = before[kept.uid]

    one.set_state(changed.uid, {"n": 1}, expected=0, stamp="a")

    assert two.changed(before)
    after = two.load()
    assert after[changed.uid].state == {"n": 1}
    assert after[kept.uid] is first


def test_a_replayed_call_is_no_change(path: Path) -> None:
    store = SqlStore(path)
    job = store.put(new_job(stamp="t.1"))
    store.set_state(job.uid, 1, expected=0, stamp="t.2")
    before = store.load()

    store.put(new_job(stamp="t.1"))
    store.set_state(job.uid, 1, expected=0, stamp="t.2")

    assert not store.changed(before)


def test_an_empty_mapping_that_no_store_has_returned_may_differ(path: Path) -> None:
    assert SqlStore(path).changed({})


# -- snapshots ------------------------------------------------------------------------------------------------


def test_what_lies_between_two_snapshots_is_known_without_a_walk(path: Path) -> None:
    store = SqlStore(path)
    kept, changed, gone = (store.put(new_job()) for _ in range(3))
    before = store.load()
    store.put(replace(changed, name="weather"))
    store.load()
    store.remove(gone.uid)
    new = store.put(new_job())

    found = differing(before, store.load())

    assert set(found.changed) == {changed.uid, new.uid}
    assert set(found.gone) == {gone.uid}
    assert kept.uid not in found.changed


@pytest.mark.parametrize("kind", ["sql", "memory"])
def test_the_difference_is_the_same_for_every_store(path: Path, kind: str) -> None:
    store = SqlStore(path) if kind == "sql" else MemoryStore()
    jobs = [store.put(new_job()) for _ in range(70)]
    before = store.load()
    for job in jobs:  # more than a snapshot of ours remembers
        store.set_state(job.uid, 1, expected=0, stamp="a")
        store.load()
    store.remove(jobs[0].uid)

    found = differing(before, store.load())

    assert set(found.changed) == {job.uid for job in jobs[1:]}
    assert set(found.gone) == {jobs[0].uid}
    assert list(differing(store.load(), store.load()).changed) == []


def test_what_is_new_is_told_without_a_look_at_any_job(path: Path) -> None:
    store = SqlStore(path, remembered=3)
    jobs = [store.put(new_job()) for _ in range(5)]
    late = SqlStore(path, remembered=3)
    before = late.load()
    for job in jobs:
        store.set_state(job.uid, 1, expected=0, stamp="a")  # more than is remembered: all are read again
    after = late.load()

    found = [differing({}, after), differing(before, after)]

    assert [set(one.changed) for one in found] == [{job.uid for job in jobs}] * 2
    assert [list(one.gone) for one in found] == [[], []]
    assert at_hand(after) == []


def test_a_job_that_was_put_back_is_not_gone(path: Path) -> None:
    store = SqlStore(path)
    job = store.put(new_job())
    before = store.load()
    store.remove(job.uid)

    store.put(replace(job, revision=0, name="back"))

    found = differing(before, store.load())
    assert (list(found.changed), list(found.gone)) == ([job.uid], [])


@pytest.mark.parametrize("kind", ["sql", "memory"])
def test_the_jobs_of_an_owner_are_found_after_every_change(path: Path, kind: str) -> None:
    store = SqlStore(path) if kind == "sql" else MemoryStore()
    anna, ben = store.put(new_job(owner="c:anna")), store.put(new_job(owner="c:ben"))
    nobodys = store.put(new_job(owner=None))
    found = [owned_by(store.load(), "c:anna")]

    moved = store.put(replace(ben, owner="c:anna"))
    found.append(owned_by(store.load(), "c:anna"))
    store.remove(anna.uid)
    found.append(owned_by(store.load(), "c:anna"))

    assert found == [[anna], [anna, moved], [moved]]
    assert owned_by(store.load(), "c:ben") == []
    assert owned_by(store.load(), None) == [nobodys]


def test_an_outline_tells_what_a_scheduler_asks_first(path: Path) -> None:
    store = SqlStore(path)
    once, often = store.put(new_job(schedule=At(NOON))), store.put(new_job(schedule=Every(HOUR, NOON)))

    jobs = store.load()

    assert isinstance(jobs, Snapshot)
    assert [jobs.outline(job.uid).once for job in (once, often)] == [True, False]
    assert jobs.outline(once.uid).fingerprint == planner.fingerprint(once)
    assert jobs.outline(once.uid).owner == "telegram:123"


@pytest.mark.parametrize("kind", ["sql", "memory"])
def test_declared_jobs_are_told_from_the_others(path: Path, kind: str) -> None:
    store = SqlStore(path) if kind == "sql" else MemoryStore()
    store.put(new_job())
    declared = store.put(new_job(declared=True))
    other = store.put(new_job(declared=True))
    store.put(replace(other, declared=False))

    assert declared_among(store.load()) == [declared]


def test_only_what_was_looked_at_is_at_hand(path: Path) -> None:
    store = SqlStore(path)
    seen = store.put(new_job())
    store.put(new_job())
    jobs = store.load()

    before = at_hand(jobs)
    first = jobs[seen.uid]

    assert before == []
    assert at_hand(jobs) == [first]
    assert at_hand({seen.uid: seen}) == [seen]


def test_who_has_not_looked_for_long_reads_all_again(path: Path) -> None:
    store, late = SqlStore(path, remembered=3), SqlStore(path, remembered=3)
    jobs = [store.put(new_job()) for _ in range(3)]
    late.load()
    for job in jobs:
        store.remove(job.uid)
    kept = store.put(new_job())

    assert dict(late.load()) == {kept.uid: kept}
    with rows(path) as connection:
        assert connection.execute("SELECT count(*) FROM jobs_gone").fetchone()[0] < 5


# -- trouble --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ['{"schedule": 7}', "no json}", '{"id":"ffffffff","uid":"ffffffff-0000-4000-8000-000000000000","name":"x"}'],
)
def test_a_row_that_cannot_be_understood_is_a_broken_job_that_is_kept(path: Path, body: str) -> None:
    store = SqlStore(path)
    job, sound = store.put(new_job()), store.put(new_job())
    with rows(path) as connection:
        connection.execute("UPDATE jobs SET body = ? WHERE uid = ?", (body, job.uid))

    jobs = SqlStore(path).load()

    assert jobs[job.uid].status is JobStatus.BROKEN
    assert jobs[sound.uid] == sound
    with pytest.raises(UserError, match="broken"):
        store.set_state(job.uid, 1, expected=jobs[job.uid].state_revision, stamp="a")
    with rows(path) as connection:
        assert connection.execute("SELECT body FROM jobs WHERE uid = ?", (job.uid,)).fetchone()[0] == body


def test_a_job_of_a_newer_format_is_refused_with_a_sentence(path: Path) -> None:
    job = SqlStore(path).put(new_job())
    with rows(path) as connection:
        connection.execute("UPDATE jobs SET format = 99")

    with pytest.raises(StoreError, match="format 99"):
        SqlStore(path).load()  # P-41
    with pytest.raises(StoreError, match="format 99"):
        SqlStore(path).remove(job.uid)


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"not a database" * 100)
    path.chmod(0o600)
    store = SqlStore(path)

    for attempt in (store.load, store.recover, lambda: store.put(new_job())):
        with pytest.raises(StoreCorruptError):
            attempt()

    assert path.read_bytes() == b"not a database" * 100  # P-34


def test_a_writer_that_keeps_others_waiting_is_told_of(path: Path) -> None:
    SqlStore(path).put(new_job())
    store = SqlStore(path, wait=timedelta(milliseconds=50))
    store.load()
    with rows(path) as connection:
        connection.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreBusyError, match="another process"):
            store.put(new_job())

        assert len(store.load()) == 1  # who only reads does not wait


def test_a_thread_that_keeps_others_of_the_process_waiting_is_told_of(path: Path) -> None:
    store = SqlStore(path, wait=timedelta(milliseconds=50))
    holds, lets_go = threading.Event(), threading.Event()

    def check(_jobs: Any) -> None:
        holds.set()
        lets_go.wait(10)

    thread = threading.Thread(target=store.put, args=(new_job(),), kwargs={"check": check})
    thread.start()
    holds.wait(10)
    try:
        with pytest.raises(StoreBusyError, match="this program"):
            store.put(new_job())
    finally:
        lets_go.set()
        thread.join()

    assert len(store.load()) == 1


def test_an_older_copy_that_was_put_back_is_read(path: Path) -> None:
    store = SqlStore(path)
    job = store.put(new_job())
    store.load()
    store.set_state(job.uid, 1, expected=0, stamp="a")
    store.load()
    with rows(path) as connection:
        connection.execute("DELETE FROM jobs")
        connection.execute("UPDATE meta SET value = 0 WHERE key = 'job_changes'")

    assert store.changed()
    assert dict(store.load()) == {}


def test_many_jobs_are_written_together_or_not_at_all(path: Path) -> None:
    store = SqlStore(path)
    kept = store.put(new_job())

    with pytest.raises(JobChangedError):
        store.put_all([new_job(), replace(kept, revision=7)])

    assert dict(store.load()) == {kept.uid: kept}


# -- several processes ----------------------------------------------------------------------------------------


def test_four_processes_lose_no_edit_of_each_other(path: Path) -> None:
    _edit_at_once(path, processes=4, edits=25)  # P-38


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_four_processes_with_250_edits_each_lose_none(path: Path) -> None:
    _edit_at_once(path, processes=4, edits=250)  # P-38


def _edit_at_once(path: Path, *, processes: int, edits: int) -> None:
    def count() -> None:
        store = SqlStore(path)
        uid = next(iter(store.load()))
        for _ in range(edits):
            _count(store, uid)
            store.put(new_job())

    # In children only: a database that is open here must not be open in them.
    assert forks.end(forks.start(lambda: _first(path))) == 0
    assert [forks.end(pid) for pid in [forks.start(count) for _ in range(processes)]] == [0] * processes

    jobs = SqlStore(path).load()
    assert len(jobs) == 1 + processes * edits
    assert next(iter(jobs.values())).state == processes * edits


def _first(path: Path) -> None:
    SqlStore(path).put(new_job(state=0))


def _count(store: SqlStore, uid: str) -> None:
    """One more, whoever else counts."""
    while True:
        job = store.load()[uid]
        try:
            store.set_state(uid, job.state + 1, expected=job.state_revision, stamp="")
        except StoreError:
            continue
        return


def test_what_was_acknowledged_is_there_after_a_kill(path: Path, tmp_path: Path) -> None:
    _kill_and_look(path, tmp_path, rounds=8)  # P-32, P-33, AB-27, HP-70


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_500_kills_lose_nothing_that_was_acknowledged(path: Path, tmp_path: Path) -> None:
    _kill_and_look(path, tmp_path, rounds=500)  # P-32, P-33, HP-70


def _kill_and_look(path: Path, folder: Path, *, rounds: int) -> None:
    acknowledged = folder / "acknowledged"

    def work() -> None:
        store = SqlStore(path)
        with acknowledged.open("a", buffering=1) as said:
            while True:
                job = store.put(new_job())
                store.set_state(job.uid, {"of": job.uid}, expected=0, stamp="a")
                said.write(f"{job.uid}\n")

    for n in range(rounds):
        before = _size(acknowledged)
        pid = forks.start(work)
        ends = time.monotonic() + 10
        while _size(acknowledged) == before and time.monotonic() < ends:
            time.sleep(0.001)  # it is at work: on a busy machine it would be killed before, again and again
        time.sleep((n * 7 % 13) / 1000)
        os.kill(pid, signal.SIGKILL)
        assert forks.end(pid) == -signal.SIGKILL

    jobs = SqlStore(path).load()
    lost = [uid for uid in acknowledged.read_text().split() if uid not in jobs or jobs[uid].state != {"of": uid}]
    assert len(jobs) >= rounds
    assert lost == []


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0

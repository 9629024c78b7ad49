"""cron.json on a disk: what is in the file, who sees a change, and who waits for whom."""

import fcntl
import json
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.job import Job
from cron.schedule import Every
from cron.stores.files import Files
from gateway.errors import StateChangedError, StoreBusyError, StoreError
from tests.jobs import new_job
from tests.stores import names, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


def test_the_file_has_a_job_a_line_and_is_json(path: Path) -> None:
    store = open_store(path)
    jobs = [store.put(new_job(name="one", state={"n": 1})), store.put(new_job(name='tw"o\n'))]

    lines = path.read_text().splitlines()
    whole = json.loads(path.read_text())

    assert lines[0] == '{"version": 1, "jobs": ['
    assert [json.loads(line.removesuffix(","))["name"] for line in lines[1:-1]] == ["one", 'tw"o\n']
    assert whole["version"] == 1
    assert [job["id"] for job in whole["jobs"]] == [job.id for job in jobs]
    assert whole["jobs"][0]["schedule"] == {"kind": "cron", "expr": "0 9 * * *"}
    assert [job["state"] for job in whole["jobs"]] == [{"n": 1}, None]  # AB-26


def test_an_empty_store_is_json_too(path: Path) -> None:
    store = open_store(path)
    store.remove(store.put(new_job()).uid)

    assert json.loads(path.read_text())["jobs"] == []
    assert dict(open_store(path).load()) == {}


def test_reading_where_nothing_is_creates_nothing(path: Path) -> None:
    store = open_store(path)

    assert dict(store.load()) == {}
    assert dict(store.recover().jobs) == {}
    assert not store.changed()
    assert not path.parent.exists()


def test_the_file_before_the_last_change_is_kept(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job())
    before = path.read_bytes()

    store.put(replace(job, name="weather"))

    assert path.with_name("cron.json.bak").read_bytes() == before
    assert names(path) == ["cron.json", "cron.json.bak", "cron.json.lock"]


def test_looking_for_a_change_does_not_wait_for_a_save(path: Path) -> None:
    saving, finish = threading.Event(), threading.Event()

    class Slow(Files):
        """A disk that takes its time once it is told to."""

        def fsync(self, descriptor: int, path: Path) -> None:
            if armed:
                saving.set()
                finish.wait(5)
            super().fsync(descriptor, path)

    armed: list[str] = []
    store = open_store(path, files=Slow())
    store.put(new_job())
    before = store.load()
    armed.append("slow")
    with ThreadPoolExecutor() as pool:
        saved = pool.submit(store.put, new_job())
        saving.wait(5)
        look = pool.submit(store.changed, before)
        waited = not wait([look], timeout=0.5).done
        finish.set()

    assert not waited
    assert not look.result()
    assert saved.result().uid in store.load()
    assert store.changed(before)


def test_another_process_sees_a_change_and_decodes_only_what_changed(path: Path) -> None:
    writer, reader = open_store(path), open_store(path)
    one, two = writer.put(new_job()), writer.put(new_job())
    before = reader.load()

    writer.set_state(one.uid, 1, expected=0, stamp="a")

    assert reader.changed()
    after = reader.load()
    assert after[one.uid].state == 1
    assert after[two.uid] is before[two.uid]
    assert not reader.changed()


def test_a_change_is_looked_for_with_one_look_at_the_file(path: Path) -> None:
    looks: list[str] = []

    class Watched(Files):
        def stat(self, path: Path) -> os.stat_result | None:
            looks.append(path.name)
            return super().stat(path)

        def open(self, path: Path) -> int:
            looks.append(f"open {path.name}")
            return super().open(path)

    store = open_store(path, files=Watched())
    store.put(new_job())
    store.load()
    looks.clear()

    assert not store.changed()
    assert looks == ["cron.json"]


def test_a_save_that_looks_like_no_save_is_noticed_by_the_next_writer(path: Path) -> None:
    store, other = open_store(path), open_store(path)
    job = store.put(new_job())
    store.set_state(job.uid, "0000", expected=0, stamp="0")
    store.set_state(job.uid, "aaaa", expected=1, stamp="a")
    store.load()
    before = path.stat()
    other.set_state(job.uid, "bbbb", expected=2, stamp="b")
    data = path.read_bytes()
    path.with_name("cron.json.bak").replace(path)  # the inode is used again, within the same tick of the clock
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()

    with pytest.raises(StateChangedError) as refusal:
        store.set_state(job.uid, "cccc", expected=2, stamp="c")

    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert refusal.value.state == "bbbb"
    assert store.changed()


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    open_store(tmp_path / "elsewhere.json").put(new_job())
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(StoreError, match=r"symbolic link; name the file itself"):
        open_store(path).load()
    with pytest.raises(StoreError, match="symbolic link"):
        open_store(path).put(new_job())

    assert path.is_symlink()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_something_that_is_no_file_is_refused(path: Path, make: Any) -> None:
    path.parent.mkdir(mode=0o700)
    make(path)

    with pytest.raises(StoreError, match="is not a file"):
        open_store(path).load()


# -- the lock --------------------------------------------------------------------------------------------------


def test_a_writer_that_waits_in_vain_names_the_holder(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job())
    refusals: list[str] = []

    def while_it_is_held(jobs: Any) -> None:
        with pytest.raises(StoreBusyError) as refusal:
            open_store(path, wait=timedelta(milliseconds=20)).put(new_job())
        refusals.append(str(refusal.value))

    store.put(replace(job, name="weather"), check=while_it_is_held)

    assert f"process {os.getpid()} ({Path(sys.argv[0]).name}" in refusals[0]
    assert " since 20" in refusals[0]
    assert "waited 0.02 s" in refusals[0]
    assert len(open_store(path).load()) == 1


def test_a_holder_that_does_not_say_its_name_is_called_so(path: Path) -> None:
    store = open_store(path, wait=timedelta(milliseconds=20))
    store.put(new_job())

    with path.with_name("cron.json.lock").open() as foreign:
        fcntl.flock(foreign, fcntl.LOCK_EX)
        with pytest.raises(StoreBusyError, match="another program"):
            store.put(new_job())


def test_a_reader_does_not_wait_for_a_writer(path: Path) -> None:
    store, reader = open_store(path), open_store(path)
    job = store.put(new_job())
    seen: list[dict[str, Job]] = []

    store.put(replace(job, name="weather"), check=lambda jobs: seen.append(dict(reader.load())))

    assert seen == [{job.uid: job}]


def test_a_lock_whose_file_was_removed_while_we_waited_is_not_held(path: Path) -> None:
    open_store(path).put(new_job())
    lock = path.with_name("cron.json.lock")
    waits: list[float] = []
    foreign = lock.open()
    fcntl.flock(foreign, fcntl.LOCK_EX)

    def give_it_back(seconds: float) -> None:
        waits.append(seconds)
        lock.unlink()
        foreign.close()

    open_store(path, wait_a_moment=give_it_back).put(new_job())

    assert len(waits) == 1
    assert lock.exists()
    assert len(open_store(path).load()) == 2


# -- cost ------------------------------------------------------------------------------------------------------


def test_a_warning_names_the_other_store_beyond_a_thousand_jobs(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    jobs = [{"name": str(n), "schedule": {"every": "1h"}, "say": "x"} for n in range(1001)]
    path.write_text(json.dumps({"jobs": jobs}))
    path.chmod(0o600)

    store = open_store(path)
    recovery, again = store.recover(), store.recover()

    assert len(recovery.jobs) == 1001
    assert any('store = "sql"' in note for note in recovery.notes)
    assert again.notes == ()  # once a start, not after each change
    assert next(iter(recovery.jobs.values())).schedule == Every(timedelta(hours=1), _made(recovery.jobs))


def _made(jobs: Any) -> datetime:
    return next(iter(jobs.values())).created_at


def test_reading_jobs_imports_nothing_heavy() -> None:
    program = """
        import sys
        import cron.stores.json_file
        heavy = {"structlog", "pydantic", "httpx", "dateparser", "rich", "croniter"}
        print(sorted(heavy & sys.modules.keys()))
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"

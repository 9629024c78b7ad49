"""cron.json on a disk: what is in the file, what a person may do to it, and who else may read it."""

import fcntl
import json
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.job import AgentPrompt, Job, JobStatus, Say
from cron.schedule import Every
from cron.stores.files import Files
from cron.stores.json_file import JsonFileStore
from gateway.errors import JobChangedError, StateChangedError, StoreBusyError, StoreCorruptError, StoreError
from tests.jobs import new_job


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


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


# -- the file -------------------------------------------------------------------------------------------------


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


def test_the_first_job_makes_the_file_in_a_private_folder(path: Path, open_umask: None) -> None:
    open_store(path / "deeper" / "cron.json").put(new_job())

    folder = path / "deeper"
    assert {stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, folder)} == {0o700}  # AB-71, HP-71
    assert stat.S_IMODE((folder / "cron.json").stat().st_mode) == 0o600  # CARD-04


def test_the_file_before_the_last_change_is_kept(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job())
    before = path.read_bytes()

    store.put(replace(job, name="weather"))

    assert path.with_name("cron.json.bak").read_bytes() == before
    assert names(path) == ["cron.json", "cron.json.bak", "cron.json.lock"]


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
    store.set_state(job.uid, "aaaa", expected=0, stamp="a")
    before = path.stat()
    other.set_state(job.uid, "bbbb", expected=1, stamp="b")
    data = path.read_bytes()
    path.with_name("cron.json.bak").replace(path)  # the inode is used again, within the same tick of the clock
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()

    with pytest.raises(StateChangedError) as refusal:
        store.set_state(job.uid, "cccc", expected=1, stamp="c")

    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert refusal.value.state == "bbbb"


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


# -- edited by hand -------------------------------------------------------------------------------------------


def test_a_job_that_was_edited_by_hand_gets_the_next_revision(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    other = store.put(new_job())
    edit(path, '"name":"news"', '"name":"olds"')

    jobs = store.load()

    assert (jobs[job.uid].name, jobs[job.uid].revision) == ("olds", 2)
    assert jobs[other.uid] is store.load()[other.uid]
    with pytest.raises(JobChangedError):
        store.put(replace(job, name="mine"))


def test_a_state_that_was_edited_by_hand_gets_the_next_revision(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(state={"n": 1}))
    edit(path, '{"n":1}', '{"n":2}')

    found = store.load()[job.uid]

    assert (found.revision, found.state_revision, found.state) == (1, 1, {"n": 2})
    with pytest.raises(StateChangedError):
        store.set_state(job.uid, {"n": 3}, expected=0, stamp="a")


def test_an_older_file_that_was_put_back_counts_as_a_change(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    old = path.read_bytes()
    store.put(replace(store.put(replace(job, name="weather")), name="traffic"))
    path.write_bytes(old)

    found = store.load()[job.uid]

    assert (found.name, found.revision) == ("news", 4)


def test_an_edited_file_is_kept_and_written_anew_by_the_gateway(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    store.load()
    edit(path, '"name":"news"', '"Name": "olds"')
    edited = path.read_bytes()

    recovery = store.recover()

    [copy] = path.parent.glob("cron.json.edited-*")
    assert copy.read_bytes() == edited
    assert not recovery.degraded
    assert "edited by hand" in recovery.notes[0]
    assert copy.name in recovery.notes[0]
    assert '"name":"olds"' in path.read_text()
    assert open_store(path).load()[job.uid].revision == 2
    assert open_store(path).recover().notes == ()


def test_the_next_writer_keeps_an_edited_file_and_says_so(path: Path) -> None:
    notes: list[str] = []
    store = open_store(path, warn=notes.append)
    job = store.put(new_job(name="news"))
    edit(path, '"name":"news"', '"name":"olds"')
    edited = path.read_bytes()

    store.set_state(job.uid, 1, expected=0, stamp="a")

    [copy] = path.parent.glob("cron.json.edited-*")
    assert copy.read_bytes() == edited
    assert copy.name in notes[0]
    assert open_store(path).load()[job.uid].name == "olds"


def test_only_the_last_five_edited_files_are_kept(path: Path) -> None:
    clock = SteppedClock()
    store = open_store(path, clock=clock)
    store.put(new_job(name="n0"))

    for n in range(8):
        edit(path, f'"name":"n{n}"', f'"name":"n{n + 1}"')
        store.recover()

    copies = sorted(path.parent.glob("cron.json.edited-*"))
    assert [json.loads(copy.read_text())["jobs"][0]["name"] for copy in copies] == ["n4", "n5", "n6", "n7", "n8"]


class SteppedClock:
    """A minute passes between two looks at it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep(self, duration: timedelta) -> None:
        self._now += duration

    def timeout(self, duration: timedelta) -> Any:
        raise NotImplementedError


def test_a_job_written_by_hand_is_the_same_one_for_every_reader(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text('{"jobs": [\n  {"name": "water", "schedule": {"every": "2h"}, "say": "Drink."}\n]}\n')

    [one] = open_store(path, tz="Asia/Tokyo").load().values()
    [two] = open_store(path, tz="Asia/Tokyo").load().values()

    assert one == two
    assert (one.name, one.payload, one.revision, one.tz) == ("water", Say(text="Drink."), 1, "Asia/Tokyo")
    assert one.id == one.uid[:8]
    assert one.created_at == datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def test_what_was_made_up_for_a_job_written_by_hand_is_written_down(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text('{"jobs": [{"name": "water", "schedule": {"every": "2h"}, "say": "Drink."}]}')
    [made_up] = open_store(path).load().values()
    path.chmod(0o600)

    open_store(path).recover()

    [stored] = json.loads(path.read_text())["jobs"]
    assert stored["uid"] == made_up.uid
    assert stored["schedule"]["anchor"] == stored["created_at"]
    assert dict(open_store(path).load()) == {made_up.uid: made_up}


def test_a_file_that_was_laid_out_anew_is_read_without_a_change(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job()), store.put(new_job(name="other"))
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4))

    jobs = store.load()

    assert dict(jobs) == {job.uid: job, other.uid: other}


def test_a_line_that_was_broken_up_by_hand_is_read(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job(name="one")), store.put(new_job(name="two"))
    edit(path, '"name":"two",', '\n"name":"three",\n')

    jobs = store.load()

    assert (jobs[job.uid].name, jobs[other.uid].name) == ("one", "three")


def test_a_line_that_was_copied_by_hand_is_broken_until_it_has_a_name_of_its_own(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    line = path.read_text().splitlines()[1]
    edit(path, line, f"{line},\n{line.replace('news', 'olds')}")

    original, copy = store.load().values()

    assert original == job
    assert (copy.name, copy.status) == ("olds", JobStatus.BROKEN)
    assert "leave uid and id out" in copy.status_reason
    assert copy.uid != job.uid
    assert open_store(path).load()[copy.uid] == copy


def test_a_broken_job_is_kept_as_it_was_while_others_change(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job(name="news")), store.put(new_job())
    fields = '"n": 123456789012345678901234567890, "Schedule": "whenever", "price": 1.10'
    broken = f'{{"uid": "{job.uid}", {fields}}}'
    edit(path, path.read_text().splitlines()[1], f"{broken},")
    store = open_store(path)
    store.recover()

    store.set_state(other.uid, 1, expected=0, stamp="a")

    found = store.load()[job.uid]
    assert (found.status, found.schedule) == (JobStatus.BROKEN, None)
    assert path.read_text().splitlines()[1] == f"{broken},"


def test_a_broken_job_can_be_repaired_or_removed(path: Path) -> None:
    store = open_store(path)
    one, two = store.put(new_job(name="one")), store.put(new_job(name="two"))
    edit(path, "0 9 * * *", "0 9 * *")
    store.recover()
    broken = store.load()[one.uid]

    store.put(replace(broken, schedule=one.schedule, status=JobStatus.ENABLED, payload=AgentPrompt(prompt="x")))
    store.remove(two.uid)

    [repaired] = open_store(path).load().values()
    assert (repaired.name, repaired.schedule, repaired.status) == ("one", one.schedule, JobStatus.ENABLED)
    assert repaired.broken is None


def test_comments_are_no_json(path: Path) -> None:
    store = open_store(path)
    store.put(new_job())
    edit(path, '{"version"', '// mine\n{"version"')

    with pytest.raises(StoreCorruptError):
        store.load()


def test_fields_of_a_newer_file_are_kept(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job())
    edit(path, '"version": 1, ', '"version": "1.4", "mood": {"a": [1]}, ')
    store.recover()

    store.set_state(job.uid, 1, expected=0, stamp="a")

    whole = json.loads(path.read_text())
    assert (whole["version"], whole["mood"]) == ("1.4", {"a": [1]})


@pytest.mark.parametrize("version", ["2", '"2.0"', "17"])
def test_a_file_of_a_later_version_is_refused_and_left_alone(path: Path, version: str) -> None:
    store = open_store(path)
    store.put(new_job())
    edit(path, '"version": 1,', f'"version": {version},')
    before = path.read_bytes()

    for use in (store.load, store.recover, lambda: store.put(new_job())):
        with pytest.raises(StoreError, match="newer program") as refusal:
            use()
        assert not isinstance(refusal.value, StoreCorruptError)

    assert path.read_bytes() == before
    assert names(path) == ["cron.json", "cron.json.lock"]  # P-41


# -- the lock -------------------------------------------------------------------------------------------------


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


# -- privacy --------------------------------------------------------------------------------------------------


def test_every_file_is_private_at_every_step_of_a_write_under_umask_0(path: Path, open_umask: None) -> None:
    seen: set[tuple[str, int]] = set()

    class Watched(Files):
        def step(self, operation: str, path: Path) -> None:
            for entry in [path.parent, *path.parent.glob("cron.json*")]:
                seen.add((entry.name, stat.S_IMODE(entry.stat().st_mode)))

        def write(self, descriptor: int, data: bytes, path: Path) -> None:
            super().write(descriptor, data, path)
            self.step("written", path)

    store = open_store(path, files=Watched(), warn=[].append)
    job = store.put(new_job(name="news"))
    for n in range(3):
        job = store.put(replace(job, name=f"n{n}"))
    edit(path, '"name":"n2"', '"name":"n3"')
    store.recover()
    path.write_text("{")
    store.recover()

    kinds = {name.split("-20")[0] for name, _ in seen if name.startswith("cron.json")}
    assert {"cron.json", "cron.json.tmp", "cron.json.bak", "cron.json.lock", "cron.json.edited"} <= kinds
    assert {mode for name, mode in seen if name.startswith("cron.json")} == {0o600}  # P-37, AB-72
    assert {mode for name, mode in seen if name == "home"} == {0o700}


def test_wider_modes_are_repaired_and_said_at_the_start(path: Path) -> None:
    store = open_store(path)
    store.put(replace(store.put(new_job()), name="weather"))
    for name in names(path):
        path.with_name(name).chmod(0o644)
    path.parent.chmod(0o755)

    recovery = open_store(path).recover()

    assert [path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777] == [0o700, 0o600]
    assert {path.with_name(name).stat().st_mode & 0o777 for name in names(path)} == {0o600}
    assert len(recovery.notes) == 4
    assert f"{path} could be read by other users (mode 0644); it is private now" in recovery.notes
    assert not recovery.degraded


def test_a_writer_repairs_wider_modes_and_says_so(path: Path) -> None:
    notes: list[str] = []
    store = open_store(path, warn=notes.append)
    job = store.put(new_job())
    path.chmod(0o644)
    path.parent.chmod(0o755)

    store.put(replace(job, name="weather"))

    assert [note.split(" could")[0] for note in notes] == [str(path.parent), str(path)]
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.with_name("cron.json.bak").stat().st_mode & 0o777 == 0o600  # AB-73


def test_a_folder_for_everybody_is_not_taken_away_from_them(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o1777)
    notes: list[str] = []

    open_store(path, warn=notes.append).put(new_job())

    assert path.parent.stat().st_mode & 0o7777 == 0o1777
    assert "for everybody" in notes[0]
    assert path.stat().st_mode & 0o777 == 0o600


# -- cost -----------------------------------------------------------------------------------------------------


def test_a_warning_names_the_other_store_beyond_a_thousand_jobs(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    jobs = [{"name": str(n), "schedule": {"every": "1h"}, "say": "x"} for n in range(1001)]
    path.write_text(json.dumps({"jobs": jobs}))
    path.chmod(0o600)

    recovery = open_store(path).recover()

    assert len(recovery.jobs) == 1001
    assert any('store = "sql"' in note for note in recovery.notes)
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

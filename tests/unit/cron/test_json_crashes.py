"""cron.json when the process or the disk fails: exactly before or exactly after."""

import errno
import os
import resource
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cron.job import Job
from cron.store import JobStore
from cron.stores.files import Files
from cron.stores.memory import MemoryStore
from gateway.errors import StoreError, StoreFullError
from tests import forks
from tests.jobs import new_job
from tests.stores import open_store, refusal_of

ONE = new_job(uid="11111111-0000-4000-8000-000000000000", id="11111111", name="one")
TWO = new_job(uid="22222222-0000-4000-8000-000000000000", id="22222222", name="two", extra={"newer": [1]})

SCRIPT: tuple[Callable[[JobStore], object], ...] = (
    lambda store: store.put(ONE),
    lambda store: store.put(TWO),
    lambda store: store.set_state(ONE.uid, {"seen": [1, 2]}, expected=0, stamp="a"),
    lambda store: store.put(replace(ONE, revision=1, name="uno")),
    lambda store: store.remove(TWO.uid),
    lambda store: store.set_state(ONE.uid, None, expected=1, stamp="b"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


def states() -> list[Mapping[str, Job]]:
    """What is stored before the script, and after each of its operations."""
    store = MemoryStore()
    found = [dict(store.load())]
    for operation in SCRIPT:
        operation(store)
        found.append(dict(store.load()))
    return found


class DyingFiles(Files):
    """The process ends before its n-th step; a write that would be that step is torn in two."""

    def __init__(self, last: int) -> None:
        self.left = last

    def step(self, operation: str, path: Path) -> None:
        self.left -= 1
        if self.left < 0 and operation != "write":
            os._exit(1)

    def write(self, descriptor: int, data: bytes, path: Path) -> None:
        if self.left <= 0:
            super().write(descriptor, data[: len(data) // 2], path)
            os._exit(1)
        super().write(descriptor, data, path)


class FailingFiles(Files):
    """The n-th step fails with an error."""

    def __init__(self, number: int, code: int) -> None:
        self.left = number
        self.failed = ""
        self._code = code

    def step(self, operation: str, path: Path) -> None:
        self.left -= 1
        if self.left == -1:
            self.failed = f"{operation} {path.name}"
            raise OSError(self._code, os.strerror(self._code), str(path))


def crash_at_every_step(work: Callable[[Files, int], None], folder: Callable[[int], Path]) -> Iterator[Path]:
    """Run `work` again and again, in a child that dies one step later each time, until it lives to the end."""
    for step in range(10_000):
        place = folder(step)
        status = forks.end(forks.start(lambda step=step: work(DyingFiles(step), step)))
        assert status in (0, 1)
        yield place
        if status == 0:
            return
    raise AssertionError("the work never ends")


# -- crashes --------------------------------------------------------------------------------------------------


def test_a_crash_at_any_step_leaves_exactly_before_or_after(tmp_path: Path) -> None:
    expected = states()

    def work(files: Files, step: int) -> None:
        store = open_store(tmp_path / str(step) / "cron.json", files=files)
        for number, operation in enumerate(SCRIPT, start=1):
            operation(store)
            (tmp_path / f"{step}.acknowledged").write_text(str(number))

    rounds = 0
    for home in crash_at_every_step(work, lambda step: tmp_path / str(step)):
        acknowledged = tmp_path / f"{home.name}.acknowledged"
        done = int(acknowledged.read_text()) if acknowledged.exists() else 0
        store = open_store(home / "cron.json")

        found = dict(store.load())

        assert found in (expected[done], expected[min(done + 1, len(SCRIPT))])  # P-32, P-33
        store.put(new_job())
        assert not list(home.glob("*.tmp"))
        rounds += 1
    assert rounds > 6 * len(SCRIPT)


def test_a_crash_at_any_step_of_a_recovery_loses_neither_the_backup_nor_the_broken_file(tmp_path: Path) -> None:
    def prepare(step: int) -> Path:
        home = tmp_path / str(step)
        store = open_store(home / "cron.json")
        store.put(ONE)
        store.put(TWO)
        (home / "cron.json").write_bytes(b'{"version": 1, "jobs": [')
        return home

    def work(files: Files, step: int) -> None:
        open_store(tmp_path / str(step) / "cron.json", files=files).recover()

    for home in crash_at_every_step(work, prepare):
        recovery = open_store(home / "cron.json").recover()

        assert set(recovery.jobs) == {ONE.uid}
        assert b'{"version": 1, "jobs": [' in [file.read_bytes() for file in home.glob("*.corrupt-*")]
        assert dict(open_store(home / "cron.json").load()) == dict(recovery.jobs)


def test_a_crash_at_any_step_after_an_edit_by_hand_keeps_the_edit(tmp_path: Path) -> None:
    def prepare(step: int) -> Path:
        home = tmp_path / str(step)
        open_store(home / "cron.json").put(ONE)
        (home / "cron.json").write_text('{"jobs": [{"name": "by hand", "every": "1h", "say": "x"}]}')
        return home

    def work(files: Files, step: int) -> None:
        open_store(tmp_path / str(step) / "cron.json", files=files).recover()

    for home in crash_at_every_step(work, prepare):
        recovery = open_store(home / "cron.json").recover()

        assert [job.name for job in recovery.jobs.values()] == ["by hand"]
        assert not recovery.degraded


# -- errors of the disk ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.ENOSPC, StoreFullError), (errno.EIO, StoreError), (errno.EROFS, StoreError)],
    ids=["full", "broken", "read-only"],
)
def test_an_error_at_any_step_is_said_and_leaves_the_file_as_it_was(
    path: Path, code: int, error: type[StoreError]
) -> None:
    open_store(path).put(ONE)
    open_store(path).put(TWO)
    failed: list[str] = []

    while not failed or failed[-1]:
        job = open_store(path).put(replace(open_store(path).load()[ONE.uid], description=str(len(failed))))
        before = path.read_bytes()
        files = FailingFiles(len(failed), code)

        refusal = refusal_of(partial(open_store(path, files=files).put, replace(job, name="uno")))

        failed.append(files.failed)
        assert isinstance(refusal, error if files.failed else type(None))
        assert os.strerror(code) in str(refusal) or not files.failed
        if files.failed not in (
            "fsync home",
            "",
        ):  # there the new file stands, and only its durability is in doubt
            assert path.read_bytes() == before
        assert not list(path.parent.glob("*.tmp"))  # P-35, P-36
        assert set(open_store(path).load()) == {ONE.uid, TWO.uid}

    assert failed == [
        "create cron.json.lock",
        "create cron.json.tmp",
        "write cron.json.tmp",
        "fsync cron.json.tmp",
        "link cron.json.bak.tmp",
        "replace cron.json.bak",
        "replace cron.json",
        "fsync home",
        "",
    ]


def test_a_file_that_may_not_grow_is_a_full_disk(path: Path) -> None:
    open_store(path).put(ONE)
    before = path.read_bytes()

    def work() -> None:
        store = open_store(path)
        job = store.load()[ONE.uid]
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 1, len(before) - 1))
        with pytest.raises(StoreFullError, match="nothing was changed"):
            store.put(replace(job, name="uno"))

    status = forks.end(forks.start(work))

    assert status == 0
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))


def test_a_store_that_can_be_read_but_not_written_is_loaded_and_said(path: Path) -> None:
    open_store(path).put(ONE)
    path.write_text(path.read_text().replace('"one"', '"uno"'))
    files = FailingFiles(0, errno.EROFS)

    recovery = open_store(path, files=files).recover()

    assert [job.name for job in recovery.jobs.values()] == ["uno"]
    assert recovery.degraded
    assert "Read-only file system" in recovery.notes[-1]


def test_a_file_system_without_links_gets_copies(path: Path) -> None:
    class Unlinked(Files):
        def link(self, source: Path, target: Path) -> None:
            raise PermissionError(errno.EPERM, "no links here")

    store = open_store(path, files=Unlinked())
    store.put(ONE)
    before = path.read_bytes()

    store.put(TWO)
    path.write_bytes(b"{")
    recovery = store.recover()

    assert path.with_name("cron.json.bak").read_bytes() == before
    assert set(recovery.jobs) == {ONE.uid}
    assert [file.read_bytes() for file in path.parent.glob("*.corrupt-*")] == [b"{"]

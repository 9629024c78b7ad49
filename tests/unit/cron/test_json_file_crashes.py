"""cron.json when the process, the disk or the file itself fails: before or after, and never less."""

import errno
import os
import resource
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cron.job import Job
from cron.store import JobStore
from cron.stores.files import Files
from cron.stores.json_file import JsonFileStore
from cron.stores.json_lines import Content, parse
from cron.stores.memory import MemoryStore
from gateway.errors import StoreCorruptError, StoreError, StoreFullError
from tests import forks
from tests.jobs import NOON, new_job

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


def open_store(path: Path, files: Files | None = None) -> JsonFileStore:
    return JsonFileStore(path, files=files, warn=lambda note: None, wait_a_moment=lambda seconds: None)


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
        store = open_store(tmp_path / str(step) / "cron.json", files)
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
        open_store(tmp_path / str(step) / "cron.json", files).recover()

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
        open_store(tmp_path / str(step) / "cron.json", files).recover()

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

    for number in range(10_000):
        before = path.read_bytes()
        files = FailingFiles(number, code)
        store = open_store(path, files)
        job = store.load()[ONE.uid]
        try:
            store.put(replace(job, name=f"n{number}"))
        except error as refusal:
            assert os.strerror(code) in str(refusal)
            if files.failed != "fsync home":  # the new file stands already; only its durability is in doubt
                assert path.read_bytes() == before
        else:
            assert files.failed == ""
            break
        failed.append(files.failed)
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

    recovery = open_store(path, files).recover()

    assert [job.name for job in recovery.jobs.values()] == ["uno"]
    assert recovery.degraded
    assert "Read-only file system" in recovery.notes[-1]


def test_a_file_system_without_links_gets_copies(path: Path) -> None:
    class Unlinked(Files):
        def link(self, source: Path, target: Path) -> None:
            raise PermissionError(errno.EPERM, "no links here")

    store = open_store(path, Unlinked())
    store.put(ONE)
    before = path.read_bytes()

    store.put(TWO)
    path.write_bytes(b"{")
    recovery = store.recover()

    assert path.with_name("cron.json.bak").read_bytes() == before
    assert set(recovery.jobs) == {ONE.uid}
    assert [file.read_bytes() for file in path.parent.glob("*.corrupt-*")] == [b"{"]


# -- a file that cannot be read -------------------------------------------------------------------------------


def damaged(path: Path, data: bytes) -> JsonFileStore:
    """A store with a sound backup, whose file holds these bytes."""
    store = open_store(path)
    store.put(ONE)
    store.put(TWO)
    path.write_bytes(data)
    return open_store(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{", b"[]", b"null", b"7", b'{"jobs": {}}', b'{"version": 1}', b'{"version": "x", "jobs": []}']
    + [b"\0" * 500, b'{"version": 0, "jobs": [{}]}', b'{"jobs": [NaN]}', b'\xef\xbb\xbf{"jobs": []}', b"[" * 9999],
)
def test_a_file_that_cannot_be_read_is_never_overwritten(path: Path, data: bytes) -> None:
    store = damaged(path, data)

    for use in (store.load, lambda: store.put(new_job()), lambda: store.remove(ONE.uid)):
        with pytest.raises(StoreCorruptError, match=r"cron\.json cannot be read"):
            use()
        assert path.read_bytes() == data
    recovery = store.recover()

    assert recovery.degraded
    assert set(recovery.jobs) == {ONE.uid}  # the last good file
    [kept] = path.parent.glob("cron.json.corrupt-*")
    assert kept.read_bytes() == data
    assert kept.name in " ".join(recovery.notes)
    assert dict(open_store(path).load()) == dict(recovery.jobs)
    assert not open_store(path).recover().degraded  # P-34


def test_two_broken_files_within_a_second_are_both_kept(path: Path) -> None:
    store = damaged(path, b"one")
    store.recover()
    path.write_bytes(b"two")

    store.recover()

    kept = {file.read_bytes() for file in path.parent.glob("cron.json.corrupt-*")}
    assert kept == {b"one", b"two"}


def test_without_a_backup_the_broken_file_is_kept_and_the_store_begins_anew(path: Path) -> None:
    open_store(path).put(ONE)
    path.write_bytes(b"{")

    recovery = open_store(path).recover()

    assert dict(recovery.jobs) == {}
    assert recovery.degraded
    assert [file.read_bytes() for file in path.parent.glob("*.corrupt-*")] == [b"{"]
    assert open_store(path).put(TWO).revision == 1


def test_a_broken_backup_is_kept_as_well(path: Path) -> None:
    store = damaged(path, b"{")
    path.with_name("cron.json.bak").write_bytes(b"[")

    recovery = store.recover()

    assert dict(recovery.jobs) == {}
    kept = {file.name.split("-")[0]: file.read_bytes() for file in path.parent.glob("*.corrupt-*")}
    assert kept == {"cron.json.corrupt": b"{", "cron.json.bak.corrupt": b"["}


def test_a_file_that_is_missing_beside_its_backup_is_not_taken_for_an_empty_store(path: Path) -> None:
    store = damaged(path, b"{")
    path.unlink()

    with pytest.raises(StoreCorruptError, match="is missing, but cron.json.bak is there"):
        store.load()
    recovery = store.recover()

    assert set(recovery.jobs) == {ONE.uid}
    assert recovery.degraded


def test_half_a_file_is_not_put_aside_while_somebody_is_writing_it(path: Path) -> None:
    open_store(path).put(ONE)
    open_store(path).put(TWO)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    pieces = [whole[:200], whole]

    def meanwhile(seconds: float) -> None:
        if pieces:
            path.write_bytes(pieces.pop(0))

    recovery = JsonFileStore(path, wait_a_moment=meanwhile).recover()

    assert set(recovery.jobs) == {ONE.uid, TWO.uid}
    assert not recovery.degraded
    assert not list(path.parent.glob("*.corrupt-*"))


def sound_bytes(path: Path) -> bytes:
    store = open_store(path)
    store.put(ONE)
    store.put(TWO)
    return path.read_bytes()


def read(data: bytes) -> Content | None:
    """What a text is taken for; None when it is refused."""
    try:
        return parse(data, before=Content(), tz="UTC", moment=NOON)
    except StoreError:
        return None


def test_a_file_that_was_cut_anywhere_is_not_read(path: Path) -> None:
    data = sound_bytes(path)

    taken = [length for length in range(len(data)) if read(data[:length]) is not None]

    assert taken == [len(data) - 1]  # without its last line end it still is whole JSON
    assert read(data[:-1]).jobs == read(data).jobs


def _unnoticed_flips(data: bytes, every: int) -> list[int]:
    def flipped(bit: int) -> bytes:
        return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]

    found = ((bit, read(flipped(bit))) for bit in range(0, len(data) * 8, every))
    return [bit for bit, content in found if content is not None and not content.edited]


def test_no_flipped_bit_goes_unnoticed(path: Path) -> None:
    assert _unnoticed_flips(sound_bytes(path), every=11) == []


@pytest.mark.nightly
def test_not_one_flipped_bit_goes_unnoticed(path: Path) -> None:
    assert _unnoticed_flips(sound_bytes(path), every=1) == []


def _assert_that_a_cut_file_is_kept_and_the_backup_loaded(path: Path, every: int) -> None:
    data = sound_bytes(path)
    backup = path.with_name("cron.json.bak").read_bytes()
    for length in range(0, len(data) - 1, every):
        path.write_bytes(data[:length])
        path.with_name("cron.json.bak").write_bytes(backup)

        recovery = open_store(path).recover()

        assert set(recovery.jobs) == {ONE.uid}
        assert recovery.degraded
        [kept] = path.parent.glob("*.corrupt-*")
        assert kept.read_bytes() == data[:length]
        kept.unlink()


def test_a_cut_file_is_kept_and_the_backup_loaded(path: Path) -> None:
    _assert_that_a_cut_file_is_kept_and_the_backup_loaded(path, every=61)


@pytest.mark.nightly
def test_a_file_cut_at_any_byte_is_kept_and_the_backup_loaded(path: Path) -> None:
    _assert_that_a_cut_file_is_kept_and_the_backup_loaded(path, every=1)  # P-34


def test_a_flipped_bit_never_costs_the_bytes_that_were_there(path: Path) -> None:
    data = sound_bytes(path)
    for bit in range(0, len(data) * 8, 197):
        wrong = data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
        path.write_bytes(wrong)

        _use(open_store(path).recover)
        _use(lambda: open_store(path).put(new_job()))

        assert wrong in [file.read_bytes() for file in path.parent.glob("cron.json*")]
        for file in path.parent.glob("cron.json.*-*"):
            file.unlink()
        path.unlink()
        path.write_bytes(data)


def _use(call: Callable[[], Any]) -> None:
    try:
        call()
    except StoreError as refusal:
        assert "later" in str(refusal) or "newer" in str(refusal)

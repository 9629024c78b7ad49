"""cron.json when it cannot be read: kept, said, and the backup loaded."""

from pathlib import Path

import pytest

from cron.stores.json_file import JsonFileStore
from cron.stores.json_lines import Content, parse
from gateway.errors import StoreCorruptError, StoreError
from tests.jobs import NOON, new_job
from tests.stores import open_store, refusal_of

ONE = new_job(uid="11111111-0000-4000-8000-000000000000", id="11111111", name="one")
TWO = new_job(uid="22222222-0000-4000-8000-000000000000", id="22222222", name="two", extra={"newer": [1]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


def damaged(path: Path, data: bytes) -> JsonFileStore:
    """A store with a sound backup, whose file holds these bytes."""
    store = open_store(path)
    store.put(ONE)
    store.put(TWO)
    path.write_bytes(data)
    return open_store(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"null",
        b'{"jobs": {}}',
        b'{"version": 1}',
        b'{"version": "x", "jobs": []}',
        b'{"version": 0, "jobs": [{}]}',
        b'{"jobs": [NaN]}',
        b"\0" * 500,
        b'\xef\xbb\xbf{"jobs": []}',
        b"[" * 9999,
    ],
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

    with pytest.raises(StoreCorruptError, match=r"is missing, but cron\.json\.bak is there"):
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
    _assert_that_a_cut_file_is_kept_and_the_backup_loaded(path, every=97)


@pytest.mark.nightly
def test_a_file_cut_at_any_byte_is_kept_and_the_backup_loaded(path: Path) -> None:
    _assert_that_a_cut_file_is_kept_and_the_backup_loaded(path, every=1)  # P-34


def test_a_flipped_bit_never_costs_the_bytes_that_were_there(path: Path) -> None:
    data = sound_bytes(path)
    for bit in range(0, len(data) * 8, 397):
        wrong = data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
        path.write_bytes(wrong)

        refusals = [refusal_of(open_store(path).recover), refusal_of(lambda: open_store(path).put(new_job()))]

        assert {str(refusal).partition("newer program")[1] for refusal in refusals if refusal} <= {"newer program"}
        assert wrong in [file.read_bytes() for file in path.parent.glob("cron.json*")]
        for file in path.parent.glob("cron.json.*-*"):
            file.unlink()
        path.unlink()
        path.write_bytes(data)

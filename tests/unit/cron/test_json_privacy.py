"""Nobody else reads cron.json, nor anything beside it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cron.stores.files import Files
from tests.jobs import new_job
from tests.stores import edit, names, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_first_job_makes_the_file_in_a_private_folder(path: Path, open_umask: None) -> None:
    open_store(path / "deeper" / "cron.json").put(new_job())

    folder = path / "deeper"
    assert {stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, folder)} == {0o700}  # AB-71, HP-71
    assert stat.S_IMODE((folder / "cron.json").stat().st_mode) == 0o600  # CARD-04


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

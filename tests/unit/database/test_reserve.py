"""Disk space that is set aside."""

from pathlib import Path

from gateway.database.reserve import Reserve


def test_the_space_is_really_taken_and_private(tmp_path: Path) -> None:
    path = tmp_path / "reserve"

    held = Reserve(path, 100_000).hold()

    assert held
    assert path.stat().st_blocks * 512 >= 100_000
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_space_is_given_back_and_twice_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve = Reserve(path, 10_000)
    reserve.hold()

    reserve.release()
    reserve.release()

    assert not path.exists()


def test_space_that_there_is_not_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "reserve"

    held = Reserve(path, 1 << 62).hold()

    assert not held
    assert not path.exists()

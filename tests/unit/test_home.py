"""The home folder: where it is, that it is private, and who holds its lock."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import home
from gateway.errors import ConfigError, StoreBusyError
from gateway.home import GatewayLock, Home

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The widest umask, so that a private mode can only come from the code."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_option_wins_over_the_environment_and_that_over_the_default(tmp_path: Path) -> None:
    environ = {"TOCSIN_HOME": str(tmp_path / "b")}

    assert home.find(str(tmp_path / "a"), environ).path == tmp_path / "a"
    assert home.find(None, environ).path == tmp_path / "b"
    assert home.find(None, {}).path == Path.home() / ".tocsin"


def test_a_path_in_the_configuration_counts_from_the_home_folder(place: Home) -> None:
    assert place.file("./cron.json") == place.path / "cron.json"
    assert place.file("/var/jobs.json") == Path("/var/jobs.json")


def test_p37_a_new_home_is_private_under_an_open_umask(place: Home) -> None:
    home.prepare(place)

    (place.path / "later.txt").write_text("x")

    assert mode(place.path) == mode(place.workspace) == mode(place.log_file.parent) == 0o700
    assert mode(place.path / "later.txt") == 0o600


def test_p37_wider_modes_are_repaired_and_reported(place: Home) -> None:
    home.prepare(place)
    jobs, log = place.path / "cron.json", place.log_file
    for path in (jobs, log):
        path.touch()
        path.chmod(0o644)
    place.path.chmod(0o755)

    reports = home.prepare(place)

    assert len(reports) == 3
    assert any(str(jobs) in report and "0644" in report for report in reports)
    assert (mode(place.path), mode(jobs), mode(log)) == (0o700, 0o600, 0o600)
    assert home.prepare(place) == []


def test_a_link_out_of_the_home_is_not_followed(place: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").touch(mode=0o644)
    home.prepare(place)
    (place.path / "link").symlink_to(outside)

    home.prepare(place)

    assert (mode(outside), mode(outside / "file")) == (0o755, 0o644)


def test_looking_for_wide_modes_changes_none(place: Home) -> None:
    home.prepare(place)
    place.path.chmod(0o755)

    assert list(home.too_open(place)) == [(place.path, 0o755)]
    assert mode(place.path) == 0o755


def test_a_home_that_is_a_file_is_an_error_with_a_cure(place: Home) -> None:
    place.path.touch()

    with pytest.raises(ConfigError, match="is a file where a folder should be"):
        home.prepare(place)


def test_a_lock_that_is_held_names_its_holder(place: Home) -> None:
    home.prepare(place)

    with GatewayLock.take(place, NOON):
        with pytest.raises(StoreBusyError, match=f"process {os.getpid()} .*2026-03-01T12:00:00"):
            GatewayLock.take(place, NOON)
        held = home.holder(place)

    assert held is not None
    assert held.pid == os.getpid()
    assert mode(place.lock_file) == 0o600


def test_a_lock_that_was_given_back_is_free(place: Home) -> None:
    home.prepare(place)
    first = GatewayLock.take(place, NOON)
    first.release()
    first.release()

    with GatewayLock.take(place, NOON, purpose="tocsin chat"):
        held = home.holder(place)

    assert held is not None
    assert held.purpose == "tocsin chat"
    assert home.holder(place) is None


def test_nobody_holds_a_lock_that_was_never_taken(place: Home) -> None:
    assert home.holder(place) is None


def test_p38_a_second_process_is_told_the_holder_at_once_and_a_killed_one_holds_nothing(place: Home) -> None:
    home.prepare(place)
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path; from gateway.home import *;"
        "lock = GatewayLock.take(Home(Path(sys.argv[1])), datetime(2026, 3, 1, tzinfo=UTC));"
        "print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

        before = time.monotonic()
        with pytest.raises(StoreBusyError, match=f"process {process.pid}"):
            GatewayLock.take(place, NOON)
        waited = time.monotonic() - before
        process.kill()

    assert waited < 2
    assert home.holder(place) is None
    GatewayLock.take(place, NOON).release()

"""`tocsin check` on machines where the gateway could not live, or not for long."""

import os
import resource
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import home
from gateway.cli import check_home
from gateway.cli.finding import Finding, Level
from gateway.home import GatewayLock, Home
from tests.command_line import CommandLine

NOW = datetime.now(UTC)
ROOT = os.geteuid() == 0


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    home.prepare(made)
    return made


def found(place: Home, *, now: datetime | None = None) -> list[Finding]:
    """What is not in order."""
    return [
        finding for finding in check_home.look(place, now or datetime.now(UTC)) if finding.level is not Level.OK
    ]


@pytest.mark.parametrize("mode", [0o500, 0o300, 0o600, 0o000])
def test_a_home_that_its_owner_cannot_use_is_an_error_for_root_too(place: Home, mode: int) -> None:
    place.path.chmod(mode)

    findings = found(place)

    place.path.chmod(0o700)
    assert findings[0].level is Level.ERROR
    assert f"has mode {mode:04o}, so nothing can be kept there; chmod 700 it" in findings[0].text


def test_a_home_that_cannot_be_used_ends_the_check_with_1_and_stays_as_it_is(tocsin: CommandLine) -> None:
    tocsin.path.mkdir(mode=0o500)

    printed = tocsin("check", "--offline")

    assert printed.status == 1
    assert "has mode 0500" in printed.err
    assert tocsin.path.stat().st_mode & 0o777 == 0o500
    tocsin.path.chmod(0o700)


def test_a_file_in_the_place_of_the_home_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    (finding,) = found(Home(tmp_path / "home"))

    assert finding.level is Level.ERROR
    assert "is not a folder" in finding.text


def test_a_home_that_cannot_even_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    (finding,) = found(Home(tmp_path / "file" / "home"))

    assert finding.level is Level.ERROR
    assert f"cannot be made in {tmp_path / 'file'}" in finding.text


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_for_root_the_home_of_another_user_is_a_warning_because_files_would_become_roots(place: Home) -> None:
    os.chown(place.path, 54_321, 54_321)

    findings = found(place)

    assert findings[0].level is Level.WARNING
    assert "belongs to user 54321, and this is root; use sudo -u user 54321" in findings[0].text


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_file_of_somebody_else_in_the_home_is_an_error(place: Home) -> None:
    (place.path / "cron.json").write_text("{}")
    os.chown(place.path / "cron.json", 54_321, -1)

    (finding,) = found(place)

    assert finding.level is Level.ERROR
    assert finding.text.endswith("cron.json belongs to user 54321, and the folder to root; chown it")


def test_a_clock_that_has_gone_back_is_noticed_by_what_was_written_later(place: Home) -> None:
    (place.path / "gateway.db").write_bytes(b"")
    os.utime(place.path / "gateway.db", (NOW.timestamp(), NOW.timestamp()))

    findings = found(place, now=NOW - timedelta(hours=3))
    in_order = found(place, now=datetime.now(UTC))

    assert [(finding.part, finding.level) for finding in findings] == [("clock", Level.WARNING)]
    assert "gateway.db was written 3.0 hours later: it has gone back" in findings[0].text
    assert in_order == []


def test_a_clock_that_was_never_set_is_an_error(place: Home) -> None:
    findings = found(place, now=datetime(1970, 1, 1, tzinfo=UTC))

    assert findings[0].level is Level.ERROR
    assert "the clock says 1970-01-01" in findings[0].text


def test_a_lock_that_cannot_be_read_is_told(place: Home) -> None:
    place.lock_file.symlink_to(place.lock_file)

    (finding,) = found(place)

    assert (finding.part, finding.level) == ("gateway", Level.ERROR)


def test_a_gateway_that_runs_is_no_fault(place: Home) -> None:
    with GatewayLock.take(place, NOW):
        assert found(place) == []


def test_too_few_files_at_once_are_a_warning(place: Home) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (check_home.FEW_DESCRIPTORS - 1, hard))
    try:
        (finding,) = found(place)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert (finding.part, finding.level) == ("limits", Level.WARNING)


@pytest.mark.parametrize(
    ("free", "level"), [(5_000_000, Level.ERROR), (50_000_000, Level.WARNING), (500_000_000, None)]
)
def test_little_disk_is_told_by_how_little(free: int, level: Level | None) -> None:
    findings = list(check_home.space(free=free, files=100_000, files_free=50_000))

    assert [finding.level for finding in findings] == ([level] if level else [])


def test_a_disk_without_room_for_more_files_is_a_warning() -> None:
    (finding,) = check_home.space(free=500_000_000, files=100_000, files_free=10)
    without_a_limit = list(check_home.space(free=500_000_000, files=0, files_free=0))

    assert "room for 10 more files only" in finding.text
    assert without_a_limit == []


def test_a_file_with_a_secret_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    (tmp_path / "key").write_text("x")
    table = {"channels": {"tg": {"token_file": "token"}}, "model": {"api_key_file": "key"}, "a_file": "token"}

    (finding,) = check_home.secret_files(table, tmp_path)

    assert (finding.part, finding.level) == ("channels.tg.token_file", Level.WARNING)
    assert "chmod 600 it" in finding.text

"""Time zones by name."""

from pathlib import Path

import pytest

from gateway import zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Shanghai"])
def test_a_zone_that_exists_is_known(name: str) -> None:
    assert zones.check(name) == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Europe/Berln", "Europe/Berlin"), ("berlin", "Europe/Berlin"), ("New York", "America/New_York")],
)
def test_a_misspelt_zone_is_refused_with_the_one_that_was_meant(written: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean {meant}"):
        zones.check(written)


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "Mars/Olympus\x00"])
def test_what_is_no_zone_is_not_known(name: str) -> None:
    assert not zones.known(name)


def test_the_environment_says_the_machines_zone_first(tmp_path: Path) -> None:
    assert zones.machine({"TZ": ":Asia/Tokyo"}, tmp_path / "localtime") == "Asia/Tokyo"


def test_the_machines_zone_is_where_its_local_time_points(tmp_path: Path) -> None:
    target = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)

    assert zones.machine({}, tmp_path / "localtime") == "Europe/Berlin"


def test_a_machine_without_a_zone_runs_on_utc(tmp_path: Path) -> None:
    assert zones.machine({"TZ": "nonsense"}, tmp_path / "localtime") == "UTC"

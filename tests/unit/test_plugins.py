"""Parts are found by their names."""

from pathlib import Path

import pytest

from gateway import plugins
from gateway.errors import ConfigError


def test_a_module_of_ours_is_found_by_its_name() -> None:
    assert plugins.find("models", "hosted").__name__ == "gateway.agent.models.hosted"


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r'no model is called "hostd"; did you mean hosted\?'):
        plugins.find("models", "hostd")


def test_a_section_with_a_name_of_its_own_is_told_to_say_its_kind() -> None:
    with pytest.raises(ConfigError, match=r'no channel is called "work"; there are .*, as in kind = "telegram"'):
        plugins.find("channels", "work")


@pytest.mark.parametrize("name", ["base", "os", "../base", "base.Channel", "", "Telegram"])
def test_what_is_no_channel_is_not_found(name: str) -> None:
    with pytest.raises(ConfigError, match="no channel is called"):
        plugins.find("channels", name)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that offers two channels through entry points."""
    info = tmp_path / "pigeons-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeons\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tocsin.channels]\npigeon = pigeons\nbroken = pigeons_broken\n")
    (tmp_path / "pigeons.py").write_text("def create() -> str:\n    return 'coo'\n")
    (tmp_path / "pigeons_broken.py").write_text("import a_library_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("installed")
def test_an_installed_package_can_offer_a_channel() -> None:
    assert plugins.find("channels", "pigeon").create() == "coo"
    assert "pigeon" in plugins.offered("channels")


@pytest.mark.usefixtures("installed")
def test_a_channel_whose_library_is_missing_names_the_library() -> None:
    with pytest.raises(ConfigError, match="a_library_that_nobody_has is not installed"):
        plugins.find("channels", "broken")

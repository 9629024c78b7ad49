"""A command line on a home folder of its own."""

from pathlib import Path

import pytest

from tests.command_line import CommandLine


@pytest.fixture
def tocsin(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("TZ", "UTC")
    return CommandLine(tmp_path / "home", capsys, monkeypatch)

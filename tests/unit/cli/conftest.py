"""A command line on a home folder of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine


@pytest.fixture
def tocsin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    monkeypatch.setenv("TZ", "UTC")
    yield CommandLine(tmp_path / "home", capsys, monkeypatch)
    _forget_routes()


def _forget_routes() -> None:
    """A logger that was used while a command had its log open keeps that route for the life of the process."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"gateway", "channels", "cron"}:
            getattr(getattr(module, "logger", None), "__dict__", {}).pop("bind", None)

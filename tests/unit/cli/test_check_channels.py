"""`tocsin check` asks the platforms, through what a channel's module offers for it."""

import sys
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import check_channels
from gateway.clock import SystemClock
from gateway.config import Config
from tests.command_line import CommandLine


class HurriedClock(SystemClock):
    """Notes the limits that it is given, and lets them come soon."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def timeout(self, duration: timedelta) -> AbstractAsyncContextManager[object]:
        self.limits.append(duration.total_seconds())
        return super().timeout(duration / 100)


MODULE = """
import asyncio

def create(name, config, clock, around):
    raise AssertionError("a check creates no channel")

async def examine(name, config, clock):
    own = config.channels[name].own
    if "fails" in own:
        raise ConnectionError(f"no route to {own['token'].get_secret_value()}")
    if "hangs" in own:
        await asyncio.Event().wait()
    return [(level, f"{name} says {level}") for level in own["levels"]]
"""


@pytest.fixture(autouse=True)
def herons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with a channel that can be examined, and one that cannot."""
    folder = tmp_path / "packages"
    info = folder / "herons-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: herons\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tocsin.channels]\nheron = herons\nraven = ravens\n")
    (folder / "herons.py").write_text(MODULE)
    (folder / "ravens.py").write_text("def create(name, config, clock, around): ...\n")
    monkeypatch.syspath_prepend(folder)
    for name in ("herons", "ravens"):  # another test may have packages of the same names
        monkeypatch.delitem(sys.modules, name, raising=False)


def texts(tocsin: CommandLine, *arguments: str, part: str = "channels.heron") -> tuple[int, list[tuple[str, str]]]:
    printed = tocsin("check", "--json", *arguments)
    findings: list[dict[str, Any]] = printed.document["findings"]
    return printed.status, [(one["level"], one["text"]) for one in findings if one["part"] == part]


@pytest.mark.parametrize(
    ("levels", "status"),
    [(["ok"], 0), (["ok", "warning"], 0), (["warning", "error"], 1), (["error", "wrong"], 2)],
)
def test_what_a_channel_finds_is_shown_and_decides_the_exit_status(
    tocsin: CommandLine, levels: list[str], status: int
) -> None:
    tocsin.configure(f"[channels.heron]\nlevels = {levels}\n")

    ended, found = texts(tocsin)

    assert ended == status
    assert found == [
        ("ok", "heron, its settings are complete"),
        *((level, f"heron says {level}") for level in levels),
    ]


def test_offline_nobody_is_asked_and_that_is_said(tocsin: CommandLine) -> None:
    tocsin.configure('[channels.heron]\nlevels = ["error"]\n')

    ended, found = texts(tocsin, "--offline")

    assert (ended, found) == (0, [("ok", "heron, its settings are complete (the platform was not asked)")])


def test_a_channel_that_cannot_be_asked_says_so(tocsin: CommandLine) -> None:
    tocsin.configure("[channels.raven]\n")

    _, found = texts(tocsin, part="channels.raven")

    assert found == [("ok", "raven, its settings are complete (the platform was not asked)")]


def test_a_channel_that_is_off_is_not_asked(tocsin: CommandLine) -> None:
    tocsin.configure('[channels.heron]\nenabled = false\nlevels = ["error"]\n')

    assert texts(tocsin) == (0, [])


def test_p87_a_network_that_fails_is_a_warning_without_the_secret(tocsin: CommandLine) -> None:
    tocsin.configure('[channels.heron]\nfails = true\ntoken = "sentinel-12345"\n')

    ended, found = texts(tocsin)

    assert ended == 0
    assert found[1] == ("warning", "the platform could not be asked: no route to [hidden]")


def test_a_level_that_nobody_knows_is_a_warning_and_no_crash(tocsin: CommandLine) -> None:
    tocsin.configure('[channels.heron]\nlevels = ["catastrophe"]\n')

    ended, found = texts(tocsin)

    assert (ended, found[1][0]) == (0, "warning")


def test_two_channels_are_asked_at_once_and_one_that_hangs_is_left_after_ten_seconds() -> None:
    config = Config.layered(
        environment={},
        file={"channels": {"slow": {"kind": "heron", "hangs": True}, "heron": {"levels": ["ok"]}}},
    )
    clock = HurriedClock()

    findings = list(check_channels.look(config, clock, offline=False))

    assert [(finding.part, finding.text) for finding in findings][2:] == [
        ("channels.slow", "the platform did not answer within 10s"),
        ("channels.heron", "heron says ok"),
    ]
    assert clock.limits == [10.0, 10.0]

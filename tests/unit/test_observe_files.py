"""The log's files: they turn over in time, and neither a kill nor a full disk spoils more than the moment."""

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway import observe
from gateway.clock import SystemClock

pytestmark = pytest.mark.usefixtures("log_stopped")

ROOT = Path(__file__).parents[2]

WRITER = """
    import sys
    from pathlib import Path
    import structlog
    from gateway import observe
    from gateway.clock import SystemClock

    observe.start(level="info", clock=SystemClock(), file=Path("tocsin.log"), max_bytes=50_000, keep=500)
    logger, number = structlog.get_logger(), int(sys.argv[1])
    print("ready", flush=True)
    while True:
        number += 1
        logger.info("a line", number=number, text="x" * (number % 97) ** 2)
"""


def start(folder: Path, *, max_bytes: int = 20_000) -> None:
    observe.start(level="info", clock=SystemClock(), file=folder / "tocsin.log", max_bytes=max_bytes, keep=3)


def files(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(
        folder.glob("tocsin.log*"), key=lambda file: -int(file.suffix[1:] if file.suffix != ".log" else 0)
    )


def write_until_killed(folder: Path, first: int, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(first)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        select.select([], [], [], seconds)
        process.send_signal(signal.SIGKILL)


def test_kills_while_the_files_turn_over_lose_no_line_and_break_at_most_the_one_of_the_moment(
    tmp_path: Path,
) -> None:
    lives = 5
    for life in range(lives):
        write_until_killed(tmp_path, life * 1_000_000, 0.02 + 0.007 * life)

    whole, broken = [], 0
    for file in files(tmp_path):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                whole.append(json.loads(line)["number"])
            except ValueError:
                broken += 1
    of_lives = [[number for number in whole if number // 1_000_000 == life] for life in range(lives)]
    assert len(files(tmp_path)) > lives
    assert all(file.stat().st_size <= 50_000 for file in files(tmp_path))
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in of_lives)
    assert [numbers[0] % 1_000_000 for numbers in of_lives] == [1] * lives
    assert broken <= lives


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "tocsin.log").write_text('{"event": "whole"}\n{"event": "ha')
    start(tmp_path)

    structlog.get_logger().info("after it")

    whole, half, after = (tmp_path / "tocsin.log").read_text().splitlines()
    assert (json.loads(whole)["event"], half) == ("whole", '{"event": "ha')
    assert json.loads(after)["event"] == "after it"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4_096):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk does not fill up")


@pytest.mark.parametrize("max_bytes", [3_000, 1_000_000])
def test_p35_a_full_disk_costs_the_lines_of_its_time_and_nothing_else(
    small_disk: Path, capsys: pytest.CaptureFixture[str], max_bytes: int
) -> None:
    start(small_disk, max_bytes=max_bytes)
    logger = structlog.get_logger()
    logger.info("before")

    ballast = fill(small_disk)
    for number in range(500):
        logger.info("while it is full", number=number, text="x" * 50)
    ballast.unlink()
    logger.info("there is space")
    logger.info("after")

    text = "".join(file.read_text(encoding="utf-8") for file in files(small_disk))
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert events[-1] == "after"
    assert "while it is full" in events
    assert capsys.readouterr().err == "the log cannot be written: OSError\n"

"""The real program as a child process: started, spoken to, ended by signals."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = "tocsin ready"


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", "--home", str(home), *arguments]


def environment(**more: str) -> dict[str, str]:
    """What the program sees: nothing of the machine's own settings of ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TOCSIN")}
    return {**kept, "TZ": "UTC", **more}


@contextmanager
def gateway(home: Path, *, errors: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A running `tocsin run` with a pipe as its terminal; killed at the end if it still lives."""
    with (
        errors.open("a") as stderr,
        subprocess.Popen(
            command(home, "run"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(**variables),
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY, errors.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def write(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def line(process: subprocess.Popen[str]) -> str:
    """The next line that the terminal shows."""
    assert process.stdout is not None
    return process.stdout.readline()


def rest(process: subprocess.Popen[str], *, seconds: float) -> str:
    """What the terminal shows until the process has ended."""
    return process.communicate(timeout=seconds)[0]

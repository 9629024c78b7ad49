"""One run of the bench: where it works, what it has measured so far, and the raw fsync beside it."""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import Measure

WRITES = 60
PAGE = b"\0" * 4096  # a small transaction in SQLite's log is one page or two


class Run:
    """The folder of the run, on the file system that is measured, and its measures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.measures: list[Measure] = []
        self.floors: list[float] = []

    def add(self, *measures: Measure) -> None:
        """Keep the measures, and print each."""
        for one in measures:
            self.measures.append(one)
            value = "n/a" if one.value is None else f"{one.value:,.2f} {one.unit}"
            print(f"  {one.name}: {value}  {one.remark}", flush=True)

    def say(self, text: str) -> None:
        """Progress."""
        print(text, flush=True)

    @property
    def floor(self) -> float:
        """Milliseconds of a raw fsync: the median of all that were measured in this run."""
        return statistics.median(self.floors)

    def measure_floor(self) -> float:
        """Append a page and fsync, several times; the median in milliseconds, kept for the run."""
        path = self.folder / "floor"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            samples = [_write_through(descriptor) for _ in range(WRITES)]
        finally:
            os.close(descriptor)
            path.unlink()
        self.floors.append(statistics.median(samples))
        return self.floors[-1]

    @contextmanager
    def home(self) -> Iterator[Path]:
        """A fresh home folder, deleted at the end."""
        path = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def _write_through(descriptor: int) -> float:
    began = time.perf_counter()
    os.write(descriptor, PAGE)
    os.fsync(descriptor)
    return (time.perf_counter() - began) * 1000

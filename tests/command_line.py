"""The command line in the process of a test: what a command prints, and how it ends."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.job import Job
from cron.run import RunStatus, Trigger
from cron.stores.json_file import JsonFileStore
from gateway.agent.due import Ending, EndStatus
from gateway.cli.kept import Kept
from gateway.cli.main import run
from gateway.home import Home


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class CommandLine:
    """`tocsin` on a home folder of its own."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "") -> Printed:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        status = run(["--home", str(self.path), *arguments])
        printed = self._capsys.readouterr()
        return Printed(status, printed.out, printed.err)

    def configure(self, text: str) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)
        (self.path / "config.toml").write_text(text, encoding="utf-8")

    def add(self, *flags: str) -> dict[str, Any]:
        """Make a job; returns it."""
        printed = self("cron", "add", *flags, "--json")
        assert printed.status == 0, printed.err
        return dict(printed.document)

    def job(self, reference: str) -> dict[str, Any]:
        return dict(self("cron", "show", reference, "--json").document)

    @property
    def kept(self) -> Kept:
        return Kept(Home(self.path), lambda note: None)

    @property
    def jobs(self) -> dict[str, Job]:
        """The stored jobs by name."""
        return {job.name: job for job in JsonFileStore(self.path / "cron.json").load().values()}

    def claim(self, name: str) -> str:
        """Put a run of the job into the tables, as `cron run` does; returns its id."""
        job, now = self.jobs[name], datetime.now(UTC)
        due = runs.occurrence(now, now, Trigger.MANUAL)
        said = runs.message(job, due, None, now)
        self.kept.write(lambda transaction: runs.claim(transaction, job, due, said))
        return due.run

    def begin(self, name: str) -> str:
        """A run that is running."""
        found, now = self.claim(name), datetime.now(UTC)
        self.kept.write(lambda transaction: runs.start(transaction, found, now=now))
        return found

    def end(self, found: str, status: EndStatus = EndStatus.SUCCEEDED, error: str = "") -> None:
        ending, now = Ending(status=status, error=error), datetime.now(UTC)
        self.kept.write(lambda transaction: runs.finish(transaction, found, ending, now=now))

    def past_run(self, name: str, status: EndStatus = EndStatus.SUCCEEDED, error: str = "") -> str:
        found = self.begin(name)
        self.end(found, status, error)
        return found

    def status_of(self, found: str) -> RunStatus:
        run_ = self.kept.read(lambda transaction: runs.find(transaction, found), empty=lambda: None)
        assert run_ is not None
        return run_.status

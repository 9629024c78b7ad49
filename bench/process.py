"""Real processes: how fast commands are, how soon the gateway is ready, and what it weighs."""

import asyncio
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.jobs import fill, spread
from bench.report import Due, Measure, median_of
from bench.run import Run
from bench.wire import hello_bytes

GROUP = "process"
REPOSITORY = Path(__file__).parent.parent
TOCSIN = Path(sys.executable).with_name("tocsin")
BARE = (sys.executable, "-I", "-S", "-c", "pass")
QUICK = 15  # repetitions of a command
STARTS = 3  # of a gateway
SETTLED = 3.0  # seconds after "tocsin ready"


def commands(run: Run) -> None:
    """`--help`, `cron list` and imports, each beside a bare Python that is started in turn with it."""
    run.say("process: commands")
    with run.home() as home:
        fill(home / "cron.json", 1_000, spread)
        (helped, bare), failed = _in_turn((str(TOCSIN), "--help"), BARE)
        base = statistics.median(bare)
        run.add(median_of(GROUP, "bare Python (-I -S -c pass)", "ms", bare))
        run.add(_command("tocsin --help", helped, Due(limit=9 * base), base, failed, note=", due 9 x"))
        listing = (str(TOCSIN), "--home", str(home), "cron", "list")
        (listed, _), failed = _in_turn(listing, BARE)
        run.add(
            _command("tocsin cron list, 1,000 jobs, before any gateway ran", listed, Due(limit=300), base, failed)
        )
        with gateway(home):
            (listed, _), failed = _in_turn(listing, BARE)
        run.add(_command("tocsin cron list, 1,000 jobs, beside a gateway", listed, Due(limit=300), base, failed))
        (imported, plain), failed = _in_turn(
            (sys.executable, "-c", "import gateway.observe, gateway.app"), (sys.executable, "-c", "pass")
        )
        times = [a - b for a, b in zip(imported, plain, strict=True)]
        run.add(_command("importing gateway.app, on top of Python", times, None, base, failed))


def _command(
    name: str, samples: list[float], due: Due | None, bare: float, failed: str, *, note: str = ""
) -> Measure:
    if failed:
        return Measure(group=GROUP, name=name, unit="ms", value=None, due=due, remark=failed)
    ratio = f"{statistics.median(samples) / bare:.1f} x bare Python{note}"
    return median_of(GROUP, name, "ms", samples, due=due, remark=ratio)


def _in_turn(*commands: Sequence[str]) -> tuple[list[list[float]], str]:
    """Milliseconds of each command, started in turn; and why one failed, if one did."""
    found: list[list[float]] = [[] for _ in commands]
    for _ in range(QUICK):
        for samples, command in zip(found, commands, strict=True):
            began = time.perf_counter()
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
            samples.append((time.perf_counter() - began) * 1000)
            if done.returncode:
                said = done.stderr.decode().strip().splitlines()
                return found, f"exit status {done.returncode}: {said[-1] if said else ''}"[:120]
    return found, ""


def gateways(run: Run) -> None:
    """`tocsin run` with the offline model: memory when idle, and the time until it is ready."""
    run.say("process: an idle gateway")
    for name, piped in (("idle, stdin /dev/null", False), ("idle, console on a pipe", True)):
        rss, pss = zip(*(_idle(run, piped=piped) for _ in range(STARTS)), strict=True)
        remark = f"PSS {statistics.median(pss):.1f} MiB, {SETTLED:g} s after ready"
        run.add(median_of(GROUP, f"{name}: RSS", "MiB", rss, due=Due(limit=50), remark=remark))
    run.say("process: ready with 1,000 jobs")
    first: list[float] = []
    again: list[float] = []
    for _ in range(STARTS):
        with run.home() as home:
            fill(home / "cron.json", 1_000, spread)
            for samples in (first, again):
                with gateway(home) as (_, ready):
                    samples.append(ready)
    due = Due(limit=2_000)
    run.add(
        median_of(
            GROUP, "ready, 1,000 new jobs", "ms", first, due=due, remark="a new database, 1,000 new cursors"
        ),
        median_of(GROUP, "ready, 1,000 known jobs", "ms", again, due=due),
    )


def _idle(run: Run, *, piped: bool) -> tuple[float, float]:
    """RSS and PSS in MiB."""
    with run.home() as home, gateway(home, piped=piped) as (process, _):
        time.sleep(SETTLED)
        sizes = memory(process.pid)
    return sizes["Rss"], sizes["Pss"]


@contextmanager
def gateway(home: Path, *, piped: bool = False) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A running gateway and the milliseconds that it took to be ready."""
    began = time.perf_counter()
    process = subprocess.Popen(
        (str(TOCSIN), "--home", str(home), "run"),
        stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TZ": "UTC"},
    )
    try:
        _wait_for_ready(process.stdout)
        yield process, (time.perf_counter() - began) * 1000
    finally:
        process.terminate()
        process.communicate()


def _wait_for_ready(output: IO[bytes] | None) -> None:
    assert output is not None
    for line in output:
        if line.startswith(b"tocsin ready"):
            return
    raise RuntimeError("the gateway ended before it was ready")


def memory(pid: int) -> dict[str, float]:
    """What the kernel counts for the process, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(size.split()[0]) / 1024 for name, _, size in (line.partition(":") for line in lines)}


def prompt(run: Run) -> None:
    """The bytes that a provider gets for "hello"."""
    run.say("process: the prompt of hello")
    with run.home() as home:
        size = asyncio.run(hello_bytes(home))
    run.add(
        Measure(
            group=GROUP,
            name='prompt of "hello" on an OpenAI wire',
            unit="KB",
            value=size / 1000,
            due=Due(limit=8),
            remark=f"{size:,} bytes of body",
        )
    )


def measure(run: Run) -> None:
    """All of it, except the installation, which takes a network and a minute."""
    commands(run)
    gateways(run)
    prompt(run)


# -- the installation ---------------------------------------------------------------------------------------------


def install(run: Run) -> None:
    """The base install into an empty environment: its size, and how many packages that is."""
    run.say("install: the base into an empty environment (needs the package index; a minute or more)")
    folder = run.folder / "environment"
    venv.create(folder, with_pip=True)
    pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
    constraints = str(REPOSITORY / "constraints.txt")
    before = _installed(pip), _bytes_below(folder)
    subprocess.run((*pip, "install", "--quiet", "-c", constraints, str(REPOSITORY)), check=True)
    after = _installed(pip), _bytes_below(folder)
    shutil.rmtree(folder)
    size = (after[1] - before[1]) / 1e6
    run.add(
        Measure(group="install", name="install, base", unit="MB", value=size, due=Due(limit=120)),
        Measure(group="install", name="install, packages", unit="", value=after[0] - before[0], due=Due(limit=50)),
    )


def _installed(pip: Sequence[str]) -> int:
    listed = subprocess.run((*pip, "list", "--format", "json"), check=True, capture_output=True)
    return len(json.loads(listed.stdout))


def _bytes_below(folder: Path) -> int:
    walked = itertools.chain.from_iterable(
        (Path(top) / name for name in names) for top, _, names in os.walk(folder)
    )
    return sum(path.lstat().st_size for path in walked)

"""`make bench`: measures Tocsin, prints a table, keeps it as JSON. It never fails because something is slow."""

import argparse
import asyncio
import gc
import inspect
import os
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from bench import engine, jobs, past, path, process, report
from bench.run import Run


def _telegram(run: Run) -> None:
    from bench import telegram  # its SDK fills the memory that the other groups measure in

    telegram.measure(run)


def _channels(run: Run) -> None:
    from bench import channels  # the same

    channels.measure(run)


def _text(run: Run) -> None:
    from bench import text  # the same

    text.measure(run)


def _schedule(run: Run) -> None:
    from bench import schedule  # the same

    schedule.measure(run)


def _phrases(run: Run) -> None:
    from bench import phrases  # the same

    phrases.measure(run)


def _sql(run: Run) -> None:
    from bench import sql  # the same

    sql.measure(run)


RESULTS = Path(__file__).parent / "results"
GROUPS: dict[str, Callable[[Run], Coroutine[None, None, None] | None]] = {
    "process": process.measure,
    "path": path.measure,
    "cron": jobs.measure,
    "engine": engine.measure,
    "past": past.measure,
    "schedule": _schedule,
    "phrases": _phrases,
    "telegram": _telegram,
    "channels": _channels,
    "text": _text,
    "sql": _sql,
    "install": process.install,
}
SLOW = ("sql", "install")


def main() -> None:
    """Measure what was asked for."""
    options = _options()
    began = time.monotonic()
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".home-", dir=options.folder, ignore_cleanup_errors=True) as folder:
        run = Run(Path(folder))
        run.say(f"a raw fsync in {options.folder}: {run.measure_floor():.2f} ms; load {os.getloadavg()[0]:.2f}")
        for name in options.only:
            _do(GROUPS[name], run)
            gc.collect()
            run.measure_floor()
    _close(run, began)


def _do(group: Callable[[Run], Coroutine[None, None, None] | None], run: Run) -> None:
    work = group(run)
    if inspect.iscoroutine(work):
        asyncio.run(work)


def _close(run: Run, began: float) -> None:
    lowest, highest = min(run.floors), max(run.floors)
    print(f"\nfloor: one raw fsync = {run.floor:.2f} ms ({lowest:.2f} to {highest:.2f} in this run)\n")
    print(report.table(run.measures, run.floor))
    kept = report.save(RESULTS, run.measures, run.floors, time.strftime("%Y%m%dT%H%M%S"))
    print(f"\n{time.monotonic() - began:.0f} s; kept in {kept}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    wanted = [name for name in GROUPS if name not in SLOW]
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else wanted,
        help=f"comma-separated: {', '.join(GROUPS)}; also as `make bench ONLY=path`",
    )
    parser.add_argument(
        "--folder", type=Path, default=RESULTS, help="where the home folders are made: the disk to measure"
    )
    options = parser.parse_args()
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    return options


main()

"""`store = "sql"` with 100,000 jobs: what a change costs, how soon a gateway is ready, and what it weighs idle."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.jobs import ADDS, MADE, job, spread
from bench.process import SETTLED, gateway, memory
from bench.report import Due, Measure, median_of
from bench.run import Run
from bench.world import complain, world
from cron.book import JobBook
from cron.job import Job
from cron.making.draft import Draft, Maker
from cron.schedule import At, Schedule
from cron.stores.sql import SqlStore
from gateway.clock import SystemClock

GROUP = "sql"
JOBS = 100_000
WATCHED = 10.0  # seconds of an idle gateway
FIRES = 20
LIMIT = Due(limit=5, fsyncs=0)
CONFIG = '[cron]\nstore = "sql"\n'


def measure(run: Run) -> None:
    """All of it, on one home."""
    with run.home() as home:
        (home / "config.toml").write_text(CONFIG)
        run.say(f"sql: {JOBS:,} jobs into the database")
        _fill(run, home / "gateway.db")
        _starts(run, home)
        _changes(run, home / "gateway.db")
        asyncio.run(_fires(run, home))


def _new(number: int, schedule: Schedule) -> Job:
    """Its uid is the store's to give: among so many, two that begin alike are likely."""
    return replace(job(number, schedule), uid="", id="", revision=0)


def _fill(run: Run, path: Path) -> None:
    began = time.perf_counter()
    SqlStore(path).put_all(_new(n, spread(n)) for n in range(JOBS))
    took = time.perf_counter() - began
    run.add(Measure(group=GROUP, name=f"{JOBS:,} jobs put together", unit="s", value=took))


def _starts(run: Run, home: Path) -> None:
    """The first start computes all next instants, the second finds them in the cursors."""
    run.say(f"sql: a gateway with {JOBS:,} jobs")
    with gateway(home) as (_, first):
        pass
    with gateway(home) as (process, again):
        time.sleep(SETTLED)
        before = _cpu(process.pid)
        time.sleep(WATCHED)
        share = (_cpu(process.pid) - before) / WATCHED * 100
        weight = memory(process.pid)["Rss"]
    run.add(
        Measure(group=GROUP, name=f"ready, {JOBS:,} new jobs", unit="s", value=first / 1000, remark="new cursors"),
        Measure(group=GROUP, name=f"ready, {JOBS:,} known jobs", unit="s", value=again / 1000, due=Due(limit=5)),
        Measure(group=GROUP, name=f"idle, {JOBS:,} jobs: CPU", unit="%", value=share, due=Due(limit=1)),
        Measure(group=GROUP, name=f"idle, {JOBS:,} jobs: RSS", unit="MiB", value=weight, due=Due(limit=200)),
    )


def _cpu(pid: int) -> float:
    """Seconds of a processor that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _changes(run: Run, path: Path) -> None:
    run.say(f"sql: changes beside {JOBS:,} jobs")
    store = SqlStore(path)
    store.load()
    book = JobBook(store)
    maker = Maker(now=MADE, zone="UTC", owner="bench:anna")
    floor = run.measure_floor()
    added = [_timed(lambda n=n: book.add(Draft(say=f"water {n}", cron="30 8 * * 1"), maker)) for n in range(ADDS)]  # type: ignore[misc]
    uids = list(store.load())[:ADDS]
    kept = [_timed(lambda uid=uid: store.set_state(uid, {"n": 1}, expected=0, stamp="bench")) for uid in uids]  # type: ignore[misc]
    read = [_timed(store.load) for _ in range(ADDS)]
    for name, samples in (("add a job", added), ("set_state", kept)):
        remark = f"{statistics.median(samples) / floor:.1f} fsyncs of {floor:.2f} ms beside it"
        run.add(median_of(GROUP, f"{name}, {JOBS:,} jobs", "ms", samples, due=LIMIT, remark=remark))
    run.add(median_of(GROUP, f"load when nothing has changed, {JOBS:,} jobs", "ms", read))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


async def _fires(run: Run, home: Path) -> None:
    run.say(f"sql: a fire among {JOBS:,} jobs")
    store = SqlStore(home / "gateway.db")
    begin = SystemClock().now() + timedelta(seconds=1)
    moments = [begin + timedelta(seconds=n) for n in range(1, FIRES + 1)]
    await asyncio.to_thread(store.put_all, [_new(n, At(moment)) for n, moment in enumerate(moments)])
    async with world(home, store=store) as one:
        await one.gateway.cron.start()
        await one.gateway.cron.run_due(begin)
        took = []
        for moment in moments:
            began = time.perf_counter()
            claimed = await one.gateway.cron.run_due(moment)
            took.append((time.perf_counter() - began) * 1000)
            if claimed != 1:
                complain(f"claimed {claimed} instead of 1")
            await asyncio.sleep(0.1)  # what the run itself costs is not the fire
    run.add(median_of(GROUP, f"fire one of {JOBS:,} jobs", "ms", took, due=LIMIT, remark="with its commit"))

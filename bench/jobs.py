"""The scheduler: adding jobs, claiming what is due, and what it costs while nothing is."""

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.lag import lags
from bench.path import lag_measure
from bench.report import Due, median_of, percentile
from bench.run import Run
from bench.world import CHANNEL, World, complain, world
from cron.book import JobBook
from cron.codec import encode_job
from cron.job import Job, Say
from cron.making.draft import Draft, Maker
from cron.schedule import At, Cron, Schedule
from cron.stores.json_file import JsonFileStore
from gateway.clock import SystemClock
from gateway.messages import ChatAddress

GROUP = "cron"
ROUNDS = 3
ADDS = 15
MADE = datetime(2026, 1, 5, tzinfo=UTC)
DAILY = Cron("0 9 * * *", "UTC")


def job(number: int, schedule: Schedule) -> Job:
    """One of many."""
    uid = str(uuid.uuid4())
    address = ChatAddress(channel=CHANNEL, chat=f"c{number % 200}")
    return Job(
        uid=uid,
        id=uid[:8],
        name=f"job {number}",
        schedule=schedule,
        payload=Say(text=f"reminder {number}"),
        address=address,
        tz="UTC",
        created_at=SystemClock().now(),
        owner=address.owner,
        revision=1,
    )


def same(_number: int) -> Schedule:
    """All at the same second."""
    return DAILY


def spread(number: int) -> Schedule:
    """Over the day: up to 1,440 different expressions, each of which has to be read."""
    return Cron(f"{number % 60} {number // 60 % 24} * * *", "Europe/Berlin")


def fill(path: Path, count: int, schedule: Callable[[int], Schedule] = same) -> JsonFileStore:
    """A cron.json with so many jobs, in the form in which the store itself writes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    jobs = [encode_job(job(n, schedule(n))) for n in range(count)]
    path.write_text(json.dumps({"version": 1, "jobs": jobs}))
    path.chmod(0o600)
    store = JsonFileStore(path)
    store.recover()
    for copy in path.parent.glob("*.edited-*"):
        copy.unlink()
    return store


def adding(run: Run) -> None:
    """JobBook.add on cron.json, durable on return."""
    run.say("cron: add a job when many exist")
    for count, limit in ((100, 3), (1_000, 5), (10_000, 30)):
        with run.home() as home:
            book = JobBook(fill(home / "cron.json", count))
            floor = run.measure_floor()
            samples = [_timed_add(book, n) for n in range(ADDS)]
        remark = f"{statistics.median(samples) / floor:.1f} fsyncs of {floor:.2f} ms beside it"
        name = f"add a job when {count:,} exist (cron.json)"
        run.add(median_of(GROUP, name, "ms", samples, due=Due(limit=limit), remark=remark))


def _timed_add(book: JobBook, number: int) -> float:
    began = time.perf_counter()
    book.add(Draft(say=f"water the plants {number}", cron="30 8 * * 1"), Maker(now=MADE, zone="UTC"))
    return (time.perf_counter() - began) * 1000


async def claiming(run: Run) -> None:
    """1,000 jobs due in one second, while the turns that this starts are worked on."""
    run.say("cron: 1,000 occurrences in one second")
    took, idle, busy, over = [], [], [], []
    for _ in range(ROUNDS):
        with run.home() as home:
            store = await asyncio.to_thread(fill, home / "cron.json", 1_000)
            async with world(home, store=store) as one:
                await one.gateway.cron.start()
                async with lags() as found:
                    await asyncio.sleep(1)
                idle.append(percentile(found, 0.99))
                took.append(await _claim(one))
                over.append(await _worked_off(one, took[-1]))
        with run.home() as home:
            store = await asyncio.to_thread(fill, home / "cron.json", 1_000)
            async with world(home, store=store) as one:
                await one.gateway.cron.start()
                async with lags() as found:  # in a home of its own: the ticker takes time from the claims
                    await _claim(one)
                    await asyncio.sleep(0.5)
                busy.append(percentile(found, 0.99))
    run.add(
        median_of(
            GROUP, "1,000 occurrences claimed", "ms", took, due=Due(limit=250), remark="all in the table once"
        ),
        median_of(
            GROUP,
            "… and all of them said and recorded",
            "ms",
            over,
            remark="from the first claim to the last record",
        ),
        lag_measure(GROUP, "loop lag p99 while 1,000 are claimed", busy, idle),
    )


async def _claim(one: World) -> float:
    nine = one.gateway.cron.next_fire
    assert nine is not None
    began = time.perf_counter()
    made = await one.gateway.cron.run_due(nine)
    took = (time.perf_counter() - began) * 1000
    rows = await one.gateway.database.read(
        lambda t: t.execute("SELECT count(*), count(DISTINCT job_uid) FROM runs").fetchone()
    )
    if made != 1_000 or tuple(rows) != (1_000, 1_000):
        complain(f"claimed {made}, in the table {rows}")
    return took


async def _worked_off(one: World, claimed_in: float) -> float:
    """Milliseconds from the beginning of the claims, which have just ended, until the last run has."""
    began = time.perf_counter() - claimed_in / 1000
    while one.gateway.lanes.waiting or one.channel.sent < 1_000:
        await asyncio.sleep(0.005)
    return (time.perf_counter() - began) * 1000


async def ticking(run: Run) -> None:
    """A tick of the scheduler with 10,000 jobs: nothing due, and one due."""
    run.say("cron: a tick with 10,000 jobs")
    with run.home() as home:
        store = await asyncio.to_thread(fill, home / "cron.json", 10_000)
        begin = SystemClock().now() + timedelta(seconds=1)
        soon = [begin + timedelta(seconds=n) for n in range(1, 21)]  # by the clock that the steps are told
        for n, moment in enumerate(soon):
            await asyncio.to_thread(store.put, _new(n, moment))
        async with world(home, store=store) as one:
            cron = one.gateway.cron
            await cron.start()
            nothing = [await _tick(one, begin) for _ in range(200)]
            one_due = []
            for moment in soon:
                one_due.append(await _tick(one, moment))
                await asyncio.sleep(
                    0.1
                )  # what the run itself costs, the removal of the one-shot above all, is not the tick
    run.add(
        median_of(
            GROUP,
            "idle tick, 10,000 jobs",
            "ms",
            nothing,
            due=Due(limit=1),
            remark=f"p99 {percentile(nothing, 0.99):.3f} ms",
        ),
        median_of(GROUP, "tick with one due job of 10,000", "ms", one_due, remark="with its commit"),
    )


def _new(number: int, moment: datetime) -> Job:
    return replace(job(number, At(moment)), name=f"once {number}", revision=0)


async def _tick(one: World, now: datetime) -> float:
    """What the service's loop does when it wakes."""
    began = time.perf_counter()
    one.gateway.store.changed()
    await one.gateway.cron.run_due(now)
    _ = one.gateway.cron.next_fire
    return (time.perf_counter() - began) * 1000


async def measure(run: Run) -> None:
    """All of it."""
    await asyncio.to_thread(adding, run)
    await claiming(run)
    await ticking(run)

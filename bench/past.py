"""What a long history costs: the same work in a fresh home and on top of 100,000 old messages."""

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path

from bench.jobs import fill
from bench.report import Due, Measure, median_of
from bench.run import Run
from bench.world import MESSAGE_CALL, World, world

GROUP = "past"
OLD = 100_000
TURNS = 60
RUNS = 60
BOUND = Due(limit=1.5)

_FIRST = 10_000  # of the copies: above every row that is there
_COPIES = f"WITH RECURSIVE n (i) AS (SELECT {_FIRST} UNION ALL SELECT i + 1 FROM n WHERE i < {_FIRST + OLD - 1})"
MULTIPLY = (  # the first message, its turn and its answer, again and again, in 1,000 sessions
    f"""{_COPIES} INSERT INTO inbox (seq, kind, session, message, state, received_at)
    SELECT i, kind, 'bench:p' || (i % 1000), message, 'done', received_at FROM n, inbox WHERE seq = 1""",
    f"""{_COPIES} INSERT INTO turns (seq, id, session, state, epoch, claims, started_at, finished_at)
    SELECT i, 'p' || i, 'bench:p' || (i % 1000), state, epoch, claims, started_at, finished_at
    FROM n, turns WHERE seq = 1""",
    f"""{_COPIES} INSERT INTO outbox (seq, id, channel, chat, thread, caller, message, turn, run, state,
    created_at, finished_at) SELECT i, 'p' || i, channel, 'p' || (i % 1000), thread, caller, message, 'p' || i, '',
    state, created_at, finished_at FROM n, outbox WHERE seq = 1""",
)


async def measure(run: Run) -> None:
    """A turn that uses the message tool, and a reminder, without and with a past."""
    run.say(f"past: {OLD:,} old messages")
    with run.home() as home:
        store = await asyncio.to_thread(fill, home / "cron.json", RUNS)
        async with world(home, MESSAGE_CALL, store=store) as one:
            young = await _work(one, 0)
        await asyncio.to_thread(_multiply, home / "gateway.db")
        async with world(home, MESSAGE_CALL, store=store) as one:
            old = await _work(one, TURNS)
    names = ("a turn with the message tool", "a reminder, from its claim to its record")
    run.add(*(_beside(name, a, b) for name, a, b in zip(names, young, old, strict=True)))


def _beside(name: str, young: float, old: float) -> Measure:
    remark = f"{young:.1f} ms in a fresh home, {old:.1f} ms with {OLD:,} old messages"
    return median_of(GROUP, f"{name}, beside a fresh home", "x", [old / young], due=BOUND, remark=remark)


async def _work(one: World, first: int) -> tuple[float, float]:
    """Milliseconds of a turn, and of a reminder."""
    turns = [await one.ask(f"m{n}", f"c{n % 10}", n) for n in range(first, first + TURNS)]
    await one.gateway.cron.start()
    due = one.gateway.cron.next_fire
    assert due is not None
    goal = one.channel.sent + RUNS
    began = time.perf_counter()
    await one.gateway.cron.run_due(due)
    while one.gateway.lanes.waiting or one.channel.sent < goal:
        await asyncio.sleep(0.002)
    return statistics.median(turns), (time.perf_counter() - began) * 1000 / RUNS


def _multiply(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for statement in MULTIPLY:
            connection.execute(statement)
    connection.close()

"""The engine of runs: how late it claims under a steady load, and what it costs to give places away."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.jobs import DAILY, GROUP, job
from bench.report import Due, median_of, percentile
from bench.run import Run
from bench.world import InstantModel, World, complain, words, world
from cron.codec import encode_job
from cron.job import AgentPrompt, Job
from cron.schedule import Every
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import Hear, ModelAnswer, Prompt
from gateway.clock import SystemClock

ROUNDS = 3
JOBS, SLOTS, TURN = 200, 8, timedelta(milliseconds=50)
FIRING, PERIOD, SECONDS = 10_000, timedelta(seconds=100), 60


class SlowModel(InstantModel):
    """A model that takes its time over every answer."""

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        await asyncio.sleep(TURN.total_seconds())
        return await super().ask(prompt, hear=hear)


def keep(path: Path, jobs: Sequence[Job]) -> JsonFileStore:
    """A cron.json with these jobs."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "jobs": [encode_job(one) for one in jobs]}))
    path.chmod(0o600)
    store = JsonFileStore(path)
    store.recover()
    return store


async def together(run: Run) -> None:
    """Jobs that are due together and take 50 ms each: the places are never idle for long."""
    run.say(f"cron: {JOBS} jobs of 50 ms due together, {SLOTS} places")
    took = []
    for _ in range(ROUNDS):
        with run.home() as home:
            jobs = [replace(job(n, DAILY), payload=AgentPrompt(prompt="go")) for n in range(JOBS)]
            store = await asyncio.to_thread(keep, home / "cron.json", jobs)
            async with world(home, store=store, model=SlowModel(words), cron={"max_concurrent": SLOTS}) as one:
                took.append(await _worked_off(one))
    floor = JOBS * TURN / SLOTS
    remark = f"{floor.total_seconds() * 1000:.0f} ms of them are the turns themselves"
    name = f"{JOBS} jobs of 50 ms due together, {SLOTS} places"
    run.add(median_of(GROUP, name, "ms", took, due=Due(limit=1_500), remark=remark))


async def _worked_off(one: World) -> float:
    await one.gateway.cron.start()
    nine = one.gateway.cron.next_fire
    assert nine is not None
    began = time.perf_counter()
    await one.gateway.cron.run_due(nine)
    while await _count(one, "status <> 'succeeded'"):
        await asyncio.sleep(0.01)
    took = (time.perf_counter() - began) * 1000
    if (done := await _count(one, "status = 'succeeded'")) != JOBS:
        complain(f"{done} of {JOBS} runs succeeded")
    return took


async def lateness(run: Run) -> None:
    """10,000 jobs of which 100 are due in every second, for a minute."""
    run.say(f"cron: {FIRING:,} jobs, 100 due in every second, for {SECONDS} s")
    with run.home() as home:
        begin = SystemClock().now() + timedelta(seconds=10)
        jobs = [job(n, Every(PERIOD, begin + n * PERIOD / FIRING)) for n in range(FIRING)]
        store = await asyncio.to_thread(keep, home / "cron.json", jobs)
        async with world(home, store=store) as one:
            await one.gateway.cron.start()
            running = asyncio.create_task(one.gateway.cron.run())
            await asyncio.sleep((begin - SystemClock().now()).total_seconds() + SECONDS)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            rows = await one.gateway.database.read(
                lambda t: t.execute("SELECT late_by_ms FROM runs ORDER BY late_by_ms").fetchall()
            )
    late = [float(milliseconds) for (milliseconds,) in rows]
    wanted = SECONDS * FIRING / PERIOD.total_seconds()
    if len(late) < wanted - FIRING / PERIOD.total_seconds():
        complain(f"{len(late)} occurrences claimed of {wanted:.0f}")
    name = f"lateness p99, {FIRING:,} jobs, 100 due in every second, {SECONDS} s"
    remark = f"p50 {percentile(late, 0.5):.0f} ms of {len(late):,} claims"
    run.add(median_of(GROUP, name, "ms", [percentile(late, 0.99)], due=Due(limit=100), remark=remark))


async def _count(one: World, condition: str) -> int:
    return int(
        await one.gateway.database.read(
            lambda t: t.execute(f"SELECT count(*) FROM runs WHERE {condition}").fetchone()[0]
        )
    )


async def measure(run: Run) -> None:
    """All of it."""
    await together(run)
    await lateness(run)
